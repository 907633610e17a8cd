// Tables of numbers as colours.

import { colorOf, rgb } from "./colors.js";
import { clamp } from "./numbers.js";
import { contextOf } from "./pen.js";

/** @import { Box, Pen } from "./pen.js" */

/** @param {number[]} from @param {number[]} to @param {number} share */
const mixed = (from, to, share) => from.map((part, i) => part + (to[i] - part) * share);

/**
 * Paints a table of numbers from -1 to 1: blue below 0, red above it.
 * @param {Pen} pen
 * @param {Box} box
 * @param {number} rows
 * @param {number} columns
 * @param {(row: number, column: number) => number} valueAt
 */
export function heat(pen, [x, y, wide, tall], rows, columns, valueAt) {
  if (!rows || !columns) return;
  const cells = document.createElement("canvas");
  cells.width = columns;
  cells.height = rows;
  const own = contextOf(cells);
  const image = own.createImageData(columns, rows);
  const [paper, low, high] = ["paper", "prediction", "target"].map((role) => rgb(colorOf(role)));
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = clamp(valueAt(row, column), -1, 1) || 0;
      const color = mixed(paper, value < 0 ? low : high, Math.abs(value));
      image.data.set([...color, 255], 4 * (row * columns + column));
    }
  }
  own.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(cells, x, y, wide, tall);
}
