// Reads a row with a net, in slices so that no frame waits.

/** @typedef {import("../../web/net.js").Model} Model */

const SLICE = 8; // milliseconds of computing in a frame

/** Waits for the next frame. */
export const nextFrame = () => new Promise((go) => { requestAnimationFrame(go); });

/**
 * Reads a row with a net, in slices so that no frame waits; null if it was called off.
 * @param {Model} model
 * @param {Float64Array[]} row
 * @param {number} most answers of a model that reads the first steps anew for each
 * @param {() => boolean} wanted
 */
export async function traced(model, row, most, wanted) {
  let begun = performance.now();
  const rest = async () => {
    if (performance.now() - begun < SLICE) return true;
    await nextFrame();
    begun = performance.now();
    return wanted();
  };
  /** @type {{probabilities: Float64Array[], states: Float64Array[]}} */
  const trace = { probabilities: [], states: [] };
  if (model.streams) {
    const stream = model.stream();
    for (const step of row) {
      trace.probabilities.push(stream.step(step).probabilities);
      trace.states.push(stream.h);
      if (!await rest()) return null;
    }
    return trace;
  }
  // The first steps are read anew for each answer; between two the last one is repeated.
  const whole = model.predict(row);
  trace.states = whole.states;
  const cost = performance.now() - begun;
  const apart = Math.ceil(row.length / Math.min(Math.max(Math.floor((most > 6 ? 1000 : 60) / cost), 2), most));
  for (let t = 0; t < row.length - 1; t += 1) {
    trace.probabilities.push(t % apart ? trace.probabilities[t - 1] : model.predict(row.slice(0, t + 1)).probabilities);
    if (!await rest()) return null;
  }
  trace.probabilities.push(whole.probabilities);
  return trace;
}

/** @param {Float64Array[]} steps */
export function flattened(steps) {
  const n = steps[0].length;
  const values = new Float64Array(steps.length * n);
  steps.forEach((step, at) => values.set(step, at * n));
  return values;
}
