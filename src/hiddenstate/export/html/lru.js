// The LRU, for a program that has one: importing this module lets nets have it.

import { CELLS, affine, sigmoid } from "./cells.js";

/** @import { Own, State } from "./cells.js" */

const VECTORS = ["nu", "theta", "gamma", "norm_weight", "norm_bias", "skip"];

/** @param {number} y */
const gelu = (y) => y * sigmoid(Math.sqrt(8 / Math.PI) * (y + 0.044715 * y ** 3));

/**
 * @param {Float64Array} u
 * @param {any} _
 * @param {State} state
 * @param {Own} own
 * @returns {State}
 */
function lru(u, _, [re, im], own) {
  const [nu, theta, gamma, scale, shift, skip] = VECTORS.map((name) => own[name].data);
  const [H, S] = [u.length, re.length];
  const mean = u.reduce((a, b) => a + b) / H;
  const deviation = Math.sqrt(u.reduce((a, b) => a + (b - mean) ** 2, 0) / H + 1e-5);
  const n = u.map((value, i) => ((value - mean) / deviation) * scale[i] + shift[i]);
  const s = affine(own.weight_ih, { data: new Float64Array(2 * S) }, n);
  for (let i = 0; i < S; i += 1) {
    const [r, turn, k] = [-Math.exp(nu[i]), theta[i], gamma[i]].map(Math.exp);
    const [c, d] = [r * Math.cos(turn), r * Math.sin(turn)];
    s[i] = c * re[i] - d * im[i] + k * s[i];
    s[S + i] = c * im[i] + d * re[i] + k * s[S + i];
  }
  const y = affine(own.weight_ho, { data: n.map((value, i) => value * skip[i]) }, s);
  const both = affine(own.weight_glu, own.bias_glu, y.map(gelu));
  return [u.map((value, i) => value + both[i] * sigmoid(both[H + i])), s.slice(0, S), s.slice(S)];
}

CELLS.lru = lru;
