// The layers of a stem, of a program that has one: importing this module lets nets have them.

import { affine } from "./cells.js";
import { ACTIVATIONS, LAYERS, STREAMED, meanOf } from "./net.js";

/** @import { Matrix } from "./cells.js" */

/** The term added to a variance. */
const EPS = 1e-5;

/**
 * Returns step t of a convolution over steps; those that are not there count as zeros.
 * @param {any} layer
 * @param {Float64Array[]} steps
 * @param {number} t
 */
function convolved(layer, steps, t) {
  const [rows, inputs, k] = layer.weight.shape;
  const shape = [rows, inputs];
  if (!layer.parts) { // a matrix for each step that is read
    layer.parts = Array.from({ length: k }, (_, j) => ({ shape, data: layer.weight.data.filter((/** @type {any} */ _, /** @type {number} */ i) => i % k === j) }));
  }
  const before = layer.causal ? k - 1 : (k - 1) >> 1;
  const data = layer.bias.data.slice();
  layer.parts.forEach((/** @type {Matrix} */ weight, /** @type {number} */ j) => {
    const x = steps[t + j - before];
    if (x) affine(weight, { data }, x, data);
  });
  return data.map(ACTIVATIONS[layer.activation]);
}

LAYERS.Convolution = (layer, steps) => steps.map((_, t) => convolved(layer, steps, t));

/** Returns what each channel is multiplied by. @param {any} norm @returns {Float64Array} */
export const normFactor = ({ scale, variance }) => (
  scale.data.map((/** @type {number} */ value, /** @type {number} */ c) => value / Math.sqrt(variance.data[c] + EPS)));

LAYERS.Norm = (layer, steps) => {
  const { mean, shift, activation } = layer;
  const factor = normFactor(layer);
  return steps.map((x) => x.map((value, c) => (
    ACTIVATIONS[activation]((value - mean.data[c]) * factor[c] + shift.data[c]))));
};

LAYERS.Pool = ({ steps: size }, steps) => {
  const pooled = [];
  for (let t = 0; t < steps.length; t += size) pooled.push(meanOf(steps.slice(t, t + size)));
  return pooled;
};

STREAMED.Convolution = (layer, x, next, _, number) => {
  const read = [...(next.recent[number] || []), x].slice(-layer.weight.shape[2]);
  next.recent = { ...next.recent, [number]: read };
  return convolved(layer, read, read.length - 1);
};

// Gives the mean so far; what layers before it carry goes on at every step.
STREAMED.Pool = ({ steps: size }, x, next, stream) => {
  stream.carried.recent = next.recent;
  const pooled = [...stream.pooled, x];
  stream.pooled = pooled.length < size ? pooled : [];
  return meanOf(pooled);
};
