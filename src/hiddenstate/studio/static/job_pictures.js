// Small pictures of the three bundled jobs, drawn anew in each theme.

import { classColors } from "./theme.js";
import { line, penOf } from "../../web/pen.js";
import { rasterOf } from "../../web/pad.js";
import { colorOf, rgb } from "../../web/colors.js";

/** A three in four strokes, as shares of its square. */
const THREE = [[[0.28, 0.22], [0.42, 0.13], [0.6, 0.15], [0.68, 0.27], [0.6, 0.4], [0.46, 0.47], [0.62, 0.52], [0.72, 0.66], [0.64, 0.8], [0.46, 0.87], [0.28, 0.8]]];

/** @typedef {(pen: CanvasRenderingContext2D, width: number, height: number) => void} Draw */

/** A digit, read row by row. @type {Draw} */
function digit(pen, width, height) {
  const side = Math.min(height, width * 0.5);
  const [left, cell] = [width / 2 - side * 0.85, side / 28];
  const pixels = rasterOf(THREE, [28, 28], true);
  const [paper, ink] = [rgb(colorOf("paper")), rgb(colorOf("ink"))];
  const read = 17;
  for (let row = 0; row < 28; row += 1) {
    for (let column = 0; column < 28; column += 1) {
      const share = (pixels[28 * row + column] / 255) * (row < read ? 1 : 0.25);
      pen.fillStyle = `rgb(${paper.map((part, i) => Math.round(part + (ink[i] - part) * share))})`;
      pen.fillRect(left + column * cell, row * cell, cell + 0.5, cell + 0.5);
    }
  }
  pen.fillStyle = colorOf("prediction");
  pen.fillRect(left - 5, read * cell - 1, side + 10, 2);
  // The state after each row, and the class that it decides for.
  for (let unit = 0; unit < 7; unit += 1) {
    pen.globalAlpha = 0.25 + 0.75 * Math.abs(Math.sin(unit * 2.4 + 1));
    pen.beginPath();
    pen.arc(left + side + 22, side * (0.2 + 0.1 * unit), 4, 0, 7);
    pen.fill();
  }
  pen.globalAlpha = 1;
  pen.fillStyle = colorOf("ink");
  pen.font = `700 ${Math.round(side * 0.4)}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  pen.fillText("3", left + side + 40, side * 0.5);
}

/** A wave, and the prediction that follows it better and better. @type {Draw} */
function wave(pen, width, height) {
  const at = (/** @type {(x: number) => number} */ value) => Array.from({ length: 120 }, (_, n) => {
    const x = n / 119;
    return [8 + x * (width - 16), height * (0.5 - 0.36 * value(x))];
  });
  const target = (/** @type {number} */ x) => Math.cos(15 * x);
  line(pen, at((x) => Math.sin(15 * x)), colorOf("faint"), 2);
  line(pen, at(target), colorOf("target"), 2);
  line(pen, at((x) => target(x - 0.03 * (1 - x)) * Math.min(1, 0.15 + 1.1 * x) + 0.1 * (1 - x) * Math.sin(60 * x)), colorOf("prediction"), 2.4, [6, 4]);
}

/** Codes of ten digits in clouds. @type {Draw} */
function cloud(pen, width, height) {
  let seed = 7;
  const chance = () => { seed = (seed * 16807) % 2147483647; return seed / 2147483647; };
  classColors(10).forEach((own, kind) => {
    const angle = kind * 0.63 + 0.2;
    const far = kind % 2 ? 0.36 : 0.2;
    pen.fillStyle = own;
    for (let n = 0; n < 16; n += 1) {
      const [x, y] = [chance() + chance() + chance() - 1.5, chance() + chance() + chance() - 1.5];
      pen.globalAlpha = 0.5 + 0.5 * chance();
      pen.beginPath();
      pen.arc(width * (0.5 + far * 0.95 * Math.cos(angle) + 0.05 * x), height * (0.5 + far * 1.05 * Math.sin(angle) + 0.085 * y), 2.2, 0, 7);
      pen.fill();
    }
  });
  pen.globalAlpha = 1;
}

/** @type {Record<string, Draw>} */
const DRAWN = { classify: digit, regress: wave, autoencode: cloud };

/**
 * Returns a canvas with the picture of a job; who reads the page has its words beside it.
 * @param {string} job
 */
export function tinyPicture(job) {
  const canvas = document.createElement("canvas");
  canvas.className = "tiny";
  canvas.setAttribute("aria-hidden", "true");
  const paint = () => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    DRAWN[job](penOf(canvas), width, height);
  };
  new ResizeObserver(paint).observe(canvas);
  document.addEventListener("theme", () => { if (canvas.isConnected) paint(); });
  return canvas;
}
