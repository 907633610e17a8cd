// Charts, and small functions that scripts share.

import { contextOf, rgb } from "./pixels.js";
import { colorOf } from "./colors.js";

/** @import { Box, Pen } from "./pixels.js" */

/**
 * Returns a value, or the end of the range that is next to it.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
/**
 * Returns a number with 4 digits, as text.
 * @param {number} value
 */
export const short = (value) => (Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3)
  ? value.toExponential(2) : String(Number(value.toPrecision(4))));
/**
 * Returns a share in percent, as text.
 * @param {number} share
 */
export const percent = (share) => `${share >= 0.9995 ? 100 : (100 * share).toFixed(share > 0.1 ? 0 : 1)} %`;

/**
 * Returns a function that calls `draw` once before the next frame, however often it is called.
 * @param {() => void} draw
 */
export function eachFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

/**
 * Draws anew when the theme changes, or the size of a canvas.
 * @param {() => void} draw
 * @param {HTMLCanvasElement} canvas
 */
export function redrawWith(draw, canvas) {
  new ResizeObserver(eachFrame(draw)).observe(canvas);
  document.addEventListener("theme", draw);
}

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

/**
 * Draws a line through points, lifting the pen at what is not a number.
 * @param {Pen} pen
 * @param {number[][]} points x and y of each.
 * @param {string} color
 * @param {number} [width]
 * @param {number[]} [dash]
 */
export function line(pen, points, color, width = 1.5, dash = []) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  let down = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
  pen.setLineDash([]);
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

/**
 * Writes a text.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y Its base line.
 * @param {string} color
 * @param {CanvasTextAlign} [align]
 * @param {number} [size]
 */
export function write(pen, text, x, y, color, align = "left", size = 12) {
  pen.font = `${size}px ${FONT}`;
  pen.textAlign = align;
  pen.fillStyle = color;
  pen.fillText(text, x, y);
}

/**
 * Writes a text on a ground of its own.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} color
 * @param {CanvasTextAlign} [align]
 */
export function tag(pen, text, x, y, color, align = "left") {
  pen.font = `12px ${FONT}`;
  const wide = pen.measureText(text).width;
  pen.fillStyle = colorOf("ground");
  pen.fillRect((align === "right" ? x - wide : x) - 3, y - 11, wide + 6, 15);
  write(pen, text, x, y, color, align);
}

/**
 * Draws the frame of a chart.
 * @param {Pen} pen
 * @param {Box} box
 */
export function frame(pen, [x, y, wide, tall]) {
  pen.strokeStyle = colorOf("faint");
  pen.lineWidth = 1;
  pen.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
}

/**
 * Returns the largest absolute value of states, at least a quarter; those of relu have no bound.
 * @param {Float64Array[]} states
 */
export function greatest(states) {
  let most = 0.25;
  for (const state of states) for (const value of state) most = Math.max(most, Math.abs(value));
  return most;
}
