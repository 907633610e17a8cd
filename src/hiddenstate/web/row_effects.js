// How the answer to a row changes with each of its columns, while the others stay as they are.

import { below, marginOf, rules, ticks, written } from "./axes.js";
import { colorOf } from "./colors.js";
import { h } from "./dom.js";
import { extentOf, short } from "./numbers.js";
import { spot, frame, line, penOf, write } from "./pen.js";

/** @import { Field } from "./row_form.js" */

const POINTS = 33; // of a curve
const WIDE = 230; // least pixels of a plot,
const TALL = 118; // its height,
const TITLE_TALL = 20; // pixels of what the plots are of, above all of them,
const ABOVE = 20; // above it,
const UNDER = 20; // below it,
const BETWEEN = 16; // and between two
const MOST = 12; // columns that are drawn

/**
 * Returns a choice of the target that curves are drawn of, hidden if there is one.
 * @param {string[]} targets
 * @param {string} words what is chosen
 * @param {() => void} changed
 */
export const targetChoice = (targets, words, changed) => h("select", { "aria-label": words, hidden: targets.length < 2, onchange: changed },
  targets.map((name, place) => h("option", { value: place }, name)));

/**
 * Draws a plot for each of the first columns: the answer for its values, and a dot where the row is.
 * @param {HTMLCanvasElement} canvas
 * @param {Field[]} all
 * @param {Float64Array} row
 * @param {string} name of the answer, with its unit
 * @param {(row: Float64Array) => number} answer
 */
export function drawEffects(canvas, all, row, name, answer) {
  const fields = all.slice(0, MOST);
  const wide = canvas.clientWidth;
  if (!wide) return;
  const across = Math.max(1, Math.min(fields.length, Math.floor((wide + BETWEEN) / (WIDE + BETWEEN))));
  const down = Math.ceil(fields.length / across);
  canvas.style.height = `${TITLE_TALL + down * (TALL + ABOVE + UNDER) + (down - 1) * BETWEEN}px`;
  const pen = penOf(canvas);
  const now = answer(row);
  const curves = fields.map((field) => pointsOf(field, row, answer));
  const [low, high] = extentOf([now, ...curves.flatMap((points) => points.map(([, value]) => value))]);
  pen.font = "11px system-ui, sans-serif";
  const few = ticks(low, high, 3);
  const marks = few.length > 1 ? few : ticks(low, high, 6);
  const left = marginOf(pen, marks.map((value) => written(value)), 24);
  write(pen, name, 0, 13, colorOf("ink"), "left", 12, wide);
  const width = (wide - left - (across - 1) * (BETWEEN + left)) / across;
  fields.forEach((field, place) => {
    const x = left + (place % across) * (width + BETWEEN + left);
    const top = TITLE_TALL + ABOVE + Math.floor(place / across) * (TALL + ABOVE + UNDER + BETWEEN);
    const y = (/** @type {number} */ value) => top + TALL * (0.95 - (0.9 * (value - low)) / (high - low || 1));
    const points = curves[place];
    const [first, last] = [points[0][0], points[points.length - 1][0]];
    const at = (/** @type {number} */ value) => x + width * (field.words ? (value + 0.5) / points.length : (value - first) / (last - first || 1));
    frame(pen, [x, top, width, TALL]);
    pen.font = "11px system-ui, sans-serif";
    rules(pen, [x, x + width], marks.map((value) => [y(value), written(value)]));
    below(pen, [x, x + width], top + TALL + 11, field.words ? points.map(([value]) => [at(value), /** @type {string[]} */ (field.words)[value]])
      : ticks(first, last, 4).map((value) => [at(value), short(value)]));
    pen.textBaseline = "alphabetic";
    write(pen, [field.name, field.unit].filter(Boolean).join(", "), x, top - 6, colorOf("ink"), "left", 12, width);
    const blue = colorOf("prediction");
    if (field.words) for (const [value, each] of points) line(pen, [[at(value) - 9, y(each)], [at(value) + 9, y(each)]], blue, 2);
    else line(pen, points.map(([value, each]) => [at(value), y(each)]), blue, 1.8);
    const own = field.words ? field.features.findIndex((feature) => row[feature] === 1) : row[field.features[0]];
    if (own < 0 || !(at(own) >= x - 1 && at(own) <= x + width + 1)) return;
    spot(pen, at(own), y(now), 4.5, blue);
  });
}

/** Returns values of a column, or numbers of its words, with the answers. @param {Field} field @param {Float64Array} row @param {(row: Float64Array) => number} answer @returns {[number, number][]} */
function pointsOf({ features, words, low, high }, row, answer) {
  const other = row.slice();
  if (words) {
    return words.map((_, place) => {
      features.forEach((feature, k) => { other[feature] = Number(k === place); });
      return [place, answer(other)];
    });
  }
  return Array.from({ length: POINTS }, (_, k) => {
    const value = low + ((high - low) * k) / (POINTS - 1);
    other[features[0]] = value;
    return [value, answer(other)];
  });
}
