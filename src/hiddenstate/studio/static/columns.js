// Columns of rows: their values, how they are written, scaled and coloured, and which are wanted.

import { fill, h } from "../../web/dom.js";
import { colorOf, isDark } from "../../web/colors.js";
import { clamp, extentOf, short } from "../../web/numbers.js";
import { penOf } from "../../web/pen.js";
import { t } from "./words.js";

/**
 * A column. Its values are numbers, seconds since 1970, or places in `words`, -1 for none.
 * @typedef {object} Column
 * @property {string} id
 * @property {string} name
 * @property {"number"|"date"|"words"|"text"} kind
 * @property {ArrayLike<number>} values
 * @property {string[]} words
 * @property {boolean} [is_id] Whether its numbers are names, and written as they are.
 */

const BARS = 40; // of a histogram
const STEPS = 200; // places of a slider
const SKEWED = 50; // ratio of the ends of positive numbers that are shown by their logarithms
const DAY = 86400;

/** Writes a value of a column. @param {Column} column @param {number} value @param {number} [span] of all values */
export function said({ kind, words, is_id: isId = false }, value, span = 0) {
  if (kind === "words" || kind === "text") return value < 0 ? "–" : words[value];
  if (!Number.isFinite(value)) return "–";
  if (kind === "number") return isId ? String(value) : short(value);
  const text = new Date(1000 * value).toISOString().replace("T", " ");
  return text.slice(0, span > 3 * DAY || value % DAY === 0 ? 10 : 19);
}

/** Returns the number that a text is for a column; NaN if it is none. @param {Column} column @param {string} text */
const numberOf = ({ kind }, text) => {
  const plain = text.trim();
  if (kind === "number") return plain === "" ? NaN : Number(plain.replace(/,/g, ""));
  return Date.parse(`${plain.replace(" ", "T")}${plain.length > 10 ? "Z" : ""}`) / 1000;
};

/**
 * The scale of a column of numbers, which is logarithmic where they are skewed.
 * @param {ArrayLike<number>} values
 */
export function scaleOf(values) {
  const [low, high] = extentOf(Array.from(values).filter(Number.isFinite));
  const bent = low > 0 && high / low >= SKEWED;
  const [from, to] = bent ? [Math.log(low), Math.log(high)] : [low, high];
  return {
    low, high,
    /** @param {number} value */ share: (value) => ((bent ? Math.log(Math.max(value, low)) : value) - from) / (to - from),
    /** @param {number} share */ at: (share) => (share <= 0 ? low : share >= 1 ? high : bent ? Math.exp(from + share * (to - from)) : from + share * (to - from)),
  };
}

/** Colours from low to high, which differ in lightness too; the ends do not fade into the ground. */
const RAMP = ["#482475", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];

/** Returns the colours of shares of a scale, from low to high. */
export const ramp = () => (isDark() ? RAMP : RAMP.slice(0, 7));

/** A filter of one column, with its controls. */
class Filter {
  /** @param {Column} column @param {() => void} changed @param {() => void} removed */
  constructor(column, changed, removed) {
    this.column = column;
    this.changed = changed;
    this.missing = true; // whether rows without a value are kept
    const remove = h("button", { type: "button", class: "quiet", "aria-label": t("Remove the filter of {name}", { name: column.name }), onclick: removed }, "×");
    this.body = h("div", { class: "filter-body" });
    this.element = h("fieldset", { class: `filter ${column.kind}` }, h("legend", {}, h("bdi", {}, column.name)), this.body, remove);
    /** @type {(value: number) => boolean} */ this.keeps = () => true;
    /** @type {() => void} */ this.renew = () => {};
    if (column.kind === "words") this.choose();
    else if (column.kind === "text") this.search();
    else this.range();
  }

  /** A range by two handles, or typed. */
  range() {
    const { column } = this;
    let scale = scaleOf(column.values);
    let [from, to] = [0, 1];
    /** @type {[number, number]} */ let ends = [scale.low, scale.high];
    const bars = h("canvas", { class: "histogram", "aria-hidden": "true" });
    const handles = [t("lowest"), t("highest")].map((word, end) => h("input", {
      type: "range", min: 0, max: STEPS, value: end * STEPS, "aria-label": `${column.name}, ${word}`, oninput: () => move(end),
    }));
    const fields = [t("lowest"), t("highest")].map((word, end) => h("input", {
      type: "text", inputmode: column.kind === "number" ? "decimal" : "text", "aria-label": `${column.name}, ${word}`, onchange: () => type(end),
    }));
    const write = () => {
      fields.forEach((field, end) => { field.value = said(column, ends[end], scale.high - scale.low); });
      handles.forEach((handle, end) => handle.setAttribute("aria-valuetext", fields[end].value));
      this.paint = () => paint(bars, column, scale, from, to);
      this.paint();
    };
    const move = (/** @type {number} */ end) => {
      const place = Number(handles[end].value) / STEPS;
      if (end) to = Math.max(place, from);
      else from = Math.min(place, to);
      handles[end].value = STEPS * (end ? to : from);
      ends[end] = scale.at(end ? to : from);
      write();
      this.changed();
    };
    const type = (/** @type {number} */ end) => {
      const value = numberOf(column, fields[end].value);
      if (Number.isFinite(value)) {
        ends[end] = value;
        if (end) to = clamp(scale.share(value), 0, 1);
        else from = clamp(scale.share(value), 0, 1);
        handles[end].value = STEPS * (end ? to : from);
      }
      write();
      this.changed();
    };
    this.keeps = (value) => (Number.isFinite(value) ? value >= ends[0] && value <= ends[1] : this.missing);
    this.renew = () => { // the values are others
      const [whole, least, most] = [scale, from === 0 && ends[0] <= scale.low, to === 1 && ends[1] >= scale.high];
      scale = scaleOf(column.values);
      if (whole.low === scale.low && whole.high === scale.high) return;
      if (least) ends[0] = scale.low;
      if (most) ends[1] = scale.high;
      [from, to] = ends.map((end) => clamp(scale.share(end), 0, 1));
      handles.forEach((handle, end) => { handle.value = STEPS * [from, to][end]; });
      write();
    };
    const none = Array.from(column.values).filter((value) => !Number.isFinite(value)).length;
    fill(this.body, h("div", { class: "range" }, bars, handles), h("div", { class: "typed" }, fields[0], "–", fields[1]),
      none ? h("label", { class: "check" }, h("input", { type: "checkbox", checked: true, onchange: (/** @type {any} */ event) => { this.missing = event.target.checked; this.changed(); } }), t("{n} without a value", { n: short(none) })) : null);
    write();
    new ResizeObserver(() => this.paint && this.paint()).observe(bars);
    document.addEventListener("theme", () => this.paint && this.paint());
  }

  /** Values to choose. */
  choose() {
    const { column } = this;
    const places = column.words.map((_, place) => place);
    if (Array.from(column.values).includes(-1)) places.push(-1);
    const wanted = new Set(places);
    const boxes = places.map((place) => h("input", { type: "checkbox", checked: true, onchange: (/** @type {any} */ event) => {
      if (event.target.checked) wanted.add(place);
      else wanted.delete(place);
      this.changed();
    } }));
    const counts = places.map((place) => Array.from(column.values).filter((value) => value === place).length);
    const all = (/** @type {boolean} */ on) => h("button", { type: "button", class: "quiet", onclick: () => {
      wanted.clear();
      if (on) for (const place of places) wanted.add(place);
      for (const box of boxes) box.checked = on;
      this.changed();
    } }, on ? t("all") : t("none"));
    this.keeps = (value) => wanted.has(value);
    fill(this.body, h("div", { class: "chosen" }, places.map((place, n) => h("label", { class: "check" }, boxes[n], h("bdi", {}, place < 0 ? t("none given") : column.words[place]), h("small", {}, short(counts[n])))), all(true), all(false)));
  }

  /** A part of a text. */
  search() {
    let part = "";
    const field = h("input", { type: "search", "aria-label": t("{name} contains", { name: this.column.name }), placeholder: t("contains"), oninput: () => {
      part = field.value.trim().toLowerCase();
      this.changed();
    } });
    this.keeps = (value) => !part || (value >= 0 && this.column.words[value].toLowerCase().includes(part));
    fill(this.body, field);
  }
}

/**
 * Draws how many rows there are in each part of a scale; those in the range in colour.
 * @param {HTMLCanvasElement} canvas
 * @param {Column} column
 * @param {ReturnType<typeof scaleOf>} scale
 * @param {number} from
 * @param {number} to
 */
function paint(canvas, column, scale, from, to) {
  if (!canvas.clientWidth) return;
  const pen = penOf(canvas);
  const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
  const counts = new Uint32Array(BARS);
  for (const value of Array.from(column.values)) if (Number.isFinite(value)) counts[clamp(Math.floor(scale.share(value) * BARS), 0, BARS - 1)] += 1;
  const most = Math.max(...counts);
  counts.forEach((count, place) => {
    const inside = (place + 1) / BARS > from && place / BARS < to;
    const height = count ? Math.max(2, Math.sqrt(count / most) * tall) : 0; // rare values can be seen
    pen.fillStyle = colorOf(inside ? "prediction" : "faint");
    pen.fillRect((place * wide) / BARS, tall - height, wide / BARS - 1, height);
  });
}

/** The filters of some columns, and what they keep. */
export class Filters {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Column[]} */ this.columns = [];
    /** @type {Filter[]} */ this.filters = [];
    this.list = h("div", { class: "filters" });
    this.more = h("select", { "aria-label": t("Filter by a column"), onchange: () => { this.add(this.columns.find(({ id }) => id === this.more.value)); this.more.value = ""; } });
    this.none = h("button", { type: "button", class: "quiet", onclick: () => { this.filters = []; this.show(); } }, t("Remove all filters"));
  }

  /** Begins with other rows. @param {Column[]} columns */
  begin(columns) {
    this.columns = columns;
    this.filters = [];
    this.show();
  }

  /** @param {Column|undefined} column */
  add(column) {
    if (!column) return;
    const filter = new Filter(column, this.changed, () => {
      this.filters = this.filters.filter((each) => each !== filter);
      this.show();
      this.more.focus();
    });
    this.filters.push(filter);
    this.show();
    const first = filter.body.querySelector("input");
    if (first) first.focus();
  }

  show() {
    const used = this.filters.map(({ column }) => column.id);
    fill(this.more, h("option", { value: "" }, t("Filter by…")), this.columns.filter(({ id }) => !used.includes(id)).map(({ id, name }) => h("option", { value: id }, name)));
    fill(this.list, this.filters.map(({ element }) => element));
    this.none.hidden = !used.length;
    this.changed();
  }

  /** Takes other values of columns. */
  renew() { for (const filter of this.filters) filter.renew(); }

  /** Whether a row is kept. @param {number} row */
  keeps(row) { return this.filters.every(({ column, keeps }) => keeps(column.values[row])); }
}
