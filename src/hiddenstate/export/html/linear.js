// The linear path of a program, and windows in units of their own deviation.

/** @import { Linear, Program } from "./net.js" */

/**
 * Returns the mean and the deviation of the last values of a target; a deviation of 0 if they are flat.
 * @param {Program} program
 * @param {Float64Array[]} steps
 * @param {number} feature
 */
export function windowScale(program, steps, feature) {
  const values = steps.slice(-(program.window || steps.length)).map((x) => x[feature]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const largest = Math.max(...values.map(Math.abs));
  const deviation = Math.sqrt(square);
  return { mean, deviation: deviation <= 1e-9 * largest ? 0 : deviation };
}

/**
 * Returns steps with the past of the targets in units of its own deviation.
 * @param {Program} program
 * @param {Float64Array[]} steps
 */
export function byWindow(program, steps) {
  const read = steps.map((x) => x.slice());
  for (const feature of program.linear?.features ?? []) {
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
  const { factor, offset } = program;
  const { ahead, moved, effects } = linear;
  const [feature, lags] = [linear.features[o], linear.weight.shape[1]];
  /** @type {(step: Float64Array, i: number) => number} */
  const inData = (step, i) => (factor ? step[i] / factor.data[i] + offset.data[i] : step[i]);
  /** @type {(step: Float64Array, columns: number[]) => number} */
  const added = (step, columns) => (effects ? columns.reduce((sum, i, j) => sum + effects.data[o * columns.length + j] * inData(step, i), 0) : 0);
  let sum = linear.bias.data[o] + added(steps[t], moved);
  for (let k = 0; k < lags; k += 1) {
    const step = steps[Math.max(t - k, 0)];
    sum += linear.weight.data[o * lags + k] * (inData(step, feature) - added(step, ahead));
  }
  return sum;
}
