// The forecasts of all steps up to the horizon of a program, and intervals around them.

import { meanOf, outputsOf } from "./net.js";
import { applied, stepOf, undone } from "./steps.js";

/** @import { Matrix } from "./cells.js" */
/** @import { Model } from "./net.js" */
/** @import { Step } from "./steps.js" */

/**
 * What a program needs for them; `hiddenstate/program/ahead` says what each is.
 * @typedef {object} Ahead
 * @property {number[]} targets
 * @property {Step[]} nearer
 * @property {Matrix | null} share
 * @property {number[]} levels
 * @property {Matrix | null} half
 * @property {number} season
 */

/** @typedef {Record<string, Float64Array[]>} Forecast "y" and the ends of intervals: an array a step. */

/**
 * Returns steps with the last value before each missing one, if there is one.
 * @param {Float64Array[]} series
 */
function carried(series) {
  let last = new Float64Array(series[0].length).fill(NaN);
  return series.map((step) => {
    last = step.map((value, i) => (Number.isFinite(value) ? value : last[i]));
    return last;
  });
}

/**
 * Returns the forecasts of the steps after the end of a series.
 * @param {Model} model
 * @param {Float64Array[]} series Those known ahead are, at each step, the values a horizon later.
 * @param {number[]} [sizes] The mean change of each target over a season, of its logarithms where it is one, where `series` is a part.
 * @returns {Forecast}
 */
export function forecastOf(model, series, sizes) {
  const { program } = model;
  const { horizon, window, n_features, n_moved, steps, nets } = program;
  const ahead = /** @type {Ahead} */ (program.ahead);
  const least = stepOf(steps, "Forecast") ? horizon : window + horizon - 1;
  if (series.length < least) throw new Error(`the series has ${series.length} steps, and a forecast reads ${least}`);
  const read = stepOf(steps, "Fill")?.forward ? carried(series) : series;
  /** @param {number} end */
  const upTo = (end) => model.prepare(read.slice(Math.max(0, end - window), end));
  const newest = upTo(read.length);
  const y = Array.from({ length: horizon }, (_, place) => {
    const rows = upTo(read.length - horizon + 1 + place);
    const inputs = applied(steps, rows, {}, true);
    const output = meanOf(nets.map((net) => /** @type {Float64Array} */ (outputsOf(net, inputs).outputs.at(-1))));
    const at = rows.length - 1;
    const path = ahead.nearer[place];
    if (!path) return undone(steps, output, rows, at);
    const last = [...newest];
    last[last.length - 1] = last[last.length - 1].map((value, i) => (
      i >= n_features - n_moved && i < n_features ? rows[at][i] : value)); // known ahead, at the time of the step
    const own = steps.findIndex(({ part }) => part === "Forecast");
    const after = steps.slice(own + 1).map((step) => (
      step.part === "TargetScale" ? { ...step, offset: { data: new Float64Array(output.length) } } : step));
    const added = undone(after, output, rows, at).map((value, o) => value * (ahead.share?.data[place * output.length + o] ?? 0));
    return undone([...steps.slice(0, own), path], added, last, last.length - 1);
  });
  return { y, ...intervalsOf(program, series, y, sizes) };
}

/**
 * Returns the ends of intervals around forecasts y, by name.
 * @param {Model["program"]} program
 * @param {Float64Array[]} series
 * @param {Float64Array[]} y
 * @param {number[]} [sizes]
 * @returns {Forecast}
 */
function intervalsOf({ ahead, steps }, series, y, sizes) {
  const { levels, half, season, targets } = /** @type {Ahead} */ (ahead);
  /** @type {Forecast} */
  const found = {};
  if (!half) return found;
  const log = stepOf(steps, "Logarithm")?.log || [];
  const size = targets.map((feature, o) => sizes?.[o] ?? meanChange(series.map((step) => (log[o] ? Math.log(step[feature]) : step[feature])), season));
  levels.forEach((level, n) => {
    for (const [name, sign] of /** @type {[string, number][]} */ ([["lower", -1], ["upper", 1]])) {
      found[`${name}_${Number((100 * level).toPrecision(6))}`] = y.map((values, j) => values.map((value, o) => {
        const off = sign * half.data[(n * y.length + j) * values.length + o] * size[o];
        return log[o] ? value * Math.exp(off) : value + off;
      }));
    }
  });
  return found;
}

/**
 * Returns the mean absolute change of values over a season; 1 if there is none.
 * @param {number[]} values
 * @param {number} season
 */
export function meanChange(values, season) {
  const apart = season < values.length ? season : 1;
  const changes = values.slice(apart).map((value, t) => Math.abs(value - values[t])).filter(Number.isFinite);
  return changes.reduce((sum, change) => sum + change, 0) / changes.length || 1;
}
