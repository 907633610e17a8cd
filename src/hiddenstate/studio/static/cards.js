// Rows with what the network makes of them: those shown, with moving probabilities, and the worst errors.

import { h } from "../../web/dom.js";
import { panel } from "./picture.js";
import { Moving, mixed } from "./easing.js";
import { t } from "./words.js";
import { isCalm } from "../../web/colors.js";
import { percent, topOf } from "../../web/numbers.js";
import { RowCards } from "../../web/row_cards.js";

/** @typedef {ReturnType<typeof import("./picture.js").framed>} Frame */

const MOST = 10;

/** The rows that are shown. */
export class Cards {
  /**
   * @param {import("./rows.js").RowForm} form
   * @param {Frame} frame
   * @param {(row: number) => void} choose called when a row is chosen
   */
  constructor(form, frame, choose) {
    this.form = form;
    const { classes, labels } = form;
    const C = classes.length;
    const n = Math.min(form.count, MOST);
    this.list = h("ul", { class: `cards${form.picture ? "" : " lanes"}` });
    const { element, note } = panel(frame.wide ? "wide" : "", frame.title, frame.caption, this.list);
    this.element = element;
    this.note = note;
    this.layer = "";
    /** @type {Float64Array} largest probabilities until now */
    this.highest = new Float64Array(n * C);
    this.moving = new Moving(() => this.paint());
    this.cards = new RowCards({ classes, truth: Array.from(labels).slice(0, n), picture: Boolean(form.picture) });
    this.buttons = this.cards.all.map(({ row, parts }) => {
      const words = h("span", { class: "unseen" }, t("Row {row}, {truth}", { row: row + 1, truth: classes[labels[row]] }));
      const button = h("button", { type: "button", class: "card", onclick: () => choose(row) }, words, parts);
      this.list.append(h("li", {}, button));
      return { button, words };
    });
    this.cards.name(this.highest);
    new ResizeObserver(() => this.drawRows()).observe(this.list);
    document.addEventListener("theme", () => this.drawRows());
  }

  drawRows() {
    for (const { canvas, row } of this.cards.all) if (canvas.isConnected) this.form.paint(canvas, this.form.flat(row));
  }

  /** Marks the row that is read. @param {number|null} row */
  mark(row) {
    this.buttons.forEach(({ button }, place) => button.setAttribute("aria-pressed", String(place === row)));
  }

  /**
   * Takes notice of probabilities of the run.
   * @param {ArrayLike<number>} values
   */
  know(values) {
    let higher = false;
    for (let place = 0; place < this.highest.length; place += 1) {
      if (values[place] > this.highest[place] + 0.02) {
        this.highest[place] = values[place];
        higher = true;
      }
    }
    if (higher) this.cards.name(this.highest);
  }

  /** @param {NonNullable<ReturnType<typeof import("./easing.js").momentOf>>} moment */
  show(moment) {
    const values = mixed(moment, "probability");
    if (!values) return;
    this.know(values);
    this.layer = moment.layer;
    this.moving.set("chances", values);
    this.paint();
  }

  paint() {
    const values = this.moving.get("chances");
    const { form } = this;
    const C = form.classes.length;
    if (!values) return;
    let right = 0;
    for (let row = 0; row < form.count; row += 1) if (topOf(values, row, C) === form.labels[row]) right += 1;
    this.cards.show(values);
    this.cards.all.forEach(({ row, top }) => {
      const { words } = this.buttons[row];
      const label = t("Row {row}, {truth}: taken for {top}, {chance}", { row: row + 1, truth: form.classes[form.labels[row]], top: form.classes[top], chance: percent(values[row * C + top], 0) });
      if (words.textContent !== label) words.textContent = label;
    });
    const text = t("{right} of {all} rows shown are right at this moment", { right, all: form.count })
      + (this.layer === "network" ? t(", by the network alone") : "");
    if (this.note.textContent !== text) this.note.textContent = text;
  }
}

/** The worst errors of a moment. */
export class Worst {
  /** @param {import("./rows.js").RowForm} form @param {Frame} frame */
  constructor(form, frame) {
    this.form = form;
    this.title = frame.title;
    this.list = h("ul", { class: `worst${form.picture ? "" : " lanes"}` });
    const { element, note, heading } = panel(frame.wide ? "wide" : "", frame.title, frame.caption, this.list);
    this.element = element;
    this.note = note;
    this.heading = heading;
    /** @type {Map<number, {element: HTMLElement, canvas: HTMLCanvasElement, flat: ArrayLike<number>, set: (truth: number, chosen: number, chance: number) => void}>} */
    this.items = new Map();
    /** @type {import("./easing.js").Arrays|null} */ this.shown = null;
    for (let place = 0; place < 10; place += 1) this.list.append(h("li", { class: "none", "aria-hidden": "true" }));
    new ResizeObserver(() => this.drawRows()).observe(this.list);
    document.addEventListener("theme", () => this.drawRows());
  }

  drawRows() {
    for (const { canvas, flat } of this.items.values()) if (canvas.isConnected) this.form.paint(canvas, flat);
  }

  /** @param {NonNullable<ReturnType<typeof import("./easing.js").momentOf>>} moment */
  show({ before, after, share, step, layer }) {
    const arrays = share >= 1 ? after : before;
    if (arrays === this.shown || !arrays.worst) return;
    this.shown = arrays;
    const by = layer === "network" ? t(", by the network alone") : "";
    const { worst, worst_row: rows, worst_label: labels, worst_chosen: chosen, worst_chance: chances } = arrays;
    /** @type {Map<number, DOMRect>} */
    const places = new Map();
    if (!isCalm()) for (const [number, { element }] of this.items) places.set(number, element.getBoundingClientRect());
    const old = this.items;
    this.items = new Map();
    const elements = Array.from(worst.data, (number, place) => {
      const item = old.get(number) || this.item(number);
      item.flat = this.form.flat(place, rows.data);
      item.set(labels.data[place], chosen.data[place], chances.data[place]);
      this.items.set(number, item);
      return item.element;
    });
    while (elements.length < 10) elements.push(h("li", { class: "none", "aria-hidden": "true" }));
    this.list.replaceChildren(...elements);
    this.drawRows();
    for (const [number, { element }] of this.items) {
      const was = places.get(number);
      const is = element.getBoundingClientRect();
      if (was && (was.left !== is.left || was.top !== is.top)) {
        element.animate([{ transform: `translate(${was.left - is.left}px, ${was.top - is.top}px)` }, { transform: "none" }], { duration: 300, easing: "ease-out" });
      } else if (!was && places.size) element.animate([{ opacity: 0 }, { opacity: 1 }], 300);
    }
    const wrong = Array.from(labels.data, (label, place) => label !== chosen.data[place]).filter(Boolean).length;
    this.heading.textContent = wrong ? this.title : t("The rows it is least sure of");
    this.note.textContent = (wrong ? t("at update {step}", { step: step.toLocaleString("en") }) : t("no row is wrong at update {step}", { step: step.toLocaleString("en") })) + by;
  }

  /** @param {number} number */
  item(number) {
    const canvas = h("canvas", { class: this.form.picture ? "pixels" : "", "aria-hidden": "true" });
    const truth = h("bdi");
    const chosen = h("bdi", { class: "wrong" });
    const chance = h("small");
    const arrow = h("span", { role: "img", "aria-label": t("is taken for") }, "→");
    const element = h("li", {}, canvas, h("span", { class: "pair" }, truth, arrow, chosen), chance);
    const { classes } = this.form;
    return { element, canvas, flat: new Float64Array(0), set: (/** @type {number} */ label, /** @type {number} */ top, /** @type {number} */ share) => {
      element.title = t("Test row {number}: {truth}, taken for {chosen}; its class has a probability of {chance}", { number, truth: classes[label], chosen: classes[top], chance: percent(share) });
      truth.textContent = classes[label];
      chosen.textContent = classes[top];
      for (const each of [arrow, chosen]) each.hidden = label === top;
      chance.textContent = percent(share);
    } };
  }
}
