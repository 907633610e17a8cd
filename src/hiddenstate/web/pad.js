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
const PAPER = "#ffffff"; // of images that are transparent, and of drawings in colour
const LUMA = [0.299, 0.587, 0.114];
const COLORS = [[1], [0, 1], [0, 0, 1]];
const OPAQUE = [0, 0, 0, 1];
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
  const painted = (/** @type {(point: Place) => Place} */ at) => meansOf([height, width], (pen) => strokeAll(pen, strokes, at, PEN * side), [OPAQUE]);
  const values = painted(place);
  if (!centred) return values;
  let [sum, right, down] = [0, 0, 0];
  values.forEach((value, at) => {
    sum += value;
    right += value * ((at % width) + 0.5);
    down += value * (Math.floor(at / width) + 0.5);
  });
  const shift = [Math.round(width / 2 - right / sum), Math.round(height / 2 - down / sum)];
  return painted((point) => place(point).map((value, axis) => value + shift[axis]));
}

/**
 * Returns the numbers of pixels, from 0 to 255, of what is drawn in units of them: of each the means of
 * its part.
 * @param {number[]} shape Height and width.
 * @param {(pen: Pen) => void} draw
 * @param {number[][]} numbers Of each, the weights of red, green, blue and opacity.
 */
function meansOf([height, width], draw, numbers) {
  const canvas = document.createElement("canvas");
  canvas.width = width * FINE;
  canvas.height = height * FINE;
  const pen = contextOf(canvas, { willReadFrequently: true });
  pen.scale(FINE, FINE);
  draw(pen);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(height * width * numbers.length);
  for (let place = 0; place < data.length; place += 4) {
    const [x, y] = [(place / 4) % canvas.width, Math.floor(place / 4 / canvas.width)];
    const first = (Math.floor(y / FINE) * width + Math.floor(x / FINE)) * numbers.length;
    numbers.forEach((weights, number) => weights.forEach((weight, part) => { sums[first + number] += weight * data[place + part]; }));
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
}

/**
 * Returns the pixels that are read of an image, from 0 to 255.
 * @param {CanvasImageSource} image
 * @param {number[]} shape Height and width, and 3 in colour.
 */
export const pixelsOf = (image, shape) => meansOf(shape, (pen) => {
  fillAll(pen, shape, PAPER);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, shape[1], shape[0]);
}, shape[2] ? COLORS : [LUMA]);

/** @param {Pen} pen @param {number[]} shape @param {string} color */
function fillAll(pen, [height, width], color) {
  pen.fillStyle = color;
  pen.fillRect(0, 0, width, height);
}

/**
 * @param {Pen} pen
 * @param {Place[][]} strokes
 * @param {(point: Place) => Place} place
 * @param {number} width
 * @param {string[]} [inks] Of each stroke: that of the pen unless they are given.
 */
function strokeAll(pen, strokes, place, width, inks) {
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.lineWidth = width;
  for (const [number, stroke] of strokes.entries()) {
    if (inks) pen.strokeStyle = inks[number];
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
   * @param {number[]} shape Height and width of the picture, and 3 in colour.
   * @param {(done: boolean) => void} changed Called after every move.
   * @param {(text: string) => void} say Speaks to users of the keys.
   * @param {string} hint What an empty pad says.
   * @param {() => string} [ink] The colour to draw in, of a picture in colour, which is drawn over what
   *   is shown.
   */
  constructor(canvas, shape, changed, say, hint = "draw here", ink = () => "") {
    this.ink = ink;
    /** @type {string[]} Of each stroke. */
    this.inks = [];
    this.paper = PAPER;
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
    if (shape[0] > shape[1]) canvas.style.maxWidth = `${(24 * shape[1]) / shape[0]}rem`;
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
    if (!this.shape[2]) this.shown = null;
    if (fresh || !this.strokes.length) {
      this.strokes.push([point]);
      this.inks.push(this.ink());
    } else this.strokes[this.strokes.length - 1].push(point);
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

  /** Removes the drawing. @param {string} paper The colour of the ground, of a picture in colour. */
  clear(paper = PAPER) {
    this.paper = paper;
    this.strokes = [];
    this.inks = [];
    this.shown = null;
    this.down = false;
    this.draw();
    this.changed(true);
  }

  /**
   * Shows a picture instead of a drawing.
   * @param {ArrayLike<number>} values From 0 to 255.
   */
  show(values) {
    this.strokes = [];
    this.inks = [];
    this.shown = values;
    this.down = false;
    this.draw();
  }

  /** Returns the pixels of a drawing in colour, from 0 to 255. */
  colors() { return meansOf(this.shape, (pen) => this.paint(pen, this.shape[1], this.shape[0]), COLORS); }

  /** Draws the picture that is shown, and the strokes. @param {Pen} pen @param {number} wide @param {number} tall */
  paint(pen, wide, tall) {
    if (this.shape[2] && (this.strokes.length || this.paper !== PAPER)) fillAll(pen, [tall, wide], this.paper);
    if (this.shown) {
      const small = document.createElement("canvas");
      paintPixels(small, this.shape, this.shown);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(small, 0, 0, wide, tall);
    }
    pen.strokeStyle = colorOf("ink");
    strokeAll(pen, this.strokes, ([x, y]) => [x * wide, y * tall], PEN * Math.min(wide, tall), this.shape[2] ? this.inks : undefined);
  }

  draw() {
    const pen = penOf(this.canvas);
    const [wide, tall] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.paint(pen, wide, tall);
    if (this.keys && document.activeElement === this.canvas) {
      pen.strokeStyle = colorOf("prediction");
      pen.lineWidth = 2;
      pen.beginPath();
      const [x, y] = this.pen;
      pen.arc(x * wide, y * tall, this.down ? 5 : 9, 0, 2 * Math.PI);
      pen.stroke();
    } else if (!this.strokes.length && !this.shown && this.paper === PAPER) {
      write(pen, this.hint, wide / 2, tall / 2, colorOf("muted"), "center", 15);
    }
  }
}

/** @typedef {(text: string) => string} Words */

/**
 * Makes a pad whose drawing is read as a picture: centred, and dark on light, if boxes say so; or in
 * colour. An image can be opened, or dropped on the pad.
 * @param {{ canvas: HTMLCanvasElement, centre: HTMLInputElement, light: HTMLInputElement, clear: HTMLElement }} parts
 * @param {number[]} shape Height and width, and 3 in colour.
 * @param {(values: Uint8Array, done: boolean) => void} use
 * @param {() => void} cleared
 * @param {(text: string) => void} say
 * @param {{ words?: Words, on?: HTMLElement, texts?: boolean, fail?: (text: string) => void }} [more] The
 *   language, where images can be dropped, whether other files are taken there too, and what says that a
 *   file is no image.
 */
export function drawingPad({ canvas, centre, light, clear }, shape, use, cleared, say, { words = (text) => text, on = canvas, texts = false, fail = say } = {}) {
  /** @param {boolean} done */
  const read = (done) => {
    if (shape[2]) use(pad.colors(), done);
    if (shape[2] || !pad.strokes.length) return;
    const values = rasterOf(pad.strokes, shape, centre.checked);
    use(light.checked ? values.map((value) => 255 - value) : values, done);
  };
  const soon = eachFrame(() => read(false));
  const usual = light.checked; // images are as rows of the data, unless the box was changed
  const ink = h("input", { type: "color", value: "#c8102e", "aria-label": words("Colour of the pen") });
  /** @type {Pad} */
  const pad = new Pad(canvas, shape, (done) => {
    if (!pad.strokes.length && pad.paper === PAPER) cleared();
    else if (done) read(true);
    else soon();
  }, say, words("draw here"), () => ink.value);
  centre.checked = shape[0] === shape[1];
  for (const box of [centre, light]) box.addEventListener("change", () => read(true));
  clear.addEventListener("click", () => pad.clear());
  const image = async (/** @type {Blob | null | undefined} */ blob) => {
    if (!blob) return;
    try {
      const values = pixelsOf(await createImageBitmap(blob), shape);
      const own = light.checked !== usual && !shape[2] ? values.map((value) => 255 - value) : values;
      pad.show(own);
      use(own, true);
    } catch {
      fail(words("That is no image."));
    }
  };
  const file = h("input", { type: "file", accept: "image/*", hidden: true, onchange: () => { image(file.files && file.files[0]); file.value = ""; } });
  clear.after(" ", h("button", { type: "button", onclick: () => file.click() }, words("Open an image")), file);
  if (shape[2]) {
    clear.after(" ", ink, " ", h("button", { type: "button", onclick: () => pad.clear(ink.value) }, words("Fill")));
    for (const label of [centre, light].map((box) => box.closest("label"))) if (label) label.hidden = true;
  }
  on.addEventListener("dragover", (event) => event.preventDefault());
  on.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer && event.dataTransfer.files[0];
    if (texts && dropped && !dropped.type.startsWith("image/")) return;
    event.stopPropagation();
    image(dropped);
  });
  return pad;
}

/**
 * Adds buttons with pictures to a list.
 * @template {ArrayLike<number>} T
 * @param {HTMLElement} list
 * @param {T[]} rows From 0 to 255.
 * @param {number[]} shape Height and width, and 3 in colour.
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
