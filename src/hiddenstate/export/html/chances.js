// Shows the answer of a classifier on its page.

import { largest } from "../../web/reading.js";
import { decidedAfter } from "../../web/reading_picture.js";
import { joined } from "../../web/net.js";
import { VIEW, byId } from "./page.js";
import { h, say } from "../../web/dom.js";
import { greatest, percent } from "../../web/numbers.js";

export const CLASSES = VIEW.classes;

const bars = CLASSES.map((name) => {
  const item = h("li", {}, h("bdi", { title: name }, name));
  item.insertAdjacentHTML("beforeend", '<svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true"><rect height="6"/></svg><span></span>');
  byId("bars").append(item);
  return item;
});
byId("bars").tabIndex = CLASSES.length > 12 ? 0 : -1;

// Shows the probabilities after `at` steps; at the end also when it was decided.
export function showAnswer(trace, at, word) {
  const now = at ? trace.probabilities[at - 1] : null;
  const top = now ? largest(now) : -1;
  byId("label").textContent = now ? CLASSES[top] : "–";
  byId("label").classList.toggle("long", top >= 0 && CLASSES[top].length > 4);
  byId("sure").textContent = now ? `${percent(now[top])} sure` : "nothing read yet";
  const done = now && at === trace.probabilities.length;
  byId("decided").textContent = done ? `Decided at ${word} ${decidedAt(trace)} of ${at}.` : "";
  bars.forEach((bar, place) => {
    const share = now ? now[place] : 0;
    bar.classList.toggle("first", place === top);
    bar.querySelector("rect").setAttribute("width", 100 * share);
    bar.lastChild.textContent = now ? percent(share) : "";
  });
}

export function sayAnswer(trace, word) {
  const { probabilities } = trace;
  const now = probabilities[probabilities.length - 1];
  const top = largest(now);
  say(`${CLASSES[top]}, ${percent(now[top])} sure, decided at ${word} ${decidedAt(trace)} of ${probabilities.length}`);
}

const flatOf = (trace) => trace.flat ||= [trace.states, trace.probabilities].map(joined);

const decidedAt = (trace) => decidedAfter(flatOf(trace)[1], CLASSES.length);

// Returns what is drawn of a trace after `read` of its steps.
/** @type {(trace: any, length: number, read: number, more: any) => any} */
export function readingOf(trace, length, read, { word, heads: [row, hidden, chances], ...more }) {
  const [states, probabilities] = flatOf(trace);
  const decided = decidedAt(trace);
  return {
    trace: { length, states, units: trace.states[0].length, chances: probabilities }, read, decided, classes: CLASSES, scale: greatest(trace.states),
    words: { row, hidden, chances, decided: `decided at ${word} ${decided}` }, ...more,
  };
}
