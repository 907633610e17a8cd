// Where in a row an answer comes from, as a tint over it and in words.

import { colorOf, rgb } from "./colors.js";
import { contextOf } from "./pen.js";

/** @import { Box, Pen } from "./pen.js" */
/** @import { Lane } from "./signal.js" */
/** @typedef {ArrayLike<number>[]} Shares What each number of each step adds: for the answer above 0, against it below. */

/** How much paler a tint behind lines is, so that they are seen. */
export const PALE = 1.6;

/** Returns the largest share, without its sign. @param {Shares} shares */
export const mostOf = (shares) => shares.reduce((most, step) => Array.from(step).reduce((m, value) => Math.max(m, Math.abs(value)), most), 0);

/**
 * Tints a table of shares over a box: red where they are above 0, blue below, the stronger the larger.
 * @param {Pen} pen
 * @param {Box} box
 * @param {number} rows
 * @param {number} columns
 * @param {(row: number, column: number) => number} shareAt
 * @param {number} most The share with the full colour.
 */
export function tint(pen, [x, y, wide, tall], rows, columns, shareAt, most) {
  const cells = document.createElement("canvas");
  [cells.width, cells.height] = [columns, rows];
  const own = contextOf(cells);
  const image = own.createImageData(columns, rows);
  const [toward, against] = ["target", "prediction"].map((role) => rgb(colorOf(role)));
  for (let at = 0; at < rows * columns; at += 1) {
    const share = shareAt(Math.floor(at / columns), at % columns) / (most || 1);
    image.data.set([...(share > 0 ? toward : against), 230 * Math.min(Math.abs(share), 1)], 4 * at);
  }
  own.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = columns > wide;
  pen.drawImage(cells, x, y, wide, tall);
}

/**
 * Tints lanes of a series of n steps, of which shares begin at step `first`.
 * @param {Pen} pen
 * @param {Lane[]} lanes
 * @param {Shares} shares
 * @param {number} n
 */
export function tintLanes(pen, lanes, shares, n, first = 0) {
  const most = PALE * mostOf(shares);
  for (const { box: [x, y, wide, tall], channel } of lanes) {
    tint(pen, [x + (first / n) * wide, y, (shares.length / n) * wide, tall], 1, shares.length, (_, t) => shares[t][channel], most);
  }
}

/**
 * Tints the rows of a picture that are read, whose pixels have one number or several.
 * @param {Pen} pen
 * @param {Box} box Of the whole picture.
 * @param {number[]} shape Height and width.
 * @param {Shares} shares
 */
export function tintPixels(pen, [x, y, wide, tall], [height, width], shares) {
  const sums = shares.map((step) => Array.from({ length: width }, (_, column) => {
    const each = step.length / width;
    let sum = 0;
    for (let part = 0; part < each; part += 1) sum += step[column * each + part];
    return sum;
  }));
  tint(pen, [x, y, wide, (tall * sums.length) / height], sums.length, width, (row, column) => sums[row][column], mostOf(sums));
}

/**
 * Returns the steps of a channel, or of all together if they are `joined`, whose shares of one sign are
 * furthest above half of the largest one; null if there are none.
 * @param {Shares} shares
 * @param {number} sign
 * @param {boolean} joined
 * @returns {{ channel: number, from: number, to: number } | null}
 */
export function spanOf(shares, sign, joined) {
  const parts = shares.map((step) => Array.from(step, (value) => Math.max(sign * value, 0)));
  const table = joined ? parts.map((step) => [step.reduce((a, b) => a + b, 0)]) : parts;
  const half = table.reduce((most, step) => Math.max(most, ...step), 0) / 2;
  let best = null;
  let most = 0;
  for (let channel = 0; channel < table[0].length; channel += 1) {
    for (let from = 0, to = 0, sum = 0; to < table.length; to += 1) {
      if (sum <= 0) [from, sum] = [to, 0];
      sum += table[to][channel] - half;
      if (sum > most) [most, best] = [sum, { channel, from, to }];
    }
  }
  return best;
}
