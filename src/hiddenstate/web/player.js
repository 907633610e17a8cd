// Plays a reading, step by step.

/** Plays from 0 to `count` steps. */
export class Player {
  /**
   * @param {(name: string) => any} find Returns the element "play" (a button), "moment" (a slider) or
   *   "moment-text".
   * @param {string} word What a step is called.
   * @param {(at: number) => void} show Draws the steps read so far.
   * @param {boolean} loop Whether it goes round.
   * @param {{ at: (at: number, count: number) => string, play: string, pause: string }} words
   */
  constructor(find, word, show, loop = false, words = {
    at: (at, count) => `${word} ${at} of ${count}`, play: "Play", pause: "Pause",
  }) {
    /** @type {HTMLElement} */
    this.button = find("play");
    /** @type {HTMLInputElement} */
    this.slider = find("moment");
    /** @type {HTMLElement} */
    this.text = find("moment-text");
    this.words = words;
    this.show = show;
    this.loop = loop;
    this.count = this.at = this.begun = 0;
    this.playing = false;
    this.button.addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(Number(this.slider.value));
    });
  }

  /**
   * Sets how many steps there are, and goes to the last one, or keeps its place.
   * @param {number} count
   */
  set(count, keep = false) {
    const at = keep ? Math.min(this.at, count) : count;
    this.count = count;
    this.slider.max = String(count);
    this.go(at);
  }

  /**
   * Goes to a step.
   * @param {number} at
   */
  go(at) {
    this.at = Math.floor(at);
    this.slider.value = String(this.at);
    const text = this.words.at(this.at, this.count);
    this.text.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.show(this.at);
  }

  /** Plays from this step, or at the end from the beginning. */
  play() {
    this.playing = true;
    this.label();
    const begun = this.begun = performance.now();
    const from = this.at >= this.count ? 0 : this.at;
    const rate = Math.max(this.count / 6, 16) / 1000;
    /** @param {number} now */
    const move = (now) => {
      if (!this.playing || this.begun !== begun) return;
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

  /** Stops where it is. */
  stop() {
    this.playing = false;
    this.label();
  }

  label() {
    this.button.classList.toggle("playing", this.playing);
    this.button.setAttribute("aria-label", this.playing ? this.words.pause : this.words.play);
  }
}
