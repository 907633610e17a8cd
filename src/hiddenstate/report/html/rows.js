// Shows the row of a code: itself and its reconstruction, as pictures or lines, and facts.

import { colorOf } from "../../web/colors.js";
import { unpack } from "../../web/bytes.js";
import { paintPixels, penOf, write } from "../../web/pen.js";
import { drawRow } from "../../web/row_picture.js";

/**
 * The rows of codes; `codes.py` says what each is.
 * @typedef {object} RowData
 * @property {number} n
 * @property {number} width
 * @property {number} channels
 * @property {string[]} names
 * @property {string} more
 * @property {boolean} quantities
 * @property {number[] | null} picture Height and width, and 3 in colour.
 * @property {(number | null)[] | null} errors
 * @property {string} bytes uint8 (1 or 2, n, width)
 * @property {boolean} rebuilt
 */
/** @typedef {{numbers: number[]|null, classes: number[]|null, names: string[], split: string, rows: RowData|null}} CodeData */

/** The row of a code, in elements that are made already. */
export class RowViewer {
  /**
   * @param {(name: string) => any} find Returns the element "title", "facts", "pair" (both canvases),
   *   "rebuilt-part", or the canvas "original" or "rebuilt".
   * @param {CodeData} data
   */
  constructor(find, data) {
    this.data = data;
    this.find = find;
    this.rows = data.rows;
    this.bytes = this.rows ? unpack(this.rows.bytes, Uint8Array) : new Uint8Array(0);
    /** @type {[row: number, code: string[]] | null} */
    this.shown = null;
    find("pair").hidden = true;
    find("pair").classList.toggle("lines", this.rows !== null && !this.rows.picture);
    find("rebuilt-part").hidden = !(this.rows && this.rows.rebuilt);
  }

  /**
   * Returns the number of a row in its part of the data.
   * @param {number} row
   */
  number(row) {
    return this.data.numbers ? this.data.numbers[row] : row;
  }

  /**
   * Returns the name of a row: its number, and its label if there is one.
   * @param {number} row
   */
  name(row) {
    const { classes, names, split } = this.data;
    const label = classes ? `, ${names[classes[row]]}` : "";
    return `${split} row ${this.number(row)}${label}`;
  }

  /**
   * Shows a row, or none.
   * @param {number} row -1 for none.
   * @param {string[]} code Its numbers in words.
   */
  show(row, code) {
    const { find, rows } = this;
    this.shown = [row, code];
    const available = rows !== null && row >= 0 && row < rows.n;
    find("pair").hidden = !available;
    if (row < 0) {
      find("title").textContent = "No row selected";
      find("facts").textContent = "Point at a code, or press N in the plot.";
      return;
    }
    const name = this.name(row);
    find("title").textContent = name[0].toUpperCase() + name.slice(1);
    const facts = [`code (${code.join(", ")})`];
    if (available && rows.errors) {
      facts.push(`squared error per scaled number ${rows.errors[row] ?? "not finite"}`);
    }
    if (rows && !available) facts.push(`only ${rows.n} rows are saved`);
    find("facts").textContent = facts.join("; ");
    if (!available) return;
    this.draw(rows, find("original"), row, 0);
    if (rows.rebuilt) this.draw(rows, find("rebuilt"), row, 1);
  }

  /** Shows the same row in the colours of now. */
  again() {
    if (this.shown) this.show(...this.shown);
  }

  /**
   * Returns the numbers of a row (part 0) or of its reconstruction (part 1), from 0 to 255.
   * @param {RowData} rows
   * @param {number} row
   * @param {number} part
   */
  values(rows, row, part) {
    const first = (part * rows.n + row) * rows.width;
    return this.bytes.subarray(first, first + rows.width);
  }

  /**
   * @param {RowData} rows
   * @param {HTMLCanvasElement} canvas
   * @param {number} row
   * @param {number} part
   */
  draw(rows, canvas, row, part) {
    if (rows.picture) paintPixels(canvas, rows.picture, this.values(rows, row, part));
    else this.drawLines(rows, canvas, row, part);
  }

  /**
   * Draws the channels of a series in lanes, or quantities as bars, with their names at the left; a
   * reconstruction is drawn over its row.
   * @param {RowData} rows
   * @param {HTMLCanvasElement} canvas
   * @param {number} row
   * @param {number} part
   */
  drawLines(rows, canvas, row, part) {
    const { channels, names, more, quantities } = rows;
    canvas.style.height = `${(quantities ? 17 : 44) * channels + (more ? 16 : 0)}px`;
    const pen = penOf(canvas);
    const [wide, tall] = [canvas.clientWidth, canvas.clientHeight - (more ? 16 : 0)];
    if (more) write(pen, more, 6, tall + 11, colorOf("muted"), "left", 11, wide);
    const again = part ? this.values(rows, row, 1) : null;
    drawRow(pen, [6, 0, wide - 6, tall], this.values(rows, row, 0), again, { quantities, channels, names, color: colorOf(quantities ? "prediction" : "target") });
  }
}
