// Codes on a canvas, at places that move, and the code that is looked at.

import { classColors } from "./theme.js";
import { t } from "./words.js";
import { Space } from "../../web/code_space.js";
import { colorOf, isDark } from "../../web/colors.js";

/** @typedef {import("../../web/code_space.js").Point} Point */

/** Codes on a canvas, at places that move. */
export class Cloud extends Space {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} points
   * @param {number} size numbers of a code
   * @param {number[]|null} classes
   * @param {string[]} names
   */
  constructor(canvas, points, size, classes, names) {
    const axes = Math.min(size, 3);
    super(canvas, {
      axes, points, left_out: 0, split: "", steps: [0], losses: [null], codes: "", low: [], high: [], from: [[]], to: [[]],
      numbers: null, classes, names, colors: { light: [], dark: [] }, rows: null,
    });
    this.size = size;
    this.use = [0, 1, 2].slice(0, axes); // the numbers that are drawn
    /** @type {Float64Array} */ this.live = new Float64Array(points * size);
    /** @type {ArrayLike<number>} */ this.low = new Float64Array(size).fill(-1);
    /** @type {ArrayLike<number>} */ this.high = new Float64Array(size).fill(1);
    /** @type {ArrayLike<number>|null} the code that is looked at */ this.probe = null;
    this.row = -1; // whose it is
    this.square = false; // whether it is of a row that the reader gave
    /** @type {number[]} rows whose codes are nearest to it */ this.near = [];
    /** @type {Map<string, HTMLCanvasElement>} */ this.stamps = new Map();
    this.stamped = "";
  }

  /** @param {number} row @returns {Point} */
  code(row) {
    const point = this.share(this.live, row * this.size);
    if (this.data.axes === 1) point[1] = this.lane(row);
    return point;
  }

  /** @param {number} axis */
  range(axis) { return [this.low[this.use[axis]], this.high[this.use[axis]]]; }

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
    if (this.deep) {
      const [turned, tilted] = [[Math.sin(this.turn), Math.cos(this.turn)], [Math.sin(this.tilt), Math.cos(this.tilt)]];
      const behind = point[0] * turned[0] + point[1] * turned[1];
      const depth = behind * tilted[1] - point[2] * tilted[0];
      const room = 0.25 * Math.min(this.width, this.height) * this.zoom * this.place(point)[2];
      const [right, up] = [(x - this.width / 2) / room, (0.47 * this.height - y) / room];
      const back = up * tilted[0] + depth * tilted[1];
      point[0] = right * turned[1] + back * turned[0];
      point[1] = back * turned[1] - right * turned[0];
      point[2] = up * tilted[1] - depth * tilted[0];
    } else {
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

  paint() {
    const dark = isDark();
    const colors = classColors(Math.max(this.data.names.length, 1));
    this.data.colors = { light: colors, dark: colors };
    const stamped = `${dark} ${this.magnified()} ${window.devicePixelRatio}`;
    if (this.stamped !== stamped) this.stamps.clear();
    this.stamped = stamped;
    super.paint();
    if (this.probe) this.paintProbe(this.probe);
  }

  /**
   * Many codes are stamped: their shapes are drawn once.
   * @param {number} row
   */
  paintCode(row) {
    if (this.data.points <= 400) {
      super.paintCode(row);
      return;
    }
    const near = this.places[3 * row + 2];
    const faded = !this.shown[row];
    const level = Math.min(Math.max(Math.round((near - 0.7) * 12), 0), 9);
    const kind = this.data.classes ? this.data.classes[row] : 0;
    const key = `${faded ? "-" : kind} ${level}`;
    let stamp = this.stamps.get(key);
    if (!stamp) {
      stamp = this.stampOf(row, 0.7 + level / 12);
      this.stamps.set(key, stamp);
    }
    const dense = window.devicePixelRatio || 1;
    const side = stamp.width / dense;
    const at = (/** @type {number} */ place) => Math.round((place - side / 2) * dense) / dense;
    this.pen.drawImage(stamp, at(this.places[3 * row]), at(this.places[3 * row + 1]), side, side);
  }

  /**
   * @param {number} row
   * @param {number} near
   */
  stampOf(row, near) {
    const dense = window.devicePixelRatio || 1;
    const side = Math.ceil(2 * (6 * near * this.magnified() + 2));
    const stamp = document.createElement("canvas");
    stamp.width = stamp.height = Math.ceil(side * dense);
    const { pen, places } = /** @type {Space} */ (this);
    this.pen = /** @type {CanvasRenderingContext2D} */ (stamp.getContext("2d"));
    this.pen.scale(dense, dense);
    this.places = new Float32Array(3 * this.data.points);
    this.places.set([side / 2, side / 2, near], 3 * row);
    super.paintCode(row);
    [this.pen, this.places] = [pen, places];
    return stamp;
  }

  /** @param {ArrayLike<number>} code */
  paintProbe(code) {
    const { pen } = this;
    const point = this.share(code);
    if (this.data.axes === 1) point[1] = this.row >= 0 ? this.lane(this.row) : 0;
    const [x, y, near] = this.place(point);
    pen.strokeStyle = this.ink;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.4;
    for (const row of this.near) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(this.places[3 * row], this.places[3 * row + 1]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
    for (const [wide, paint] of /** @type {[number, string][]} */ ([[6, this.ground], [3, colorOf(this.square ? "target" : "prediction")]])) {
      pen.strokeStyle = paint;
      pen.lineWidth = wide;
      pen.beginPath();
      if (this.square) pen.rect(x - 9, y - 9, 18, 18);
      else pen.arc(x, y, 10 * Math.min(near, 1.2), 0, 7);
      pen.stroke();
    }
  }

  /**
   * Names of axes are those of the numbers that are drawn.
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {CanvasTextAlign} align
   * @param {string} paint
   */
  write(text, x, y, align, paint) {
    const axis = /^code (\d)$/.exec(text);
    super.write(axis ? t("number {n}", { n: this.use[Number(axis[1]) - 1] + 1 }) : text, x, y, align, paint);
  }
}

/** @param {Cloud} cloud */
export function middleOf({ live, size }) {
  const middle = new Float64Array(size);
  const n = live.length / size;
  for (let place = 0; place < live.length; place += 1) middle[place % size] += live[place] / n;
  return middle;
}

/**
 * Returns the ends of each number of some codes.
 * @param {ArrayLike<number>[]} lists
 * @param {number} size
 */
export function ends(lists, size) {
  const [low, high] = [new Float64Array(size).fill(Infinity), new Float64Array(size).fill(-Infinity)];
  for (const list of lists) {
    for (let place = 0; place < list.length; place += 1) {
      const [axis, value] = [place % size, list[place]];
      if (value < low[axis]) low[axis] = value;
      if (value > high[axis]) high[axis] = value;
    }
  }
  for (let axis = 0; axis < size; axis += 1) {
    if (!(low[axis] < high[axis])) {
      const middle = Number.isFinite(low[axis]) ? low[axis] : 0;
      [low[axis], high[axis]] = [middle - 1, middle + 1];
    }
  }
  return [low, high];
}
