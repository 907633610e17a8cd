// Which inputs an answer comes from: integrated gradients (Sundararajan, Taly and Yan, 2017) from the
// mean of the training rows to a row, as `hiddenstate/inference/why` says, in pieces of time.

import { add, traced } from "./gradients.js";
import { COMPANIONS } from "./net.js";
import { applied, stepOf } from "./steps.js";

/** @import { Program } from "./net.js" */
/** @import { Step } from "./steps.js" */
/** @typedef {Float64Array[]} Rows */
/** @typedef {(x: Rows) => Generator<number | void, [value: number, back: () => Generator<number | void, Rows>]>} Explained Of a prepared row: a number, and its gradient. */
/**
 * @typedef {object} Why
 * @property {Rows} shares What each number of a row adds to the answer.
 * @property {number} value The answer, as it is explained: log-odds of a class, or the target in its units.
 * @property {number} base The same answer to the mean of the training rows.
 * @property {number} missing What the points gave too little of the difference of the answers, which is spread over the shares of each segment.
 * @property {number} points
 * @property {number} gradients The part that is by gradients; the rest is by spans that are left out.
 */

/**
 * What the answers of a job are, of outputs of nets after step t of a prepared row, with what makes the
 * gradients with respect to outputs and adds that with respect to the row; how the gradient with respect
 * to what nets read becomes one with respect to the row, if it is another; and what difference of
 * answers counts as one.
 * @typedef {object} Answered
 * @property {(steps: Step[], outputs: Float64Array[], x: Rows, t: number, chosen: number) => [value: number, backs: (own: Rows) => Float64Array[]]} of
 * @property {(steps: Step[], d: Rows, x: Rows) => Rows} [read]
 * @property {(steps: Step[], chosen: number) => number} [unit]
 */
/** Of each job. @type {Record<string, Answered>} */
export const ANSWERS = {};

const SEGMENTS = 64;
const MOST_POINTS = 1024;
const LIMIT = 0.01; // of the answer's distance, or of its unit, is what segments lack in all

/** Places and weights of Gauss and Legendre's four points between -1 and 1. */
const GAUSS = [[-0.8611363115940526, 0.3478548451374538], [-0.3399810435848563, 0.6521451548625461], [0.3399810435848563, 0.6521451548625461], [0.8611363115940526, 0.3478548451374538]];

/**
 * Returns the outputs of each net at step t of a prepared row, and what adds the gradient with respect to
 * the row to `own`, of those with respect to the outputs.
 * @param {Program} program
 * @param {Rows} x
 * @param {number} t
 * @returns {Generator<number | void, [Float64Array[], (ds: Float64Array[], own: Rows) => Generator<number | void, void>]>}
 */
export function* netsTraced({ job, nets, steps }, x, t) {
  const { read: readBack } = ANSWERS[job];
  const read = applied(steps, x, {}, true);
  /** @type {[Rows, import("./gradients.js").Back][]} */
  const parts = [];
  for (const net of nets) parts.push(yield* traced(net, read));
  /** @param {Rows} all */
  const placeIn = (all) => Math.min(t, all.length - 1);
  return [parts.map(([all]) => all[placeIn(all)]), function* back(ds, own) {
    for (let n = 0; n < parts.length; n += 1) {
      const [all, through] = parts[n];
      const made = yield* through(all.map((each, at) => (at === placeIn(all) ? ds[n] : new Float64Array(each.length))));
      (readBack ? readBack(steps, made, x) : made).forEach((each, at) => add(own[at], each));
    }
  }];
}

/** @param {Rows} x */
export const zerosLike = (x) => x.map((each) => new Float64Array(each.length));

/**
 * What explains an answer after step t of a prepared row: the last one unless it is given.
 * @param {Program} program
 * @param {number} chosen
 * @param {number} [t]
 * @returns {Explained}
 */
export const explained = (program, chosen, t) => function* explain(x) {
  const at = t ?? x.length - 1;
  const [outputs, through] = yield* netsTraced(program, x, at);
  const [value, backs] = ANSWERS[program.job].of(program.steps, outputs, x, at, chosen);
  return [value, function* back() {
    const own = zerosLike(x);
    yield* through(backs(own), own);
    return own;
  }];
};

/**
 * Explains an answer by gradients; yields the share of the work that is done.
 * @param {Explained} explain
 * @param {Rows} x
 * @param {Rows} b The mean of the training rows, at each step.
 * @param {number} unit The size of a difference of answers that counts as one.
 * @param {number} segments Of the path; of fewer than by default, none is halved.
 * @returns {Generator<number | void, Why>}
 */
export function* integrated(explain, x, b, unit = 1, segments = SEGMENTS) {
  const away = x.map((each, t) => each.map((value, i) => value - b[t][i]));
  /** @param {number} a */
  const at = (a) => explain(b.map((each, t) => each.map((value, i) => value + a * away[t][i])));
  /** @type {Map<number, number>} */
  const values = new Map();
  for (let k = 0; k <= segments; k += 1) values.set(k / segments, (yield* at(k / segments))[0]);
  const [base, value] = [0, 1].map((end) => /** @type {number} */ (values.get(end)));
  const limit = LIMIT * Math.max(unit, Math.abs(value - base));
  const shares = zerosLike(x);
  let [points, work, n, missing, rough] = [0, segments * GAUSS.length, segments, 0, 0];
  let due = Array.from({ length: segments }, (_, k) => [k / segments, (k + 1) / segments]);
  while (due.length) {
    /** @type {{ from: number, to: number, own: Rows, lacking: number }[]} */
    const parts = [];
    for (const [from, to] of due) {
      for (const end of [from, to]) if (!values.has(end)) values.set(end, (yield* at(end))[0]);
      const own = zerosLike(x);
      for (const [place, weight] of GAUSS) {
        const half = (to - from) / 2;
        const [, back] = yield* at(from + half * (1 + place));
        (yield* back()).forEach((d, t) => add(own[t], d.map((slope, i) => half * weight * slope * away[t][i])));
        points += 1;
        yield points / work;
      }
      parts.push({ from, to, own, lacking: Number(values.get(to)) - Number(values.get(from)) - totalOf(own) });
    }
    const most = limit / n;
    let halved = parts.filter(({ lacking }) => Math.abs(lacking) > most);
    const all = parts.reduce((sum, { lacking }) => sum + Math.abs(lacking), rough);
    if (segments < SEGMENTS || all <= limit || points + 2 * GAUSS.length * halved.length > MOST_POINTS) halved = [];
    for (const part of parts) {
      if (halved.includes(part)) continue;
      const { own, lacking } = part;
      const size = totalOf(own.map((each) => each.map(Math.abs)));
      own.forEach((each, t) => add(shares[t], each.map((share) => share + (size ? (lacking / size) * Math.abs(share) : 0))));
      missing += lacking;
      rough += Math.abs(lacking);
    }
    n += halved.length;
    work = points + 2 * GAUSS.length * halved.length;
    due = halved.flatMap(({ from, to }) => [[from, (from + to) / 2], [(from + to) / 2, to]]);
  }
  return { shares, value, base, missing: Math.abs(missing), points, gradients: 1 };
}

/** @param {Rows} shares */
export const totalOf = (shares) => shares.reduce((sum, each) => sum + each.reduce((a, b) => a + b, 0), 0);

/**
 * Explains an answer.
 * @param {Program} program
 * @param {Rows} x
 * @param {Rows} mean Of the training rows, (M, I): the last one goes on.
 * @param {number} chosen A class or a target.
 * @param {Explained} [explain] The answer after the last step unless it is given.
 * @param {number} [segments] As of `integrated`.
 * @returns {Generator<number | void, Why>}
 */
export function* whyOf(program, x, mean, chosen, explain = explained(program, chosen), segments) {
  const { job, companions: [companion], steps } = program;
  const b = x.map((_, t) => mean[Math.min(t, mean.length - 1)]);
  const own = companion?.share ?? 1;
  let found = /** @type {any} */ (own && (yield* integrated(explain, x, b, ANSWERS[job].unit?.(steps, chosen), segments)));
  if (own < 1) found = yield* /** @type {any} */ (COMPANIONS[companion.part]).joined(companion, x, b, chosen, found);
  if (stepOf(steps, "Mask")) found.shares = found.shares.map((/** @type {Float64Array} */ each) => add(each.slice(0, each.length / 2), each.subarray(each.length / 2)));
  return found;
}
