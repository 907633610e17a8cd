// Places and paints codes on the screen; it has no controls.
//
// The axes cover the codes of the moment shown and of the last one: numbers lie in [-1, 1]. Three
// axes are seen in perspective: `turn` rotates about the upright third axis, then `tilt` towards
// the viewer. One or two axes lie in the plane of the screen.

import { colorOf, inkOn, isDark } from "./colors.js";
import { outline } from "./shapes.js";
import { unpack } from "./packed.js";
import { contextOf, line, penOf } from "./pen.js";

/**
 * The rows of codes; `report/html/codes.py` says what each is.
 * @typedef {object} RowData
 * @property {number} n
 * @property {number} width
 * @property {number} channels
 * @property {string[]} names
 * @property {string} more
 * @property {boolean} quantities
 * @property {[height: number, width: number] | null} picture
 * @property {(number | null)[] | null} errors
 * @property {string} bytes uint8 (1 or 2, n, width)
 * @property {boolean} rebuilt
 */
/**
 * The codes of a run at its moments; `report/html/codes.py` says what each is.
 * @typedef {object} CodeData
 * @property {number} axes 1, 2 or 3
 * @property {number} points
 * @property {number} left_out
 * @property {string} split
 * @property {number[]} steps
 * @property {(number | null)[]} losses
 * @property {string} codes uint16 (moments, points, axes)
 * @property {number[]} low
 * @property {number[]} high
 * @property {number[][]} from
 * @property {number[][]} to
 * @property {number[] | null} numbers
 * @property {number[] | null} classes
 * @property {string[]} names
 * @property {{ dark: string[], light: string[] }} colors
 * @property {RowData | null} rows
 */
/** @typedef {[x: number, y: number, z: number]} Point Each in [-1, 1]. */
/** @typedef {(axis: number, a: number, b: number, c: number) => Point} Corner */

const EYE = 4.6; // distance of the eye from the centre of the cube
const REACH = 18; // CSS pixels within which the pointer finds a code

/** A plot of codes on a canvas. After a change of its fields, call `paint`. */
export class Space {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {CodeData} data
   */
  constructor(canvas, data) {
    this.canvas = canvas;
    this.pen = contextOf(canvas);
    this.data = data;
    this.deep = data.axes === 3;
    this.codes = unpack(data.codes, Uint16Array);
    this.moment = data.steps.length - 1; // may be between two
    this.shown = new Uint8Array(data.points).fill(1);
    /** @type {Set<number> | null} */
    this.matches = null; // rows that match the search, or null
    this.chosen = -1;
    this.hovered = -1;
    this.places = new Float32Array(3 * data.points); // x and y on screen, and nearness, of each code
    this.order = Array.from({ length: data.points }, (_, row) => row);
    this.width = this.height = 0;
    this.ink = this.muted = this.line = this.ground = "";
    /** @type {string[]} */
    this.colors = [];
    /** @type {number[][]} */
    this.ranges = [];
    this.rangedAt = -1;
    this.turn = this.tilt = this.zoom = 0;
    /** @type {number[]} */
    this.shift = [];
    this.home();
  }

  /** Resets the view. */
  home() {
    this.turn = -0.75;
    this.tilt = 0.42;
    this.zoom = 1;
    this.shift = [0, 0];
  }

  /**
   * Rotates three axes, or moves fewer, by CSS pixels.
   * @param {number} dx
   * @param {number} dy
   */
  drag(dx, dy) {
    if (this.deep) {
      this.turn += dx * 0.008;
      this.tilt = Math.min(Math.max(this.tilt + dy * 0.008, -1.5), 1.5);
    } else {
      this.shift[0] += dx;
      this.shift[1] += dy;
    }
  }

  /** @param {number} factor */
  scale(factor) {
    const before = this.zoom;
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.4), 12);
    this.shift = this.shift.map((way) => (way * this.zoom) / before);
  }

  /**
   * Returns the code of a row at the moment shown, in [-1, 1] on each axis.
   * @param {number} row
   * @returns {Point}
   */
  code(row) {
    const { points, axes, steps, low, high } = this.data;
    const early = Math.floor(this.moment);
    const late = Math.min(early + 1, steps.length - 1);
    const part = this.moment - early;
    /** @type {Point} */
    const code = [0, 0, 0];
    for (let axis = 0; axis < axes; axis += 1) {
      const a = this.codes[(early * points + row) * axes + axis];
      const b = this.codes[(late * points + row) * axes + axis];
      const value = low[axis] + ((a + (b - a) * part) / 65535) * (high[axis] - low[axis]);
      const [from, to] = this.range(axis);
      code[axis] = (2 * (value - from)) / (to - from || 1) - 1;
    }
    if (axes === 1) code[1] = this.lane(row);
    return code;
  }

  /**
   * Returns the ends of an axis at the moment shown, computed once per moment.
   * @param {number} axis
   */
  range(axis) {
    if (this.rangedAt !== this.moment) {
      const early = Math.floor(this.moment);
      const late = Math.min(early + 1, this.data.steps.length - 1);
      const { from, to } = this.data;
      this.ranges = [from, to].map((ends) => ends[early].map((value, place) => (
        value + (ends[late][place] - value) * (this.moment - early)
      )));
      this.rangedAt = this.moment;
    }
    return [this.ranges[0][axis], this.ranges[1][axis]];
  }

  /**
   * Returns the vertical position of a code of one number: a lane per class, slightly spread.
   * @param {number} row
   */
  lane(row) {
    const { classes, names } = this.data;
    const spread = ((row * 0.618034) % 1) - 0.5;
    if (!classes) return spread;
    return 1 - (2 * (classes[row] + 0.5 + 0.6 * spread)) / names.length;
  }

  /**
   * Returns the place of a code on the screen: x, y and nearness, 1 in the centre.
   * @param {Point} code
   */
  place([x, y, z]) {
    const size = 0.5 * Math.min(this.width, this.height);
    if (!this.deep) {
      const room = 0.82 * this.zoom;
      const margin = this.data.axes === 1 ? 0.1 : 0.04; // for names of classes, or numbers
      return [
        (0.5 + margin) * this.width + this.shift[0]
          + x * (0.9 - 2 * margin) * this.zoom * 0.5 * this.width,
        this.height / 2 - 0.03 * this.height + this.shift[1] - y * room * 0.5 * this.height,
        1,
      ];
    }
    const right = x * Math.cos(this.turn) - y * Math.sin(this.turn);
    const back = x * Math.sin(this.turn) + y * Math.cos(this.turn);
    const up = z * Math.cos(this.tilt) + back * Math.sin(this.tilt);
    const near = EYE / (EYE - z * Math.sin(this.tilt) + back * Math.cos(this.tilt));
    const room = 0.5 * size * this.zoom * near;
    return [this.width / 2 + right * room, 0.47 * this.height - up * room, near];
  }

  /**
   * Returns the row whose code is nearest to a point of the canvas, or -1.
   * @param {number} x
   * @param {number} y
   */
  rowAt(x, y) {
    let best = -1;
    let least = REACH;
    for (let row = 0; row < this.data.points; row += 1) {
      if (!this.shown[row]) continue;
      const away = Math.hypot(this.places[3 * row] - x, this.places[3 * row + 1] - y);
      const distance = away - 3 * this.places[3 * row + 2]; // prefer the one nearer to the viewer
      if (distance < least) {
        least = distance;
        best = row;
      }
    }
    return best;
  }

  /** Paints the codes of the moment. */
  paint() {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    penOf(this.canvas);
    this.ink = colorOf("ink");
    this.muted = colorOf("muted");
    this.ground = colorOf("ground");
    this.line = `color-mix(in srgb, ${this.muted} 28%, transparent)`;
    this.colors = this.data.colors[isDark() ? "dark" : "light"];
    this.pen.font = "12px system-ui, sans-serif";
    if (this.deep) this.paintCube();
    else this.paintPlane();
    for (let row = 0; row < this.data.points; row += 1) {
      this.places.set(this.place(this.code(row)), 3 * row);
    }
    this.order.sort((a, b) => this.places[3 * a + 2] - this.places[3 * b + 2]);
    for (const row of this.order) this.paintCode(row);
    this.paintNames();
    for (const row of [this.hovered, this.chosen]) if (row >= 0) this.paintRing(row);
  }

  /** Returns the size of codes, relative to a plot of usual size without zoom. */
  magnified() {
    return Math.min(Math.max(this.width / 560, 0.7), 1.3) * Math.min(Math.sqrt(this.zoom), 2);
  }

  /** @param {number} row */
  paintCode(row) {
    const { classes, names } = this.data;
    const [x, y, near] = this.places.subarray(3 * row, 3 * row + 3);
    const pen = this.pen;
    const kind = classes ? classes[row] : 0;
    const faded = !this.shown[row] || (this.matches && !this.matches.has(row));
    const few = this.data.points <= 400;
    const size = (few ? 8 : 4) * near * this.magnified();
    // In space, far codes fade a little, to distinguish them from near ones.
    const depth = this.deep ? Math.min(Math.max((near - 0.72) / 0.4, 0), 1) : 1;
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
    const { classes, names, axes } = this.data;
    if (!classes || axes === 1 || names.length > 20 || this.lettered()) return;
    const pen = this.pen;
    /** @type {number[][]} */
    const taken = [];
    pen.font = "600 12px system-ui, sans-serif";
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    names.forEach((name, kind) => {
      const rows = this.order.filter((row) => classes[row] === kind && this.shown[row]
        && !(this.matches && !this.matches.has(row)));
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

  /**
   * @param {Point} from
   * @param {Point} to
   */
  stroke(from, to) {
    const [x, y] = this.place(from);
    const [u, v] = this.place(to);
    line(this.pen, [[x, y], [u, v]], this.line, 1);
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {CanvasTextAlign} align
   * @param {string} color
   */
  write(text, x, y, align, color) {
    this.pen.fillStyle = color;
    this.pen.textAlign = align;
    this.pen.textBaseline = "middle";
    this.pen.fillText(text, x, y);
  }

  /**
   * Returns the number at a place in [-1, 1] of an axis, as text.
   * @param {number} axis
   * @param {number} share
   */
  number(axis, share, digits = 2) {
    const [from, to] = this.range(axis);
    const value = from + ((share + 1) / 2) * (to - from);
    return Number(value.toPrecision(digits)).toString();
  }

  /** Paints the three walls behind the codes, and the names and numbers of the axes. */
  paintCube() {
    const behind = [0, 1, 2].map((axis) => {
      /** @type {Point} */
      const at = [0, 0, 0];
      at[axis] = 1;
      const [, , near] = this.place(at);
      return near < 1 ? 1 : -1;
    });
    /** @type {Corner} */
    const corner = (axis, a, b, c) => {
      /** @type {Point} */
      const at = [0, 0, 0];
      at[axis] = a;
      at[(axis + 1) % 3] = b;
      at[(axis + 2) % 3] = c;
      return at;
    };
    for (let axis = 0; axis < 3; axis += 1) {
      for (const share of [-1, -0.5, 0, 0.5, 1]) {
        this.stroke(corner(axis, behind[axis], share, -1), corner(axis, behind[axis], share, 1));
        this.stroke(corner(axis, behind[axis], -1, share), corner(axis, behind[axis], 1, share));
      }
    }
    for (let axis = 0; axis < 3; axis += 1) this.nameAxis(axis, corner, behind);
  }

  /**
   * Names an axis along its outermost edge that touches only one wall.
   * @param {number} axis
   * @param {Corner} corner
   * @param {number[]} behind
   */
  nameAxis(axis, corner, behind) {
    const next = behind[(axis + 1) % 3];
    const last = behind[(axis + 2) % 3];
    /** @param {number[]} edge */
    const outside = ([b, c]) => {
      const [x, y] = this.place(corner(axis, 0, b, c));
      return axis === 2 ? -x : y;
    };
    const edges = [[-next, last], [next, -last]].sort((a, b) => outside(b) - outside(a));
    const [b, c] = edges[0];
    /** @param {number} share @param {number} far */
    const away = (share, far) => {
      const [x, y] = this.place(corner(axis, share, b, c));
      const [u, v] = this.place(corner(axis, share, b * far, c * far));
      return [x + (u - x), y + (v - y)];
    };
    for (const share of [-0.9, 0.9]) {
      const [x, y] = away(share, 1.1);
      this.write(this.number(axis, share), x, y, "center", this.muted);
    }
    const [x, y] = away(0, 1.22);
    const inside = Math.min(Math.max(x, 26), this.width - 26);
    this.write(`code ${axis + 1}`, inside, Math.min(y, this.height - 12), "center", this.ink);
  }

  /** Paints lines and numbers behind codes of one or two numbers. */
  paintPlane() {
    const { axes, classes, names } = this.data;
    const [left, top] = this.place([-1.06, 1.06, 0]);
    const [right, bottom] = this.place([1.06, -1.06, 0]);
    for (const share of [-1, -0.5, 0, 0.5, 1]) {
      this.stroke([share, -1.06, 0], [share, 1.06, 0]);
      const [x, y] = this.place([share, -1, 0]);
      const low = Math.min(bottom, this.height - 40);
      this.write(this.number(0, share), x, low + 12, "center", this.muted);
      if (axes < 2) continue;
      this.stroke([-1.06, share, 0], [1.06, share, 0]);
      const height = this.place([-1, share, 0])[1];
      this.write(this.number(1, share), Math.max(left, 44) - 6, height, "right", this.muted);
    }
    const middle = Math.min(Math.max((left + right) / 2, 40), this.width - 40);
    this.write("code 1", middle, Math.min(bottom, this.height - 40) + 29, "center", this.ink);
    if (axes === 2) this.write("code 2", Math.max(left, 44), Math.max(top, 14) - 9, "left", this.ink);
    if (axes === 1 && classes && names.length <= 20) {
      names.forEach((name, kind) => {
        const [, y] = this.place([0, 1 - (2 * (kind + 0.5)) / names.length, 0]);
        this.write(name.slice(0, 10), Math.max(left, 78) - 8, y, "right", this.muted);
      });
    }
  }
}
