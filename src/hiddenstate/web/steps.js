// The steps of a program: forwards they prepare a row, backwards they undo the outputs of nets.

/** @import { Matrix } from "./cells.js" */

/** @typedef {{ part: string, [field: string]: any }} Step */
/** @typedef {{ last?: Float64Array, absent?: Float64Array[] }} Memory `last` goes from row to row. */
/** @typedef {{ offset: Matrix, factor: Matrix } | null} Scale */
/**
 * What a kind of step does; nothing is done where a function is missing. `apply` returns a row as the
 * next step reads it, `restore` a step as it was before, and `undo` the outputs y at step t of a
 * prepared row as they were before. Of a kind for nets only, prepared rows end before it.
 * @typedef {object} Kind
 * @property {boolean} [netOnly]
 * @property {(step: any, row: Float64Array[], memory: Memory) => Float64Array[]} [apply]
 * @property {(step: any, x: Float64Array) => Float64Array} [restore]
 * @property {(step: any, y: Float64Array, row: Float64Array[], t: number) => Float64Array} [undo]
 */

/** @param {number[]} numbers */
const average = (numbers) => numbers.reduce((sum, x) => sum + x) / numbers.length;

/** @param {{ offset: Matrix, factor: Matrix }} scale @param {Float64Array} x */
const unscaled = ({ offset, factor }, x) => x.map((value, i) => value / factor.data[i] + offset.data[i]);

/** @param {Float64Array} x @param {number} i @param {Scale} scale */
export const valueOf = (x, i, scale) => (scale ? x[i] / scale.factor.data[i] + scale.offset.data[i] : x[i]);

/**
 * Returns the last values of a target with their mean and deviation, which is 0 if they are flat.
 * @param {any} step A `WindowScale`.
 * @param {Float64Array[]} row
 * @param {number} feature
 */
export function spreadOf({ window, scale }, row, feature) {
  const values = row.slice(-window).map((x) => valueOf(x, feature, scale));
  const mean = average(values);
  const deviation = Math.sqrt(average(values.map((x) => (x - mean) ** 2)));
  return { mean, deviation: deviation <= 1e-9 * Math.max(...values.map(Math.abs)) ? 0 : deviation, values };
}

/**
 * Returns what a linear path forecasts of target o at step t of a prepared row.
 * @param {any} step
 * @param {Float64Array[]} row
 * @param {number} t
 * @param {number} o
 */
function forecastAt({ features, weights, bias, scale, effects, ahead, moved, inputs, input_weights }, row, t, o) {
  /** @type {(x: Float64Array, ids: number[]) => number} */
  const added = (x, ids) => ids.reduce((sum, i, j) => sum + effects.data[o * ids.length + j] * valueOf(x, i, scale), 0);
  let sum = bias.data[o] + added(row[t], moved);
  const [n, m] = [weights.shape[1], input_weights?.shape[1] ?? 0];
  for (let k = 0; k < Math.max(n, m); k += 1) {
    const x = row[Math.max(t - k, 0)];
    if (k < n) sum += weights.data[o * n + k] * (valueOf(x, features[o], scale) - added(x, ahead));
    if (k < m) {
      const first = (o * m + k) * inputs.length;
      inputs.forEach((/** @type {number} */ i, /** @type {number} */ j) => { sum += input_weights.data[first + j] * valueOf(x, i, scale); });
    }
  }
  return sum;
}

// What each kind of step does.
/** @type {Record<string, Kind>} */
const STEPS = {
  Fractions: {
    apply(_, row) {
      for (const x of row) for (let i = 0; i < x.length; i += 1) x[i] /= 255; // of a copy
      return row;
    },
  },
  Logarithm: {
    apply: ({ features }, row) => row.map((x) => {
      const y = x.slice();
      for (const i of features) {
        if (x[i] <= 0) throw new Error("a value is 0 or less, but the model reads logarithms");
        y[i] = Math.log(x[i]);
      }
      return y;
    }),
    undo: ({ log }, y) => y.map((value, o) => (log[o] ? Math.exp(value) : value)),
  },
  Fill: {
    apply({ values, forward }, row, memory) {
      memory.absent = row.map((x) => x.map((value) => Number(!Number.isFinite(value))));
      return row.map((x, t) => {
        const absent = /** @type {Float64Array[]} */ (memory.absent)[t];
        const last = forward && memory.last;
        const known = x.map((value, i) => (absent[i] ? (last ? last[i] : NaN) : value));
        if (forward) memory.last = known;
        return known.map((value, i) => (Number.isNaN(value) ? values.data[i] : value));
      });
    },
  },
  Scale: {
    apply: ({ offset, factor }, row) => row.map((x) => x.map((value, i) => (value - offset.data[i]) * factor.data[i])),
    restore: unscaled,
  },
  Mask: {
    apply: (_, row, { absent = [] }) => row.map((x, t) => Float64Array.of(...x, ...absent[t])),
    restore: (_, x) => x.slice(0, x.length / 2),
  },
  Forecast: { undo: (step, y, row, t) => y.map((value, o) => value + forecastAt(step, row, t, o)) },
  WindowScale: {
    netOnly: true,
    apply(step, row) {
      const own = row.map((x) => x.slice());
      for (const feature of step.features) {
        const { mean, deviation } = spreadOf(step, row, feature);
        row.forEach((x, t) => {
          own[t][feature] = deviation ? (valueOf(x, feature, step.scale) - mean) / deviation : 0;
        });
      }
      return own;
    },
    undo: (step, y, row) => y.map((value, o) => value * spreadOf(step, row, step.features[o]).deviation),
  },
  Quantiles: {
    undo: ({ n }, y) => y.map((_, o) => y.slice(o - (o % n), o - (o % n) + n).sort((a, b) => a - b)[o % n]),
  },
  TargetScale: { undo: unscaled },
  Change: { undo: ({ features }, y, row, t) => y.map((value, o) => value + row[t][features[o]]) },
};

/**
 * Returns the step of a kind, if there is one.
 * @param {Step[]} steps
 * @param {string} part
 */
export const stepOf = (steps, part) => steps.find((step) => step.part === part);

/**
 * Returns a row after the steps that prepare it or, with `netOnly`, after those for nets only. `memory`
 * holds what goes on from the row before.
 * @param {Step[]} steps
 * @param {Float64Array[]} row
 * @param {Memory} memory
 */
export const applied = (steps, row, memory, netOnly = false) => steps.reduce((x, step) => {
  const { apply, netOnly: own = false } = STEPS[step.part];
  return apply && own === netOnly ? apply(step, x, memory) : x;
}, row);

/**
 * Returns outputs of nets at step t of a prepared row, in the units of the targets.
 * @param {Step[]} steps
 * @param {Float64Array} outputs
 * @param {Float64Array[]} row
 * @param {number} t
 */
export const undone = (steps, outputs, row, t) => (
  steps.reduceRight((y, step) => STEPS[step.part].undo?.(step, y, row, t) ?? y, outputs));

/**
 * Returns a reconstructed step in the units of the data.
 * @param {Step[]} steps
 * @param {Float64Array} outputs
 */
export const restored = (steps, outputs) => (
  steps.reduceRight((x, step) => STEPS[step.part].restore?.(step, x) ?? x, outputs));

/**
 * Returns how many last steps must be kept for answers.
 * @param {Step[]} steps
 */
export function lagsOf(steps) {
  const path = stepOf(steps, "Forecast");
  return path ? Math.max(path.weights.shape[1], path.input_weights?.shape[1] ?? 0) : 1;
}
