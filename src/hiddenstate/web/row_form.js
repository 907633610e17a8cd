// A row of quantities and words that a reader changes: a field for each column, and the answers with
// their units.

import { fill, h } from "./dom.js";
import { clamp, quantity, short } from "./numbers.js";
import { eachFrame } from "./pen.js";
import { plainly } from "./words.js";

/** @import { Words } from "./words.js" */
/** @typedef {{ name: string, unit: string, features: number[], words: string[] | null, low: number, high: number, whole: boolean }} Field A column, as `hiddenstate/export/html/forms` says it. */
/** @typedef {{ mean: number | null, half: number | null, rows: number } | null} Off */

/** Writes a value with its unit. @param {number} value @param {string} unit */
const withUnit = (value, unit) => [short(Math.abs(value) < 1e4 ? Number(value.toPrecision(4)) : value), unit].filter(Boolean).join(" ");

/** Returns the number that a field reads, NaN if there is none. @param {string} text */
const numberOf = (text) => (text.trim() === "" ? NaN : Number(text));

let fieldsMade = 0;

/** The fields of a row. */
export class RowForm {
  /**
   * @param {HTMLElement} place
   * @param {object} options
   * @param {Field[]} options.fields
   * @param {(done: boolean) => void} options.changed
   * @param {Words} [options.words]
   */
  constructor(place, { fields, changed, words = plainly }) {
    /** @type {Float64Array} */ this.row = new Float64Array(0);
    this.words = words;
    this.shown = fields.map((field) => (field.words ? this.choice(field, words) : this.number(field, words)));
    const soon = eachFrame(() => changed(false));
    this.changed = (/** @type {boolean} */ done) => (done ? changed(true) : soon());
    fill(place, ...this.shown.map(({ element }) => element));
  }

  /** Shows a row, which is changed from now on. @param {Float64Array} row */
  show(row) {
    this.row = row;
    for (const { update } of this.shown) update();
  }

  /**
   * Shows what each column adds to an answer; nothing of null.
   * @param {ArrayLike<number>|null} added
   * @param {number} [most] which has a whole bar
   */
  light(added, most = Math.max(...Array.from(added || [], Math.abs)) || 1) {
    this.shown.forEach(({ element }, place) => {
      element.querySelector(".adds")?.remove();
      if (!added) return;
      const [share, bar] = [added[place] / most, h("i", { class: added[place] < 0 ? "against" : "toward" })];
      bar.style.width = `${50 * Math.abs(share)}%`;
      bar.style.marginLeft = `${50 * (1 + Math.min(share, 0))}%`;
      element.append(h("span", { class: "adds", "aria-hidden": "true" }, bar));
    });
  }

  /**
   * Returns which column cannot be read, and what its field reads; "" if the row is whole.
   * @param {boolean} empty whether a field may be empty
   */
  problem(empty = false) {
    for (const { name, text } of this.shown) {
      const read = text ? text() : null;
      if (read === null || Number.isFinite(numberOf(read))) continue;
      if (read) return this.words("{name}: {text} is not a number", { name, text: JSON.stringify(read.slice(0, 40)) });
      if (!empty) return this.words("{name} is empty, and the model knows no missing values", { name });
    }
    return "";
  }

  /** A list of the words of a text. @param {Field} field @param {Words} words */
  choice({ name, features, words: texts }, words) {
    const id = `row-field-${fieldsMade += 1}`;
    const options = [...(/** @type {string[]} */ (texts)), words("another, or none")];
    const select = h("select", { id, onchange: () => {
      features.forEach((feature, place) => { this.row[feature] = Number(Number(select.value) === place); });
      this.changed(true);
    } }, options.map((text, place) => h("option", { value: place }, text)));
    const update = () => {
      const place = features.findIndex((feature) => this.row[feature] === 1);
      select.value = String(place < 0 ? features.length : place);
    };
    return { element: h("div", { class: "row-field" }, h("label", { for: id }, h("bdi", {}, name)), select), update, name, text: null };
  }

  /** A number, typed or dragged. @param {Field} field @param {Words} words */
  number({ name, unit, features: [feature], low, high, whole }, words) {
    const id = `row-field-${fieldsMade += 1}`;
    const step = whole ? Math.max(1, Math.round((high - low) / 400)) : 10 ** Math.floor(Math.log10((high - low) / 100));
    const set = (/** @type {number} */ value, /** @type {boolean} */ done) => {
      this.row[feature] = value;
      this.changed(done);
    };
    const typed = h("input", { type: "text", id, inputmode: low < 0 ? "text" : "decimal", autocomplete: "off", spellcheck: "false", oninput: () => {
      const value = numberOf(typed.value);
      typed.setAttribute("aria-invalid", String(typed.value !== "" && !Number.isFinite(value)));
      if (Number.isFinite(value)) slider.value = String(value);
      set(value, false);
    }, onchange: () => this.changed(true) });
    const slider = h("input", { type: "range", min: low, max: high, step, "aria-label": words("{name}, from {low} to {high}", { name, low: withUnit(low, unit), high: withUnit(high, unit) }), oninput: () => {
      const value = clamp(Number(Number(slider.value).toPrecision(12)), low, high);
      typed.value = String(value);
      typed.setAttribute("aria-invalid", "false");
      set(value, false);
    }, onchange: () => this.changed(true) });
    const update = () => {
      const value = this.row[feature];
      typed.value = !Number.isFinite(value) ? "" : Math.abs(value) < 1e-7 * (high - low) ? "0" : String(Number(value.toPrecision(7)));
      typed.setAttribute("aria-invalid", "false");
      slider.value = String(Number.isFinite(value) ? value : low);
    };
    const ends = h("span", { class: "ends", "aria-hidden": "true" }, h("span", {}, short(low)), h("span", {}, short(high)));
    return { element: h("div", { class: "row-field" }, h("label", { for: id }, h("bdi", {}, name), unit ? h("small", {}, ` ${unit}`) : null), typed,
      h("div", { class: "span" }, slider, ends)), update, name, text: () => typed.value };
  }
}

/** Adds up what the features of each field add. @param {Field[]} fields @param {ArrayLike<number>} added */
export const byField = (fields, added) => fields.map(({ features }) => features.reduce((sum, feature) => sum + added[feature], 0));

/** Writes the value of a field in a row, with its unit. @param {Field} field @param {ArrayLike<number>} row */
export function writtenIn({ unit, features, words }, row) {
  if (words) return words[features.findIndex((feature) => row[feature] === 1)] || "–";
  return Number.isFinite(row[features[0]]) ? withUnit(row[features[0]], unit) : "–";
}

/**
 * Shows answers of numbers with their units, intervals, and what is true of the row as it is in the data.
 * @param {HTMLElement} place
 * @param {{ targets: string[], units: string[], off: Off[], words?: Words }} options
 */
export function numbersAnswer(place, { targets, units, off, words = plainly }) {
  const shown = targets.map((name, o) => {
    const [value, interval, truth] = [h("bdi", { class: "big long" }, "–"), h("p", { class: "help note" }), h("p", { class: "help note" })];
    const mean = off[o] && off[o].mean;
    const usual = typeof mean === "number" ? h("p", { class: "help note" }, words("Off by ± {mean} on average in held-out rows.", { mean: quantity(mean, units[o]) })) : null;
    place.append(h("div", { class: "row-answer" }, h("h3", {}, h("bdi", {}, name)), h("p", {}, value), interval, truth, usual));
    return { value, interval, truth };
  });
  return {
    /** @param {ArrayLike<number> | null} y @param {number[] | null} right */
    show(y, right) {
      shown.forEach(({ value, interval, truth }, o) => {
        const half = off[o] && off[o].half;
        value.textContent = y ? withUnit(y[o], units[o]) : "–";
        interval.textContent = y && typeof half === "number" ? words("80 %: {low} to {high}", { low: withUnit(y[o] - half, ""), high: withUnit(y[o] + half, units[o]) }) : "";
        truth.textContent = right ? words("in the data: {value}", { value: withUnit(right[o], units[o]) }) : "";
      });
    },
    /** @param {ArrayLike<number>} y */
    words: (y) => targets.map((name, o) => `${name} ${withUnit(y[o], units[o])}`).join(", "),
  };
}
