// What a row of an autoencoder is: a picture, a series in lanes, or quantities; and drawings of it.

import { RowShape } from "./row_shape.js";
import { t } from "./words.js";
import { colorOf, rgb } from "../../web/colors.js";
import { clamp, levelRange } from "../../web/numbers.js";
import { contextOf } from "../../web/pen.js";

/** @typedef {import("../../web/pen.js").Box} Box */
/**
 * A row to draw: its numbers, and those of a reconstruction that is drawn over it; or differences.
 * @typedef {object} Cell
 * @property {Box} box
 * @property {ArrayLike<number>} values
 * @property {ArrayLike<number>|null} [again]
 * @property {boolean} [difference] whether `values` are differences from a row
 * @property {string} [role] the color, if it is no picture: "prediction" unless it is given
 */

const NAME = 14; // pixels of a name of a channel
const FEW = 16; // numbers of a row that are bars, if nothing else is known

export class Form extends RowShape {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./api.js").NamedArray} rows some rows (n, F), or of steps (n, T, I)
   */
  constructor({ details: { shown } }, { data, shape }) {
    const size = shape.slice(1).reduce((all, side) => all * side, 1);
    const { picture, row_shape: own } = shown;
    const [steps, features] = shape.length > 2 ? shape.slice(1) : own && own[0] * own[1] === size ? own : size <= FEW ? [1, size] : [size, 1];
    super({ ...shown, picture: picture && picture.reduce((/** @type {number} */ all, /** @type {number} */ side) => all * side) === size ? picture : null }, data, steps, features);
    /** @type {import("../../web/framing.js").Framing|null} of sounds that are drawn as spectrograms */
    this.sound = shown.sound && shown.sound.bands && steps > 1 ? shown.sound : null;
    if (this.sound) this.picture = [features, steps];
    this.levels = levelRange(this.ranges.map(([low]) => low), this.ranges.map(([, high]) => high));
    /** @type {ArrayLike<number>|null} by which the net scales numbers, once it is known */
    this.factor = null;
  }

  /** Returns the pixels of a picture; those of a sound have its steps to the right, and its lowest band below. @param {ArrayLike<number>} flat */
  pixels(flat, difference = false) {
    if (!this.sound) return super.pixels(flat, difference);
    const { steps, features, levels: [low, high], sound: { bands } } = this;
    return Float64Array.from({ length: this.size }, (_, place) => {
      const line = Math.floor(place / steps);
      const feature = line - (line % bands) + bands - 1 - (line % bands);
      return (255 * (flat[(place % steps) * features + feature] - (difference ? 0 : low))) / (high - low);
    });
  }

  /**
   * Returns a row of an array.
   * @param {import("./api.js").NamedArray} array
   * @param {number} row
   */
  row({ data }, row) { return this.of(row, data); }

  /**
   * The mean squared difference per scaled number of a row and its reconstruction, as the loss counts
   * it; NaN until it is known how the net scales.
   * @param {ArrayLike<number>} row
   * @param {ArrayLike<number>} again
   */
  error(row, again) {
    let [sum, count] = [0, 0];
    if (!this.bytes && !this.factor) return NaN; // in their own units numbers do not compare
    for (let i = 0; i < this.size; i += 1) {
      const apart = (again[i] - row[i]) * (this.bytes ? 1 / 255 : /** @type {ArrayLike<number>} */ (this.factor)[i]);
      if (!Number.isFinite(apart)) continue;
      sum += apart * apart;
      count += 1;
    }
    return count ? sum / count : NaN;
  }

  /** @param {ArrayLike<number>} row @param {ArrayLike<number>} again */
  difference(row, again) { return Float64Array.from(row, (value, i) => again[i] - value); }

  /**
   * Draws rows.
   * @param {CanvasRenderingContext2D} pen
   * @param {Cell[]} cells
   * @param {boolean} [named] whether channels are named at the left
   */
  paint(pen, cells, named = false) {
    if (this.picture) {
      paintPictures(pen, this.picture, cells.map(({ box, values, difference }) => ({ box, values: this.pixels(values, difference), difference })));
      return;
    }
    for (const { box, values, again, difference, role = "prediction" } of cells) {
      const names = named ? this.channels.slice(0, this.drawn) : [];
      this.draw(pen, box, values, { again, difference, names, color: colorOf(difference ? "wrong" : role) });
    }
  }

  /**
   * Draws a row, what it is decoded to, and what differs; of no picture one over the other.
   * @param {CanvasRenderingContext2D} pen
   * @param {number} width
   * @param {number} height
   * @param {ArrayLike<number>|null} row
   * @param {ArrayLike<number>|null} decoded
   */
  beside(pen, width, height, row, decoded) {
    pen.font = "12px system-ui, sans-serif";
    if (!this.picture) {
      this.paint(pen, [{ box: [0, 2, width, height - 4], values: /** @type {ArrayLike<number>} */ (row || decoded), again: row ? decoded : null }], true);
      return;
    }
    /** @type {[string, ArrayLike<number>|null, boolean][]} */
    const parts = row ? [[t("row"), row, false]] : [];
    if (decoded) parts.push([t("decoded"), decoded, false]);
    if (row && decoded) parts.push([t("difference"), this.difference(row, decoded), true]);
    const gap = 10;
    const [wide, tall] = [(width - gap * (parts.length - 1)) / parts.length, height - 20];
    const side = Math.min(wide / this.ratio, tall);
    const left = (width - parts.length * side * this.ratio - gap * (parts.length - 1)) / 2;
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    pen.fillStyle = colorOf("muted");
    /** @type {Cell[]} */
    const cells = parts.map(([name, values, difference], place) => {
      const x = left + place * (side * this.ratio + gap);
      pen.fillText(name, x + (side * this.ratio) / 2, (tall - side) / 2 + side + 15);
      return { box: [x, (tall - side) / 2, side * this.ratio, side], values: /** @type {ArrayLike<number>} */ (values), difference };
    });
    this.paint(pen, cells);
  }

  /**
   * Says the first numbers of a row.
   * @param {ArrayLike<number>} values
   * @param {(value: number) => string} short
   */
  words(values, short) {
    if (this.picture || !this.quantities) return "";
    return this.channels.slice(0, 8).map((name, place) => `${name} ${short(values[place])}`).join(", ");
  }

  /** Pixels that a row needs if its channels are named; 0 for any height. */
  get tall() { return this.picture || !this.channels[0] ? 0 : NAME * this.drawn + 4; }

  /** How wide a row is drawn, in its height. */
  get ratio() { return this.sound ? clamp(this.steps / this.features, 0.5, 3) : this.picture ? this.picture[1] / this.picture[0] : this.quantities ? 1.2 : 1.6; }
}

const scratch = document.createElement("canvas");
const own = contextOf(scratch);
/** @type {{key: string, inks: Uint32Array, apart: Uint32Array}} */
let inks = { key: "", inks: new Uint32Array(0), apart: new Uint32Array(0) };

/** Returns the colors of values from 0 to 255, and of differences from -255 to 255. */
function tables() {
  const names = ["paper", "ink", "prediction", "target"].map(colorOf);
  if (inks.key === names.join()) return inks;
  const [paper, ink, below, above] = names.map(rgb);
  /** @param {number[]} to @param {number} share */
  const mix = (to, share) => {
    const [red, green, blue] = paper.map((part, i) => Math.round(part + (to[i] - part) * share));
    return (255 << 24) | (blue << 16) | (green << 8) | red;
  };
  inks = {
    key: names.join(),
    inks: Uint32Array.from({ length: 256 }, (_, value) => mix(ink, value / 255)),
    apart: Uint32Array.from({ length: 511 }, (_, value) => mix(value < 255 ? below : above, Math.abs(value - 255) / 255)),
  };
  return inks;
}

/**
 * Paints pictures, one pixel a number or three, enlarged. A difference in colour is one from grey.
 * @param {CanvasRenderingContext2D} pen
 * @param {number[]} shape height and width, and 3 in colour
 * @param {{box: Box, values: ArrayLike<number>, difference?: boolean}[]} cells
 */
export function paintPictures(pen, [height, width, colored], cells) {
  if (!cells.length) return;
  const size = height * width;
  if (scratch.width !== width || scratch.height < height * cells.length) {
    scratch.width = width;
    scratch.height = height * cells.length;
  }
  const image = own.createImageData(width, height * cells.length);
  const words = new Uint32Array(image.data.buffer);
  const table = tables();
  cells.forEach(({ values, difference }, place) => {
    if (colored) {
      const parts = image.data.subarray(4 * place * size, 4 * (place + 1) * size);
      for (let i = 0; i < parts.length; i += 1) {
        const value = values[3 * (i >> 2) + (i & 3)];
        parts[i] = (i & 3) === 3 ? 255 : difference ? 127.5 + value / 2 : value;
      }
      return;
    }
    const [colors, zero, low] = difference ? [table.apart, 255, -255] : [table.inks, 0, 0];
    for (let i = 0; i < size; i += 1) {
      const value = values[i];
      words[place * size + i] = colors[(value > 255 ? 255 : value > low ? Math.round(value) : low) + zero];
    }
  });
  own.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  cells.forEach(({ box: [x, y, wide, tall] }, place) => pen.drawImage(scratch, 0, place * height, width, height, x, y, wide, tall));
}
