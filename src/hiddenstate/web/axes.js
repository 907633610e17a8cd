// Axes of plots: round marks, and their texts, which are neither cut nor over one another.

import { colorOf } from "./colors.js";
import { clamp, short } from "./numbers.js";
import { line } from "./pen.js";

/** @import { Pen } from "./pen.js" */
/** @typedef {[place: number, text: string]} Mark In CSS pixels, or in the units of an axis. */

const [GAP, APART] = [6, 8]; // pixels between a text and its axis, and between two texts
const DAY = 86400;

/** Returns round numbers between two ends. @param {number} low @param {number} high */
export function ticks(low, high, count = 4) {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough) || rough;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9 * span; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}

/**
 * Returns round times between two ends, with their names.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 * @param {boolean} dates whether they are seconds since 1970
 * @returns {Mark[]}
 */
export function timeTicks(from, to, count, dates) {
  if (!dates) return ticks(from, to, count).map((value) => [value, Number(value.toPrecision(6)).toLocaleString("en")]);
  const rough = (to - from) / count;
  /** @param {number} at @param {number} first @param {number} last */
  const name = (at, first, last) => new Date(1000 * at).toISOString().slice(first, last).replace("T", " ");
  const step = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY].find((each) => each >= rough);
  /** @type {Mark[]} */
  const found = [];
  if (step) {
    const first = step === 7 * DAY ? Math.ceil((from - 4 * DAY) / step) * step + 4 * DAY : Math.ceil(from / step) * step;
    for (let at = first; at <= to; at += step) found.push([at, step < DAY ? name(at, to - from > DAY ? 5 : 11, 16) : name(at, 5, 10)]);
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120, 600].find((each) => each * 30.4 * DAY >= rough) || 1200;
  const begin = new Date(1000 * from);
  for (let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth(); found.length < 50; month += 1) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (at > to) break;
    if (at >= from && month % months === 0) found.push([at, name(at, 0, months < 12 ? 7 : 4)]);
  }
  return found;
}

/** Writes a number of an axis: 1,200,000, but 1.2e7. @param {number} value */
export function written(value) {
  return Math.abs(value) < 1e7 ? short(value) : Number(value.toPrecision(3)).toExponential().replace("+", "");
}

/**
 * Returns the left margin that some texts need at an axis.
 * @param {Pen} pen
 * @param {string[]} texts
 */
export function marginOf(pen, texts, least = 0) {
  return Math.max(least, ...texts.map((text) => Math.ceil(pen.measureText(text).width) + GAP + 2));
}

/**
 * Draws a line across a plot for each mark, with its text at the left.
 * @param {Pen} pen
 * @param {[left: number, right: number]} ends
 * @param {Mark[]} marks places of which count from the top
 * @param {string} [color] of the lines
 */
export function rules(pen, [left, right], marks, color = colorOf("faint")) {
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [y, text] of marks) {
    line(pen, [[left, y], [right, y]], color, 1);
    pen.fillStyle = colorOf("muted");
    pen.fillText(text, left - GAP, y);
  }
}

/**
 * Writes texts under an axis, those for which there is space.
 * @param {Pen} pen
 * @param {[left: number, right: number]} ends between which texts stay
 * @param {number} y
 * @param {Mark[]} marks
 */
export function below(pen, [left, right], y, marks) {
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = colorOf("muted");
  let free = left;
  for (const [place, text] of marks) {
    const half = pen.measureText(text).width / 2;
    const x = clamp(place, left + half, right - half);
    if (x - half < free) continue;
    pen.fillText(text, x, y);
    free = x + half + APART;
  }
}
