// Functions that the parts of the page share: lanes, bars and shapes.

/** @import { Pen } from "./pen.js" */
/** @typedef {number[]} Room Left, width and height, in CSS pixels; it begins at the top. */

/**
 * Draws each channel of a series as a line in a lane of its own.
 * @param {Pen} pen
 * @param {Room} room
 * @param {ArrayLike<number>} values `length` steps of all channels, from 0 to 255
 * @param {object} series
 * @param {number} series.channels
 * @param {number} series.length
 * @param {number} series.steps The first steps, which are drawn.
 * @param {string[]} series.colors One a channel.
 */
export function drawLanes(pen, [left, wide, tall], values, { channels, length, steps, colors }) {
  const lane = tall / channels;
  for (let channel = 0; channel < channels; channel += 1) {
    pen.strokeStyle = colors[channel];
    pen.beginPath();
    for (let step = 0; step < steps; step += 1) {
      const share = values[step * channels + channel] / 255;
      pen.lineTo(left + ((step + 0.5) / length) * wide, lane * (channel + 0.92 - 0.84 * share));
    }
    pen.stroke();
  }
}

/**
 * Draws each quantity as a bar from its mean in the middle.
 * @param {Pen} pen
 * @param {Room} room
 * @param {ArrayLike<number>} values From 0 to 255.
 * @param {ArrayLike<number> | null} again Values that are marked on the bars.
 * @param {string[]} colors Of bars, of the mean and of marks.
 */
export function drawBars(pen, [left, wide, tall], values, again, [bar, mean, mark]) {
  const lane = tall / values.length;
  /** @param {number} value */
  const at = (value) => left + (0.04 + (0.92 * value) / 255) * wide;
  for (let place = 0; place < values.length; place += 1) {
    const [from, to] = [127.5, values[place]].map(at).sort((a, b) => a - b);
    pen.fillStyle = bar;
    pen.fillRect(from, lane * (place + 0.2), to - from, lane * 0.6);
    if (!again) continue;
    pen.fillStyle = mark;
    pen.fillRect(at(again[place]) - 1.5, lane * (place + 0.12), 3, lane * 0.76);
  }
  pen.fillStyle = mean;
  pen.fillRect(at(127.5) - 0.5, 0, 1, tall);
}

// The shapes of classes, over and over, so that colour is not their only sign: corners of polygons
// in a circle of radius 1; none for a circle.
const thin = 0.34;
const SHAPES = [
  null,
  [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  [[0, -1.1], [1, 0.8], [-1, 0.8]],
  [[0, -1.2], [1.1, 0], [0, 1.2], [-1.1, 0]],
  [[0, 1.1], [1, -0.8], [-1, -0.8]],
  [[-thin, -1.1], [thin, -1.1], [thin, -thin], [1.1, -thin], [1.1, thin], [thin, thin],
    [thin, 1.1], [-thin, 1.1], [-thin, thin], [-1.1, thin], [-1.1, -thin], [-thin, -thin]],
  [[0, -0.5], [0.6, -1.1], [1.1, -0.6], [0.5, 0], [1.1, 0.6], [0.6, 1.1], [0, 0.5], [-0.6, 1.1],
    [-1.1, 0.6], [-0.5, 0], [-1.1, -0.6], [-0.6, -1.1]],
];

/**
 * Adds the outline of the shape of a class to a path.
 * @param {Pen} pen
 * @param {number} kind Number of the class.
 * @param {number} x
 * @param {number} y
 * @param {number} size Radius.
 */
export function outline(pen, kind, x, y, size) {
  const corners = SHAPES[kind % SHAPES.length];
  if (corners) corners.forEach(([u, v]) => pen.lineTo(x + size * u, y + size * v));
  else pen.arc(x, y, size, 0, 2 * Math.PI);
  pen.closePath();
}

/**
 * Gives a small element the shape and the colour of a class.
 * @param {HTMLElement} element
 * @param {number} kind
 * @param {string} color
 */
export function dress(element, kind, color) {
  const corners = SHAPES[kind % SHAPES.length];
  /** @param {number} share */
  const place = (share) => `${(50 + 41 * share).toFixed(1)}%`;
  element.style.background = color;
  element.style.borderRadius = corners ? "0" : "50%";
  element.style.clipPath = corners
    ? `polygon(${corners.map(([u, v]) => `${place(u)} ${place(v)}`).join(",")})` : "none";
}
