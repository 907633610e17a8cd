// Rows of one step: a field for each column, and the answer beside.

import { say } from "../../web/dom.js";
import { redrawWith } from "../../web/pen.js";
import { drawEffects, targetChoice } from "../../web/row_effects.js";
import { RowForm, byField, numbersAnswer, writtenIn } from "../../web/row_form.js";
import { packedRows } from "../../web/rows.js";
import { readSeries } from "../../web/table.js";
import { CLASSES, showAnswer } from "./chances.js";
import { ABOUT, PROGRAM, VIEW, byId, complain, fillSelect, model } from "./page.js";
import { takeTexts } from "./texts.js";
import { inWords, startWhy } from "./why.js";

const FORM = VIEW.form;
/** @type {{ name: string, row: Float64Array, truth: number[] | null }[]} */
let sources = packedRows(FORM.rows).map(([row], place) => ({
  name: FORM.own ? `row ${place + 1} of the run${FORM.truths && CLASSES.length ? ` (${CLASSES[FORM.truths[place][0]] || "no class"})` : ""}` : "the middle of each column", row, truth: FORM.truths ? FORM.truths[place] : null,
}));
let truth = null;

const GAPS = PROGRAM.steps.some(({ part }) => part === "Fill");
const TARGETS = VIEW.targets.length ? VIEW.targets : ["answer"];
const UNITS = TARGETS.map((name) => VIEW.units[name] || "");
const numbers = CLASSES.length ? null : numbersAnswer(byId("answers"), { targets: TARGETS, units: UNITS, off: FORM.off });
byId("classes").hidden = !CLASSES.length;
const form = new RowForm(byId("row"), { fields: FORM.fields, changed: (done) => {
  truth = null;
  read(done);
} });

// What is asked: why the class that answers does, or what the chosen target rests on.
function asked() {
  if (!byId("problem").hidden) return "Nothing can be read.";
  const o = Number(target.value);
  const kind = CLASSES.indexOf(byId("label").textContent);
  const row = form.row.slice();
  return {
    program: model.program, rows: model.prepare([row]), chosen: numbers ? o : kind, subject: numbers ? TARGETS[o] : CLASSES[kind],
    unit: numbers ? UNITS[o] || "Units of the answer" : "Log-odds", ways: numbers ? ["Raises it", "Lowers it"] : ["For it", "Against it"], columns: [""],
    at: (_, place) => `${FORM.fields[place].name}, ${writtenIn(FORM.fields[place], row)}`,
    words: (found, question) => inWords({ ...found, shares: [byField(FORM.fields, found.shares[0])] }, question),
  };
}

const why = startWhy("which columns the answer rests on", asked, () => form.light(why.found && byField(FORM.fields, why.found.shares[0])));

const target = targetChoice(CLASSES.length ? [] : TARGETS, "Target of the curves", () => draw());
byId("effects").before(target);

function read(done) {
  try {
    const problem = form.problem(GAPS);
    if (problem) throw new Error(problem);
    const { probabilities, states, y } = model.predict([form.row]);
    if (numbers) numbers.show(y[0], truth);
    else {
      showAnswer({ probabilities: [probabilities], states }, 1, "step");
      byId("decided").textContent = truth ? `In the data: ${CLASSES[truth[0]] || "no class"}.` : "";
    }
    complain("");
    draw();
    if (done) say(numbers ? numbers.words(y[0]) : `${byId("label").textContent}, ${byId("sure").textContent}`);
  } catch (error) {
    if (numbers) numbers.show(null, null);
    else {
      showAnswer({ probabilities: [] }, 0, "step");
      byId("sure").textContent = byId("decided").textContent = "";
    }
    complain(`The model cannot read this: ${error.message}.`);
    byId("effects").classList.add("unread");
  }
}

// The answer that is drawn over each column: the chosen target, or the probability of the class that answers.
function draw() {
  if (!byId("problem").hidden) return;
  byId("effects").classList.remove("unread");
  const o = Number(target.value);
  const kind = CLASSES.indexOf(byId("label").textContent);
  byId("effects-title").textContent = numbers ? "How the answer changes with each column, the others as they are" : `How the probability of ${CLASSES[kind]} changes with each column, the others as they are`;
  why.look(o, kind, form.row.join());
  form.light(why.found && byField(FORM.fields, why.found.shares[0]));
  const name = numbers ? [TARGETS[o], UNITS[o]].filter(Boolean).join(", ") : `probability of ${CLASSES[kind]}`;
  drawEffects(byId("effects"), FORM.fields, form.row, name, (row) => (numbers ? model.predict([row]).y[0][o] : model.predict([row]).probabilities[kind]));
}

function choose() {
  const { row, truth: right } = sources[byId("which").value];
  truth = right;
  form.show(row.slice());
  read(false);
}

function offer() {
  fillSelect(byId("which"), sources.map(({ name }) => name));
  choose();
}

const named = ABOUT.columns ? `columns ${VIEW.columns.join(", ")}` : `${PROGRAM.n_features} numbers`;
takeTexts(`A line is a row (${named}). Other columns are left out.`, (text) => {
  const found = readSeries(text, ABOUT, PROGRAM.n_features).slice(0, 1000);
  sources = [...found.map(({ series: [row] }, place) => ({ name: `your row ${place + 1}`, row, truth: null })), ...sources.filter(({ name }) => !name.startsWith("your"))];
  offer();
});
redrawWith(draw, byId("effects"));
byId("which").addEventListener("change", choose);
byId("again").addEventListener("click", choose);
offer();
