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
 * @property {number} off How much the shares do not add up by.
 * @property {number} points
 * @property {number} occluded The part of the shares that is by leaving spans out, where there is no gradient.
 */
/** @typedef {{ from: number, to: number, shares: Rows, error: number }} Segment */

const SEGMENTS = 64;
const MOST_POINTS = 4096;
/** Places and weights of Gauss and Legendre's four points between -1 and 1. */
const GAUSS = [[-0.8611363115940526, 0.3478548451374538], [-0.3399810435848563, 0.6521451548625461], [0.3399810435848563, 0.6521451548625461], [0.8611363115940526, 0.3478548451374538]];

/**
 * What explains the log-odds of a class, or the answer to a target after the last step of a prepared row.
 * @param {Program} program
 * @param {number} chosen
 * @returns {Explained}
 */
export const explained = ({ job, nets, steps }, chosen) => function* explain(x) {
  const read = applied(steps, x, {}, true);
  /** @type {[Rows, import("./gradients.js").Back][]} */
  const parts = [];
  for (const net of nets) parts.push(yield* traced(net, read));
  const outputs = parts.map(([all]) => all[all.length - 1]);
  /** @type {[number, (own: Rows) => Float64Array[]]} */
  const [value, backs] = job === "classify" ? oddsOf(outputs, chosen) : answerOf(steps, outputs, x, chosen);
  return [value, function* back() {
    const own = x.map((each) => new Float64Array(each.length));
    const after = backs(own);
    for (let n = 0; n < parts.length; n += 1) {
      const [all, through] = parts[n];
      const d = all.map((each, t) => (t === all.length - 1 ? after[n] : new Float64Array(each.length)));
      const made = yield* through(d);
      appliedBack(steps, made.map((each) => each.slice()), x).forEach((each, t) => add(own[t], each));
    }
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
 * @param {number} chosen
 * @returns {[number, (own: Rows) => Float64Array[]]}
 */
function answerOf(steps, outputs, x, chosen) {
  const [y, back] = undoneTraced(steps, meanOf(outputs), x, x.length - 1);
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
  let [points, work] = [0, SEGMENTS * GAUSS.length];
  /** @type {Segment[]} */
  let parts = [];
  let due = Array.from({ length: SEGMENTS }, (_, k) => [k / SEGMENTS, (k + 1) / SEGMENTS]);
  while (due.length) {
    for (const [from, to] of due) {
      const part = { from, to, shares: x.map((each) => new Float64Array(each.length)), error: 0 };
      for (const end of [from, to]) if (!values.has(end)) values.set(end, (yield* at(end))[0]);
      part.error = /** @type {number} */ (values.get(from)) - /** @type {number} */ (values.get(to));
      for (const [place, weight] of GAUSS) {
        const half = (to - from) / 2;
        const [, back] = yield* at(from + half * (1 + place));
        (yield* back()).forEach((d, t) => d.forEach((slope, i) => {
          const share = half * weight * slope * away[t][i];
          part.shares[t][i] += share;
          part.error += share;
        }));
        points += 1;
        yield points / work;
      }
      parts.push(part);
    }
    due = [];
    if (parts.reduce((sum, { error }) => sum + Math.abs(error), 0) <= limit || points >= MOST_POINTS) break;
    const most = limit / parts.length;
    for (const { from, to, error } of parts) if (Math.abs(error) > most) due.push([from, (from + to) / 2], [(from + to) / 2, to]);
    parts = parts.filter(({ error }) => Math.abs(error) <= most);
    work = points + GAUSS.length * due.length;
  }
  const shares = together(parts.map((part) => part.shares));
  return { shares, value, base, off: value - base - totalOf(shares), points, occluded: 0 };
}

/** @param {Rows[]} parts @returns {Rows} */
const together = (parts) => parts.slice(1).reduce((all, part) => all.map((each, t) => add(each, part[t])), parts[0]);

/** @param {Rows} shares */
export const totalOf = (shares) => shares.reduce((sum, each) => sum + each.reduce((a, b) => a + b, 0), 0);

/**
 * Explains the log-odds of a class, or the answer to a target after the last step of a prepared row.
 * @param {Program} program
 * @param {Rows} x
 * @param {Rows} mean
 * @param {number} chosen
 * @returns {Generator<number | void, Why>}
 */
export function* whyOf(program, x, mean, chosen) {
  const { companions: [companion], steps } = program;
  const b = baselineOf(mean, x.length);
  const own = companion?.share ?? 1;
  const factor = stepOf(steps, "TargetScale")?.factor.data[chosen];
  /** @type {Why} */
  let found = { shares: [], value: 0, base: 0, off: 0, points: 0, occluded: 1 - own };
  if (own) found = { ...yield* integrated(explained(program, chosen), x, b, factor ? 1 / factor : 1), occluded: 1 - own };
  if (own < 1) {
    const { occluded } = COMPANIONS[companion.part];
    const shares = yield* /** @type {any} */ (occluded)(companion, x, b, chosen);
    found.shares = own ? found.shares.map((each, t) => each.map((value, i) => own * value + (1 - own) * shares[t][i])) : shares;
  }
  return { ...found, shares: withoutMask(steps, found.shares) };
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
