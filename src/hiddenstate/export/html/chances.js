// Shows the answer of a classifier on its page.

import { Answer } from "../../web/answer.js";
import { decidedAfter } from "../../web/reading_picture.js";
import { Model, joined } from "../../web/net.js";
import { PROGRAM, VIEW, byId, model } from "./page.js";
import { say } from "../../web/dom.js";
import { greatest, percent, topOf } from "../../web/numbers.js";

export const CLASSES = VIEW.classes;

const card = new Answer({
  label: byId("label"), sure: byId("sure"), decided: byId("decided"), bars: byId("bars"), classes: CLASSES, words: (share) => `${share} sure`,
});
byId("bars").tabIndex = CLASSES.length > 12 ? 0 : -1;

// Writes a moment: as the number of a step, or as a function does.
const atMoment = (word, at) => (typeof word === "string" ? `${word} ${at}` : word(at));
const ofMoment = (word, at) => (typeof word === "string" ? at : word(at));

// Shows the probabilities after `at` steps; at the end also when it was decided.
export function showAnswer(trace, at, word) {
  const done = at > 0 && at === trace.probabilities.length;
  card.show(at ? trace.probabilities[at - 1] : null, [], done ? `Decided after ${atMoment(word, decidedAt(trace))} of ${ofMoment(word, at)}.` : "", "nothing read yet");
}

export function sayAnswer(trace, word) {
  const { probabilities } = trace;
  const now = probabilities[probabilities.length - 1];
  const top = topOf(now);
  say(`${CLASSES[top]}, ${percent(now[top])} sure, decided after ${atMoment(word, decidedAt(trace))} of ${ofMoment(word, probabilities.length)}`);
}

// The switch between the model and its network alone, where something answers with the network or in its place.
/** @type {(choose: (reader: any) => void) => void} */
export function switchLayers(choose) {
  byId("layers").hidden = !PROGRAM.companions.length;
  const buttons = [...byId("layers").children];
  buttons.forEach((button, place) => button.addEventListener("click", () => {
    for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
    choose(place ? new Model({ ...PROGRAM, companions: [] }) : model);
  }));
}

const flatOf = (trace) => trace.flat ||= [trace.states, trace.probabilities].map(joined);

const decidedAt = (trace) => decidedAfter(flatOf(trace)[1], CLASSES.length);

// What is asked of the answer after `at` steps: why it is the class that it is.
export function questionOf(reader, trace, series, at, more) {
  if (!at) return "Nothing is read yet.";
  const chosen = topOf(trace.probabilities[at - 1]);
  const { word } = more;
  return { program: reader.program, rows: reader.prepare(series.slice(0, at)), chosen, subject: `${CLASSES[chosen]} after ${atMoment(word, at)}`, unit: "Log-odds", ways: ["For it", "Against it"], ...more };
}

// Returns what is drawn of a trace after `read` of its steps.
/** @type {(trace: any, length: number, read: number, more: any) => any} */
export function readingOf(trace, length, read, { word, heads: [row, hidden, chances], ...more }) {
  const [states, probabilities] = flatOf(trace);
  const decided = decidedAt(trace);
  return {
    trace: { length, states, units: trace.states[0].length, chances: probabilities }, read, decided, classes: CLASSES, scale: greatest(trace.states),
    words: { row, hidden, chances, decided: `decided after ${atMoment(word, decided)}` }, ...more,
  };
}
