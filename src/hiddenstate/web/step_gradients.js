// The gradients of the steps of a program: of what nets read of a prepared row, and of outputs undone.

import { add } from "./gradients.js";
import { spreadOf, stepOf, undone, valueOf } from "./steps.js";

/** @import { Step } from "./steps.js" */
/** @typedef {Float64Array[]} Rows */
/**
 * Returns the gradient with respect to the outputs y of that with respect to what `undo` makes of them,
 * and adds that with respect to the prepared row to `own`.
 * @typedef {(step: any, d: Float64Array, y: Float64Array, row: Rows, t: number, own: Rows) => Float64Array} Undone
 */

/**
 * Adds to gradients with respect to a row those of the mean and the deviation of a feature in a window.
 * @param {any} step A `WindowScale`.
 * @param {Rows} row
 * @param {Rows} own
 * @param {number} feature
 * @param {number} toMean
 * @param {number} toDeviation
 */
function addSpread(step, row, own, feature, toMean, toDeviation) {
  const { mean, deviation, values } = spreadOf(step, row, feature);
  const factor = step.scale?.factor.data[feature] ?? 1;
  const first = row.length - values.length;
  if (deviation) values.forEach((value, k) => { own[first + k][feature] += (toMean + toDeviation * ((value - mean) / deviation)) / values.length / factor; });
}

/** @type {Record<string, Undone>} */
const UNDONE = {
  Logarithm: ({ log }, d, y) => d.map((value, o) => (log[o] ? value * Math.exp(y[o]) : value)),
  Forecast({ features, weights, effects, ahead, moved, inputs, input_weights, scale }, d, _, row, t, own) {
    const [n, m] = [weights.shape[1], input_weights?.shape[1] ?? 0];
    /** @param {number} at @param {number} i @param {number} value */
    const to = (at, i, value) => { own[Math.max(at, 0)][i] += value / (scale?.factor.data[i] ?? 1); };
    d.forEach((value, o) => {
      if (!value) return;
      moved.forEach((/** @type {number} */ i, /** @type {number} */ j) => to(t, i, value * effects.data[o * moved.length + j]));
      for (let k = 0; k < n; k += 1) {
        const weight = value * weights.data[o * n + k];
        to(t - k, features[o], weight);
        ahead.forEach((/** @type {number} */ i, /** @type {number} */ j) => to(t - k, i, -weight * effects.data[o * ahead.length + j]));
      }
      for (let k = 0; k < m; k += 1) inputs.forEach((/** @type {number} */ i, /** @type {number} */ j) => to(t - k, i, value * input_weights.data[(o * m + k) * inputs.length + j]));
    });
    return d;
  },
  WindowScale: (step, d, y, row, _, own) => d.map((value, o) => {
    if (value) addSpread(step, row, own, step.features[o], 0, value * y[o]);
    return value * spreadOf(step, row, step.features[o]).deviation;
  }),
  Quantiles({ n }, d, y) {
    const made = new Float64Array(d.length);
    d.forEach((value, o) => {
      const first = o - (o % n);
      const order = Array.from({ length: n }, (_, k) => first + k).sort((a, b) => y[a] - y[b]);
      made[order[o % n]] += value;
    });
    return made;
  },
  TargetScale: ({ factor }, d) => d.map((value, o) => value / factor.data[o]),
  Change({ features }, d, _, row, t, own) {
    d.forEach((value, o) => { own[t][features[o]] += value; });
    return d;
  },
};

/**
 * Returns outputs undone, and what makes the gradient with respect to them one with respect to the outputs.
 * @param {Step[]} steps
 * @param {Float64Array} outputs
 * @param {Rows} row
 * @param {number} t
 * @returns {[Float64Array, (d: Float64Array, own: Rows) => Float64Array]}
 */
export function undoneTraced(steps, outputs, row, t) {
  const before = [...steps].reverse().filter(({ part }) => UNDONE[part]);
  const values = [outputs];
  for (const step of before) values.push(undone([step], values[values.length - 1], row, t));
  return [values[before.length], (d, own) => before.reduceRight((each, step, k) => UNDONE[step.part](step, each, values[k], row, t, own), d)];
}

/**
 * Makes a gradient with respect to what nets read of a prepared row one with respect to the row.
 * @param {Step[]} steps
 * @param {Rows} made Of what nets read.
 * @param {Rows} row
 */
export function appliedBack(steps, made, row) {
  const d = made.map((each) => each.slice());
  const scale = stepOf(steps, "WindowScale");
  for (const feature of scale ? scale.features : []) {
    const { mean, deviation } = spreadOf(/** @type {any} */ (scale), row, feature);
    let [toMean, toDeviation] = [0, 0];
    d.forEach((each, t) => {
      const slope = deviation ? each[feature] / deviation : 0;
      toMean -= slope;
      toDeviation -= slope * ((valueOf(row[t], feature, scale?.scale) - mean) / deviation || 0);
      each[feature] = slope / (scale?.scale?.factor.data[feature] ?? 1);
    });
    addSpread(/** @type {any} */ (scale), row, d, feature, toMean, toDeviation);
  }
  return d;
}
