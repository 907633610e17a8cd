// The answers of a classifier while it reads.

import { COMPANIONS } from "./net.js";
import { clamp, topOf } from "./numbers.js";

/** @import { Model } from "./net.js" */
/** @typedef {{ probabilities: Float64Array[], states: Float64Array[] }} Trace */

// A model without a stream reads the first steps anew for each answer: so many products at most.
const LONGEST = 1e9;

/** @param {any} value @returns {number} */
const weightsIn = (value) => (value && value.data ? value.data.length : value && typeof value === "object"
  ? Object.values(value).reduce((sum, each) => sum + weightsIn(each), 0) : 0);

/**
 * Reads a row: probabilities after every step, and the states; stops after each answer. Without a
 * stream the first steps are read anew, at most `most` times and fewer for a large model; between
 * them the probabilities are repeated, and states may be fewer than steps. The step at which the
 * answer becomes the last one is looked for between them.
 * @param {Model} model
 * @param {Float64Array[]} row
 * @param {number} most
 * @returns {Generator<void, Trace>}
 */
export function* reading(model, row, most) {
  /** @type {Trace} */
  const trace = { probabilities: [], states: [] };
  if (model.streams) {
    const stream = model.stream();
    for (const step of row) {
      trace.probabilities.push(stream.step(step).probabilities);
      trace.states.push(stream.h);
      yield;
    }
    return trace;
  }
  const { nets, companions: [beside] } = model.program;
  const products = (beside && !beside.share ? 0 : weightsIn(nets))
    + (beside ? COMPANIONS[beside.part].products(beside) : 0);
  const apart = Math.ceil(row.length / clamp((LONGEST / 40) * (most / (products * row.length)), 2, most));
  for (let t = 0; t < row.length; t += 1) {
    const due = t % apart === 0 || t === row.length - 1;
    const last = due ? model.predict(row.slice(0, t + 1)) : null;
    trace.probabilities.push(last ? last.probabilities : trace.probabilities[t - 1]);
    if (last && t === row.length - 1) trace.states = last.states;
    if (last) yield;
  }
  const kinds = trace.probabilities.map((each) => topOf(each));
  const end = kinds[kinds.length - 1];
  let first = kinds.length - 1;
  while (first > 0 && kinds[first - 1] === end) first -= 1;
  let before = first - 1 - ((first - 1) % apart); // the step read before it, if there is one
  while (first - before > 1 && before >= 0) {
    const middle = (before + first) >> 1;
    const { probabilities } = model.predict(row.slice(0, middle + 1));
    trace.probabilities.fill(probabilities, middle, first);
    if (topOf(probabilities) === end) first = middle;
    else before = middle;
    yield;
  }
  return trace;
}

/**
 * Reads a row without a stop.
 * @param {Model} model
 * @param {Float64Array[]} row
 * @returns {Trace}
 */
export function traceOf(model, row, most = 40) {
  const steps = reading(model, row, most);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return /** @type {Trace} */ (value);
  }
}
