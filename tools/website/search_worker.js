// The worker of the search. To it, a word after a hyphen is one to leave out; here, `--horizon` is
// the option of that name, so two hyphens are taken off.
const asWords = (message) => typeof message.data === "string"
  ? { ...message, data: message.data.replace(/(^|\s)--+/g, "$1") }
  : message;

// Browsers start no worker from file://. In a page that was opened from the disk, the script of the
// worker runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.base = new URL(url, document.baseURI); // of what the script imports
      this.inside = frame.contentWindow;
      this.inside.postMessage = (data) =>
        this.dispatchEvent(new MessageEvent("message", { data }));
      this.inside.importScripts = async (...urls) => {
        for (const each of urls) await this.load(each);
      };
      this.ready = this.load(this.base);
    }

    load(url) {
      return new Promise((done, failed) => {
        const script = this.inside.document.createElement("script");
        script.src = new URL(url, this.base).href;
        script.onload = done;
        script.onerror = failed;
        this.inside.document.head.append(script);
      });
    }

    async postMessage(data) {
      await this.ready;
      this.inside.dispatchEvent(new MessageEvent("message", { data: asWords(data) }));
    }
  };
} else {
  window.Worker = class extends Worker {
    postMessage(data) {
      super.postMessage(asWords(data));
    }
  };
}
