// The gradients of the layers of a stem, of a program that has one: importing this module adds them.

import { TRACED, add, sloped, turned } from "./gradients.js";
import { LAYERS } from "./net.js";
import { normFactor } from "./stem.js";

/** @import { Matrix } from "./cells.js" */
/** @import { Run } from "./net.js" */

const NO_RUN = /** @type {Run} */ ({});

TRACED.Convolution = function* convolution(layer, steps) {
  const y = LAYERS.Convolution(layer, steps, NO_RUN);
  yield;
  const { weight: { shape: [, inputs, k] }, parts, causal, activation } = layer;
  const before = causal ? k - 1 : (k - 1) >> 1;
  return [y, function* back(d) {
    const own = steps.map(() => new Float64Array(inputs));
    const steep = sloped(d, y, activation);
    for (let t = 0; t < steps.length; t += 1) {
      parts.forEach((/** @type {Matrix} */ weight, /** @type {number} */ j) => {
        const to = own[t + j - before];
        if (to) add(to, turned(weight, steep[t]));
      });
      yield;
    }
    return own;
  }];
};

TRACED.Norm = function* norm(layer, steps) {
  const y = LAYERS.Norm(layer, steps, NO_RUN);
  const factor = normFactor(layer);
  return [y, function* back(d) { return sloped(d, y, layer.activation).map((each) => each.map((value, c) => value * factor[c])); }];
};

TRACED.Pool = function* pool(layer, steps) {
  const size = layer.steps;
  const n = steps.length;
  return [LAYERS.Pool(layer, steps, NO_RUN), function* back(d) {
    return steps.map((_, t) => d[Math.floor(t / size)].map((value) => value / Math.min(size, n - (t - (t % size)))));
  }];
};
