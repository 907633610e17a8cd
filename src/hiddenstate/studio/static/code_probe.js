// The code that is looked at: of a row, of what a reader gave, or any other; and what it decodes to.

import { choosable, frameOf } from "./codes.js";
import { stepOf } from "../../web/steps.js";
import { CodeSliders } from "../../web/code_sliders.js";
import { h, say } from "../../web/dom.js";
import { touched } from "./on_demand.js";
import { Nets } from "./net_of_moment.js";
import { Picture } from "./picture.js";
import { reasonOf, t } from "./words.js";
import { short } from "../../web/numbers.js";

/** @typedef {import("./code_rows.js").Form} Form */

const NEIGHBOURS = 6;
const MOST_SLIDERS = 64;

export class Probe {
  /**
   * @param {import("./store.js").Store} store
   * @param {Form} form
   * @param {() => void} moved called when another code is looked at
   */
  constructor(store, form, moved) {
    this.store = store;
    this.form = form;
    this.moved = moved;
    this.row = -1;
    /** @type {ArrayLike<number>|null} */ this.own = null;
    /** @type {Float64Array|null} */ this.code = null;
    /** @type {ArrayLike<number>|null} the row, if there is one */ this.original = null;
    /** @type {ArrayLike<number>|null} */ this.decoded = null;
    this.error = NaN;
    /** Called once it is known how the net scales. */ this.scaled = () => {};
    /** @type {number[]} */ this.near = [];
    /** @type {string[]} */ this.names = [];
    /** @type {number[]|null} */ this.classes = null;
    this.ownName = "";
    this.stale = true;
    this.rows = store.fixed.code_row;
    this.nets = new Nets(store, () => {
      const { model } = this.nets;
      const scale = model && stepOf(model.program.steps, "Scale");
      const first = !form.factor;
      if (model) form.factor = scale ? scale.factor.data : new Float32Array(form.size).fill(1);
      if (first && model) this.scaled();
      this.renew();
    });
    this.decodedPicture = new Picture({
      title: t("What this code decodes to"),
      caption: t("The net of the moment decodes the code in the ring: of a row it shows what is left of it, and what differs: red is too much, blue too little."),
      empty: t("Choose a point, or drag the ring, once the net has weights that are kept."),
      name: "decoded",
      draw: (pen, width, height) => form.beside(pen, width, height, this.original, this.decoded),
    });
    const near = choosable({
      title: t("Nearest in code space"),
      caption: t("The rows whose codes are nearest to the ring. Click one, or choose it with the arrow keys and Enter."),
      empty: t("The rows beside a code appear here."),
      name: "near",
      across: () => NEIGHBOURS, count: () => this.near.length,
      cellAt: (x) => Math.floor((x / this.near_.canvas.clientWidth) * NEIGHBOURS),
      words: (place) => this.nameOf(this.near[place]),
      choose: (place) => { this.choose(this.near[place]); this.tell(); },
      draw: (pen, width, height) => this.drawNear(pen, width, height, near.cursor()),
    });
    this.near_ = near.picture;
    this.numbers = h("div", { class: "numbers" });
    this.weights = h("p", { class: "note weights" });
    this.element = h("div", { class: "touch" }, this.decodedPicture.element, this.near_.element);
    this.decodedPicture.element.append(this.weights, this.numbers, this.giving());
    /** @type {CodeSliders|null} */ this.sliders = null;
    this.decodedPicture.canvas.classList.toggle("pixels", Boolean(form.picture));
    if (form.tall) this.decodedPicture.frame.style.minHeight = `max(9rem, ${form.tall}px)`;
  }

  /**
   * @param {number} points
   * @param {number} size
   * @param {string[]} names
   * @param {number[]|null} classes
   */
  begin(points, size, names, classes) {
    Object.assign(this, { points, size, names, classes, row: -1, own: null, code: null });
    this.sliders = new CodeSliders(this.numbers, Math.min(size, MOST_SLIDERS), (n) => t("number {n}", { n }), (axis, value) => {
      if (this.code) this.go(this.code.map((each, place) => (place === axis ? value : each)));
    }, () => this.tell());
  }

  /** Where a reader draws, or gives rows: it is filled when the page is touched. */
  giving() {
    const fold = (/** @type {string} */ title) => h("details", { class: "given" }, h("summary", {}, title));
    const draw = this.form.picture && !this.form.sound ? fold(t("Draw your own")) : null;
    const rows = fold(t("Paste or drop your own"));
    touched(async () => {
      const { drawOn, rowsIn } = await import("./own_codes.js");
      if (draw) drawOn(this, draw);
      rowsIn(this, rows);
    });
    return draw ? h("div", {}, draw, rows) : rows;
  }

  /**
   * Looks at the code of a row of the run.
   * @param {number} row
   */
  choose(row) {
    this.row = row;
    this.own = null;
    this.renew();
  }

  /**
   * Looks at a row that the reader gave.
   * @param {ArrayLike<number>} values
   * @param {string} name
   * @param {boolean} done
   */
  give(values, name, done) {
    this.row = -1;
    this.own = values;
    this.ownName = name;
    this.renew();
    if (done) this.tell();
  }

  /**
   * Looks at any code.
   * @param {Float64Array} code
   */
  go(code) {
    this.row = -1;
    this.own = null;
    this.code = code;
    this.renew();
  }

  renew() {
    this.stale = true;
    this.moved();
  }

  /**
   * Takes its place among the codes, which may have moved.
   * @param {import("../../web/code_space.js").Space} cloud
   */
  follow(cloud) {
    const { size } = cloud;
    const { model } = this.nets;
    if (this.row >= 0) {
      const before = this.code;
      const code = (this.code = cloud.live.slice(this.row * size, (this.row + 1) * size));
      const moved = !before || code.some((value, axis) => value !== before[axis]);
      if (moved && !this.original) this.stale = true; // what is decoded moves with it
      else if (moved && !this.stale) this.label("");
    }
    if (this.stale) {
      this.compute();
      this.stale = false;
    }
    if (this.code && this.code.length !== size) this.code = null;
    cloud.probe = this.code;
    cloud.square = this.own !== null && model !== null;
    cloud.row = this.row;
    this.findNear(cloud);
    cloud.near = this.near;
    if (this.code && this.sliders) this.sliders.show(this.code, cloud.low, cloud.high);
    this.decodedPicture.paint();
    this.near_.paint();
  }

  /** Decodes. */
  compute() {
    const { form, rows } = this;
    const { model } = this.nets;
    this.original = this.own || (this.row >= 0 && rows && this.row < rows.shape[0] ? form.row(rows, this.row) : null);
    this.decoded = null;
    let problem = "";
    if (model && model.program.n_features === form.size) {
      try {
        if (this.original) {
          const answer = model.predict([this.original]);
          this.decoded = this.inUnits(answer.reconstruction);
          if (this.own) this.code = answer.code;
        } else if (this.code) this.decoded = this.inUnits(model.decode(this.code));
      } catch (error) {
        problem = t("The net cannot read this: {why}.", { why: reasonOf(/** @type {Error} */ (error)) });
      }
    }
    this.error = this.original && this.decoded ? form.error(this.original, this.decoded) : NaN;
    this.decodedPicture.setReady(Boolean(this.decoded || this.original));
    this.label(problem);
    const weights = this.nets.words();
    if (this.weights.textContent !== weights) this.weights.textContent = weights;
  }

  /** Says what is looked at, or why nothing is. @param {string} problem */
  label(problem) {
    const text = problem || this.words();
    if (this.decodedPicture.note.textContent !== text) this.decodedPicture.note.textContent = text;
    this.decodedPicture.describe(`${this.decodedPicture.heading.textContent}. ${text}. ${this.decoded ? this.form.words(this.decoded, short) : ""}`);
  }

  /** Rows of bytes count to 255, and nets decode shares of it. @param {Float64Array} values */
  inUnits(values) { return this.form.bytes ? values.map((value) => Math.min(Math.max(255 * value, 0), 255)) : values; }

  /** @param {import("../../web/code_space.js").Space} cloud */
  findNear({ live, size, shown }) {
    const { code } = this;
    this.near = [];
    if (!code) return;
    const most = this.rows ? Math.min(shown.length, this.rows.shape[0]) : 0;
    /** @type {[number, number][]} */
    const best = [];
    for (let row = 0; row < most; row += 1) {
      if (!shown[row] || row === this.row) continue;
      let far = 0;
      for (let axis = 0; axis < size; axis += 1) far += (live[row * size + axis] - code[axis]) ** 2;
      if (best.length === NEIGHBOURS && far >= best[NEIGHBOURS - 1][0]) continue;
      let place = best.length;
      while (place > 0 && best[place - 1][0] > far) place -= 1;
      best.splice(place, 0, [far, row]);
      if (best.length > NEIGHBOURS) best.pop();
    }
    this.near = best.map(([, row]) => row);
    this.near_.setReady(this.near.length > 0);
  }

  /** @param {number} row */
  nameOf(row) {
    const { fixed, details } = this.store;
    const number = fixed.code_number ? fixed.code_number.data[row] : row;
    const name = details.shown.shown_split === "train" ? t("training row {n}", { n: number }) : t("test row {n}", { n: number });
    return this.classes ? `${name}, ${this.names[this.classes[row]]}` : name;
  }

  /**
   * @param {ArrayLike<number>} code
   * @param {number} [from]
   */
  inWords(code, from = 0) {
    const size = this.code ? this.code.length : code.length - from;
    return t("code {code}", { code: Array.from({ length: Math.min(size, 8) }, (_, axis) => code[from + axis].toFixed(2)).join(", ") });
  }

  words() {
    if (!this.code) return "";
    const kept = this.rows ? this.rows.shape[0] : 0;
    const what = this.row >= kept ? t("{row} (only the codes of rows after the first {n} are kept)", { row: this.nameOf(this.row), n: kept })
      : this.row >= 0 ? this.nameOf(this.row) : this.own ? this.ownName : "";
    const error = Number.isFinite(this.error) ? t("error {error}", { error: short(this.error) }) : "";
    const { drawn, features, picture } = this.form;
    const more = !picture && features > drawn ? t("the first {n} of {all} columns", { n: drawn, all: features }) : "";
    return [what, this.inWords(this.code), error, more].filter(Boolean).join(" · ");
  }

  tell() {
    window.setTimeout(() => say(`${this.words()}. ${this.nets.words()}`), 60);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height @param {number} cursor */
  drawNear(pen, width, height, cursor) {
    const { form, near } = this;
    const wide = width / NEIGHBOURS;
    const side = Math.min((wide - 6) / form.ratio, height - 18);
    form.paint(pen, near.map((row, place) => ({ box: [place * wide + (wide - side * form.ratio) / 2, 1, side * form.ratio, side], values: form.row(this.rows, row), role: "ink" })));
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    const style = getComputedStyle(this.near_.canvas);
    near.forEach((row, place) => {
      const text = this.classes ? this.names[this.classes[row]] : `#${this.store.fixed.code_number ? this.store.fixed.code_number.data[row] : row}`;
      pen.fillStyle = style.color;
      pen.fillText(text.length > 9 ? `${text.slice(0, 8)}…` : text, (place + 0.5) * wide, Math.min(side + 14, height - 3), wide - 2);
    });
    if (cursor >= 0) frameOf(pen, [cursor * wide + 3, 3, wide - 6, height - 6]);
    this.near_.describe(t("Nearest rows: {rows}", { rows: near.map((row) => this.nameOf(row)).join("; ") }));
  }
}
