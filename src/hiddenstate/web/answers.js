// The answers of a regressor to a series, step by step.

/** @import { Model } from "./net.js" */
/** @typedef {{ y: ArrayLike<number>[], states: ArrayLike<number>[], first?: number }} Answers `first` is the first step with a state. */

/**
 * Returns the answer after every step (NaN where there is none), and the state there.
 * @param {Model} model
 * @param {Float64Array[]} series
 * @param {number[]} resets steps before which the state is set to zeros
 * @returns {Answers}
 */
export function answersTo(model, series, resets) {
  const { program } = model;
  const every = model.every;
  const none = new Float64Array(program.n_outputs).fill(NaN);
  if ((program.stateful || !program.window) && model.streams) {
    const stream = model.stream();
    const zero = new Set(resets);
    /** @type {Answers} */
    const found = { y: [], states: [] };
    series.forEach((step, at) => {
      if (zero.has(at)) stream.forget();
      found.y.push(stream.step(step).y);
      found.states.push(stream.h);
    });
    return found;
  }
  if (!program.window || program.stateful) {
    const { y, states } = model.predict(series);
    return {
      y: series.map((_, at) => (every ? y[at] : at === series.length - 1 ? y[0] : none)),
      states: series.map((_, at) => states[Math.floor((at * states.length) / series.length)]),
    };
  }
  const size = program.window;
  /** @type {Answers} */
  const found = { y: series.map(() => none), states: [], first: size - 1 };
  for (let end = size; end <= series.length; end += 1) {
    const { y, states } = model.predict(series.slice(end - size, end));
    if (every && end === size) y.forEach((each, at) => { found.y[at] = each; });
    found.y[end - 1] = y[y.length - 1];
    found.states[end - 1] = states[states.length - 1];
  }
  found.states.fill(new Float64Array(found.states[size - 1].length), 0, size - 1);
  return found;
}

/** Returns random numbers of mean 0 and deviation 1, the same each time. @param {number} seed @param {number} n */
export function noiseOf(seed, n) {
  let state = seed * 2654435761;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()));
}
