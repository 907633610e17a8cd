// Bend the input of a regression, and see its answer and its state at once.

import { fill, h, say } from "../../web/dom.js";
import { given } from "./text_input.js";
import { Nets } from "./net_of_moment.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { written } from "../../web/axes.js";
import { Bending } from "../../web/bending.js";
import { readSeries } from "../../web/table.js";
import { short } from "../../web/numbers.js";

const MOST_STEPS = 5000;

/** The picture of a series that is bent, read with the net of the moment. */
export class BentInput {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {Bending|null} */ this.bending = null;
    /** @type {import("./own_fields.js").OwnRow|null} Of rows of one step. */ this.row = null;
    this.asked = false;
    this.bundled = store.details.data.source === "bundled";
    const option = store.details.options.find((/** @type {any} */ each) => each.name === "horizon");
    this.ahead = Number(option && option.value) || 0;
    this.picture = new Picture({
      title: t("Bend the input, and see its answer"),
      caption: t("Drag the input, or change it with the arrow keys: the net of the moment reads it step by step. Red and blue are its hidden units above and below zero."),
      empty: t("The input can be bent once the net has weights that are kept."),
      name: "wide bend", draw: (pen) => { if (this.bending) this.bending.draw(pen); },
    });
    const { element, tools } = this.picture;
    this.channels = h("select", { "aria-label": t("Input") });
    this.state = h("select", { "aria-label": t("Hidden state"), onchange: () => this.compute(true) });
    tools.append(this.channels, this.state, h("button", { type: "button", onclick: () => this.begin() }, t("Begin anew")));
    this.weights = h("p", { class: "note weights" });
    this.dials = h("div", { class: "dials" });
    element.append(this.weights, this.dials);
    this.nets = new Nets(store, () => this.renew());
    if (this.nets.model) this.renew();
  }

  /** Reads with another net; the first one brings its view. */
  async renew() {
    const { model } = this.nets;
    this.weights.textContent = this.nets.words();
    if (!model) return;
    if (this.row) {
      this.row.model = model;
      this.row.read(false);
    } else if (this.bending) {
      this.bending.model = model;
      this.compute(false);
    } else if (!this.asked) {
      this.asked = true;
      try {
        const view = await this.store.view();
        if (view) await this.open(view, model);
      } catch (error) {
        this.weights.textContent = /** @type {Error} */ (error).message;
      }
      this.asked = false;
    }
  }

  /** @param {any} view @param {import("../../web/net.js").Model} model */
  open(view, model) {
    const { picture } = this;
    if (view.form) return this.openRow(view, model);
    fill(this.channels, view.columns.map((/** @type {string} */ name, /** @type {number} */ channel) => h("option", { value: channel }, name)));
    this.channels.hidden = view.columns.length < 2;
    const T = model.program.n_steps || 10;
    fill(this.state, [["carried", t("state carried on")], ["windows", t("state reset every {n} steps", { n: T })], ["middle", t("state reset in the middle")]]
      .map(([value, name]) => h("option", { value }, name)));
    /** @type {Record<string, any>} */
    const dials = {};
    fill(this.dials, Object.entries({ period: t("period"), amplitude: t("amplitude"), phase: t("phase"), level: t("level"), noise: t("noise") }).map(([name, word]) => {
      const [slider, output] = [h("input", { type: "range" }), h("output", {})];
      dials[name] = { slider, output };
      return h("label", { class: "dial" }, h("span", {}, word), slider, output);
    }));
    /** @type {Bending} */
    const bending = this.bending = new Bending({
      canvas: picture.canvas, select: this.channels, model, view, horizon: this.ahead, cosine: this.bundled, dials, say,
      here: () => this.words(), paint: () => picture.paint(),
      dialWords: (name, value) => (name === "phase" ? `${Math.round(value)}°` : name === "period" ? t("{n} steps", { n: Math.round(value) }) : written(Number(value.toPrecision(4)))),
      words: {
        input: t("input: drag it"), hidden: t("hidden state, a line each unit"), reset: t("state reset"), name: "",
        answer: () => (this.ahead ? t("answer: the forecast {n} steps ahead, drawn where it is for", { n: this.ahead })
          : bending.truth ? t("answer, and the target (red)") : t("answer after every step")),
        short: (n, size) => t("it has {n} steps, and a window has {size}", { n, size }),
      },
      read: (problem, done) => this.read(problem, done),
    });
    this.state.hidden = !bending.carries;
    picture.element.append(given(t("A line is a step: {columns}.", { columns: view.columns.slice(0, 8).join(", ") }), (text) => {
      const [found] = readSeries(text, view.written, model.program.n_features);
      if (found.series.length > MOST_STEPS) throw new Error(t("it has more than {n} steps", { n: MOST_STEPS }));
      picture.setReady(true);
      this.dials.hidden = false;
      bending.take(found.series);
      this.compute(true);
      return t("{n} steps are read", { n: found.series.length });
    }, this.store, picture.element));
    picture.frame.style.minHeight = `${23 + 3 * Math.min(view.columns.length, 4)}rem`;
    this.begin();
  }

  /** Fills in fields for rows of one step. @param {any} view @param {import("../../web/net.js").Model} model */
  async openRow({ form, columns, targets, units, written }, model) {
    const { picture } = this;
    const { CAPTION, OwnRow } = await import("./own_fields.js");
    picture.frame.remove();
    this.channels.remove();
    this.state.remove();
    const tip = picture.element.querySelector(".tip");
    if (tip) tip.textContent = CAPTION;
    const row = this.row = new OwnRow({ ...form, units: targets.map((/** @type {string} */ name) => units[name] || "") }, targets, model, (problem, words) => {
      picture.note.textContent = problem ? t("The net cannot read this: {why}.", { why: t(problem) }) : words;
      picture.note.classList.toggle("bad", problem !== "");
    }, this.store);
    picture.tools.prepend(row.which);
    picture.element.append(row.element, given(t("A line is a row ({names}). Other columns are left out.", { names: columns.slice(0, 8).join(", ") }), (text) => {
      const found = readSeries(text, written, model.program.n_features).slice(0, 1000);
      row.take(found.map(({ series }) => series[0]));
      return t("{n} rows are read", { n: found.length });
    }, this.store, picture.element));
  }

  /** Starts with the series of the run, or a wave. */
  begin() {
    const { bending, picture } = this;
    if (this.row) this.row.begin();
    if (!bending) return;
    const known = this.bundled || bending.view.rows !== null;
    picture.setReady(known);
    this.dials.hidden = !known;
    picture.blank.textContent = t("Paste or drop rows of your own, and bend them.");
    if (!known) return;
    bending.begin();
    this.compute(false);
  }

  /** Reads with the state that is chosen. @param {boolean} done */
  compute(done) {
    const { bending, state } = this;
    if (!bending) return;
    const n = bending.series.length;
    const every = bending.model.program.n_steps || 10;
    bending.resets = !bending.carries || state.value === "carried" ? []
      : state.value === "windows" ? Array.from({ length: Math.ceil(n / every) }, (_, at) => at * every) : [n >> 1];
    bending.compute(done);
  }

  /** @param {string} problem @param {boolean} done */
  read(problem, done) {
    const { picture } = this;
    picture.note.textContent = problem ? t("The net cannot read this: {why}.", { why: t(problem) }) : this.words();
    picture.note.classList.toggle("bad", problem !== "");
    picture.describe(`${picture.heading.textContent}. ${this.words()}`);
    picture.paint();
    if (done) say(this.words());
  }

  words() {
    if (!this.bending || !this.bending.answer.y.length) return "";
    const { answer: { y }, truth, carries, model: { program }, series, view } = this.bending;
    const last = Array.from(y[y.length - 1]).slice(0, 3).map((value, o) => `${short(Number(value.toPrecision(4)))} ${view.units[view.targets[o]] || ""}`.trim()).join(", ");
    const parts = [t("answer after {n} steps: {value}", { n: series.length, value: last })];
    if (truth) parts.push(t("mean squared error {error}", { error: short(y.reduce((all, each, at) => all + (each[0] - truth[at][0]) ** 2, 0) / truth.length) }));
    if (!carries) parts.push(program.window ? t("each answer reads a window of {n} steps", { n: program.window }) : t("it reads the whole series for an answer"));
    return parts.join(" · ");
  }
}
