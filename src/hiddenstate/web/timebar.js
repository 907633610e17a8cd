// A time bar: a slider, a button that plays, and the moment in words.

import { isCalm } from "./colors.js";

/**
 * @typedef {object} Bar
 * @property {HTMLElement} button It plays from the moment, or at the end from the beginning.
 * @property {HTMLInputElement} slider
 * @property {HTMLElement} text
 * @property {{ at: (at: number, count: number) => string, play: string, pause: string }} words
 * @property {(at: number) => void} show Draws a moment.
 * @property {(count: number) => number} seconds How long all moments play; 0 shows the last at once.
 * @property {boolean} [between] Whether it plays what is between moments, unless motion is reduced.
 * @property {boolean} [loop] Whether it goes round.
 */

export class TimeBar {
  /** @param {Bar} bar */
  constructor(bar) {
    this.bar = bar;
    this.at = this.count = this.turn = 0;
    this.stop();
    bar.button.addEventListener("click", () => this.toggle());
    bar.slider.addEventListener("input", () => {
      const at = Number(bar.slider.value);
      this.stop();
      this.go(at);
    });
  }

  /**
   * Sets the number of the last moment, and goes to it, or keeps its place.
   * @param {number} count
   */
  set(count, keep = false) {
    const at = keep ? Math.min(this.at, count) : count;
    this.count = count;
    this.bar.slider.max = String(count);
    this.go(at);
  }

  /** @param {number} at */
  go(at) {
    this.at = this.bar.between && !isCalm() ? at : Math.floor(at);
    this.tell();
    this.bar.show(this.at);
  }

  /** Sets the slider and the words to the moment. */
  tell() {
    const { slider, text, words } = this.bar;
    slider.value = String(Math.round(this.at));
    const told = words.at(this.at, this.count);
    if (text.textContent === told) return;
    text.textContent = told;
    slider.setAttribute("aria-valuetext", told);
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  play() {
    const { between, loop, seconds } = this.bar;
    const turn = this.run(true);
    const begun = performance.now();
    const from = this.at >= this.count ? 0 : this.at;
    /** @param {number} now */
    const move = (now) => {
      if (this.turn !== turn) return;
      const whole = 1000 * seconds(this.count);
      const at = from + this.count * (whole ? Math.max(now - begun, 0) / whole : 1);
      if (at >= this.count && !loop) {
        this.stop();
        this.go(this.count);
        return;
      }
      const next = at % (this.count + 1);
      if (between || Math.floor(next) !== this.at) this.go(next);
      requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
  }

  /** Stops where it is. */
  stop() { this.run(false); }

  /** @param {boolean} on */
  run(on) {
    const { button, words: { pause, play } } = this.bar;
    this.playing = on;
    button.classList.toggle("playing", on);
    button.setAttribute("aria-label", on ? pause : play);
    return this.turn += 1;
  }
}

/**
 * Makes the bar of steps that a model reads, of elements of a page.
 * @param {(name: string) => any} find Returns the element "play", "moment" (a slider) or "moment-text".
 * @param {string} word What a step is called.
 * @param {(at: number) => void} show Draws the steps read so far.
 * @param {Partial<Bar>} [more]
 */
export const stepBar = (find, word, show, more = {}) => new TimeBar({
  button: find("play"), slider: find("moment"), text: find("moment-text"), show, seconds: (count) => Math.min(count / 16, 6),
  words: { at: (at, count) => `${word} ${at} of ${count}`, play: "Play", pause: "Pause" }, ...more });
