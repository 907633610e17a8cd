// Pens of canvases: lines, texts, pixels and frames.

import { colorOf, rgb } from "./colors.js";

/** @typedef {CanvasRenderingContext2D} Pen */
/** @typedef {number[]} Box x, y, width and height, in CSS pixels. */

/**
 * Returns the pen of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [options]
 */
export const contextOf = (canvas, options) => /** @type {Pen} */ (canvas.getContext("2d", options));

/**
 * Paints numbers from 0 to 255 as pixels, which the style enlarges: each from paper to ink, or three as
 * red, green and blue.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} shape Height and width, and 3 in colour.
 * @param {ArrayLike<number>} values (height * width), or (height * width * 3)
 */
export function paintPixels(canvas, [height, width, colors], values) {
  canvas.height = height;
  canvas.width = width;
  const [paper, ink] = [rgb(colorOf("paper")), rgb(colorOf("ink"))];
  const pen = contextOf(canvas);
  const image = pen.createImageData(width, height);
  for (let place = 0; place < height * width; place += 1) {
    for (let part = 0; part < 3; part += 1) {
      image.data[4 * place + part] = colors ? values[3 * place + part] : paper[part] + ((ink[part] - paper[part]) * values[place]) / 255;
    }
    image.data[4 * place + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

/**
 * Fits a canvas to its place on the page, sharp at any resolution, clears it and returns its pen.
 * @param {HTMLCanvasElement} canvas
 * @param {number} [width] Of its place, in CSS pixels.
 * @param {number} [height]
 */
export function penOf(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
  const dense = window.devicePixelRatio || 1;
  const [wide, tall] = [width, height].map((side) => Math.round(side * dense));
  if (canvas.width !== wide || canvas.height !== tall) [canvas.width, canvas.height] = [wide, tall];
  const pen = contextOf(canvas);
  pen.setTransform(dense, 0, 0, dense, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

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

/**
 * Draws a line through points, lifting the pen at what is not a number.
 * @param {Pen} pen
 * @param {number[][]} points x and y of each.
 * @param {string} color
 * @param {number} [width]
 * @param {number[]} [dash]
 * @param {number} [alpha]
 */
export function line(pen, points, color, width = 1.5, dash = [], alpha = pen.globalAlpha) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  const before = pen.globalAlpha;
  pen.globalAlpha = alpha;
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
  pen.globalAlpha = before;
}

/** Draws a dot. @param {Pen} pen @param {number} x @param {number} y @param {number} radius @param {string} color */
export function spot(pen, x, y, radius, color) {
  pen.fillStyle = color;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

const FONT = "system-ui, sans-serif";

/**
 * A name in at most so many pixels.
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} room
 */
export function fitted(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  const signs = [...text.slice(0, 200)];
  while (signs.length && pen.measureText(`${signs.join("")}…`).width > room) signs.pop();
  return signs.length ? `${signs.join("")}…` : "";
}

/**
 * Writes a text.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y Its base line.
 * @param {string} color
 * @param {CanvasTextAlign} [align]
 * @param {number} [size]
 * @param {number} [room] Pixels that it has at the most.
 */
export function write(pen, text, x, y, color, align = "left", size = 12, room = Infinity) {
  pen.font = `${size}px ${FONT}`;
  pen.textAlign = align;
  pen.fillStyle = color;
  pen.fillText(fitted(pen, text, room), x, y);
}

/**
 * Writes a text whose middle is at a height, in the font of the pen.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} color
 * @param {CanvasTextAlign} [align]
 */
export function label(pen, text, x, y, color, align = "left") {
  pen.textAlign = align;
  pen.textBaseline = "middle";
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
 * Returns boxes above one another in a box, each below a heading.
 * @param {Box} box
 * @param {number[]} shares of the height without headings
 * @returns {Box[]}
 */
export function stacked([x, y, wide, tall], shares, head = 0) {
  const free = tall - head * shares.length;
  let top = y;
  return shares.map((share) => {
    const box = [x, top + head, wide, free * share];
    top += head + free * share;
    return box;
  });
}
