// Small pictures of rows beside their points, where they do not cover one another.

import { colorOf, isDark } from "../../web/colors.js";
import { contextOf, line } from "../../web/pen.js";

const TALL = 34; // CSS pixels of a picture
const APART = 1.12; // pictures between two middles, at least
const MOST = 120; // that are drawn
const KEPT = 500; // that are kept

export class Thumbnails {
  /**
   * @param {import("./code_rows.js").Form} form
   * @param {import("./api.js").NamedArray} rows the first rows
   */
  constructor(form, rows) {
    this.form = form;
    this.rows = rows;
    this.tall = form.picture ? TALL : TALL + 2;
    this.wide = Math.round(this.tall * Math.min(form.ratio, 2.2));
    /** @type {Map<number, HTMLCanvasElement>} */ this.made = new Map();
    this.look = "";
    /** @type {[row: number, x: number, y: number][]} that were drawn, which stay where they can */ this.drawn = [];
  }

  /**
   * Draws those that have room.
   * @param {import("../../web/code_space.js").Space} cloud that is painted
   */
  paint(cloud) {
    const { wide, tall } = this;
    const look = `${isDark()} ${window.devicePixelRatio}`;
    if (look !== this.look || this.made.size > KEPT) this.made.clear();
    this.look = look;
    const kept = this.rows.shape[0];
    /** @type {[number, number, number][]} */ const placed = [];
    const tried = this.drawn.map(([row]) => row);
    const before = new Set(tried);
    for (let row = 0; row < kept; row += 1) if (!before.has(row)) tried.push(row);
    for (const row of tried) {
      if (cloud.isFaded(row)) continue;
      const x = cloud.places[3 * row];
      const y = cloud.places[3 * row + 1] - tall / 2 - 9;
      if (x < wide / 2 || x > cloud.width - wide / 2 || y < tall / 2 || y > cloud.height - tall / 2) continue;
      if (placed.some(([, u, v]) => Math.abs(u - x) < APART * wide && Math.abs(v - y) < APART * (tall + 9))) continue;
      placed.push([row, x, y]);
      if (placed.length === MOST) break;
    }
    this.drawn = placed;
    const { pen, data: { classes } } = cloud;
    for (const [row, x, y] of placed) {
      const color = cloud.colors[classes ? classes[row] : 0];
      line(pen, [[x, y + tall / 2], [x, y + tall / 2 + 6]], color, 1.5);
      pen.drawImage(this.of(row), x - wide / 2, y - tall / 2, wide, tall);
      pen.strokeStyle = color;
      pen.lineWidth = 1.5;
      pen.strokeRect(x - wide / 2, y - tall / 2, wide, tall);
    }
  }

  /** Returns the row whose picture is at a place; -1 if there is none. @param {number} x @param {number} y */
  rowAt(x, y) {
    const found = this.drawn.find(([, u, v]) => Math.abs(u - x) <= this.wide / 2 && Math.abs(v - y) <= this.tall / 2);
    return found ? found[0] : -1;
  }

  /** Returns the picture of a row. @param {number} row */
  of(row) {
    let canvas = this.made.get(row);
    if (canvas) return canvas;
    const dense = window.devicePixelRatio || 1;
    canvas = document.createElement("canvas");
    canvas.width = Math.ceil(this.wide * dense);
    canvas.height = Math.ceil(this.tall * dense);
    const pen = contextOf(canvas);
    pen.scale(dense, dense);
    pen.fillStyle = colorOf("ground");
    pen.fillRect(0, 0, this.wide, this.tall);
    const room = this.form.picture ? 0 : 2;
    this.form.paint(pen, [{ box: [room, room, this.wide - 2 * room, this.tall - 2 * room], values: this.form.row(this.rows, row), role: "ink" }]);
    this.made.set(row, canvas);
    return canvas;
  }
}
