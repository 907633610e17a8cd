// The backward pass of nets: the gradient of their outputs with respect to every step of a row.

import { CELL_GRADIENTS } from "./cell_gradients.js";
import { CELLS, affine } from "./cells.js";
import { LAYERS, joined, productsOf, zerosOf } from "./net.js";

/** @import { Matrix, State } from "./cells.js" */
/** @import { Direction, Layer, Run } from "./net.js" */
/** @typedef {Float64Array[]} Steps */
/**
 * Makes of the gradient with respect to what layers give that with respect to what they read; it stops
 * often, so that a page can go on in between.
 * @typedef {(d: Steps) => Generator<void, Steps>} Back
 */
/** @typedef {Generator<void, [outputs: Steps, back: Back]>} Traced */

/** The slope of an activation where it gives y. @type {Record<string, (y: number) => number>} */
const SLOPES = { linear: () => 1, tanh: (y) => 1 - y * y, relu: (y) => Number(y > 0), sigmoid: (y) => y * (1 - y) };

/** Returns gradients before an activation of those after it, where it gives y. @param {Steps} d @param {Steps} y @param {string} activation */
export const sloped = (d, y, activation) => d.map((each, t) => each.map((value, i) => value && value * SLOPES[activation](y[t][i])));

/** The transposes of matrices, and as many zeros as they have rows. @type {WeakMap<Matrix, [Matrix, { data: Float64Array }]>} */
const TRANSPOSED = new WeakMap();

/** Returns d multiplied by the transpose of a matrix. @param {Matrix} matrix @param {Float64Array} d */
export function turned(matrix, d) {
  const [rows, n] = matrix.shape;
  let found = TRANSPOSED.get(matrix);
  if (!found) {
    const data = new Float64Array(n * rows);
    matrix.data.forEach((value, at) => { data[(at % n) * rows + Math.floor(at / n)] = value; });
    TRANSPOSED.set(matrix, found = [{ shape: [n, rows], data }, { data: new Float64Array(n) }]);
  }
  return affine(...found, d);
}

/** @param {Matrix[]} factors @param {Float64Array} d */
const turnedBy = (factors, d) => factors.reduce((own, factor) => turned(factor, own), d);

/** Adds numbers to others. @param {Float64Array} to @param {Float64Array} d */
export function add(to, d) {
  for (let i = 0; i < d.length; i += 1) to[i] += d[i];
  return to;
}

/** Traces a direction of a recurrent layer. @param {string} cell @param {Direction} direction @param {Steps} steps @returns {Traced} */
function* swept(cell, direction, steps) {
  /** @type {[Float64Array, Float64Array, State, any][]} */
  const read = [];
  const outputs = [];
  let state = zerosOf(cell, direction);
  let block = false; // whether the output is not in the state
  for (const x of steps) {
    const [a, b] = productsOf(direction, x, state[0]).map((each) => each.slice());
    const parts = {};
    read.push([a, b, state, parts]);
    const after = CELLS[cell](a, b, state, direction.own, parts);
    outputs.push(after[0]);
    block = after.length > state.length;
    state = after.slice(-state.length);
    yield;
  }
  return [outputs, function* back(d) {
    const made = d.slice();
    let after = zerosOf(cell, direction);
    for (let t = d.length - 1; t >= 0; t -= 1) {
      if (!block) add(after[0], d[t]);
      const [wx, uh, own, parts] = read[t];
      const [a, b, before] = CELL_GRADIENTS[cell](wx, uh, own, direction.own, block ? [d[t], ...after] : after, parts);
      made[t] = turnedBy(direction.inputs, a);
      if (b) add(before[0], turnedBy(direction.hidden, b));
      after = before;
      yield;
    }
    return made;
  }];
}

/** @template T @param {T[]} list */
const reversed = (list) => [...list].reverse();

// What a layer of each kind gives for a sequence, and its gradient; `stem_gradients.js` adds those of a stem.
/** @type {Record<string, (layer: any, steps: Steps) => Traced>} */
export const TRACED = {
  * Dense(layer, steps) {
    const y = LAYERS.Dense(layer, steps, /** @type {Run} */ ({}));
    return [y, function* back(d) { return sloped(d, y, layer.activation).map((each) => turned(layer.weight, each)); }];
  },
  * Recurrent({ cell, directions }, steps) {
    const [first, second] = directions;
    const [y, back] = yield* swept(cell, first, steps);
    if (!second) return [y, back];
    const [z, behind] = yield* swept(cell, second, reversed(steps));
    const H = first.hidden_size;
    const both = reversed(z).map((each, t) => joined([y[t], each]));
    return [both, function* sum(d) {
      const own = yield* back(d.map((each) => each.slice(0, H)));
      const other = yield* behind(reversed(d).map((each) => each.slice(H)));
      return reversed(other).map((each, t) => add(each, own[t]));
    }];
  },
  * Beside({ layers }, steps) {
    const [y, back] = yield* traced(layers, steps);
    return [y.map((each, t) => joined([each, steps[t]])), function* sum(d) {
      const own = yield* back(d.map((each) => each.slice(0, y[0].length)));
      return own.map((each, t) => add(each.slice(), d[t].subarray(y[0].length)));
    }];
  },
  * Readout(layer, steps) {
    const { kind, width, backward } = layer;
    const n = steps.length;
    return [LAYERS.Readout(layer, steps, /** @type {Run} */ ({})), function* back([d]) {
      const own = steps.map((_, t) => (kind === "mean" ? d.map((value) => value / n) : new Float64Array(d.length)));
      if (kind === "last") {
        const forward = width - (backward || 0);
        own[n - 1].set(d.subarray(0, forward));
        own[0].set(d.subarray(forward), forward);
      }
      return own;
    }];
  },
};

/** Returns what layers give for a sequence, and their gradient. @param {Layer[]} layers @param {Steps} steps @returns {Traced} */
export function* traced(layers, steps) {
  /** @type {Back[]} */
  const backs = [];
  let x = steps;
  for (const layer of layers) {
    const [y, back] = yield* TRACED[layer.part](layer, x);
    backs.push(back);
    x = y;
  }
  return [x, function* back(d) {
    let own = d;
    for (const each of reversed(backs)) own = yield* each(own);
    return own;
  }];
}
