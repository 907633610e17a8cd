// The linear path of a program, and windows in units of their own deviation.

/** @import { Linear, Matrix, Program } from "./net.js" */

/** @param {number[]} numbers */
const average = (numbers) => numbers.reduce((sum, x) => sum + x) / numbers.length;

/**
 * Returns the mean and the deviation of the last values of a target; a deviation of 0 if they are flat.
 * @param {Program} program
 * @param {Float64Array[]} steps
 * @param {number} feature
 */
export function windowScale(program, steps, feature) {
  const values = steps.slice(-program.window).map((x) => x[feature]);
  const mean = average(values);
  const deviation = Math.sqrt(average(values.map((x) => (x - mean) ** 2)));
  return { mean, deviation: deviation <= 1e-9 * Math.max(...values.map(Math.abs)) ? 0 : deviation };
}

/**
 * Returns steps with the past of the targets in units of its own deviation.
 * @param {Program} program
 * @param {Float64Array[]} steps
 */
export function byWindow(program, steps) {
  const read = steps.map((x) => x.slice());
  for (const feature of /** @type {Linear} */ (program.linear).features) {
    const { mean, deviation } = windowScale(program, steps, feature);
    for (const x of read) x[feature] = deviation ? (x[feature] - mean) / deviation : 0;
  }
  return read;
}

/**
 * Returns the forecast of the linear path for target o at step t of prepared steps.
 * @param {Program} program
 * @param {Linear} linear
 * @param {Float64Array[]} steps
 * @param {number} t
 * @param {number} o
 */
export function linearAt(program, linear, steps, t, o) {
  const { ahead, moved, effects, weight, features } = linear;
  /** @type {(step: Float64Array, i: number) => number} */
  const raw = (step, i) => (program.factor ? step[i] / program.factor.data[i] + program.offset.data[i] : step[i]);
  /** @type {(step: Float64Array, ids: number[]) => number} */
  const added = (step, ids) => ids.reduce((sum, i, j) => sum + /** @type {Matrix} */ (effects).data[o * ids.length + j] * raw(step, i), 0);
  let sum = linear.bias.data[o] + added(steps[t], moved);
  for (let k = 0; k < weight.shape[1]; k += 1) {
    const step = steps[Math.max(t - k, 0)];
    sum += weight.data[o * weight.shape[1] + k] * (raw(step, features[o]) - added(step, ahead));
  }
  return sum;
}
