// A pad to draw on, and the picture that a network reads of it.

import { colorOf } from "./colors.js";
import { h } from "./dom.js";
import { contextOf, eachFrame, paintPixels, penOf, redrawWith, write } from "./pen.js";
import { clamp } from "./numbers.js";

/** @import { Pen } from "./pen.js" */
/** @typedef {number[]} Place x and y: shares of a pad, or CSS pixels. */

const FINE = 8; // samples of a pixel on each side
const PEN = 2.5 / 28; // width of the pen, as a share of the shorter side of a picture
/** @type {Record<string, number[]>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const BOX = 20 / 28; // side of the box of a centred drawing, as MNIST has it

/**
 * Returns the pixels (height * width), from 0 to 255, of strokes, whose points are shares of the pad.
 * Centred, the drawing is as large as the box, and its centre of mass in the middle, as in MNIST.
 * @param {Place[][]} strokes
 * @param {number[]} shape Height and width.
 * @param {boolean} centred
 */
export function rasterOf(strokes, [height, width], centred) {
  const side = Math.min(height, width);
  const points = strokes.flat().map(([x, y]) => [x * width, y * height]);
  if (!points.length) return new Uint8Array(height * width);
  /** @param {Place} point */
  let place = ([x, y]) => [x * width, y * height];
  if (centred) {
    const ends = [0, 1].map((axis) => {
      const values = points.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    });
    const extent = Math.max(...ends.map(([low, high]) => high - low));
    const scale = Math.min((BOX - PEN) * side / extent, 4);
    const middle = ends.map(([low, high]) => (low + high) / 2);
    place = ([x, y]) => [
      width / 2 + (x * width - middle[0]) * scale, height / 2 + (y * height - middle[1]) * scale];
  }
  const values = painted(strokes, place, height, width);
  if (!centred) return values;
  let [sum, right, down] = [0, 0, 0];
  values.forEach((value, at) => {
    sum += value;
    right += value * ((at % width) + 0.5);
    down += value * (Math.floor(at / width) + 0.5);
  });
  const shift = [Math.round(width / 2 - right / sum), Math.round(height / 2 - down / sum)];
  return painted(strokes, (point) => place(point).map((value, axis) => value + shift[axis]), height, width);
}

/**
 * @param {Place[][]} strokes
 * @param {(point: Place) => Place} place
 * @param {number} height
 * @param {number} width
 */
function painted(strokes, place, height, width) {
  const canvas = document.createElement("canvas");
  canvas.width = width * FINE;
  canvas.height = height * FINE;
  const pen = contextOf(canvas, { willReadFrequently: true });
  pen.scale(FINE, FINE);
  strokeAll(pen, strokes, place, PEN * Math.min(height, width));
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(height * width);
  for (let y = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1) {
      sums[Math.floor(y / FINE) * width + Math.floor(x / FINE)] += data[4 * (y * canvas.width + x) + 3];
    }
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
}

/**
 * @param {Pen} pen
 * @param {Place[][]} strokes
 * @param {(point: Place) => Place} place
 * @param {number} width
 */
function strokeAll(pen, strokes, place, width) {
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.lineWidth = width;
  for (const stroke of strokes) {
    pen.beginPath();
    for (const point of stroke.length === 1 ? [...stroke, ...stroke] : stroke) {
      const [x, y] = place(point);
      pen.lineTo(x, y);
    }
    pen.stroke();
  }
}

/** A canvas to draw on with a pointer or keys. */
export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number[]} shape Height and width of the picture.
   * @param {(done: boolean) => void} changed Called after every move.
   * @param {(text: string) => void} say Speaks to users of the keys.
   * @param {string} hint What an empty pad says.
   */
  constructor(canvas, shape, changed, say, hint = "draw here") {
    this.hint = hint;
    this.canvas = canvas;
    this.shape = shape;
    this.changed = changed;
    this.say = say;
    /** @type {Place[][]} */
    this.strokes = [];
    /** @type {ArrayLike<number> | null} */
    this.shown = null;
    this.pen = [0.5, 0.2];
    this.down = this.drawing = this.keys = false;
    canvas.style.aspectRatio = `${shape[1]} / ${shape[0]}`;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => this.end());
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.draw());
    redrawWith(() => this.draw(), canvas);
    this.draw();
  }

  /** @param {PointerEvent} event */
  placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.keys = false;
    this.down = false;
    this.drawing = true;
    this.add(this.placeOf(event), true);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.drawing) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [event];
    for (const each of events.length ? events : [event]) this.strokes[this.strokes.length - 1].push(this.placeOf(each));
    this.draw();
    this.changed(false);
  }

  end() {
    if (!this.drawing) return;
    this.drawing = false;
    this.changed(true);
  }

  /**
   * Adds a point, to a new stroke or to the last one.
   * @param {Place} point
   * @param {boolean} fresh
   */
  add(point, fresh) {
    this.shown = null;
    if (fresh || !this.strokes.length) this.strokes.push([point]);
    else this.strokes[this.strokes.length - 1].push(point);
    this.draw();
    this.changed(false);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const move = MOVES[event.key];
    if (move) {
      const far = event.shiftKey ? 0.01 : 0.04;
      this.pen = this.pen.map((value, axis) => clamp(value + far * move[axis], 0, 1));
      this.keys = true;
      if (this.down) this.add(this.pen, false);
      else this.draw();
    } else if (event.key === " ") {
      this.down = !this.down;
      this.keys = true;
      if (this.down) this.add(this.pen, true);
      else this.changed(true);
      this.say(this.down ? "pen down" : "pen up");
      this.draw();
    } else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
  }

  /** Removes the drawing. */
  clear() {
    this.strokes = [];
    this.shown = null;
    this.down = false;
    this.draw();
    this.changed(true);
  }

  /**
   * Shows a picture instead of a drawing.
   * @param {ArrayLike<number>} values (height * width), from 0 to 255
   */
  show(values) {
    this.strokes = [];
    this.shown = values;
    this.down = false;
    this.draw();
  }

  draw() {
    const pen = penOf(this.canvas);
    const [wide, tall] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (this.shown) {
      const small = document.createElement("canvas");
      paintPixels(small, this.shape, this.shown);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(small, 0, 0, wide, tall);
      return;
    }
    /** @param {Place} point */
    const place = ([x, y]) => [x * wide, y * tall];
    pen.strokeStyle = colorOf("ink");
    strokeAll(pen, this.strokes, place, PEN * Math.min(wide, tall));
    if (this.keys && document.activeElement === this.canvas) {
      pen.strokeStyle = colorOf("prediction");
      pen.lineWidth = 2;
      pen.beginPath();
      const [x, y] = place(this.pen);
      pen.arc(x, y, this.down ? 5 : 9, 0, 2 * Math.PI);
      pen.stroke();
    } else if (!this.strokes.length) {
      write(pen, this.hint, wide / 2, tall / 2, colorOf("muted"), "center", 15);
    }
  }
}

/**
 * Makes a pad whose drawing is read as a picture: centred, and dark on light, if boxes say so.
 * @param {{ canvas: HTMLCanvasElement, centre: HTMLInputElement, light: HTMLInputElement, clear: HTMLElement }} parts
 * @param {number[]} shape Height and width.
 * @param {(values: Uint8Array, done: boolean) => void} use
 * @param {() => void} cleared
 * @param {(text: string) => void} say
 * @param {string} [hint]
 */
export function drawingPad({ canvas, centre, light, clear }, shape, use, cleared, say, hint) {
  /** @param {boolean} done */
  const read = (done) => {
    if (!pad.strokes.length) return;
    const values = rasterOf(pad.strokes, shape, centre.checked);
    use(light.checked ? values.map((value) => 255 - value) : values, done);
  };
  const soon = eachFrame(() => read(false));
  /** @type {Pad} */
  const pad = new Pad(canvas, shape, (done) => {
    if (!pad.strokes.length) cleared();
    else if (done) read(true);
    else soon();
  }, say, hint);
  centre.checked = shape[0] === shape[1];
  for (const box of [centre, light]) box.addEventListener("change", () => read(true));
  clear.addEventListener("click", () => pad.clear());
  return pad;
}

/**
 * Adds buttons with pictures to a list.
 * @template {ArrayLike<number>} T
 * @param {HTMLElement} list
 * @param {T[]} rows (height * width) each, from 0 to 255
 * @param {number[]} shape Height and width.
 * @param {string[]} names Of the first rows.
 * @param {(values: T, number: number) => void} choose Called on a click.
 */
export function addExamples(list, rows, shape, names, choose) {
  const paint = rows.map((values, number) => {
    const canvas = h("canvas", { class: "pixels" });
    const label = `Picture ${number + 1}${names[number] === undefined ? "" : `: ${names[number]}`}`;
    list.append(h("li", {}, h("button", { type: "button", "aria-label": label, onclick: () => choose(values, number) }, canvas)));
    return () => paintPixels(canvas, shape, values);
  });
  const all = () => paint.forEach((each) => each());
  all();
  document.addEventListener("theme", all);
}
