// What a row of a run is: a picture, a series of channels, or quantities; and a small drawing of it.

import { classColors } from "./theme.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { extentOf } from "../../web/numbers.js";
import { paintPixels, penOf } from "../../web/pen.js";
import { drawRow } from "../../web/row_picture.js";

const MOST_LANES = 6;
const MOST_BARS = 16;
const MOST_DRAWN = 300; // steps of a small drawing

export class RowForm {
  /** @param {import("./store.js").Store} store whose static arrays are here */
  constructor(store) {
    const { shown, shown_label: label } = store.fixed;
    const facts = store.details.shown;
    const [count, steps, features] = shown.shape;
    this.count = count;
    this.steps = steps;
    this.features = features;
    /** @type {Float32Array|Float64Array|Int32Array|Uint8Array} */
    this.values = shown.data;
    this.labels = label.data;
    this.bytes = shown.data instanceof Uint8Array;
    /** @type {number[]|null} height and width */
    this.picture = facts.picture;
    this.split = facts.shown_split;
    /** @type {string[]} */
    this.classes = facts.classes && facts.classes.length ? facts.classes.map(String)
      : Array.from({ length: Math.max(...this.labels) + 1 }, (_, kind) => String(kind));
    /** @type {string[]} */
    this.channels = facts.channels || (this.features === 1 ? [""] : Array.from({ length: this.features }, (_, channel) => String(channel + 1)));
    /** @type {[number, number][]} */
    this.ranges = facts.channel_ranges || Array.from({ length: this.features }, (_, channel) => (this.bytes ? [0, 255] : extentOf(this.values, channel, this.features)));
    this.quantities = !this.picture && this.steps === 1;
    /** The names and the ranges of channels. */
    this.view = { columns: this.channels, low: this.ranges.map(([low]) => low), high: this.ranges.map(([, high]) => high) };
  }

  /**
   * Returns the numbers of a row, of the rows shown or of other rows alike.
   * @param {number} row
   * @param {ArrayLike<number>} [values]
   */
  flat(row, values = this.values) {
    const size = this.steps * this.features;
    return /** @type {Float32Array} */ (values).subarray(row * size, (row + 1) * size);
  }

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
   * Returns a row as steps, as nets read them.
   * @param {ArrayLike<number>} flat
   */
  series(flat) {
    const n = this.features;
    return Array.from({ length: this.lengthOf(flat) }, (_, t) => Float64Array.from({ length: n }, (__, i) => flat[t * n + i]));
  }

  /** The name of a row that is shown. @param {number} row */
  name(row) {
    return t(this.picture ? "Picture {row}: {label}" : "Row {row}: {label}", { row: row + 1, label: this.classes[this.labels[row]] });
  }

  /** The word for a step. */
  get word() { return this.picture ? "row" : "step"; }

  /** @param {number} channel */
  channelColor(channel) {
    return this.features > 1 ? classColors(Math.min(this.features, 10))[channel % 10] : colorOf("prediction");
  }

  /**
   * Returns the values of a picture from 0 to 255.
   * @param {ArrayLike<number>} flat
   */
  pixels(flat) {
    if (this.bytes) return flat;
    const [low, high] = this.ranges[0];
    return Float64Array.from(flat, (value) => (255 * (value - low)) / (high - low));
  }

  /**
   * Draws a row small on a canvas that is on the page.
   * @param {HTMLCanvasElement} canvas
   * @param {ArrayLike<number>} flat
   */
  paint(canvas, flat) {
    if (this.picture) {
      paintPixels(canvas, this.picture, this.pixels(flat));
      return;
    }
    const pen = penOf(canvas);
    this.draw(pen, [0, 0, canvas.clientWidth, canvas.clientHeight], flat);
  }

  /**
   * Draws a row that is no picture in a box.
   * @param {CanvasRenderingContext2D} pen
   * @param {import("../../web/pen.js").Box} box
   * @param {ArrayLike<number>} flat
   */
  draw(pen, box, flat) {
    const n = this.features;
    const channels = Math.min(n, this.quantities ? MOST_BARS : MOST_LANES);
    const length = this.lengthOf(flat);
    const drawn = Math.min(length, MOST_DRAWN);
    const values = new Float64Array(drawn * channels);
    for (let channel = 0; channel < channels; channel += 1) {
      const [low, high] = this.ranges[channel];
      pointsOf(flat, n, channel, length, drawn).forEach((t, step) => {
        values[step * channels + channel] = Math.min(Math.max((255 * (flat[t * n + channel] - low)) / (high - low), 0), 255);
      });
    }
    const colors = Array.from({ length: channels }, (_, channel) => this.channelColor(channel));
    drawRow(pen, box, values, null, { quantities: this.quantities, channels, colors });
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
