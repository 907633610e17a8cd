// The forecasts of all steps up to the horizon of a program, and intervals around them.

import { meanOf, outputsOf } from "./net.js";
import { applied, stepOf, undone } from "./steps.js";

/** @import { Matrix } from "./cells.js" */
/** @import { Model, Program } from "./net.js" */
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

/** Returns a series as windows of it are read. @param {Program} program @param {Float64Array[]} series */
export const carriedOf = ({ steps }, series) => (stepOf(steps, "Fill")?.forward ? carried(series) : series);

/**
 * Returns what undoes the outputs of nets for a step that has a path of its own: the steps before the
 * path and it, those after it, and what part of the outputs is added to it.
 * @param {Program} program
 * @param {number} place
 */
export function nearerPath({ ahead, steps, n_outputs }, place) {
  const { nearer, share } = /** @type {Ahead} */ (ahead);
  if (!nearer[place]) return null;
  const own = steps.findIndex(({ part }) => part === "Forecast");
  const n = share ? share.shape[1] : n_outputs;
  return {
    before: [...steps.slice(0, own), nearer[place]],
    after: steps.slice(own + 1).map((step) => (
      step.part === "TargetScale" ? { ...step, offset: { data: new Float64Array(step.offset.data.length) } } : step)),
    shares: Array.from({ length: n }, (_, o) => share?.data[place * n + o] ?? 0),
  };
}

/** Returns the newest rows with what is known ahead at the time of the last of others. @param {Program} program @param {Float64Array[]} newest @param {Float64Array[]} rows */
export function withMoved({ n_features, n_moved }, newest, rows) {
  const moved = rows[rows.length - 1];
  return [...newest.slice(0, -1), newest[newest.length - 1].map((value, i) => (i >= n_features - n_moved && i < n_features ? moved[i] : value))];
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
  const { horizon, window, steps, nets } = program;
  const least = stepOf(steps, "Forecast") ? horizon : window + horizon - 1;
  if (series.length < least) throw new Error(`the series has ${series.length} steps, and a forecast reads ${least}`);
  const read = carriedOf(program, series);
  /** @param {number} end */
  const upTo = (end) => model.prepare(read.slice(Math.max(0, end - window), end));
  const newest = upTo(read.length);
  const y = Array.from({ length: horizon }, (_, place) => {
    const rows = upTo(read.length - horizon + 1 + place);
    const inputs = applied(steps, rows, {}, true);
    const output = meanOf(nets.map((net) => /** @type {Float64Array} */ (outputsOf(net, inputs).outputs.at(-1))));
    const at = rows.length - 1;
    const nearer = nearerPath(program, place);
    if (!nearer) return undone(steps, output, rows, at);
    const last = withMoved(program, newest, rows);
    const added = undone(nearer.after, output, rows, at).map((value, o) => value * nearer.shares[o]);
    return undone(nearer.before, added, last, last.length - 1);
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
