// The forecast of a series as one picture: its history, what was forecast of the held-out part, and the
// fan into the future, with what is known ahead below it, which a reader may bend.

import { below, marginOf, rules, ticks, written } from "./axes.js";
import { colorOf } from "./colors.js";
import { clamp, short } from "./numbers.js";
import { stepMarks, timeTicks } from "./time_marks.js";
import { eachFrame, frame, line, penOf, redrawWith, write } from "./pen.js";

/** @import { Box, Pen } from "./pen.js" */
/** @typedef {(number | null)[]} Values */

/**
 * One series, as `hiddenstate/inference/fans` says it.
 * @typedef {object} Fan
 * @property {string} name
 * @property {string[]} times
 * @property {number[] | null} seconds Since 1970, of regular dates.
 * @property {Values[]} past
 * @property {Values[]} held
 * @property {number} held_from
 * @property {Record<string, Values[]>} ahead
 * @property {({ own: number, other: number | null, simple: string, steps: number, counted: boolean } | null)[]} errors
 */
/** @typedef {{ targets: string[], units: string[], horizon: number, levels: number[], held_out: boolean, series: Fan[], n_series: number, counts: number[], assumed: [string, number][] }} Fans */
/** @typedef {{ name: string, low: number, high: number, whole: boolean, values: number[] }} Known A column known ahead, a value a step. */

/**
 * @typedef {object} FanOptions
 * @property {HTMLCanvasElement} canvas
 * @property {(text: string) => string} [words] In the language of the page.
 * @property {(text: string) => void} [say] Tells what is at the cursor.
 * @property {(lane: number, step: number, value: number, done: boolean) => void} [bent] Changes a value known ahead.
 * @property {(pen: Pen, picture: FanPicture) => void} [behind] Draws behind all lines.
 * @property {(time: number | null, keyed: boolean) => void} [moved] Is called with the time at the cursor, or none.
 * @property {(step: number) => void} [asked] Is called with a forecast step that is clicked, or chosen with Enter.
 */

const ROW = 22; // pixels of a row of the legend,
const STRIP = 40; // of a column known ahead,
const NAMES = 18; // and of its name
const percents = (/** @type {number} */ level) => Number((100 * level).toPrecision(6));

/** Returns where a time is among the times of steps. @param {number[]} seconds @param {number} time */
function placeOf(seconds, time) {
  const after = seconds.findIndex((each) => each >= time);
  if (after <= 0) return Math.max(after, 0);
  return after - (seconds[after] - time) / (seconds[after] - seconds[after - 1] || 1);
}

/** Draws the fan of one target of a series, and takes the pointer and keys on it. */
export class FanPicture {
  /** @param {FanOptions} options */
  constructor(options) {
    this.options = options;
    this.canvas = options.canvas;
    this.words = options.words || ((text) => text);
    /** @type {Fans | null} */ this.fans = null;
    /** @type {Fan | null} */ this.fan = null;
    this.target = 0;
    /** @type {Known[]} */ this.known = [];
    /** @type {number | null} The step under the cursor. */ this.at = null;
    this.lane = 0;
    this.left = 0;
    this.dragged = false;
    /** @type {[number, number] | null} Of values, while a line is dragged. */ this.range = null;
    this.soon = eachFrame(() => this.draw());
    redrawWith(this.soon, this.canvas);
    this.listen();
  }

  /** @param {Fans} fans @param {number} number Of the series. @param {number} target @param {Known[]} [known] */
  show(fans, number, target, known = []) {
    [this.fans, this.fan, this.target, this.known] = [fans, fans.series[number], target, known];
    this.canvas.setAttribute("aria-label", this.inWords());
    this.soon();
  }

  /** The number of known steps, and of all. */
  get sizes() {
    const fan = /** @type {Fan} */ (this.fan);
    return [fan.past[0].length, fan.times.length];
  }

  /** Whether there is little space, so that the legend has two rows, and the history is short. */
  get narrow() {
    return this.canvas.clientWidth < 560;
  }

  /** The first step that is drawn. */
  get first() {
    const { horizon } = /** @type {Fans} */ (this.fans);
    return this.narrow ? Math.max(0, this.sizes[0] - Math.max(3 * horizon, 24)) : 0;
  }

  /** @returns {Box} */
  get plot() {
    const top = this.narrow ? 2 * ROW : ROW;
    const bottom = this.known.length * (STRIP + NAMES) + 24;
    return [this.left, top, this.canvas.clientWidth - this.left - 10, this.canvas.clientHeight - top - bottom];
  }

  /** @param {number} lane @returns {Box} */
  box(lane) {
    const [left, top, wide, tall] = this.plot;
    return [left, top + tall + 24 + lane * (STRIP + NAMES) + NAMES - 4, wide, STRIP];
  }

  /** @param {number} step */
  x(step) {
    const [left, , wide] = this.plot;
    return left + (wide * (step - this.first)) / Math.max(1, this.sizes[1] - 1 - this.first);
  }

  /** The values that are drawn, in order: past, held, forecast, and of each level its ends. */
  lines() {
    const { past, held, ahead } = /** @type {Fan} */ (this.fan);
    const levels = [.../** @type {Fans} */ (this.fans).levels].sort((a, b) => b - a);
    const bands = levels.map((level) => ["lower", "upper"].map((end) => ahead[`${end}_${percents(level)}`]?.[this.target] || []));
    return { past: past[this.target], held: held[this.target], y: ahead.y[this.target], bands, levels };
  }

  draw() {
    if (!this.fan || !this.canvas.clientWidth) return;
    const pen = penOf(this.canvas);
    const { past, held, y, bands, levels } = this.lines();
    const [n, all] = this.sizes;
    const { first } = this;
    const values = [past.slice(first), held.slice(first), y, ...bands.flat()].flat().filter(Number.isFinite).map(Number);
    const [low, high] = this.range || [Math.min(...values), Math.max(...values)];
    if (this.dragged && !this.range) this.range = [low, high];
    const room = (high - low || 1) * 0.06;
    const marks = ticks(low - room, high + room, clamp(Math.round(this.canvas.clientHeight / 70), 3, 8));
    pen.font = "12px system-ui, sans-serif";
    this.left = marginOf(pen, [...marks.map((value) => written(value)), ...this.known.flatMap(({ low: a, high: b }) => [short(a), short(b)])], 34);
    const [left, top, wide, tall] = this.plot;
    const at = (/** @type {number} */ value) => top + tall * (1 - (value - low + room) / (high - low + 2 * room));
    const [ink, muted, blue, red] = ["ink", "muted", "prediction", "target"].map(colorOf);
    const held_from = Math.max(first, this.fan.held_from);
    pen.fillStyle = colorOf("faint");
    pen.globalAlpha = 0.45;
    if (held_from < n) pen.fillRect(this.x(held_from), top, this.x(n - 1) - this.x(held_from), tall);
    pen.globalAlpha = 1;
    this.options.behind?.(pen, this);
    rules(pen, [left, left + wide], marks.map((value) => [at(value), written(value)]));
    this.timeMarks(pen, top + tall + 12);
    pen.textBaseline = "alphabetic";
    const start = [this.x(n - 1), at(Number(past[n - 1]))];
    const points = (/** @type {Values} */ each, from = 0) => each.map((value, j) => [this.x(from + j), value === null ? NaN : at(value)]);
    bands.forEach(([lower, upper], place) => {
      pen.fillStyle = blue;
      pen.globalAlpha = place ? 0.26 : 0.16;
      pen.beginPath();
      for (const [x, value] of [start, ...points(upper, n), ...points(lower, n).reverse()]) if (Number.isFinite(value)) pen.lineTo(x, value);
      pen.fill();
    });
    pen.globalAlpha = 1;
    pen.save();
    pen.beginPath();
    pen.rect(left - 2, top - 2, wide + 6, tall + 4);
    pen.clip();
    line(pen, points(past), red, 1.4);
    line(pen, points(held), blue, 1.2, [], 0.75);
    line(pen, [Number.isFinite(start[1]) ? start : [NaN, NaN], ...points(y, n)], blue, 2, [5, 3]);
    pen.restore();
    line(pen, [[this.x(n - 1), top], [this.x(n - 1), top + tall]], ink, 1);
    this.legend(pen, left, [red, blue, muted], levels, bands);
    this.known.forEach((known, lane) => this.drawLane(pen, known, lane));
    if (this.at !== null) {
      const x = this.x(this.at);
      line(pen, [[x, top], [x, this.canvas.clientHeight - 4]], muted, 1, [2, 3]);
    }
    if (this.at !== null && this.at < all) this.options.say?.(this.inWords());
  }

  /** @param {Pen} pen @param {number} y */
  timeMarks(pen, y) {
    const { times, seconds } = /** @type {Fan} */ (this.fan);
    const [n] = this.sizes;
    const [left, , wide] = this.plot;
    if (seconds) {
      const marks = timeTicks(seconds[this.first], seconds[seconds.length - 1], clamp(Math.floor(wide / 66), 2, 12), true);
      below(pen, [left, left + wide], y, marks.map(([time, text]) => [this.x(placeOf(seconds, time)), text]));
      return;
    }
    const widest = Math.max(...[times[0], times[n]].map((text) => pen.measureText(text || "").width)) + 24;
    const marks = stepMarks(times, this.first, n, Math.max(1, wide / widest));
    below(pen, [left, left + wide], y, marks.map(([step, text]) => [this.x(step), text]));
  }

  /** @param {Pen} pen @param {number} x @param {string[]} colors @param {number[]} levels @param {Values[][]} bands */
  legend(pen, x, [red, blue, muted], levels, bands) {
    const { held } = this.lines();
    const [n] = this.sizes;
    const entries = /** @type {[string, string, number[]][]} */ ([["observed", red, []]]);
    if (held.some((value) => value !== null)) entries.push(["forecast then", blue, []]);
    entries.push(["forecast", blue, [5, 3]]);
    let y = 0;
    /** Where an entry of the legend begins. @param {string} text @param {number} mark */
    const place = (text, mark) => {
      pen.font = "12px system-ui, sans-serif";
      const wide = mark + 5 + pen.measureText(text).width;
      if (x + wide > this.canvas.clientWidth && y < ROW) [x, y] = [this.left, ROW];
      write(pen, text, x + mark + 5, y + 15, muted);
      x += wide + 15;
      return x - wide - 15;
    };
    for (const [text, color, dash] of entries) {
      const from = place(this.words(text), 20);
      line(pen, [[from, y + 11], [from + 20, y + 11]], color, 2, dash);
    }
    levels.forEach((level, number) => {
      if (!bands[number][0].length) return;
      const from = place(`${percents(level)} %`, 16);
      pen.fillStyle = blue;
      pen.globalAlpha = number ? 0.42 : 0.16;
      pen.fillRect(from, y + 5, 16, 12);
      pen.globalAlpha = 1;
    });
    const held_from = Math.max(this.first, /** @type {Fan} */ (this.fan).held_from);
    const [, top] = this.plot;
    const room = this.x(n - 1) - this.x(held_from) - 8;
    if (held_from < n && room > 50) write(pen, this.words("held out"), this.x(held_from) + 4, top + 14, muted, "left", 12, room);
  }

  /** @param {Pen} pen @param {Known} known @param {number} lane */
  drawLane(pen, { name, low, high, values }, lane) {
    const [left, y, wide, tall] = this.box(lane);
    const [n] = this.sizes;
    const chosen = lane === this.lane;
    const first = this.x(n - 0.5);
    write(pen, `${name}: ${this.words("known ahead, drag it")}`, left + wide, y - 4, colorOf(chosen ? "ink" : "muted"), "right", 12, wide);
    frame(pen, [first, y, left + wide - first + 6, tall]);
    const span = high - low || 1;
    const width = Math.max(2, (this.x(1) - this.x(0)) * 0.7);
    pen.fillStyle = colorOf("prediction");
    values.forEach((value, j) => {
      const size = Math.max(2, (tall - 2) * clamp((value - low) / span, 0, 1));
      pen.fillRect(this.x(n + j) - width / 2, y + tall - 1 - size, width, size);
    });
    pen.textBaseline = "middle";
    write(pen, short(high), first - 6, y + 8, colorOf("muted"), "right");
    write(pen, short(low), first - 6, y + tall - 5, colorOf("muted"), "right");
    pen.textBaseline = "alphabetic";
  }

  /** The times of all steps: seconds of dates, or the numbers that they are named with. @returns {number[]} */
  get clock() {
    const { seconds, times } = /** @type {Fan} */ (this.fan);
    return seconds || times.map(Number);
  }

  /** Moves the cursor to a step, or takes it away. @param {number | null} at */
  move(at, keyed = false) {
    this.at = at;
    if (this.fan) this.options.moved?.(at === null ? null : this.clock[at], keyed);
    this.soon();
  }

  /** What the picture says, at the cursor if there is one. */
  inWords() {
    const fan = /** @type {Fan} */ (this.fan);
    const { past, held, y, levels, bands } = this.lines();
    const [n, all] = this.sizes;
    const of = `${fan.name ? `${fan.name}, ` : ""}${/** @type {Fans} */ (this.fans).targets[this.target]}`;
    const step = this.at ?? all - 1;
    const unit = /** @type {Fans} */ (this.fans).units[this.target];
    const written = (/** @type {number | null} */ value) => `${short(value)} ${unit}`.trim();
    const parts = [`${of}, ${fan.times[step]}:`];
    if (step < n) {
      parts.push(`${written(past[step])} ${this.words("observed")}`);
      if (held[step] !== null) parts.push(`, ${written(held[step])} ${this.words("forecast then")}`);
      return parts.join(" ").replace(" ,", ",");
    }
    parts.push(`${written(y[step - n])} ${this.words("forecast")}`);
    bands.forEach(([lower, upper], place) => {
      if (lower.length && lower[step - n] !== null) parts.push(`(${percents(levels[place])} %: ${short(lower[step - n])} – ${written(upper[step - n])})`);
    });
    for (const known of this.known) parts.push(`${known.name} ${short(known.values[step - n])}`);
    return parts.join(" ");
  }

  listen() {
    const { canvas } = this;
    const place = (/** @type {MouseEvent} */ event) => {
      const { left, top } = canvas.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    };
    const look = (/** @type {number} */ x) => {
      const [left, , wide] = this.plot;
      const { first } = this;
      this.move(clamp(first + Math.round(((x - left) / wide) * (this.sizes[1] - 1 - first)), first, this.sizes[1] - 1));
    };
    const laneAt = (/** @type {number} */ y) => this.known.findIndex((_, lane) => y >= this.box(lane)[1] - 6 && y <= this.box(lane)[1] + STRIP + 6);
    const bend = (/** @type {number} */ y, /** @type {boolean} */ done) => {
      const [, top, , tall] = this.box(this.lane);
      this.set(1 - (y - top) / tall, done);
    };
    canvas.addEventListener("pointermove", (event) => {
      if (!this.fan) return;
      const [x, y] = place(event);
      look(x);
      if (this.dragged) bend(y, false);
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.fan) return;
      const [x, y] = place(event);
      look(x);
      const lane = laneAt(y);
      if (lane < 0) return;
      [this.lane, this.dragged, this.range] = [lane, true, null];
      canvas.setPointerCapture(event.pointerId);
      bend(y, false);
    });
    const ask = () => {
      if (this.fan && this.at !== null && this.at >= this.sizes[0]) this.options.asked?.(this.at);
    };
    canvas.addEventListener("click", (event) => {
      const [, top, , tall] = this.plot;
      const [x, y] = place(event);
      if (!this.fan || y < top || y > top + tall) return;
      look(x);
      ask();
    });
    const end = () => {
      if (this.dragged) this.options.bent?.(this.lane, -1, NaN, true);
      [this.dragged, this.range] = [false, null];
      this.soon();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => {
      if (document.activeElement !== canvas) this.move(null);
    });
    canvas.addEventListener("blur", () => this.move(null));
    canvas.addEventListener("keydown", (event) => {
      if (!this.fan || event.ctrlKey || event.metaKey || event.altKey) return;
      const [n, all] = this.sizes;
      const at = this.at ?? n;
      const [known] = this.known.slice(this.lane);
      const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, Home: -all, End: all });
      if (event.key in moves) this.move(clamp(at + moves[event.key], this.first, all - 1), true);
      else if (event.key.startsWith("Page") && this.known.length) this.lane = clamp(this.lane + (event.key === "PageDown" ? 1 : -1), 0, this.known.length - 1);
      else if (["ArrowUp", "ArrowDown"].includes(event.key) && known && at >= n) {
        const share = (known.values[at - n] - known.low) / (known.high - known.low || 1);
        this.at = at;
        this.set(share + (event.key === "ArrowUp" ? 1 : -1) * (known.whole ? 1 : 0.05), true);
      } else if (event.key === "Enter") ask();
      else return;
      event.preventDefault();
      this.soon();
    });
  }

  /** Sets what is known ahead at the cursor to a share of its range. @param {number} share @param {boolean} done */
  set(share, done) {
    const [n] = this.sizes;
    const known = this.known[this.lane];
    if (this.at === null || this.at < n || !known) return;
    const value = known.low + clamp(share, 0, 1) * (known.high - known.low);
    this.options.bent?.(this.lane, this.at - n, known.whole ? Math.round(value) : value, done);
  }
}
