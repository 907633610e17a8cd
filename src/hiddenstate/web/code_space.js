// Places and paints codes on the screen, and the code that is looked at; it has no controls.
//
// The axes cover [-1, 1]. One or two axes lie in the plane of the screen; `code_cube.js` shows three.

import { colorOf, inkOn, isDark } from "./colors.js";
import { outline } from "./shapes.js";
import { clamp, extentOf } from "./numbers.js";
import { contextOf, label, line, penOf } from "./pen.js";

/**
 * What codes are of, and how pages speak of them.
 * @typedef {object} Codes
 * @property {number} points
 * @property {number} size numbers of a code
 * @property {number[]|null} classes
 * @property {string[]} names of the classes
 * @property {() => string[]} colors of the classes, in the theme
 * @property {(number: number) => string} word the name of a number of the codes, from 1 on
 */
/** @typedef {[x: number, y: number, z: number]} Point Each in [-1, 1]. */

const REACH = 18; // CSS pixels within which the pointer finds a code
const FEW = 400; // codes that are drawn one by one; the shapes of more are stamped

/** A plot of codes on a canvas. After a change of its fields, call `paint`. */
export class Space {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Codes} data
   * @param {typeof import("./code_cube.js").CUBE|null} [cube] what shows three axes; without it, two are shown
   */
  constructor(canvas, data, cube = null) {
    const { points, size } = data;
    this.canvas = canvas;
    this.pen = contextOf(canvas);
    this.data = data;
    this.size = size;
    this.axes = Math.min(size, cube ? 3 : 2);
    this.cube = this.axes === 3 ? cube : null;
    this.use = [0, 1, 2].slice(0, this.axes); // the numbers that are drawn
    /** @type {Float64Array} (points * size) */ this.live = new Float64Array(points * size);
    /** @type {Float64Array} ends of the axes */ this.low = new Float64Array(size).fill(-1);
    /** @type {Float64Array} */ this.high = new Float64Array(size).fill(1);
    this.shown = new Uint8Array(points).fill(1);
    this.hides = false; // whether codes that are not shown are left out; else they are faded
    /** @type {Set<number>|null} */ this.matches = null; // rows that match the search, or null
    this.chosen = this.hovered = -1;
    /** @type {Float64Array|null} the code that is looked at */ this.probe = null;
    this.row = -1; // whose it is
    /** @type {((space: Space) => CanvasImageSource)|null} a picture of the plane */ this.behind = null;
    this.square = false; // whether it is of a row that the reader gave
    /** @type {number[]} rows whose codes are nearest to it */ this.near = [];
    this.places = new Float32Array(3 * points); // x and y on screen, and nearness, of each code
    this.order = Array.from({ length: points }, (_, row) => row);
    /** @type {Map<string, HTMLCanvasElement>} */ this.stamps = new Map();
    this.stamped = "";
    this.width = this.height = 0;
    this.ink = this.muted = this.line = this.ground = "";
    /** @type {string[]} */ this.colors = [];
    this.turn = this.tilt = this.zoom = 0;
    /** @type {number[]} */ this.shift = [];
    this.home();
  }

  /** Resets the view. */
  home() {
    this.turn = -0.75;
    this.tilt = 0.42;
    this.zoom = 1;
    this.shift = [0, 0];
  }

  /** Rotates three axes, or moves fewer, by CSS pixels. @param {number} dx @param {number} dy */
  drag(dx, dy) {
    if (this.cube) {
      this.turn += dx * 0.008;
      this.tilt = clamp(this.tilt + dy * 0.008, -1.5, 1.5);
    } else {
      this.shift[0] += dx;
      this.shift[1] += dy;
    }
  }

  /** @param {number} factor */
  scale(factor) {
    const before = this.zoom;
    this.zoom = clamp(this.zoom * factor, 0.4, 12);
    this.shift = this.shift.map((way) => (way * this.zoom) / before);
  }

  /** Returns the code of a row, in [-1, 1] on each axis. @param {number} row @returns {Point} */
  code(row) {
    const point = this.share(this.live, row * this.size);
    if (this.axes === 1) point[1] = this.lane(row);
    return point;
  }

  /**
   * Returns the place of a code, in [-1, 1] on each axis.
   * @param {ArrayLike<number>} code
   * @returns {Point}
   */
  share(code, first = 0) {
    /** @type {Point} */
    const point = [0, 0, 0];
    this.use.forEach((which, axis) => {
      const [from, to] = [this.low[which], this.high[which]];
      point[axis] = (2 * (code[first + which] - from)) / (to - from || 1) - 1;
    });
    return point;
  }

  /**
   * Returns the code at a point of the canvas, in the plane parallel to the screen in which another
   * code lies.
   * @param {number} x
   * @param {number} y
   * @param {ArrayLike<number>} from
   */
  codeAt(x, y, from) {
    const point = this.share(from);
    const code = Float64Array.from(from);
    if (this.cube) this.cube.move(this, x, y, point);
    else {
      const [left, top] = this.place([0, 0, 0]);
      const [right, bottom] = this.place([1, -1, 0]);
      point[0] = (x - left) / (right - left);
      point[1] = (top - y) / (bottom - top);
    }
    this.use.forEach((which, axis) => {
      const [low, high] = [this.low[which], this.high[which]];
      code[which] = low + ((point[axis] + 1) / 2) * (high - low);
    });
    return code;
  }

  /** Returns the nearest code that is shown, or the mean of all. @param {number} x @param {number} y */
  codeNear(x, y) {
    const { size, live } = this;
    const row = this.rowAt(x, y, 90);
    if (row >= 0) return live.slice(row * size, (row + 1) * size);
    const middle = new Float64Array(size);
    for (let place = 0; place < live.length; place += 1) middle[place % size] += (live[place] * size) / live.length;
    return middle;
  }

  /**
   * Returns the vertical position of a code of one number: a lane per class, slightly spread.
   * @param {number} row
   */
  lane(row) {
    const { classes, names } = this.data;
    const spread = ((row * 0.618034) % 1) - 0.5;
    if (!classes || !names.length) return spread;
    return 1 - (2 * (classes[row] + 0.5 + 0.6 * spread)) / names.length;
  }

  /**
   * Returns the place of a code on the screen: x, y and nearness, 1 in the centre.
   * @param {Point} code
   */
  place([x, y, z]) {
    if (this.cube) return this.cube.place(this, [x, y, z]);
    const margin = this.axes === 1 ? 0.1 : 0.04; // for names of classes, or numbers
    return [
      (0.5 + margin) * this.width + this.shift[0] + x * (0.9 - 2 * margin) * this.zoom * 0.5 * this.width,
      this.height / 2 - 0.03 * this.height + this.shift[1] - y * 0.82 * this.zoom * 0.5 * this.height,
      1,
    ];
  }

  /**
   * Returns the row whose code is nearest to a point of the canvas, or -1.
   * @param {number} x
   * @param {number} y
   */
  rowAt(x, y, reach = REACH) {
    let best = -1;
    let least = reach;
    for (let row = 0; row < this.data.points; row += 1) {
      if (!this.shown[row]) continue;
      const away = Math.hypot(this.places[3 * row] - x, this.places[3 * row + 1] - y);
      const distance = away - 3 * this.places[3 * row + 2]; // prefer the one nearer to the viewer
      if (distance < least) [least, best] = [distance, row];
    }
    return best;
  }

  /** Paints the codes. */
  paint() {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    penOf(this.canvas);
    [this.ink, this.muted, this.ground] = ["ink", "muted", "ground"].map(colorOf);
    this.line = `color-mix(in srgb, ${this.muted} 28%, transparent)`;
    this.colors = this.data.colors();
    const stamped = `${isDark()} ${this.magnified()} ${window.devicePixelRatio}`;
    if (this.stamped !== stamped) this.stamps.clear();
    this.stamped = stamped;
    this.pen.font = "12px system-ui, sans-serif";
    if (this.cube) this.cube.paint(this);
    else this.paintPlane();
    for (let row = 0; row < this.data.points; row += 1) {
      this.places.set(this.place(this.code(row)), 3 * row);
    }
    this.order.sort((a, b) => this.places[3 * a + 2] - this.places[3 * b + 2]);
    for (const row of this.order) if (!this.hides || this.shown[row]) this.paintCode(row);
    this.paintNames();
    for (const row of [this.hovered, this.chosen]) if (row >= 0) this.paintRing(row);
    if (this.probe) this.paintProbe(this.probe);
  }

  /** Returns the size of codes, relative to a plot of usual size without zoom. */
  magnified() {
    return clamp(this.width / 560, 0.7, 1.3) * Math.min(Math.sqrt(this.zoom), 2);
  }

  /** @param {number} row */
  isFaded(row) { return !this.shown[row] || (this.matches !== null && !this.matches.has(row)); }

  /** Paints a code; many are stamped: their shapes are drawn once. @param {number} row */
  paintCode(row) {
    const { classes, points } = this.data;
    const [x, y, near] = this.places.subarray(3 * row, 3 * row + 3);
    if (points <= FEW) {
      this.paintShape(row, x, y, near);
      return;
    }
    const level = clamp(Math.round((near - 0.7) * 12), 0, 9);
    const key = `${this.isFaded(row) ? "-" : ""}${classes ? classes[row] : 0} ${level}`;
    const dense = window.devicePixelRatio || 1;
    let stamp = this.stamps.get(key);
    if (!stamp) {
      const [nearness, pen] = [0.7 + level / 12, this.pen];
      const side = Math.ceil(2 * (6 * nearness * this.magnified() + 2));
      stamp = document.createElement("canvas");
      stamp.width = stamp.height = Math.ceil(side * dense);
      this.pen = contextOf(stamp);
      this.pen.scale(dense, dense);
      this.paintShape(row, side / 2, side / 2, nearness);
      this.pen = pen;
      this.stamps.set(key, stamp);
    }
    const side = stamp.width / dense;
    /** @param {number} place */
    const at = (place) => Math.round((place - side / 2) * dense) / dense;
    this.pen.drawImage(stamp, at(x), at(y), side, side);
  }

  /** @param {number} row @param {number} x @param {number} y @param {number} near */
  paintShape(row, x, y, near) {
    const { classes, names } = this.data;
    const pen = this.pen;
    const kind = classes ? classes[row] : 0;
    const faded = this.isFaded(row);
    const few = this.data.points <= FEW;
    const size = (few ? 8 : 4) * near * this.magnified();
    // In space, far codes fade a little, to distinguish them from near ones.
    const depth = this.cube ? clamp((near - 0.72) / 0.4, 0, 1) : 1;
    pen.globalAlpha = faded ? 0.14 : 0.5 + 0.5 * depth;
    pen.fillStyle = this.colors[kind];
    pen.beginPath();
    outline(pen, this.lettered() ? 0 : kind, x, y, faded ? size * 0.45 : size);
    pen.fill();
    pen.lineWidth = 0.7;
    pen.strokeStyle = this.ground;
    pen.stroke();
    const name = classes && names.length > 1 ? names[kind] : "";
    if (!faded && few && name && this.lettered()) {
      pen.fillStyle = inkOn(this.colors[kind]);
      pen.font = `600 ${Math.round(size * 1.35)}px system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(name, x, y + 0.5);
    }
    pen.globalAlpha = 1;
  }

  /** Returns whether codes are circles with their labels in them. */
  lettered() {
    return this.data.names.every((name) => name.length <= 2);
  }

  /**
   * Writes the name of each class in the middle of its codes, or up to two lines beside it, where it
   * covers no other name.
   */
  paintNames() {
    const { classes, names } = this.data;
    if (!classes || this.axes === 1 || names.length > 20) return;
    if (this.lettered() && this.data.points <= FEW) return;
    const pen = this.pen;
    /** @type {number[][]} */
    const taken = [];
    pen.font = "600 12px system-ui, sans-serif";
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    names.forEach((name, kind) => {
      const rows = this.order.filter((row) => classes[row] === kind && !this.isFaded(row));
      if (rows.length < (this.matches ? 3 : 1)) return; // few matches are found by their row
      /** @param {number} part */
      const middle = (part) => {
        const all = rows.map((row) => this.places[3 * row + part]).sort((a, b) => a - b);
        return all[Math.floor(all.length / 2)];
      };
      const short = name.length > 28 ? `${name.slice(0, 27)}…` : name;
      const half = pen.measureText(short).width / 2 + 2;
      const x = Math.min(Math.max(middle(0), half), this.width - half);
      const lines = [0, -1, 1, -2, 2].map((line) => middle(1) + 15 * line);
      /** @param {number} y */
      const free = (y) => taken.every(([u, v, w]) => Math.abs(u - x) > w + half
        || Math.abs(v - y) > 14);
      const y = lines.find(free);
      if (y === undefined) return;
      taken.push([x, y, half]);
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.strokeStyle = this.ground;
      pen.strokeText(short, x, y);
      pen.fillStyle = this.ink;
      pen.fillText(short, x, y);
    });
  }

  /** @param {number} row */
  paintRing(row) {
    const [x, y, near] = this.places.subarray(3 * row, 3 * row + 3);
    const pen = this.pen;
    for (const width of [5, 2.5]) {
      pen.lineWidth = width;
      pen.strokeStyle = width === 5 ? this.ground : this.ink;
      pen.beginPath();
      pen.arc(x, y, 12 * near * this.magnified(), 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  /** @param {ArrayLike<number>} code */
  paintProbe(code) {
    const { pen } = this;
    const point = this.share(code);
    if (this.axes === 1) point[1] = this.row >= 0 ? this.lane(this.row) : 0;
    const [x, y, near] = this.place(point);
    for (const row of this.near) {
      line(pen, [[x, y], [this.places[3 * row], this.places[3 * row + 1]]], this.ink, 1, [], 0.4);
    }
    const ring = colorOf(this.square ? "target" : "prediction");
    for (const wide of [6, 3]) {
      pen.strokeStyle = wide === 6 ? this.ground : ring;
      pen.lineWidth = wide;
      pen.beginPath();
      if (this.square) pen.rect(x - 9, y - 9, 18, 18);
      else pen.arc(x, y, 10 * Math.min(near, 1.2), 0, 7);
      pen.stroke();
    }
  }

  /** @param {Point} from @param {Point} to */
  stroke(from, to) {
    const [x, y] = this.place(from);
    const [u, v] = this.place(to);
    line(this.pen, [[x, y], [u, v]], this.line, 1);
  }

  /**
   * Returns the number at a place in [-1, 1] of an axis, as text, in two digits of a quarter of it.
   * @param {number} axis
   * @param {number} share
   */
  number(axis, share) {
    const [from, to] = [this.low[this.use[axis]], this.high[this.use[axis]]];
    const digits = clamp(1 - Math.floor(Math.log10((to - from) / 4 || 1)), 0, 100);
    return Number((from + ((share + 1) / 2) * (to - from)).toFixed(digits)).toString();
  }

  /** Returns the name of an axis. @param {number} axis */
  nameOf(axis) { return this.data.word(this.use[axis] + 1); }

  /** Paints lines and numbers behind codes of one or two numbers. */
  paintPlane() {
    const { axes, behind, data: { classes, names } } = this;
    if (behind && axes === 2) {
      const [[x, y], [u, v]] = [this.place([-1, 1, 0]), this.place([1, -1, 0])];
      this.pen.globalAlpha = 0.4;
      this.pen.drawImage(behind(this), x, y, u - x, v - y);
      this.pen.globalAlpha = 1;
    }
    const [left, top] = this.place([-1.06, 1.06, 0]);
    const [right, bottom] = this.place([1.06, -1.06, 0]);
    const wide = Math.max(...[-1, -0.5, 0, 0.5, 1].map((share) => this.pen.measureText(this.number(0, share)).width));
    const every = wide + 8 < (right - left) / 4.24;
    const low = Math.min(bottom, this.height - 40);
    for (const share of [-1, -0.5, 0, 0.5, 1]) {
      this.stroke([share, -1.06, 0], [share, 1.06, 0]);
      const [x] = this.place([share, -1, 0]);
      if (every || share % 1 === 0) label(this.pen, this.number(0, share), x, low + 12, this.muted, "center");
      if (axes < 2) continue;
      this.stroke([-1.06, share, 0], [1.06, share, 0]);
      const height = this.place([-1, share, 0])[1];
      if (height < low + 2) label(this.pen, this.number(1, share), Math.max(left, 44) - 6, height, this.muted, "right");
    }
    const middle = Math.min(Math.max((left + right) / 2, 40), this.width - 40);
    label(this.pen, this.nameOf(0), middle, Math.min(bottom, this.height - 40) + 29, this.ink, "center");
    if (axes === 2) label(this.pen, this.nameOf(1), Math.max(left, 44), Math.max(top, 18) - 9, this.ink, "left");
    if (axes === 1 && classes && names.length <= 20) {
      names.forEach((name, kind) => {
        const [, y] = this.place([0, 1 - (2 * (kind + 0.5)) / names.length, 0]);
        label(this.pen, name.slice(0, 10), Math.max(left, 78) - 8, y, this.muted, "right");
      });
    }
  }
}

/**
 * Returns the ends of each number of some codes.
 * @param {ArrayLike<number>[]} lists
 * @param {number} size
 */
export function ends(lists, size) {
  const own = Array.from({ length: size }, (_, axis) => extentOf(lists.flatMap((list) => extentOf(list, axis, size))));
  return [0, 1].map((end) => Float64Array.from(own, (each) => each[end]));
}
