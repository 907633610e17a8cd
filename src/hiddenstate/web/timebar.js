// The time bar: the slider is the moment of training, under its learning curve. Playing starts from
// it, or at the end from the beginning.

import { isCalm } from "./colors.js";

/**
 * @typedef {object} Times
 * @property {number[]} steps Updates made until each moment.
 * @property {(number | null)[]} losses Of each moment.
 * @property {string} [unit] What steps count; "update" unless it is given.
 */

/** A slider, a button that plays, a text and a curve, which are made already. */
export class TimeBar {
  /**
   * @param {(name: string) => any} find Returns the element "moment" (a slider), "play" (a button),
   *   "step" (a text), "curve" (an SVG of 100 x 20) or "time" (all of it).
   * @param {Times} times
   * @param {(moment: number) => void} moved Gets the moment, between two of them while it plays.
   */
  constructor(find, { steps, losses, unit }, moved) {
    this.steps = steps;
    this.losses = losses;
    this.unit = unit || "update";
    this.moved = moved;
    this.last = steps.length - 1;
    this.moment = this.last;
    this.reached = this.last; // exact place while playing; the moment jumps if motion is reduced
    this.playing = false;
    this.before = 0;
    /** @type {HTMLInputElement} */
    this.slider = find("moment");
    /** @type {HTMLElement} */
    this.button = find("play");
    /** @type {HTMLElement} */
    this.words = find("step");
    this.slider.max = String(this.last);
    this.slider.value = String(this.last);
    find("time").hidden = this.last < 1;
    this.slider.addEventListener("input", () => {
      this.play(false);
      this.moment = Number(this.slider.value);
      this.settle();
    });
    this.button.addEventListener("click", () => {
      this.reached = this.moment >= this.last ? 0 : this.moment;
      this.play(!this.playing);
    });
    this.drawCurve(find("curve"));
  }

  /**
   * Draws the losses, on a log axis if they are positive.
   * @param {SVGElement} curve
   */
  drawCurve(curve) {
    /** @type {number[]} */
    const known = [];
    for (const loss of this.losses) if (loss !== null) known.push(loss);
    const log = known.every((loss) => loss > 0);
    /** @param {number} loss */
    const height = (loss) => (log ? Math.log(loss) : loss);
    const low = Math.min(...known.map(height));
    const high = Math.max(...known.map(height));
    const points = this.losses.map((loss, place) => (loss === null ? "" : [
      (100 * place) / Math.max(this.last, 1),
      18 - (16 * (height(loss) - low)) / (high - low || 1),
    ].map((number) => number.toFixed(2)).join(",")));
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", points.filter(Boolean).join(" "));
    curve.append(line);
  }

  /** Tells the moment, in words and to `moved`. */
  settle() {
    const place = Math.round(this.moment);
    const loss = this.losses[place];
    const count = this.steps[place];
    const text = `after ${count.toLocaleString("en")} ${this.unit}${count === 1 ? "" : "s"}`
      + (loss === null ? "" : `, mean loss ${Number(loss.toPrecision(3))}`);
    this.words.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.moved(this.moment);
  }

  /**
   * Starts or stops playing.
   * @param {boolean} on
   */
  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.button.classList.toggle("playing", on);
    this.button.setAttribute("aria-label", on ? "Pause" : "Play the training");
    this.before = performance.now();
    if (on) requestAnimationFrame((now) => this.go(now));
  }

  /** @param {number} now */
  go(now) {
    if (!this.playing) return;
    const passed = Math.max(now - this.before, 0) / 1000;
    this.before = now;
    const pace = Math.max(this.last / 12, 1); // all of training takes about twelve seconds
    this.reached = Math.min(this.reached + passed * pace, this.last);
    this.moment = isCalm() ? Math.floor(this.reached) : this.reached;
    this.slider.value = String(Math.round(this.moment));
    this.settle();
    if (this.reached >= this.last) this.play(false);
    else requestAnimationFrame((later) => this.go(later));
  }
}
