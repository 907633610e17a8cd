// A row that is no picture: its channels in lanes, or its quantities as bars.

import { colorOf } from "./colors.js";
import { write } from "./pen.js";
import { drawBars, drawLanes } from "./shapes.js";

/** @import { Box, Pen } from "./pen.js" */

/**
 * @typedef {object} RowLook
 * @property {boolean} quantities
 * @property {number} channels
 * @property {string[]} [names] At the left.
 * @property {string[]} [texts] At the right.
 * @property {string} [color] Of bars and lanes: that of predictions unless it is given.
 * @property {string[]} [colors] Of each lane.
 * @property {number} [steps] The first steps, which are drawn: all unless it is given.
 */

/**
 * Draws a row, and another one over it.
 * @param {Pen} pen
 * @param {Box} box
 * @param {ArrayLike<number>} own From 0 to 255.
 * @param {ArrayLike<number> | null} again
 * @param {RowLook} look
 */
export function drawRow(pen, [x, y, wide, tall], own, again, { quantities, channels, names = [], texts = [], color = colorOf("prediction"), colors, steps }) {
  pen.save();
  pen.translate(x, y);
  pen.font = "11px system-ui, sans-serif";
  const left = names.some(Boolean) ? Math.min(Math.max(...names.map((name) => pen.measureText(name).width)), 0.38 * wide) + 12 : 0;
  names.forEach((name, place) => write(pen, name, 0, (tall * (place + 0.5)) / names.length + 4, colorOf("muted"), "left", 11, left - 8));
  const right = texts.length ? Math.max(...texts.map((text) => pen.measureText(text).width)) + 12 : 0;
  texts.forEach((text, place) => write(pen, text, wide - 2, (tall * (place + 0.5)) / texts.length + 4, colorOf("muted"), "right", 11));
  const [room, blue, muted] = [[left, wide - left - right, tall], colorOf("prediction"), colorOf("muted")];
  if (quantities) drawBars(pen, room, own, again, [again ? `color-mix(in srgb, ${color} 42%, transparent)` : color, muted, blue]);
  else {
    const length = own.length / channels;
    /** @param {ArrayLike<number>} values @param {string[]} each */
    const lanes = (values, each) => drawLanes(pen, room, values, { channels, length, steps: steps || length, colors: each });
    pen.lineWidth = again ? 1.2 : 1.5;
    lanes(own, again ? Array(channels).fill(muted) : colors || Array(channels).fill(color));
    pen.lineWidth = 1.5;
    if (again) lanes(again, Array(channels).fill(blue));
  }
  pen.restore();
}
