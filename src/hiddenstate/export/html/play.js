// Plays from 0 to `count` steps; `show` draws the steps read so far. With `loop` it goes round.
class Player {
  constructor(word, show, loop = false) {
    Object.assign(this, { word, show, loop, count: 0, at: 0, playing: false });
    byId("play").addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    byId("moment").addEventListener("input", () => {
      this.stop();
      this.go(Number(byId("moment").value));
    });
  }

  // Sets how many steps there are, and goes to the last one, or keeps its place.
  set(count, keep = false) {
    const at = keep ? Math.min(this.at, count) : count;
    this.count = count;
    byId("moment").max = count;
    this.go(at);
  }

  go(at) {
    this.at = Math.floor(at);
    byId("moment").value = this.at;
    const text = `${this.word} ${this.at} of ${this.count}`;
    byId("moment-text").textContent = text;
    byId("moment").setAttribute("aria-valuetext", text);
    this.show(this.at);
  }

  play() {
    this.playing = true;
    this.label();
    const begun = performance.now();
    const from = this.at >= this.count ? 0 : this.at;
    const rate = Math.max(this.count / 6, 16) / 1000;
    const token = (this.token = {});
    const move = (now) => {
      if (!this.playing || this.token !== token) return;
      const at = from + Math.max(now - begun, 0) * rate;
      if (at >= this.count && !this.loop) {
        this.stop();
        this.go(this.count);
        return;
      }
      if (Math.floor(at) % (this.count + 1) !== this.at) this.go(at % (this.count + 1));
      requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  stop() {
    this.playing = false;
    this.label();
  }

  label() {
    byId("play").parentElement.classList.toggle("playing", this.playing);
    byId("play").setAttribute("aria-label", this.playing ? "Pause" : "Play");
  }
}
