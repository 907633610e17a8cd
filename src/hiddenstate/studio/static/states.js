// The hidden state of a regression: its path in a plane, its units over time, carried and reset.

import { linked, placeOf } from "./crosshair.js";
import { Moving, mixed, momentOf } from "./easing.js";
import { Picture, framed, moved } from "./picture.js";
import { t } from "./words.js";
import { below } from "../../web/axes.js";
import { timeTicks } from "../../web/time_marks.js";
import { colorOf, rgb } from "../../web/colors.js";
import { heat } from "../../web/heat.js";
import { short, strongest } from "../../web/numbers.js";
import { label, line, spot } from "../../web/pen.js";
import { planeOf, pointIn } from "../../web/plane.js";

/** @typedef {import("./store.js").Store} Store */

const [LEFT, RIGHT] = [38, 8];
const BINS = 24; // colors of the path

/** The pictures of the hidden state, which share a cursor. */
export class States {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    /** @type {number|null} */ this.at = null;
    this.H = 0;
    /** @type {Float64Array|null} */ this.hidden = null;
    /** @type {Float64Array|null} */ this.reset = null;
    /** @type {ArrayLike<number>} */ this.times = [];
    /** @type {ArrayLike<number>|null} */ this.windows = null;
    /** @type {number[]} */ this.order = [];
    this.length = 0; // steps of a window
    this.from = "";
    /** @type {Float64Array[]} */ this.axes = [];
    this.portrait = new Picture({
      ...framed(store, "portrait"),
      name: "portrait", draw: (pen, width, height) => this.drawPortrait(pen, width, height), onkey: (key) => this.key(key),
    });
    this.units = new Picture({
      ...framed(store, "hidden"),
      name: "units", draw: (pen, width, height) => this.drawUnits(pen, width, height), onkey: (key) => this.key(key),
    });
    this.moving = new Moving(() => { this.portrait.paint(); this.units.paint(); });
    this.units.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const n = this.times.length;
      const share = (event.offsetX - LEFT) / (this.units.canvas.clientWidth - LEFT - RIGHT);
      this.to(Math.min(Math.max(Math.floor(share * n), 0), n - 1));
    });
    this.portrait.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.nearest(event.offsetX, event.offsetY));
    for (const { canvas } of [this.portrait, this.units]) for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => this.to(null));
    this.clocked = false; // whether times are those of other plots
    this.point = linked(store, (time) => (this.clocked ? this.look(placeOf(this.times, time)) : ""));
    /** @type {(point: number[]) => number[]} */ this.place = () => [0, 0];
  }

  /** @param {string} key */
  key(key) {
    const at = moved(key, this.at || 0, this.times.length);
    if (at === null) return false;
    this.to(at, true);
    return true;
  }

  /** Looks at a step, and leads other plots there. @param {number|null} at */
  to(at, aloud = false) {
    const words = this.look(at);
    this.point(at === null || !this.clocked ? null : this.times[at], aloud ? words : "");
  }

  /** @param {number|null} at */
  look(at) {
    this.at = at;
    this.tell();
    this.portrait.paint();
    this.units.paint();
    return at === null ? "" : `${this.units.heading.textContent}: ${this.units.note.textContent}`;
  }

  tell() {
    const { at, H, hidden, reset } = this;
    if (!hidden) return;
    let text = this.alone ? t("{n} units, {rows} rows", { n: H, rows: this.times.length }) : t("{n} units over {steps} steps", { n: H, steps: this.times.length });
    if (at !== null && at < this.times.length) {
      const apart = reset ? t(", {far} from the state that starts anew", { far: short(this.apart(at)) }) : "";
      text = t("at {time}: largest unit {value}", { time: short(Number(this.times[at].toPrecision(5))), value: short(strongest(hidden, at, H)) }) + apart;
    }
    for (const picture of [this.units, this.portrait]) if (picture.note.textContent !== text) picture.note.textContent = text;
  }

  /** How far the carried state is from the one that was reset. @param {number} at */
  apart(at) {
    let sum = 0;
    for (let i = 0; i < this.H; i += 1) sum += (/** @type {any} */ (this.hidden)[at * this.H + i] - /** @type {any} */ (this.reset)[at * this.H + i]) ** 2;
    return Math.sqrt(sum);
  }

  update() {
    const { store } = this;
    const moment = momentOf(store, false);
    if (!moment || !moment.before.hidden) return;
    const { before } = moment;
    const H = (this.H = before.hidden.shape[1]);
    const newest = store.snapshots[store.snapshots.length - 1];
    const last = store.arrays(newest);
    if (last && last.hidden && this.from !== String(newest) && (!this.from || store.live || !store.running)) {
      const fresh = !this.from;
      this.from = String(newest);
      const { mean, axes } = planeOf(last.hidden.data, H, this.axes);
      this.axes = axes;
      this.moving.set("basis", [...mean, ...axes.flatMap((axis) => [...axis])], fresh);
      const lists = [last.hidden.data, last.hidden_reset ? last.hidden_reset.data : []];
      let far = 1e-6;
      for (const list of lists) for (let at = 0; at < list.length / H; at += 1) far = Math.max(far, ...pointIn(list, at, mean, axes).map(Math.abs));
      this.moving.set("far", [1.12 * far], fresh);
      if (fresh) this.order = orderOf(last.hidden.data, H);
    }
    if (!this.from) return;
    const fresh = !this.hidden;
    this.times = before.hidden_time ? before.hidden_time.data : Array.from({ length: before.hidden.shape[0] }, (_, at) => at);
    this.clocked = Boolean(before.hidden_time);
    this.length = before.time && before.time.shape.length === 2 ? before.time.shape[1] : 0;
    this.windows = before.hidden_window ? before.hidden_window.data : null;
    this.hidden = /** @type {Float64Array} */ (mixed(moment, "hidden"));
    this.reset = mixed(moment, "hidden_reset");
    this.moving.set("hidden", this.hidden, fresh);
    if (this.reset) this.moving.set("reset", this.reset, fresh);
    this.units.element.classList.toggle("two", this.reset !== null);
    for (const picture of [this.portrait, this.units]) picture.setReady(true);
    this.tell();
    this.portrait.describe(t("Path of the hidden state over two principal components after update {step}; the arrow keys move along it.", { step: moment.step }));
    this.units.describe(t("{n} hidden units over {steps} steps after update {step}; the arrow keys move over time.", { n: H, steps: this.times.length, step: moment.step }));
    this.portrait.paint();
    this.units.paint();
  }

  /** The path of states in the plane. @param {ArrayLike<number>} states */
  path(states) {
    const basis = /** @type {Float64Array} */ (this.moving.get("basis"));
    const { H } = this;
    const axes = [basis.subarray(H, 2 * H), basis.subarray(2 * H, 3 * H)].filter((axis) => axis.length);
    return Array.from({ length: states.length / H }, (_, at) => pointIn(states, at, basis.subarray(0, H), axes));
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  drawPortrait(pen, width, height) {
    const [hidden, reset, far] = ["hidden", "reset", "far"].map((name) => this.moving.get(name));
    if (!hidden || !far) return;
    const size = 0.5 * Math.min(width, height - 18);
    const place = (this.place = ([x, y]) => [width / 2 + (x / far[0]) * size, (height - 18) / 2 - ((y || 0) / far[0]) * size]);
    const [faint, muted, ink] = ["faint", "muted", "ink"].map(colorOf);
    line(pen, [[0, place([0, 0])[1]], [width, place([0, 0])[1]]], faint, 1);
    line(pen, [[width / 2, 0], [width / 2, height - 18]], faint, 1);
    if (reset) line(pen, this.anew(this.path(reset).map(place)), muted, 1, [3, 3], 0.8);
    const points = (this.points = this.path(hidden).map(place));
    const colors = pathColors();
    for (let bin = 0; bin < BINS; bin += 1) {
      const [first, last] = [Math.floor((bin * points.length) / BINS), Math.floor(((bin + 1) * points.length) / BINS)];
      line(pen, this.broken(points.slice(first, last + 1), first), colors[bin], 1.8);
    }
    if (this.alone) { // rows of one step have no path
      pen.fillStyle = colors[BINS - 1];
      for (const [x, y] of points) pen.fillRect(x - 2, y - 2, 4, 4);
    }
    pen.font = "12px system-ui, sans-serif";
    label(pen, `${t("first component")} →`, width - 2, height - 8, muted, "right");
    label(pen, `↑ ${t("second component")}`, 2, height - 8, muted);
    const at = this.at === null ? points.length - 1 : this.at;
    if (!points[at]) return;
    spot(pen, points[at][0], points[at][1], 5, this.at === null ? colors[BINS - 1] : ink);
  }

  /**
   * Lifts the pen where another window starts from zeros.
   * @param {number[][]} points
   */
  broken(points, first = 0) {
    return this.windows ? points.flatMap((point, at) => (at && this.starts(first + at) ? [[NaN, NaN], point] : [point])) : points;
  }

  /** Whether each window is one step: a row of a table. */
  get alone() {
    return this.windows !== null && this.times.length > 1 && Array.from(this.times, (_, at) => this.starts(at)).every(Boolean);
  }

  /** Whether a step is the first of a window. @param {number} at */
  starts(at) {
    const windows = /** @type {ArrayLike<number>} */ (this.windows);
    return !at || windows[at] !== windows[at - 1];
  }

  /**
   * Lifts the pen where a window begins, of states that are reset there.
   * @param {number[][]} points
   */
  anew(points) {
    const { length } = this;
    if (!length) return points;
    const steps = Math.max(2, Math.floor(points.length / length)) * length;
    const window = (/** @type {number} */ at) => Math.floor(Math.round((at * (steps - 1)) / Math.max(points.length - 1, 1)) / length);
    return points.flatMap((point, at) => (at && window(at) !== window(at - 1) ? [[NaN, NaN], point] : [point]));
  }

  /** @param {number} x @param {number} y */
  nearest(x, y) {
    let [best, least] = [-1, 900];
    (this.points || []).forEach(([u, v], at) => {
      const away = (u - x) ** 2 + (v - y) ** 2;
      if (away < least) [best, least] = [at, away];
    });
    this.to(best < 0 ? null : best);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  drawUnits(pen, width, height) {
    const [hidden, reset] = ["hidden", "reset"].map((name) => this.moving.get(name));
    if (!hidden) return;
    const { H, times } = this;
    const S = times.length;
    const free = height - 22 - (reset ? 50 : 18);
    const [faint, muted] = ["faint", "muted"].map(colorOf);
    pen.font = "12px system-ui, sans-serif";
    let y = 0;
    const wide = width - LEFT - RIGHT;
    /** @type {[string, Float64Array, number][]} */
    const parts = reset ? [[t("carried from window to window"), hidden, 0.4], [t("each window from zeros"), reset, 0.4]] : [[this.windows && !this.alone ? t("each window from zeros") : t("state"), hidden, 1]];
    const most = hidden.reduce((far, value) => Math.max(far, Math.abs(value)), 1); // units of some cells exceed 1
    for (const [name, states, share] of parts) {
      label(pen, name, LEFT, y + 8, muted);
      /** @type {[number, number, number, number]} */
      const box = [LEFT, y + 18, wide, share * free];
      y += 18 + share * free;
      heat(pen, box, H, S, (line, at) => states[at * H + (this.order[line] ?? line)] / most);
      label(pen, String(H), LEFT - 6, box[1] + box[3] - 6, muted, "right");
      label(pen, "1", LEFT - 6, box[1] + 6, muted, "right");
    }
    if (reset) {
      label(pen, t("how far apart"), LEFT, y + 8, muted);
      const tall = free * 0.2;
      const furthest = 0.5 * Math.sqrt(H) * most;
      const base = y + 18 + tall;
      line(pen, [[LEFT, base], [LEFT + wide, base]], faint, 1);
      line(pen, Array.from({ length: S }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < H; i += 1) sum += (hidden[at * H + i] - reset[at * H + i]) ** 2;
        return [LEFT + ((at + 0.5) / S) * wide, base - Math.min(Math.sqrt(sum) / furthest, 1) * (tall - 2)];
      }), colorOf("wrong"), 1.5);
      y = base;
    }
    const [from, to] = [times[0], times[S - 1]];
    const marks = timeTicks(from, to, Math.max(2, Math.round(width / 110)), Boolean(this.store.details.shown.dates && from > 1e8));
    below(pen, [LEFT - 8, width - 2], height - 9, marks.map(([time, name]) => [LEFT + ((time - from) / (to - from || 1)) * wide, name]));
    if (this.at !== null) line(pen, [[LEFT + ((this.at + 0.5) / S) * wide, 16], [LEFT + ((this.at + 0.5) / S) * wide, y]], colorOf("ink"), 1.2);
  }
}

/**
 * Units by when they are largest within the first period that is seen.
 * @param {ArrayLike<number>} states
 * @param {number} H
 */
function orderOf(states, H) {
  const n = states.length / H;
  const peaks = Array.from({ length: H }, (_, unit) => {
    let [re, im] = [0, 0]; // the phase of its slow waves
    const cycles = Math.max(1, Math.round(n / 18));
    for (let at = 0; at < n; at += 1) {
      re += states[at * H + unit] * Math.cos((2 * Math.PI * cycles * at) / n);
      im += states[at * H + unit] * Math.sin((2 * Math.PI * cycles * at) / n);
    }
    return Math.atan2(im, re);
  });
  return peaks.map((_, unit) => unit).sort((a, b) => peaks[a] - peaks[b] || a - b);
}

/** Colors of the path, from pale to dark. */
function pathColors() {
  const [ground, blue, ink] = ["ground", "prediction", "ink"].map(colorOf).map(rgb);
  return Array.from({ length: BINS }, (_, bin) => {
    const share = 0.25 + (1.35 * bin) / (BINS - 1);
    const [from, to, part] = share <= 1 ? [ground, blue, share] : [blue, ink, share - 1];
    return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * part)).join(" ")})`;
  });
}
