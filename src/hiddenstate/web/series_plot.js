// A plot of target and prediction over time, with the error below on the same axis.

import { below, marginOf, rules, ticks, written } from "./axes.js";
import { colorOf } from "./colors.js";
import { line, write } from "./pen.js";
import { timeTicks } from "./time_marks.js";

/** @import { Pen } from "./pen.js" */

export const RIGHT = 10;
const LEFT = 50; // at least
const BOTTOM = 24;
const BETWEEN = 26;

/**
 * What is drawn: numbers over times, NaN where there is none; `low`, `high` and `most` (of the error)
 * stay the same over the run.
 * @typedef {object} Plot
 * @property {number} from
 * @property {number} to
 * @property {number} low
 * @property {number} high
 * @property {number} most 0 for a plot without errors
 * @property {boolean} dates
 * @property {string} time what the axis counts
 * @property {string} [name] what is predicted, with its unit
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
 * @param {Pen} pen
 * @param {number} width
 * @param {number} height
 * @param {Plot} plot
 * @param {number|null} at the time that is looked at
 * @param {{ held: string, washout: string, error: string }} words
 */
export function drawPlot(pen, width, height, plot, at, words) {
  const { from, to, low, high, most, times, target, prediction } = plot;
  const head = plot.name ? 20 : 6;
  const foot = plot.time ? BOTTOM + 14 : BOTTOM;
  const free = height - foot - head - (most ? BETWEEN : 0);
  const [tall, deep] = most ? [0.7 * free, 0.3 * free] : [free, 0];
  const top = head + tall + (most ? BETWEEN : 0);
  pen.font = "12px system-ui, sans-serif";
  const marks = ticks(low, high, Math.max(2, Math.round(tall / 50)));
  const errors = most ? [-most, 0, most].map((mark) => (mark ? written(Number(mark.toPrecision(2))) : "0")) : [];
  const left = marginOf(pen, [...marks.map((mark) => written(mark)), ...errors], LEFT);
  const x = (/** @type {number} */ time) => left + ((time - from) / (to - from || 1)) * (width - left - RIGHT);
  const y = (/** @type {number} */ value) => head + (1 - (value - low) / (high - low || 1)) * tall;
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
    pen.fillRect(begin, head, end - begin, tall);
    pen.fillRect(begin, top, end - begin, deep);
    pen.globalAlpha = 1;
    pen.fillStyle = muted;
    const short = width - RIGHT - begin < pen.measureText(name).width + 6; // then it ends with the axis
    pen.textAlign = short ? "right" : "left";
    pen.fillText(name, short ? width - RIGHT : begin + 6, head + 9);
    return begin;
  };
  for (const [first, last] of plot.washed || []) shade(first, last, words.washout);
  if (plot.border !== undefined && plot.border < to) {
    const edge = shade(plot.border, to, words.held);
    if (edge > left + 2) line(pen, [[edge, head], [edge, top + deep]], muted, 1, [3, 3]);
  }
  rules(pen, [left, width - RIGHT], marks.map((mark) => [y(mark), written(mark)]));
  if (most) {
    rules(pen, [left, width - RIGHT], [-most, 0, most].map((mark, place) => [e(mark), errors[place]]));
    line(pen, [[left, e(0)], [width - RIGHT, e(0)]], muted, 0.7);
  }
  pen.textBaseline = "alphabetic";
  if (most) write(pen, words.error, left, top - 5, muted);
  if (plot.name) write(pen, plot.name, left, head - 6, muted, "left", 12, width - left);
  if (plot.time) write(pen, plot.time, (left + width) / 2, height - 5, muted, "center");
  const dates = timeTicks(from, to, Math.max(3, Math.floor(width / 110)), plot.dates);
  below(pen, [left - 8, width - 2], height - foot + BOTTOM / 2 + 3, dates.map(([time, name]) => [x(time), name]));
  pen.save();
  pen.beginPath();
  pen.rect(left, 4, width - left - RIGHT, height - foot - 2);
  pen.clip();
  for (const time of plot.borders || []) if (time > from) line(pen, [[x(time), head], [x(time), head + tall]], faint, 1);
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
  pen.rect(left, head - 2, width - left - RIGHT, tall + 4);
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
      pen.arc(x(times[place]), Math.min(Math.max(y(prediction[place]), head + 2), head - 2 + tall), 2.4, 0, 7);
      pen.fill();
    }
  } else line(pen, path(times, (place) => Math.min(Math.max(prediction[place], low - 1), high + 1), y), blue, 1.7);
  pen.restore();
  pen.beginPath();
  pen.rect(left, top, width - left - RIGHT, deep);
  pen.clip();
  if (baseline) line(pen, path(times, (place) => baseline[place] - target[place], e), muted, 1, [3, 3]);
  if (plot.dots) {
    for (let place = 0; place < times.length; place += 1) line(pen, [[x(times[place]), e(0)], [x(times[place]), e(prediction[place] - target[place])]], colorOf("ink"), 1.5, [], 0.7);
  } else line(pen, path(times, (place) => prediction[place] - target[place], e), colorOf("ink"), 1.5);
  pen.restore();
  if (at !== null && at >= from && at <= to) line(pen, [[x(at), head], [x(at), top + deep]], colorOf("ink"), 1, [], 0.5);
  return left;
}
