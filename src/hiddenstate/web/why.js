// Which inputs an answer comes from: integrated gradients (Sundararajan, Taly and Yan, 2017) from the
// mean of the training rows to a row, as `hiddenstate/inference/why` says, in pieces of time.

import { add, traced } from "./gradients.js";
import { COMPANIONS, meanOf, softmax } from "./net.js";
import { appliedBack, undoneTraced } from "./step_gradients.js";
import { applied, stepOf } from "./steps.js";

/** @import { Program } from "./net.js" */
/** @typedef {Float64Array[]} Rows */
/** @typedef {(x: Rows) => Generator<number | void, [value: number, back: () => Generator<number | void, Rows>]>} Explained Of a prepared row: a number, and its gradient. */
/**
 * @typedef {object} Why
 * @property {Rows} shares What each number of a row adds to the answer.
 * @property {number} value The answer, as it is explained: log-odds of a class, or the target in its units.
 * @property {number} base The same answer to the mean of the training rows.
 * @property {number} missing What the shares by gradients lack of the difference of the answers.
 * @property {number} points
 * @property {number} gradients The part that is by gradients; the rest is by spans that are left out.
 */
/** @typedef {{ from: number, to: number, shares: Rows, error: number }} Segment */

const SEGMENTS = 64;
const MOST_POINTS = 4096;
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
export function* netsTraced({ nets, steps }, x, t) {
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
      appliedBack(steps, made.map((each) => each.slice()), x).forEach((each, at) => add(own[at], each));
    }
  }];
}

/** @param {Rows} x */
export const zerosLike = (x) => x.map((each) => new Float64Array(each.length));

/**
 * What explains the log-odds of a class, or the answer to a target after step t of a prepared row: the
 * last one unless it is given.
 * @param {Program} program
 * @param {number} chosen
 * @param {number} [t]
 * @returns {Explained}
 */
export const explained = (program, chosen, t) => function* explain(x) {
  const at = t ?? x.length - 1;
  const [outputs, through] = yield* netsTraced(program, x, at);
  /** @type {[number, (own: Rows) => Float64Array[]]} */
  const [value, backs] = program.job === "classify" ? oddsOf(outputs, chosen) : answerOf(program.steps, outputs, x, at, chosen);
  return [value, function* back() {
    const own = zerosLike(x);
    yield* through(backs(own), own);
    return own;
  }];
};

/**
 * Returns the log-odds of a class by the mean probabilities of nets, and its gradients with respect to
 * the outputs of each.
 * @param {Float64Array[]} outputs
 * @param {number} chosen
 * @returns {[number, () => Float64Array[]]}
 */
export function oddsOf(outputs, chosen) {
  /** @param {Float64Array} z */
  const split = (z) => { // log p and log (1 - p), and the shares of the other classes in the rest
    const others = z.map((value, k) => (k === chosen ? -Infinity : value));
    const most = Math.max(...others);
    const rest = most + Math.log(others.reduce((sum, value) => sum + Math.exp(value - most), 0));
    const [high, low] = [Math.max(z[chosen], rest), Math.min(z[chosen], rest)];
    const all = high + Math.log1p(Math.exp(low - high));
    return { own: z[chosen] - all, rest: rest - all, shares: softmax(others) };
  };
  const parts = outputs.map(split);
  /** @param {number[]} logs */
  const summed = (logs) => Math.max(...logs) + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - Math.max(...logs)), 0));
  const [own, rest] = [summed(parts.map((part) => part.own)), summed(parts.map((part) => part.rest))];
  return [own - rest, () => parts.map((part) => {
    // Of log p: p_n / sum p; of log (1 - p) likewise. Both change with z by p (1 - p).
    const slope = Math.exp(part.own - own + part.rest) + Math.exp(part.rest - rest + part.own);
    return part.shares.map((share, k) => slope * (k === chosen ? 1 : -share));
  })];
}

/**
 * Returns the answer to a target, and its gradients with respect to the outputs of each net.
 * @param {Program["steps"]} steps
 * @param {Float64Array[]} outputs
 * @param {Rows} x
 * @param {number} t
 * @param {number} chosen
 * @returns {[number, (own: Rows) => Float64Array[]]}
 */
function answerOf(steps, outputs, x, t, chosen) {
  const [y, back] = undoneTraced(steps, meanOf(outputs), x, t);
  return [y[chosen], (own) => {
    const d = back(y.map((_, o) => Number(o === chosen)), own).map((value) => value / outputs.length);
    return outputs.map(() => d);
  }];
}

/**
 * Explains an answer by gradients; yields the share of the work that is done.
 * @param {Explained} explain
 * @param {Rows} x
 * @param {Rows} b The mean of the training rows, at each step.
 * @param {number} unit What an error is small of: a ten-thousandth of it, or of the answer's distance.
 * @returns {Generator<number | void, Why>}
 */
export function* integrated(explain, x, b, unit = 1) {
  const away = x.map((each, t) => each.map((value, i) => value - b[t][i]));
  /** @param {number} a */
  const at = (a) => explain(b.map((each, t) => each.map((value, i) => value + a * away[t][i])));
  /** @type {Map<number, number>} */
  const values = new Map();
  for (let k = 0; k <= SEGMENTS; k += 1) values.set(k / SEGMENTS, (yield* at(k / SEGMENTS))[0]);
  const [base, value] = [0, 1].map((end) => /** @type {number} */ (values.get(end)));
  const limit = 1e-4 * Math.max(unit, Math.abs(value - base));
  const shares = zerosLike(x);
  let [points, work, n, finished] = [0, SEGMENTS * GAUSS.length, SEGMENTS, 0];
  /** @type {Segment[]} */
  let due = Array.from({ length: SEGMENTS }, (_, k) => ({ from: k / SEGMENTS, to: (k + 1) / SEGMENTS, shares: [], error: 0 }));
  while (due.length) {
    for (const part of due) {
      const { from, to } = part;
      for (const end of [from, to]) if (!values.has(end)) values.set(end, (yield* at(end))[0]);
      part.shares = zerosLike(x);
      for (const [place, weight] of GAUSS) {
        const half = (to - from) / 2;
        const [, back] = yield* at(from + half * (1 + place));
        (yield* back()).forEach((d, t) => add(part.shares[t], d.map((slope, i) => half * weight * slope * away[t][i])));
        points += 1;
        yield points / work;
      }
      part.error = Math.abs(totalOf(part.shares) - /** @type {number} */ (values.get(to)) + /** @type {number} */ (values.get(from)));
    }
    const all = due.reduce((sum, { error }) => sum + error, finished);
    const most = limit / n;
    let halved = due.filter(({ error }) => error > most);
    if (all <= limit || halved.length > Math.floor((MOST_POINTS - points) / (2 * GAUSS.length))) halved = [];
    for (const part of due) {
      if (halved.includes(part)) continue;
      part.shares.forEach((each, t) => add(shares[t], each));
      finished += part.error;
    }
    n += halved.length;
    work = points + 2 * GAUSS.length * halved.length;
    due = halved.flatMap(({ from, to }) => [[from, (from + to) / 2], [(from + to) / 2, to]].map(([begin, end]) => ({ from: begin, to: end, shares: [], error: 0 })));
  }
  return { shares, value, base, missing: value - base - totalOf(shares), points, gradients: 1 };
}

/** @param {Rows} shares */
export const totalOf = (shares) => shares.reduce((sum, each) => sum + each.reduce((a, b) => a + b, 0), 0);

/**
 * Explains the log-odds of a class, or an answer to a target.
 * @param {Program} program
 * @param {Rows} x
 * @param {Rows} mean Of the training rows, (M, I).
 * @param {number} chosen
 * @param {Explained} [explain] The answer after the last step unless it is given.
 * @returns {Generator<number | void, Why>}
 */
export function* whyOf(program, x, mean, chosen, explain = explained(program, chosen)) {
  const { companions: [companion], steps } = program;
  const b = baselineOf(mean, x.length);
  const own = companion?.share ?? 1;
  const factor = stepOf(steps, "Logarithm") ? 1 : stepOf(steps, "TargetScale")?.factor.data[chosen] || 1;
  const found = own ? yield* integrated(explain, x, b, Math.abs(1 / factor)) : null;
  const other = own < 1 ? yield* /** @type {any} */ (COMPANIONS[companion.part]).occluded(companion, x, b, chosen) : null;
  const both = found && other ? mixedWhy(found, other, own) : found || other;
  return { ...both, shares: withoutMask(steps, both.shares), gradients: own };
}

/** Returns a part of one reason and the rest of another. @param {Why} one @param {Why} other @param {number} part @returns {Why} */
function mixedWhy(one, other, part) {
  /** @param {number} a @param {number} b */
  const mix = (a, b) => part * a + (1 - part) * b;
  return {
    ...one, value: mix(one.value, other.value), base: mix(one.base, other.base),
    shares: one.shares.map((each, t) => each.map((value, i) => mix(value, other.shares[t][i]))),
  };
}

/**
 * Returns the mean of the training rows at each step, from a mean (M, I): the last one goes on.
 * @param {Rows} mean
 * @param {number} n
 */
export const baselineOf = (mean, n) => Array.from({ length: n }, (_, t) => mean[Math.min(t, mean.length - 1)]);

/** Returns shares with those of the marks of missing values added to the values. @param {Program["steps"]} steps @param {Rows} shares */
export const withoutMask = (steps, shares) => (stepOf(steps, "Mask")
  ? shares.map((each) => add(each.slice(0, each.length / 2), each.subarray(each.length / 2))) : shares);
