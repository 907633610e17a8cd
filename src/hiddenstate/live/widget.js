// The widget of a run: a page of the studio's modules in a frame, which shows what the kernel sends.

/**
 * What a front end keeps of a widget (anywidget's model).
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(name: string, act: (...all: any[]) => void) => void} on
 * @property {(name: string, act: (...all: any[]) => void) => void} off
 * @property {(message: object) => void} send
 */

const PAGE = "$page"; // the page and its modules, by name

/** Returns bytes of their own. @param {DataView|ArrayBuffer} view @returns {ArrayBuffer} */
const own = (view) => (view instanceof ArrayBuffer ? view : /** @type {ArrayBuffer} */ (view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)));

/** Returns what a text of gzip in base64 holds. @param {string} packed @returns {Promise<any>} */
function opened(packed) {
  const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Returns whether it is dark behind an element. @param {Element|null} element */
function isDark(element) {
  const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  for (let place = element; place; place = place.parentElement || /** @type {ShadowRoot} */ (place.getRootNode()).host || null) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = getComputedStyle(place).backgroundColor; // in any of the notations of colours
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue, cover] = pen.getImageData(0, 0, 1, 1).data;
    if (cover > 127) return red + green + blue < 384;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Answers a frame with what the model has, or asks the kernel. */
class Host {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<string, ((body: ArrayBuffer|null) => void)[]>} */ this.waiting = new Map();
    /** @type {Set<() => void>} */ this.listeners = new Set();
    this.changed = () => {
      for (const path of this.waiting.keys()) if (model.get(path)) this.settle(path, own(model.get(path)));
      for (const listener of this.listeners) listener();
    };
    this.answered = (/** @type {any} */ { path, there }, /** @type {DataView[]} */ buffers) => this.settle(path, there ? own(buffers[0]) : null);
    model.on("change", this.changed);
    model.on("msg:custom", this.answered);
  }

  close() {
    this.model.off("change", this.changed);
    this.model.off("msg:custom", this.answered);
  }

  /** @param {string} path @param {ArrayBuffer|null} body */
  settle(path, body) {
    for (const done of this.waiting.get(path) || []) done(body);
    this.waiting.delete(path);
  }

  /** Returns what is at a path; null if there is nothing. @param {string} path @returns {Promise<ArrayBuffer|null>} */
  answer(path) {
    const kept = this.model.get(path);
    if (kept) return Promise.resolve(own(kept));
    return new Promise((done) => {
      if (!this.waiting.has(path)) this.model.send({ path });
      this.waiting.set(path, [...(this.waiting.get(path) || []), done]);
    });
  }

  /**
   * Tells the news from a place on, and those that come; returns what ends that.
   * @param {number} place
   * @param {(kind: string, data: string, place: number) => void} tell
   */
  listen(place, tell) {
    let next = place;
    const go = () => {
      for (let text = this.model.get(`news/${next}`); text; text = this.model.get(`news/${next}`)) {
        next += 1;
        for (const [, kind, data] of text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)) tell(kind, data, next);
      }
    };
    this.listeners.add(go);
    setTimeout(go);
    return () => this.listeners.delete(go);
  }
}

/** @param {{ model: Model, el: HTMLElement }} place */
async function render({ model, el }) {
  const { page, modules } = await opened(PAGE);
  const frame = document.createElement("iframe");
  const host = new Host(model);
  const addresses = Object.entries(modules).map(([name, text]) => [name, URL.createObjectURL(new Blob([text], { type: "text/javascript" }))]);
  const imports = JSON.stringify({ imports: Object.fromEntries(addresses) });
  frame.title = model.get("name");
  frame.style.cssText = "width: 100%; height: 36rem; max-height: 90vh; border: 0; border-radius: 8px; display: block; color-scheme: normal;";
  Object.assign(frame, { host });
  let dark = isDark(el);
  const look = () => (dark ? "dark" : "light");
  frame.srcdoc = page.replace("<html", `<html data-theme="${look()}"`).replace("IMPORTS", () => imports);
  el.append(frame);
  const recolor = () => {
    if (dark === isDark(el) || !frame.contentDocument) return;
    dark = !dark;
    frame.contentDocument.documentElement.dataset.theme = look();
    frame.contentDocument.dispatchEvent(new Event("theme"));
  };
  const themes = new MutationObserver(() => setTimeout(recolor, 300)); // styles of a theme are loaded
  for (const node of [document.documentElement, document.body]) themes.observe(node, { attributes: true });
  setTimeout(recolor, 100); // now that it has a place
  return () => {
    themes.disconnect();
    host.close();
    for (const [, address] of addresses) URL.revokeObjectURL(address);
  };
}

export default { render };
