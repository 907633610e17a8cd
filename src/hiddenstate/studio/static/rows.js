// The rows that a run shows, with their labels, and small drawings of them.

import { RowShape } from "./row_shape.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { paintPixels, penOf } from "../../web/pen.js";

export class RowForm extends RowShape {
  /** @param {import("./store.js").Store} store whose static arrays are here */
  constructor(store) {
    const { shown, shown_label: label } = store.fixed;
    const facts = store.details.shown;
    const [count, steps, features] = shown.shape;
    super(facts, shown.data, steps, features);
    this.count = count;
    /** @type {import("../../web/framing.js").Framing|null} */ this.sound = null;
    /** @type {((from: number, to: number) => string)|undefined} what steps are called, if they are not counted */
    this.span = undefined;
    this.values = shown.data;
    this.labels = label.data;
    /** @type {string[]} */
    this.classes = facts.classes && facts.classes.length ? facts.classes.map(String)
      : Array.from({ length: Math.max(...this.labels) + 1 }, (_, kind) => String(kind));
    /** The names and the ranges of channels. */
    this.view = { columns: this.channels, low: this.ranges.map(([low]) => low), high: this.ranges.map(([, high]) => high) };
  }

  /**
   * Returns the numbers of a row, of the rows shown or of other rows alike.
   * @param {number} row
   * @param {ArrayLike<number>} [values]
   */
  flat(row, values = this.values) { return this.of(row, values); }

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

  /** Says after which step it is decided, of all or not. @param {number} step @param {number} [all] */
  decided(step, all) { return all ? t(`decided after ${this.word} {step} of {all}`, { step, all }) : t(`decided after ${this.word} {step}`, { step }); }

  /** Says how many steps are read. @param {number} at @param {number} count */
  place(at, count) { return t(`${this.word} {at} of {count}`, { at, count }); }

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
    this.draw(penOf(canvas), [0, 0, canvas.clientWidth, canvas.clientHeight], flat, {
      color: colorOf(this.features > 1 && !this.quantities ? "ink" : "prediction") });
  }
}
