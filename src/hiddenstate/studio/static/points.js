// All rows of the data of a run, up to 2,000: where their codes lie, coloured and filtered by any column.

import { arraysAt } from "./api.js";
import { Form } from "./code_rows.js";
import { Filters, ramp, said, scaleOf } from "./columns.js";
import { Moving } from "./easing.js";
import { Nets } from "./net_of_moment.js";
import { Picture } from "./picture.js";
import { classColors } from "./theme.js";
import { Thumbnails } from "./thumbnails.js";
import { t, teller } from "./words.js";
import { CUBE } from "../../web/code_cube.js";
import { CodePlot, turnsWith } from "../../web/code_plot.js";
import { Space, ends } from "../../web/code_space.js";
import { colorOf } from "../../web/colors.js";
import { fill, h, say } from "../../web/dom.js";
import { clamp, short } from "../../web/numbers.js";
import { dress } from "../../web/shapes.js";

/** @typedef {import("./columns.js").Column} Column */

const MOST_COLORS = 20; // values of a column that have a colour and a name each
const MOST_CODES = 60; // moments whose codes are kept

export class Points {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.coded = store.details.answers === "codes";
    this.part = store.details.data.rows.test ? "test" : "train";
    this.asked = this.which = ""; // which rows, and the codes of which moment
    this.busy = false;
    /** @type {Map<string, Record<string, import("./api.js").NamedArray>>} */ this.codes = new Map();
    /** @type {Column[]} */ this.columns = [];
    /** @type {Space|null} */ this.cloud = null;
    /** @type {Form|null} */ this.form = null;
    /** @type {Thumbnails|null} */ this.thumbnails = null;
    this.all = this.n = 0;
    /** @type {(text: string) => string} */ this.said = t;
    /** @type {string[]} */ this.colors = [];
    /** @type {import("./api.js").NamedArray|null} */ this.rows = null;
    this.nets = this.coded ? new Nets(store, () => this.describe()) : null;
    this.picture = new Picture({
      title: t("All rows"),
      caption: this.coded ? t("Each point is a row of the data, up to 2,000 of them, where its code lies. Colour and filter the points by any column; point at one, or press N and P, to see its row. Drag to turn or move, + and - zoom, Home resets.")
        : t("Each point is a row of the data, up to 2,000 of them: the hidden state after its last step, on the three axes along which these vary most. Colour and filter the points by any column; point at one, or press N and P, to see its row. Drag to turn or move, + and - zoom, Home resets."),
      empty: t("The rows are read when they come into view."),
      name: "cloud",
      draw: (_, width, height) => this.draw(width, height),
    });
    this.moving = new Moving(this.picture.paint);
    this.filters = new Filters(() => this.filter());
    this.row = new Picture({
      title: t("Its row"), caption: t("The row that is pointed at or chosen, what the net makes of it, and its columns."),
      empty: t("Point at a point, or choose one with N and P."), name: "its-row",
      draw: (pen, width, height) => { if (this.form && this.shown >= 0) this.form.beside(pen, width, height, this.original(), this.decoded()); },
    });
    this.values = h("dl", { class: "values", tabindex: "0", hidden: true, "aria-label": t("Columns of the row") });
    this.row.element.append(this.values);
    this.count = h("output", { class: "count" });
    this.key = h("div", { class: "tints" });
    this.tint = h("select", { onchange: () => this.color() });
    this.parts = h("select", { "aria-label": t("Rows of the data"), onchange: () => { this.part = this.parts.value; this.look(); } });
    this.small = check(t("thumbnails"), true, this.picture.paint);
    this.hides = check(t("hide the others"), false, () => this.filter());
    this.turning = h("button", { type: "button", "aria-pressed": "false" }, t("Rotate"));
    this.plot = new CodePlot(this.picture.canvas, {
      paint: this.picture.paint, choose: (row) => this.choose(row), hover: () => this.describe(), done: () => say(this.words()),
    });
    turnsWith(this.plot, this.turning);
    this.picture.tools.append(this.parts, h("label", {}, t("colour"), " ", this.tint), this.small.element, this.turning);
    this.picture.element.append(this.key, h("div", { class: "row sift" }, this.filters.more, this.filters.none, this.hides.element, this.count), this.filters.list);
    this.element = h("div", { class: "wide points" }, this.picture.element, this.row.element);
    this.parts.append(...["test", "train"].filter((part) => store.details.data.rows[part]).map((part) => h("option", { value: part }, part === "test" ? t("test rows") : t("training rows"))));
    this.parts.hidden = this.parts.options.length < 2;
    document.addEventListener("theme", () => this.color());
    this.near = false;
    new IntersectionObserver(([{ isIntersecting }]) => { this.near = isIntersecting; this.look(); }).observe(this.picture.frame);
    for (const name of ["news", "moment"]) store.addEventListener(name, () => this.look());
  }

  /** The row that is shown: that which is pointed at, or chosen; -1 if none. */
  get shown() { return this.cloud ? (this.cloud.hovered >= 0 ? this.cloud.hovered : this.cloud.chosen) : -1; }

  /** Asks for what is missing of what is to be seen: the rows, or the codes of the moment. */
  async look() {
    const { store, part } = this;
    const which = store.netAt;
    if (!this.near || this.busy || which === null || !this.picture.canvas.isConnected) return;
    const address = `/api/runs/${store.id}/points/${part}`;
    const key = `${part} ${which}`;
    if (this.which === key) return; // also if it could not be answered
    this.busy = true;
    try {
      if (this.asked !== part) {
        this.picture.blank.textContent = t("The rows are read…");
        this.said = await teller();
        this.begin(await arraysAt(`${address}/rows`));
        this.asked = part;
      }
      const codes = this.codes.get(key) || await arraysAt(`${address}/${which}`);
      this.codes.set(key, codes);
      if (this.codes.size > MOST_CODES) this.codes.delete([...this.codes.keys()][0]);
      this.take(codes);
    } catch (error) {
      this.picture.setReady(false);
      this.picture.blank.textContent = /** @type {Error} */ (error).message;
    }
    this.which = key;
    this.busy = false;
    this.look();
  }

  /** Takes the rows and their columns. @param {Record<string, import("./api.js").NamedArray>} arrays */
  begin(arrays) {
    const { store } = this;
    const facts = JSON.parse(new TextDecoder().decode(/** @type {Uint8Array} */ (arrays.facts.data)));
    if (facts.why) throw new Error(this.said(facts.why));
    this.rows = arrays.row;
    this.form = new Form(store, arrays.row);
    this.row.canvas.classList.toggle("pixels", Boolean(this.form.picture));
    this.row.frame.style.minHeight = this.form.tall ? `max(9rem, ${this.form.tall}px)` : "";
    this.thumbnails = new Thumbnails(this.form, arrays.row);
    this.all = facts.all;
    this.n = arrays.number.shape[0];
    /** @param {string} id @param {string} name @param {Column["kind"]} kind @param {ArrayLike<number>} values @param {string[]} [words] */
    const own = (id, name, kind, values, words = []) => ({ id: `own ${id}`, name, kind, values, words, is_id: id === "line" || id === "number" });
    const classes = /** @type {string[]} */ (facts.classes);
    const blank = new Float64Array(this.n).fill(NaN);
    this.columns = [
      ...(arrays.label ? [own("class", t("class"), "words", arrays.label.data, classes)] : []),
      ...(this.coded ? [] : [own("answer", t("answer"), "words", new Int32Array(this.n), classes), own("verdict", t("right or wrong"), "words", new Int32Array(this.n), [t("right"), t("wrong")])]),
      own("error", t("error"), "number", blank),
      ...facts.columns.map((/** @type {any} */ each, /** @type {number} */ place) => ({ ...each, id: `column ${place}`, values: arrays[`column ${place}`].data })),
      ...(arrays.line ? [own("line", t("line of the file"), "number", arrays.line.data)] : []),
      own("number", t("row number"), "number", arrays.number.data),
    ];
    const tint = this.tint.value;
    fill(this.tint, h("option", { value: "" }, t("none")), this.columns.map(({ id, name, kind }) => kind !== "text" && h("option", { value: id }, name)));
    this.tint.value = this.columns.some(({ id }) => id === tint) ? tint : arrays.label ? "own class" : "own error";
    this.cloud = this.plot.space = null;
    this.codes.clear();
    this.filters.begin(this.columns);
  }

  /** Takes the codes of a moment. @param {Record<string, import("./api.js").NamedArray>} arrays */
  take({ code, error, answer }) {
    const size = code.shape[1];
    const column = (/** @type {string} */ name) => /** @type {Column} */ (this.columns.find(({ id }) => id === `own ${name}`));
    if (error) column("error").values = error.data;
    if (answer) {
      const label = this.columns.find(({ id }) => id === "own class");
      column("answer").values = answer.data;
      column("verdict").values = Int32Array.from(answer.data, (kind, row) => (!label ? -1 : kind === label.values[row] ? 0 : 1));
    }
    const first = !this.cloud;
    if (!this.cloud) {
      this.cloud = this.plot.space = new Space(this.picture.canvas, {
        points: this.n, size, classes: null, names: [], colors: () => this.colors, word: (n) => (this.coded ? t("number {n}", { n }) : t("axis {n}", { n })),
      }, CUBE);
      this.turning.hidden = !this.cloud.cube;
      const { cloud, thumbnails } = this;
      cloud.rowAt = (x, y, reach) => { // also by its picture
        const row = this.small.on() && thumbnails ? thumbnails.rowAt(x, y) : -1;
        return row < 0 ? Space.prototype.rowAt.call(cloud, x, y, reach) : row;
      };
    }
    const [low, high] = ends([code.data], size);
    this.moving.set("low", low, first);
    this.moving.set("high", high, first);
    this.moving.set("code", code.data, first);
    this.picture.setReady(true);
    this.filters.renew();
    this.color();
    this.filter();
  }

  /** Draws the points, and small pictures of their rows. @param {number} width @param {number} height */
  draw(width, height) {
    const { cloud } = this;
    const [code, low, high] = ["code", "low", "high"].map((name) => this.moving.get(name));
    if (!cloud || !width || !height || !code || !low || !high) return;
    Object.assign(cloud, { live: code, low, high });
    cloud.paint();
    if (this.small.on() && this.thumbnails) this.thumbnails.paint(cloud);
    for (const row of [cloud.hovered, cloud.chosen]) if (row >= 0) cloud.paintRing(row);
  }

  /** Colours the points by the column that is chosen. */
  color() {
    const { cloud } = this;
    if (!cloud) return;
    const column = this.columns.find(({ id }) => id === this.tint.value);
    const { data } = cloud;
    Object.assign(data, { classes: null, names: [] });
    this.colors = [colorOf("prediction")];
    fill(this.key);
    if (column && column.kind === "words") {
      const none = column.words.length;
      data.classes = Array.from(column.values, (value) => (value < 0 ? none : value));
      this.colors = [...classColors(none), colorOf("faint")];
      if (none <= MOST_COLORS) {
        data.names = column.words;
        fill(this.key, column.words.map((word, place) => {
          const dot = h("i");
          dress(dot, cloud.lettered() ? 0 : place, this.colors[place]);
          return h("span", { class: "kind" }, dot, h("bdi", {}, word));
        }));
      }
    } else if (column) {
      const scale = scaleOf(column.values);
      const colors = ramp();
      data.classes = Array.from(column.values, (value) => (Number.isFinite(value) ? clamp(Math.floor(scale.share(value) * colors.length), 0, colors.length - 1) : colors.length));
      this.colors = [...colors, colorOf("faint")];
      const bar = h("i", { class: "ramp" });
      bar.style.background = `linear-gradient(to right, ${colors.join(",")})`;
      const span = scale.high - scale.low;
      fill(this.key, h("span", { class: "kind" }, said(column, scale.low, span), bar, said(column, scale.high, span)));
    }
    cloud.stamps.clear();
    this.picture.paint();
  }

  /** Shows the rows that all filters keep. */
  filter() {
    const { cloud } = this;
    if (!cloud) return;
    let kept = 0;
    for (let row = 0; row < this.n; row += 1) kept += cloud.shown[row] = Number(this.filters.keeps(row));
    cloud.hides = this.hides.on();
    const most = { n: short(kept), all: short(this.n) };
    const text = this.all > this.n ? t("{n} of {all} rows, which are spread evenly over {whole}", { ...most, whole: short(this.all) }) : t("{n} of {all} rows", most);
    if (this.count.textContent !== text) this.count.textContent = text;
    if (cloud.chosen < 0 || !cloud.shown[cloud.chosen]) cloud.chosen = cloud.shown.indexOf(1);
    this.row.setReady(cloud.chosen >= 0);
    this.describe();
    this.picture.paint();
  }

  /** Chooses a row. @param {number} row */
  choose(row) {
    if (this.cloud) this.cloud.chosen = row;
    this.describe();
  }

  /** The numbers of the row that is shown, if they are here. */
  original() { return this.rows && this.form && this.shown >= 0 && this.shown < this.rows.shape[0] ? this.form.row(this.rows, this.shown) : null; }

  /** What the net of the moment decodes it to. */
  decoded() {
    const row = this.original();
    const model = this.nets && this.nets.model;
    if (!row || !model || !this.form || model.program.n_features !== this.form.size) return null;
    try {
      const { reconstruction } = model.predict([row]);
      return this.form.bytes ? reconstruction.map((/** @type {number} */ value) => clamp(255 * value, 0, 255)) : reconstruction;
    } catch { return null; } // a value that the net cannot read
  }

  /** Says what is shown of the row. */
  words() {
    const row = this.shown;
    if (row < 0) return "";
    const number = this.columns[this.columns.length - 1].values[row];
    const name = this.part === "test" ? t("test row {n}", { n: number }) : t("training row {n}", { n: number });
    return [name, ...this.columns.slice(0, 4).filter(({ id }) => ["own class", "own answer", "own verdict", "own error"].includes(id)).map((column) => (column.id === "own verdict" ? "" : `${column.name} `) + said(column, column.values[row]))].join(" · ");
  }

  /** Shows the row that is pointed at or chosen, and its columns. */
  describe() {
    const row = this.shown;
    this.row.note.textContent = row >= 0 && !this.original() ? t("{row}; only the codes of rows after the first {n} are here", { row: this.words(), n: this.rows ? short(this.rows.shape[0]) : 0 }) : this.words();
    this.values.hidden = row < 0; // an empty list is no stop of the Tab key
    fill(this.values, row < 0 ? [] : this.columns.map((column) => [h("dt", {}, h("bdi", {}, column.name)), h("dd", {}, h("bdi", {}, said(column, column.values[row])))]));
    this.row.describe(`${t("Its row")}. ${this.words()}`);
    this.picture.describe(`${t("All rows")}. ${this.count.textContent}. ${this.words()}`);
    this.row.paint();
  }
}

/** Makes a box to tick. @param {string} text @param {boolean} on @param {() => void} changed */
function check(text, on, changed) {
  const box = h("input", { type: "checkbox", checked: on, onchange: changed });
  return { element: h("label", { class: "check" }, box, text), on: () => box.checked };
}
