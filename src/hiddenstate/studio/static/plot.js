// A plot of target and prediction over time, with the error below on the same axis.

import { h, say } from "./dom.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { short } from "../../web/numbers.js";
import { below, marginOf, rules, ticks, written } from "../../web/axes.js";
import { timeTicks } from "../../web/time_marks.js";
import { line } from "../../web/pen.js";

/** @typedef {import("./store.js").Store} Store */

const [LEFT, RIGHT, BOTTOM, BETWEEN] = [50, 10, 24, 26]; // the left one at least
const FONT = "12px system-ui, sans-serif";
const DAY = 86400;

/**
 * What is drawn: numbers over times, NaN where there is none; `low`, `high` and `most` (of the error)
 * stay the same over the run.
 * @typedef {object} Plot
 * @property {number} from
 * @property {number} to
 * @property {number} low
 * @property {number} high
 * @property {number} most
 * @property {boolean} dates
 * @property {string} time what the axis counts
 * @property {number} gap times that are further apart are not joined
 * @property {ArrayLike<number>} times
 * @property {ArrayLike<number>} target
 * @property {ArrayLike<number>} prediction
 * @property {ArrayLike<number>} [baseline]
 * @property {ArrayLike<number>[]} [members] the lowest and the highest of several nets
 * @property {{times: ArrayLike<number>, target: ArrayLike<number>}} [past]
 * @property {number} [border] what is later is held out
 * @property {boolean} [dots] whether predictions are points
 * @property {number[]} [borders] where windows begin
 * @property {[number, number][]} [washed] times that are in no loss
 */

/**
 * Draws a plot; returns where its axis of time begins.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} width
 * @param {number} height
 * @param {Plot} plot
 * @param {number|null} at the time that is looked at
 */
export function drawPlot(pen, width, height, plot, at) {
  const { from, to, low, high, most, times, target, prediction } = plot;
  const free = height - BOTTOM - BETWEEN - 6;
  const [tall, deep] = [0.7 * free, 0.3 * free];
  const top = 6 + tall + BETWEEN;
  pen.font = FONT;
  const marks = ticks(low, high, Math.max(2, Math.round(tall / 50)));
  const errors = [-most, 0, most].map((mark) => (mark ? written(Number(mark.toPrecision(2))) : "0"));
  const left = marginOf(pen, [...marks.map((mark) => written(mark)), ...errors], LEFT);
  const x = (/** @type {number} */ time) => left + ((time - from) / (to - from || 1)) * (width - left - RIGHT);
  const y = (/** @type {number} */ value) => 6 + (1 - (value - low) / (high - low || 1)) * tall;
  const e = (/** @type {number} */ value) => top + (1 - value / most) * 0.5 * deep;
  const [faint, muted, red, blue] = ["faint", "muted", "target", "prediction"].map(colorOf);
  pen.lineJoin = "round";
  pen.textBaseline = "middle";
  /** @param {number} first @param {number} last @param {string} name */
  const shade = (first, last, name) => {
    const [begin, end] = [Math.max(x(first), left), Math.min(x(last), width - RIGHT)];
    if (end <= begin) return begin;
    pen.fillStyle = faint;
    pen.globalAlpha = 0.45;
    pen.fillRect(begin, 6, end - begin, tall);
    pen.fillRect(begin, top, end - begin, deep);
    pen.globalAlpha = 1;
    pen.fillStyle = muted;
    pen.textAlign = "left";
    pen.fillText(name, begin + 6, 15);
    return begin;
  };
  for (const [first, last] of plot.washed || []) shade(first, last, t("washout"));
  if (plot.border !== undefined && plot.border < to) {
    const edge = shade(plot.border, to, t("held out"));
    if (edge > left + 2) line(pen, [[edge, 6], [edge, top + deep]], muted, 1, [3, 3]);
  }
  rules(pen, [left, width - RIGHT], marks.map((mark) => [y(mark), written(mark)]));
  rules(pen, [left, width - RIGHT], [-most, 0, most].map((mark, place) => [e(mark), errors[place]]));
  line(pen, [[left, e(0)], [width - RIGHT, e(0)]], muted, 0.7);
  pen.textAlign = "left";
  pen.fillText(t("prediction − target"), left, top - 9);
  const dates = timeTicks(from, to, Math.max(3, Math.floor(width / 110)), plot.dates);
  below(pen, [left - 8, width - 2], height - BOTTOM / 2 + 3, dates.map(([time, name]) => [x(time), name]));
  pen.save();
  pen.beginPath();
  pen.rect(left, 4, width - left - RIGHT, height - BOTTOM - 2);
  pen.clip();
  for (const time of plot.borders || []) if (time > from) line(pen, [[x(time), 6], [x(time), 6 + tall]], faint, 1);
  /** @param {ArrayLike<number>} over @param {(place: number) => number} value @param {(value: number) => number} high_ */
  const path = (over, value, high_) => {
    /** @type {[number, number][]} */
    const points = [];
    for (let place = 0; place < over.length; place += 1) {
      if (place && over[place] - over[place - 1] > plot.gap) points.push([NaN, NaN]);
      points.push([x(over[place]), high_(value(place))]);
    }
    return points;
  };
  pen.save();
  pen.beginPath();
  pen.rect(left, 4, width - left - RIGHT, tall + 4);
  pen.clip();
  if (plot.past) line(pen, path(plot.past.times, (place) => /** @type {any} */ (plot.past).target[place], y), red, 1.6, [], 0.55);
  const { baseline } = plot;
  if (baseline) line(pen, path(times, (place) => baseline[place], y), muted, 1.2, [4, 3]);
  line(pen, path(times, (place) => target[place], y), red, 2.6);
  for (const ends of plot.members || []) line(pen, path(times, (place) => ends[place], y), blue, 1, [], 0.5);
  if (plot.dots) {
    pen.fillStyle = blue;
    for (let place = 0; place < times.length; place += 1) {
      if (!Number.isFinite(prediction[place])) continue;
      pen.beginPath();
      pen.arc(x(times[place]), Math.min(Math.max(y(prediction[place]), 8), 4 + tall), 2.4, 0, 7);
      pen.fill();
    }
  } else line(pen, path(times, (place) => Math.min(Math.max(prediction[place], low - 1), high + 1), y), blue, 1.7);
  pen.restore();
  pen.beginPath();
  pen.rect(left, top, width - left - RIGHT, deep);
  pen.clip();
  const wrong = colorOf("wrong");
  if (baseline) line(pen, path(times, (place) => baseline[place] - target[place], e), muted, 1, [3, 3]);
  if (plot.dots) {
    for (let place = 0; place < times.length; place += 1) line(pen, [[x(times[place]), e(0)], [x(times[place]), e(prediction[place] - target[place])]], wrong, 1.5, [], 0.7);
  } else line(pen, path(times, (place) => prediction[place] - target[place], e), wrong, 1.5);
  pen.restore();
  if (at !== null && at >= from && at <= to) line(pen, [[x(at), 6], [x(at), top + deep]], colorOf("ink"), 1, [], 0.5);
  return left;
}

/** @param {boolean} baseline @returns {HTMLElement} */
export function legend(baseline, name = "") {
  return h("p", { class: "keys" }, h("span", { class: "key target" }, t("target")), h("span", { class: "key prediction" }, t("prediction")),
    baseline && h("span", { class: "key baseline" }, name));
}

/** The lowest and the highest of some numbers, with room around them. @param {ArrayLike<number>[]} lists */
export function around(lists, room = 0.08) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (let place = 0; place < list.length; place += 1) {
      if (list[place] < low) low = list[place];
      if (list[place] > high) high = list[place];
    }
  }
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [-1, 1];
  return [low - room * (high - low), high + room * (high - low)];
}

/** The typical distance of times. @param {ArrayLike<number>} times */
export function stepOf(times) {
  const apart = [];
  for (let place = 1; place < times.length; place += 1) if (times[place] > times[place - 1]) apart.push(times[place] - times[place - 1]);
  return apart.sort((a, b) => a - b)[apart.length >> 1] || 1;
}

/** A picture of a plot, with a cursor. */
export class SeriesPicture {
  /**
   * @param {Store} store
   * @param {{title: string, caption: string, empty: string}} words
   */
  constructor(store, words) {
    this.store = store;
    /** @type {Plot|null} */ this.plot = null;
    /** @type {number|null} */ this.at = null;
    this.left = LEFT;
    this.picture = new Picture({
      ...words, name: "wide series", onkey: (key) => this.key(key),
      draw: (pen, width, height) => { if (this.plot) this.left = drawPlot(pen, width, height, this.plot, this.at === null ? null : this.plot.times[this.at]); },
    });
    const { canvas } = this.picture;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!this.plot || !this.plot.times.length) return;
      const { from, to, times } = this.plot;
      const time = from + ((event.offsetX - this.left) / (canvas.clientWidth - this.left - RIGHT)) * (to - from);
      let best = 0;
      for (let place = 1; place < times.length; place += 1) if (Math.abs(times[place] - time) < Math.abs(times[best] - time)) best = place;
      this.look(best);
    });
    for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => this.look(null));
  }

  /** @param {number|null} at */
  look(at) {
    this.at = at;
    this.picture.note.textContent = this.words();
    this.picture.paint();
  }

  /** @param {string} key */
  key(key) {
    const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 });
    if (!this.plot || !(key in moves)) return false;
    const n = this.plot.times.length;
    this.look(Math.min(Math.max((this.at === null ? n - 1 : this.at) + moves[key], 0), n - 1));
    say(this.picture.note.textContent || "");
    return true;
  }

  words() {
    const { plot, at } = this;
    if (!plot || at === null || at >= plot.times.length) return this.summary();
    const time = plot.dates ? new Date(1000 * plot.times[at]).toISOString().slice(0, plot.gap < 40 * DAY && plot.gap > 4 * 3600 * 24 - 1 ? 10 : 16).replace("T", " ") : short(Number(plot.times[at].toPrecision(6)));
    return t("{time}: target {target}, prediction {prediction}", { time, target: short(plot.target[at]), prediction: short(plot.prediction[at]) });
  }

  summary() { return ""; }

  done() {
    this.picture.setReady(this.plot !== null && this.plot.times.length > 0);
    const text = this.words();
    if (this.picture.note.textContent !== text) this.picture.note.textContent = text;
    this.picture.describe(`${this.picture.heading.textContent}. ${text}`);
    this.picture.paint();
  }
}

/** @param {Plot} plot */
export function meanSquare({ target, prediction }) {
  let [sum, count] = [0, 0];
  for (let place = 0; place < target.length; place += 1) {
    const apart = prediction[place] - target[place];
    if (!Number.isFinite(apart)) continue;
    sum += apart * apart;
    count += 1;
  }
  return count ? sum / count : NaN;
}
