// Axes of plots: round marks, and their texts, which are neither cut nor over one another.

import { colorOf } from "./colors.js";
import { clamp, short } from "./numbers.js";
import { line } from "./pen.js";

/** @import { Pen } from "./pen.js" */
/** @typedef {[place: number, text: string]} Mark In CSS pixels, or in the units of an axis. */

const GAP = 6; // pixels between a text and its axis
const APART = 8; // and between two texts

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

/** Writes a number of an axis: 1,200,000, but 1.2e7; at least `most` with a power of ten. @param {number} value */
export function written(value, most = 1e7) {
  return Math.abs(value) < most ? short(value) : Number(value.toPrecision(3)).toExponential().replace("+", "");
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
