// Touch it: draw a picture, or bend a row, and the net of the moment on the slider reads it.

import { h, say } from "../../web/dom.js";
import { panel } from "./picture.js";
import { Reading } from "./reading.js";
import { traced } from "./trace.js";
import { reasonOf, t } from "./words.js";
import { copied } from "../../web/signal.js";
import { Answer } from "../../web/answer.js";
import { stepBar } from "../../web/timebar.js";
import { isCalm } from "../../web/colors.js";
import { joined } from "../../web/net.js";
import { percent, short, topOf } from "../../web/numbers.js";
import { eachFrame } from "../../web/pen.js";

/** @typedef {import("../../web/net.js").Model} Model */
/** @typedef {import("./rows.js").RowForm} RowForm */

/**
 * Makes the panel of a run, with what its rows need.
 * @param {import("./store.js").Store} store
 * @param {RowForm} form
 * @param {import("./reading.js").Units} units
 */
export async function touchOf(store, form, units) {
  if (form.picture) {
    const { drawing } = await import("./own_picture.js");
    const touch = new Touch(store, form, units);
    drawing(touch, form.picture);
    return touch;
  }
  if (form.sound) {
    const { soundPad } = await import("./own_sound.js");
    const touch = new Touch(store, form, units);
    soundPad(touch);
    return touch;
  }
  const { bentLanes, quantities } = await import("./own_series.js");
  const touch = new Touch(store, form, units);
  if (form.quantities) await quantities(touch);
  else bentLanes(touch);
  return touch;
}

/** The rows that a reader can choose from, the row that is read, and how it is read. */
export class Touch {
  /**
   * @param {import("./store.js").Store} store
   * @param {RowForm} form
   * @param {import("./reading.js").Units} units
   */
  constructor(store, form, units) {
    this.store = store;
    this.form = form;
    /** @type {Model|null} */ this.model = null;
    /** @type {string|number|null} which net it is */ this.step = null;
    this.alone = false; // without what answers with it
    /** @type {Float64Array[]} */ this.series = [];
    /** @type {number|null} */ this.truth = null;
    this.key = "";
    this.turn = 0;
    this.slow = false;
    /** @type {(() => void)[]} */ this.told = [];
    /** @type {{name: string, series: Float64Array[], truth: number|null, row?: number, samples?: ArrayLike<number>}[]} */
    this.sources = Array.from({ length: Math.min(form.count, 200) }, (_, row) => ({
      name: form.name(row), series: form.series(form.flat(row)), truth: form.labels[row], row,
    }));
    this.reading = new Reading({
      title: form.picture ? t("How it reads your drawing") : form.sound ? t("How it reads this sound") : t("How it reads this row"),
      caption: t("The net of the moment on the time slider reads the row step by step: its hidden state after each step, and the probability of each class if the row ended there. Move the time slider: an earlier net reads the same row. Click a unit to see what excites it."),
      empty: form.picture ? t("Draw, and watch it being read row by row.") : form.sound ? t("A sound is read here step by step.") : t("A row is read here step by step."), form, units, bare: !form.picture,
    });
    this.label = h("strong", { class: "answer" }, "–");
    this.sure = h("span", {});
    this.decided = h("span", {});
    this.weights = h("span", { class: "weights" });
    const bars = h("ol", { class: "bars" });
    this.said = new Answer({ label: this.label, sure: this.sure, decided: this.decided, bars, classes: form.classes, most: 5, words: (share) => t("{share} sure", { share }) });
    this.verdict = h("div", { class: "said" }, this.label, h("p", {}, this.sure, this.decided), bars);
    this.problem = h("p", { class: "wrong", role: "alert", hidden: true });
    const play = { play: h("button", { type: "button", class: "round small", "aria-label": t("Play the reading") }), moment: h("input", { type: "range", min: 0, value: 0, "aria-label": t("Steps that are read") }), "moment-text": h("output") };
    this.player = stepBar((name) => /** @type {any} */ (play)[name], form.word, (at) => this.walk(at), { words: {
      at: (at, count) => form.place(at, count), play: t("Play the reading"), pause: t("Pause the reading"),
    } });
    const steps = h("div", { class: "steps", hidden: form.steps < 2 }, play.play, play.moment, play["moment-text"]);
    this.input = h("div", { class: "input" });
    const content = h("div", { class: `touch${form.picture ? " drawn" : ""}` }, this.input, h("div", { class: "answers" }, this.problem, this.verdict, steps));
    const { element, note, tools } = panel("wide hand", form.picture ? t("Draw one yourself") : form.sound ? t("Give it a sound of your own") : t("Give it a row of your own"),
      form.picture ? t("Draw with a pointer or a finger, or with the arrow keys and the space bar, or drop an image. The picture beside it is what the net reads.")
        : form.sound ? t("Drop a .wav file here, choose one of the sounds shown, or draw tones on the spectrogram with a pointer or the arrow keys and the space bar. Listen, and the reading moves with the sound.")
        : t("Choose one of the rows shown, drop a table or paste it here, and bend the lines with a pointer or the arrow keys."), content);
    this.element = element;
    this.note = note;
    this.tools = tools;
    note.append(this.weights);
    this.readSoon = eachFrame(() => this.read(false));
    /** @type {any} */ this.pad = null;
    /** @type {any} */ this.which = null;
    /** @type {(() => void)|null} */ this.drawInput = null;
    /** @type {((place: number) => void)|null} called before a row is read */ this.chosen = null;
    /** @type {() => string} */ this.wrong = () => ""; // why the fields are no row
    store.addEventListener("moment", () => this.fetch());
    store.addEventListener("news", () => this.fetch());
  }

  /** Takes the net of the moment that is shown, and reads anew if it is another one. */
  async fetch() {
    const { store } = this;
    if (this.fetching || store.netAt === null || (store.netAt === this.step && store.alone === this.alone)) return;
    this.fetching = true;
    try {
      const net = await store.net();
      const { program } = net ? net.model : { program: null };
      const beside = program ? program.companions : [];
      for (const { script } of beside) await import(`../../web/${script}.js`);
      this.alone = store.alone;
      const own = this.alone && beside.length > 0; // the network without what answers with it
      const alone = beside.find(({ share }) => !share); // then only the states of one net are needed
      this.model = net && net.model;
      if (program && (own || alone)) {
        const { Model } = await import("../../web/net.js");
        this.model = new Model(own ? { ...program, companions: [] } : { ...program, nets: program.nets.slice(0, 1) });
      }
      this.step = net && net.step;
      this.weights.textContent = own ? t("read with the network alone") : (this.step === "final" ? t("read with the trained model") : t("read with the weights after update {step}", { step: short(Number(this.step)) }))
        + (alone ? t("; its {companion} alone give the answer, the network has no share in it", { companion: t(/** @type {string} */ (alone.title)) }) : "");
      this.slow = false;
      await this.read(false);
      for (const each of this.told) each();
    } catch (error) {
      this.step = store.netAt;
      this.complain(/** @type {Error} */ (error).message);
    } finally {
      this.fetching = false;
    }
    this.fetch(); // it may be another one by now
  }

  /** @param {string} text */
  complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  /**
   * Takes a row to read.
   * @param {Float64Array[]} series
   * @param {number|null} truth
   * @param {string} key
   */
  take(series, truth, key) {
    this.series = series;
    this.truth = truth;
    this.key = `${key}/${series.length}`;
    this.read(true);
  }

  /**
   * Reads the row.
   * @param {boolean} said whether a screen reader hears the answer
   * @param {number} [most]
   */
  async read(said, most = 40) {
    this.turn += 1;
    const { turn, model, series } = this;
    if (!model || !series.length) {
      this.answer(null);
      return;
    }
    const begun = performance.now();
    let trace = null;
    try {
      const wrong = this.wrong();
      if (wrong) throw new Error(wrong);
      trace = await traced(model, series, most, () => turn === this.turn);
      this.complain("");
    } catch (error) {
      this.complain(t("The net cannot read this: {why}", { why: reasonOf(/** @type {Error} */ (error)) }));
    }
    if (turn !== this.turn) return;
    if (most < 40) this.slow = performance.now() - begun > 60;
    if (!trace) {
      this.answer(null);
      return;
    }
    const { states, probabilities } = trace;
    const units = states[0].length;
    this.trace = {
      flat: joined(series), length: series.length, units, states: joined(states), truth: this.truth, key: this.key, chances: joined(probabilities),
    };
    this.reading.show(this.trace);
    this.answer(this.trace);
    if (this.player.count !== series.length || !this.player.playing) this.player.set(series.length);
    this.took = performance.now() - begun;
    if (said) {
      const now = probabilities[probabilities.length - 1];
      const top = topOf(now);
      say([`${this.form.classes[top]}, ${percent(now[top])}`, series.length > 1 ? this.form.decided(this.reading.decided, series.length) : ""].filter(Boolean).join(", "));
    }
    for (const each of this.told) each();
  }

  /** @param {number} at steps read */
  walk(at) {
    this.reading.read = at >= this.player.count ? Infinity : at;
    this.reading.picture.paint();
    if (this.trace) this.answer(this.trace, at);
  }

  /**
   * Shows the answer after so many steps.
   * @param {import("./reading.js").Trace|null} trace
   */
  answer(trace, at = Infinity) {
    const C = this.form.classes.length;
    if (!trace || !trace.chances || at < 1) {
      this.said.show(null, [], "", trace || this.store.netAt !== null ? (this.problem.textContent ? "" : this.model ? t("nothing read yet") : t("the net is on its way")) : (this.store.running ? t("There are no weights of this run yet; a net answers as soon as there are.") : t("This run left no weights.")));
      if (trace) return;
      this.reading.show(null);
      this.trace = null;
      this.player.set(0);
      return;
    }
    const step = Math.min(at, trace.length) - 1;
    const chances = /** @type {Float64Array} */ (trace.chances);
    this.said.show(chances.subarray(step * C, (step + 1) * C), chances.subarray((trace.length - 1) * C),
      trace.length > 1 && step === trace.length - 1 ? ` · ${this.form.decided(this.reading.decided, trace.length)}` : "", "");
  }

  /** Plays how the row is read. */
  play() {
    if (isCalm() || this.form.steps < 2) return;
    this.player.go(0);
    this.player.play();
  }

  /** Reads one of the rows of the run. @param {number} row */
  give(row) {
    if (this.pad) this.pad.show(this.form.pixels(this.form.flat(row)));
    this.choose(row);
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} place */
  choose(place) {
    if (this.which) this.which.value = String(place);
    const { series, truth } = this.sources[place];
    this.player.stop();
    if (this.chosen) this.chosen(place);
    this.take(copied(series), truth, "row");
    if (this.drawInput) this.drawInput();
  }
}
