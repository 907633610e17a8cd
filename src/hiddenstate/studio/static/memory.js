// How the complex states of a net decay and turn: their eigenvalues in the plane, and how far back they reach.

import { say } from "../../web/dom.js";
import { classColors } from "./theme.js";
import { Moving, mixed, momentOf } from "./easing.js";
import { LINES, Picture, framed, moved } from "./picture.js";
import { speak, t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { label, line, spot } from "../../web/pen.js";

/** @typedef {import("./store.js").Store} Store */

await speak("memory");

const RINGS = [1, 3, 10]; // reaches in steps whose circles are drawn
const EDGE = 1.08; // of the plane
const [LEAST, MOST] = [0.1, 1e6]; // steps between which a reach is drawn
const BESIDE = 440; // width from which the bars are beside the plane
const BOTTOM = 38;

/** Steps in which a response falls to 1/e. @param {number} re @param {number} im */
const reachOf = (re, im) => {
  const rate = -Math.log(Math.hypot(re, im));
  return rate > 0 ? Math.min(Math.max(1 / rate, LEAST), MOST) : MOST;
};

/** Steps of a whole turn. @param {number} re @param {number} im */
const periodOf = (re, im) => (2 * Math.PI) / Math.abs(Math.atan2(im, re));

/** Two digits. @param {number} value */
const brief = (value) => (value < MOST ? Number(value.toPrecision(2)).toLocaleString("en") : "∞");

/** The picture of complex states; nothing for nets without them. */
export class Memory {
  /** @param {Store} store @param {HTMLElement} element whose place the picture takes */
  constructor(store, element) {
    this.store = store;
    this.L = 0; // layers
    this.S = 0; // states of each
    /** @type {number|null} */ this.at = null; // the state that is looked at
    /** @type {number[]} */ this.order = []; // states of all layers as the bars stand
    /** @type {number[][]} */ this.points = [];
    this.ends = [0, 1]; // powers of ten at the ends of the bars' axis
    this.element = element;
    /** @type {Picture|null} */ this.picture = null;
    this.moving = new Moving(() => { if (this.picture) this.picture.paint(); });
  }

  build() {
    const picture = new Picture({
      ...framed(this.store, "memory"),
      name: "memory", draw: (pen, width, height) => this.draw(pen, width, height), onkey: (key) => this.key(key),
    });
    picture.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.nearest(event.offsetX, event.offsetY));
    for (const name of ["pointerleave", "blur"]) picture.canvas.addEventListener(name, () => this.look(null));
    this.element.replaceWith(picture.element);
    picture.setReady(true);
    this.picture = picture;
  }

  update() {
    const moment = momentOf(this.store);
    const values = moment && mixed(moment, "eigenvalue");
    if (!moment || !values) return;
    [this.L, this.S] = (moment.before.eigenvalue || moment.after.eigenvalue).shape;
    if (!this.picture) this.build();
    const far = this.reaches(values);
    this.ends = [Math.min(this.ends[0], Math.floor(Math.log10(Math.min(...far)))), Math.max(this.ends[1], Math.ceil(Math.log10(Math.max(...far))))];
    this.moving.set("eigenvalue", values);
    this.tell();
    const words = t("states: {n}, which reach {least} to {most} steps back after update {step}; the arrow keys move over them.", { n: far.length, least: brief(Math.min(...far)), most: brief(Math.max(...far)), step: moment.step });
    /** @type {Picture} */ (this.picture).describe(words);
  }

  /** @param {ArrayLike<number>} values */
  reaches(values) { return Array.from({ length: this.L * this.S }, (_, k) => reachOf(values[2 * k], values[2 * k + 1])); }

  /** @param {number} layer */
  layer(layer) {
    const both = this.store.details.options.some((/** @type {any} */ each) => each.name === "bidirectional" && each.value === true);
    if (!both) return t("layer {n}", { n: layer + 1 });
    return layer % 2 ? t("layer {n} backwards", { n: (layer + 1) / 2 }) : t("layer {n} forwards", { n: layer / 2 + 1 });
  }

  tell() {
    const { picture, at, S } = this;
    const values = this.moving.get("eigenvalue");
    if (!picture || !values) return;
    let text = t("states: {n}, median reach: {steps} steps", { n: this.L * S, steps: brief([...this.reaches(values)].sort((a, b) => a - b)[(this.L * S) >> 1]) });
    if (at !== null) {
      const [re, im] = [values[2 * at], values[2 * at + 1]];
      text = t("{layer}, state {state}: reaches {far} steps, period {turn}", { layer: this.layer(Math.floor(at / S)), state: (at % S) + 1, far: brief(reachOf(re, im)), turn: brief(periodOf(re, im)) });
    }
    if (picture.note.textContent !== text) picture.note.textContent = text;
  }

  /** @param {number|null} at */
  look(at) {
    if (at === this.at || !this.picture) return;
    this.at = at;
    this.tell();
    this.picture.paint();
  }

  /** @param {string} key */
  key(key) {
    const place = moved(key, this.at === null ? -1 : this.order.indexOf(this.at), this.order.length, LINES);
    if (place === null) return false;
    this.look(this.order[place]);
    say(/** @type {Picture} */ (this.picture).note.textContent || "");
    return true;
  }

  /** @param {number} x @param {number} y */
  nearest(x, y) {
    let [best, least] = [/** @type {number|null} */ (null), 400];
    for (const [u, v, state] of this.points) {
      const away = (u - x) ** 2 + (v - y) ** 2;
      if (away < least) [best, least] = [state, away];
    }
    const bar = (this.bars || []).find(([left, top, right, bottom]) => x >= left && x <= right && y >= top && y < bottom);
    this.look(bar ? bar[4] : best);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const values = this.moving.get("eigenvalue");
    if (!values) return;
    const beside = width >= BESIDE;
    const side = beside ? Math.min(height, 0.46 * width) : Math.min(width, 0.55 * height);
    const colors = classColors(Math.max(this.L, 1));
    pen.font = "12px system-ui, sans-serif";
    this.drawPlane(pen, values, beside ? side / 2 : width / 2, (beside ? height : side) / 2, side / 2 / EDGE, colors);
    this.drawBars(pen, values, beside ? [side + 16, 4, width - 12, height - BOTTOM] : [8, side + 8, width - 12, height - BOTTOM], colors);
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Float64Array} values
   * @param {number} x the centre
   * @param {number} y
   * @param {number} size pixels of the radius
   * @param {string[]} colors
   */
  drawPlane(pen, values, x, y, size, colors) {
    const [faint, muted, ink] = ["faint", "muted", "ink"].map(colorOf);
    const circle = (/** @type {number} */ radius) => Array.from({ length: 121 }, (_, k) => [x + radius * size * Math.cos((k * Math.PI) / 60), y + radius * size * Math.sin((k * Math.PI) / 60)]);
    line(pen, [[x - EDGE * size, y], [x + EDGE * size, y]], faint, 1);
    line(pen, [[x, y - EDGE * size], [x, y + EDGE * size]], faint, 1);
    line(pen, circle(1), muted, 1.2);
    for (const steps of RINGS) {
      const radius = Math.exp(-1 / steps);
      line(pen, circle(radius), faint, 1, [3, 3]);
      label(pen, steps === 1 ? t("1 step") : t("{n} steps", { n: steps }), x + 3, y - radius * size + 9, muted);
    }
    const dot = this.L * this.S > 64 ? 2.2 : 3.5;
    this.points = Array.from({ length: this.L * this.S }, (_, k) => [x + values[2 * k] * size, y - values[2 * k + 1] * size, k]);
    for (const [u, v, k] of this.points) {
      spot(pen, u, v, this.at === k ? dot + 3 : dot, this.at === k ? ink : colors[Math.floor(k / this.S) % colors.length]);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Float64Array} values
   * @param {number[]} box left, top, right, bottom
   * @param {string[]} colors
   */
  drawBars(pen, values, [left, top, right, bottom], colors) {
    const { L, S } = this;
    const [low, high] = this.ends;
    const x = (/** @type {number} */ steps) => left + (Math.min(Math.max(Math.log10(steps) - low, 0), high - low) / (high - low)) * (right - left);
    const [faint, muted, ink] = ["faint", "muted", "ink"].map(colorOf);
    for (let power = low; power <= high; power += 1) {
      line(pen, [[x(10 ** power), top], [x(10 ** power), bottom]], faint, 1);
      label(pen, (10 ** power).toLocaleString("en"), x(10 ** power), bottom + 10, muted, power === low ? "left" : power === high ? "right" : "center");
    }
    label(pen, t("steps: bars reach, dots are periods"), (left + right) / 2, bottom + 28, muted, "center");
    const head = L > 1 ? 16 : 0;
    const tall = (bottom - top) / L - head;
    const far = this.reaches(values);
    this.order = [];
    /** @type {number[][]} */ this.bars = [];
    const thick = Math.min(tall / S, 26);
    for (let layer = 0; layer < L; layer += 1) {
      const begin = top + layer * (tall + head) + head;
      const states = Array.from({ length: S }, (_, k) => layer * S + k).sort((a, b) => far[b] - far[a]);
      if (L > 1) label(pen, this.layer(layer), left, begin - 7, muted);
      states.forEach((state, line) => {
        const y = begin + line * thick;
        pen.fillStyle = this.at === state ? ink : colors[layer % colors.length];
        pen.fillRect(left, y, Math.max(x(far[state]) - left, 1), thick > 4 ? thick - 2 : thick + 0.4);
        /** @type {number[][]} */ (this.bars).push([left, y, right, y + thick, state]);
        const turn = periodOf(values[2 * state], values[2 * state + 1]);
        if (turn > 10 ** high) return;
        spot(pen, x(turn), y + (thick > 4 ? thick - 2 : thick) / 2, Math.max(Math.min(thick / 4, 3), 1), this.at === state ? colors[layer % colors.length] : ink);
      });
      this.order.push(...states);
    }
  }
}
