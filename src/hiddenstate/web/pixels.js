// Unpacking, colours and pixels.

import { colorOf } from "./colors.js";

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {number[]} Box x, y, width and height, in CSS pixels. */

/**
 * Unpacks numbers from little-endian bytes in base64.
 * @template T
 * @param {string} text
 * @param {new (bytes: ArrayBuffer) => T} Kind A typed array, such as Uint16Array.
 */
export function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}

/**
 * Returns red, green and blue of a colour such as #1b1f24.
 * @param {string} color
 */
export function rgb(color) {
  return [1, 3, 5].map((from) => parseInt(color.slice(from, from + 2), 16));
}

/**
 * Returns black or white, the one with more contrast on a colour (WCAG 2).
 * @param {string} color
 */
export function inkOn(color) {
  const [red, green, blue] = rgb(color).map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (light + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}

/**
 * Returns the pen of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export const contextOf = (canvas, options) => /** @type {Pen} */ (canvas.getContext("2d", options));

/**
 * Paints one pixel per number from 0 to 255, from paper to ink; the style enlarges them.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} shape Height and width.
 * @param {ArrayLike<number>} values (height * width)
 */
export function paintPixels(canvas, [height, width], values) {
  canvas.height = height;
  canvas.width = width;
  const [paper, ink] = [rgb(colorOf("paper")), rgb(colorOf("ink"))];
  const pen = contextOf(canvas);
  const image = pen.createImageData(width, height);
  for (let place = 0; place < values.length; place += 1) {
    for (let part = 0; part < 3; part += 1) {
      image.data[4 * place + part] = paper[part] + ((ink[part] - paper[part]) * values[place]) / 255;
    }
    image.data[4 * place + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

/**
 * Fits a canvas to its place on the page, sharp at any resolution, and returns its pen.
 * @param {HTMLCanvasElement} canvas
 */
export function penOf(canvas) {
  const dense = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * dense);
  canvas.height = Math.round(canvas.clientHeight * dense);
  const pen = contextOf(canvas);
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  return pen;
}
