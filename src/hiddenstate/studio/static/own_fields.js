// A row of one step that a reader changes: a field for each column, the answer beside, and how it changes.

import { fill, h, say } from "../../web/dom.js";
import { speak, t } from "./words.js";
import { redrawWith } from "../../web/pen.js";
import { drawEffects, targetChoice } from "../../web/row_effects.js";
import { RowForm, byField, numbersAnswer } from "../../web/row_form.js";
import { FieldLamp } from "./why.js";
import { packedRows } from "../../web/rows.js";

await speak("fields");

/** What the picture shows. */
export const CAPTION = t("Type or drag a value: the net of the moment answers at once. The curves show how the answer changes with each column while the others stay as they are.");

/** The fields, the answer and the curves of a row. */
export class OwnRow {
  /**
   * @param {any} form
   * @param {string[]} targets
   * @param {import("../../web/net.js").Model} model
   * @param {(problem: string, words: string) => void} tell
   * @param {import("./store.js").Store} store
   */
  constructor(form, targets, model, tell, store) {
    this.model = model;
    this.tell = tell;
    this.form = form;
    this.targets = targets;
    this.gaps = model.program.steps.some(({ part }) => part === "Fill");
    this.which = h("select", { "aria-label": t("Row that is read"), onchange: () => this.begin() });
    /** @type {number[] | null} */ this.truth = null;
    const [fields, answers] = [h("div", { class: "row-form" }), h("div")];
    this.canvas = h("canvas", { role: "img", "aria-label": t("How the answer changes with each column, the others as they are") });
    this.canvas.style.width = "100%";
    this.canvas.style.display = "block";
    this.target = targetChoice(targets, t("Target of the curves"), () => this.draw());
    this.answer = numbersAnswer(answers, { targets, units: form.units, off: form.off, words: t });
    this.fields = new RowForm(fields, { fields: form.fields, words: t, changed: (done) => {
      this.truth = null;
      this.read(done);
    } });
    this.lamp = new FieldLamp(store, () => ({ row: this.fields.row, answer: Number(this.target.value) }),
      (added) => this.fields.light(added && byField(form.fields, added)), ({ number }) => form.units[number] || "");
    this.element = h("div", { class: "own-row" }, h("div", { class: "two" }, fields, h("div", {}, answers, this.lamp.element)),
      h("p", { class: "note" }, t("How the answer changes with each column, the others as they are"), " ", this.target), this.canvas);
    /** @type {{ name: string, row: Float64Array, truth: number[] | null }[]} */
    this.own = packedRows(form.rows).map(([row], place) => ({
      name: form.own ? t("row {row} of the run", { row: place + 1 }) : t("the middle of each column"), row, truth: form.truths ? form.truths[place] : null }));
    this.sources = this.own;
    this.offer();
    redrawWith(() => this.draw(), this.canvas);
  }

  /** Takes rows of a reader. @param {Float64Array[]} rows */
  take(rows) {
    this.sources = [...rows.map((row, place) => ({ name: t("Your row {row}", { row: place + 1 }), row, truth: null })), ...this.own];
    this.offer();
  }

  offer() {
    fill(this.which, this.sources.map(({ name }, place) => h("option", { value: place }, name)));
    this.begin();
  }

  /** Begins with the row that is chosen. */
  begin() {
    const { row, truth } = this.sources[Number(this.which.value) || 0];
    this.truth = truth;
    this.fields.show(row.slice());
    this.read(false);
  }

  /** @param {boolean} done */
  read(done) {
    let y = null;
    try {
      const problem = this.fields.problem(this.gaps);
      if (problem) throw new Error(problem);
      [y] = this.model.predict([this.fields.row]).y;
      this.tell("", "");
      this.draw();
    } catch (error) {
      this.tell(/** @type {Error} */ (error).message, "");
    }
    this.canvas.classList.toggle("unread", !y);
    this.answer.show(y, this.truth);
    if (done && y) say(this.answer.words(y));
  }

  draw() {
    if (this.fields.problem(this.gaps)) return; // the note says it
    const o = Number(this.target.value);
    this.lamp.look();
    const name = [this.targets[o], this.form.units[o]].filter(Boolean).join(", ");
    drawEffects(this.canvas, this.form.fields, this.fields.row, name, (row) => this.model.predict([row]).y[0][o]);
  }
}
