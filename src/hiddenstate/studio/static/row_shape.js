// What rows are: pictures, series of channels in lanes, or quantities; and small drawings of them.

import { clamp, extentOf } from "../../web/numbers.js";
import { drawRow } from "../../web/row_picture.js";

/** @typedef {Float32Array|Float64Array|Int32Array|Uint8Array} Numbers */

const MOST_LANES = 6;
const MOST_BARS = 20;
const MOST_DRAWN = 300; // steps of a lane, an even number

export class RowShape {
  /**
   * @param {{picture: number[]|null, channels: string[]|null, channel_ranges: [number, number][]|null}} facts
   * @param {Numbers} values of some rows
   * @param {number} steps
   * @param {number} features of a step
   */
  constructor({ picture, channels, channel_ranges: ranges }, values, steps, features) {
    this.steps = steps;
    this.features = features;
    this.bytes = values instanceof Uint8Array;
    /** Height and width, and 3 if its numbers are red, green and blue. */
    this.picture = picture;
    this.quantities = !picture && steps === 1;
    this.drawn = Math.min(features, this.quantities ? MOST_BARS : MOST_LANES);
    const all = Array.from({ length: features }, (_, channel) => channel);
    this.channels = channels && channels.length === features ? channels : all.map((channel) => (features > 1 ? String(channel + 1) : ""));
    /** @type {[number, number][]} */
    this.ranges = ranges && ranges.length === features ? ranges : all.map((channel) => (this.bytes ? [0, 255] : picture ? extentOf(values, 0, 1) : extentOf(values, channel, features)));
  }

  get size() { return this.steps * this.features; }

  /** Returns the numbers of a row. @param {number} row @param {ArrayLike<number>} values */
  of(row, values) { return /** @type {Float32Array} */ (values).subarray(row * this.size, (row + 1) * this.size); }

  /**
   * Returns how many steps a row has: after its end it has no numbers.
   * @param {ArrayLike<number>} flat
   */
  lengthOf(flat) {
    let end = flat.length;
    while (end > 1 && Number.isNaN(flat[end - 1])) end -= 1;
    return Math.ceil(end / this.features);
  }

  /**
   * Returns the numbers of a picture from 0 to 255; differences from -255 to 255.
   * @param {ArrayLike<number>} flat
   */
  pixels(flat, difference = false) {
    if (this.bytes) return flat;
    const [low, high] = this.ranges[0];
    return Float64Array.from(flat, (value) => (255 * (value - (difference ? 0 : low))) / (high - low));
  }

  /**
   * Draws a row that is no picture in a box, and another one over it.
   * @param {CanvasRenderingContext2D} pen
   * @param {import("../../web/pen.js").Box} box
   * @param {ArrayLike<number>} flat
   * @param {{again?: ArrayLike<number>|null, difference?: boolean, names?: string[], color?: string, colors?: string[]}} [look]
   */
  draw(pen, box, flat, { again = null, difference = false, ...look } = {}) {
    drawRow(pen, box, this.shares(flat, difference), again && this.shares(again, false), { quantities: this.quantities, channels: this.drawn, ...look });
  }

  /**
   * Returns the drawn numbers from 0 to 255 in the ranges of their channels.
   * @param {ArrayLike<number>} flat
   * @param {boolean} difference whether they are differences from a row
   */
  shares(flat, difference) {
    const length = this.lengthOf(flat);
    const steps = Math.min(length, MOST_DRAWN);
    const found = new Float64Array(steps * this.drawn);
    for (let channel = 0; channel < this.drawn; channel += 1) {
      const [low, high] = this.ranges[channel];
      pointsOf(flat, this.features, channel, length, steps).forEach((t, step) => {
        const value = flat[t * this.features + channel];
        const share = (value - (difference ? (low - high) / 2 : low)) / (high - low || 1);
        found[step * this.drawn + channel] = 255 * clamp(share, 0, 1);
      });
    }
    return found;
  }
}

/**
 * Returns the steps of a channel that are drawn: all, or of each of equal parts the smallest and the
 * largest value, in their order.
 * @param {ArrayLike<number>} flat
 * @param {number} features
 * @param {number} channel
 * @param {number} length
 * @param {number} drawn an even number, or `length`
 */
function pointsOf(flat, features, channel, length, drawn) {
  if (drawn === length) return Array.from({ length }, (_, step) => step);
  const steps = [];
  const parts = drawn / 2;
  for (let part = 0; part < parts; part += 1) {
    const first = Math.round((part * length) / parts);
    const end = Math.round(((part + 1) * length) / parts);
    let [low, high] = [first, first];
    for (let t = first + 1; t < end; t += 1) {
      const value = flat[t * features + channel];
      if (value < flat[low * features + channel]) low = t;
      if (value > flat[high * features + channel]) high = t;
    }
    steps.push(Math.min(low, high), Math.max(low, high));
  }
  return steps;
}
