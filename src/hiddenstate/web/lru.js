// The LRU, for a program that has one: importing this module lets nets have it.

import { CELLS, affine, sigmoid } from "./cells.js";

/** @import { Own, State } from "./cells.js" */

/** Of the arrays of a layer, real and imaginary parts of its eigenvalues and the scales of what drives them. @type {WeakMap<Own, Float64Array[]>} */
const TURNS = new WeakMap();

/** @param {Own} own @returns {Float64Array[]} */
function turnsOf(own) {
  const [nu, theta, gamma] = [own.nu.data, own.theta.data, own.gamma.data];
  const radius = nu.map((value) => Math.exp(-Math.exp(value)));
  const parts = [Math.cos, Math.sin].map((part) => radius.map((r, i) => r * part(Math.exp(theta[i]))));
  const turns = [...parts, gamma.map(Math.exp)];
  TURNS.set(own, turns);
  return turns;
}

/** @param {number} y */
const gelu = (y) => y * sigmoid(Math.sqrt(8 / Math.PI) * (y + 0.044715 * y * y * y));

/**
 * @param {Float64Array} u
 * @param {any} _
 * @param {State} state
 * @param {Own} own
 * @param {any} [parts] Receives what is computed on the way.
 * @returns {State}
 */
function lru(u, _, [re, im], own, parts) {
  const [cos, sin, gain] = TURNS.get(own) || turnsOf(own);
  const [scale, shift, skip] = [own.norm_weight.data, own.norm_bias.data, own.skip.data];
  const [H, S] = [u.length, re.length];
  const mean = u.reduce((a, b) => a + b) / H;
  const deviation = Math.sqrt(u.reduce((a, b) => a + (b - mean) ** 2, 0) / H + 1e-5);
  const normal = u.map((value) => (value - mean) / deviation);
  const n = normal.map((value, i) => value * scale[i] + shift[i]);
  const s = affine(own.weight_ih, { data: new Float64Array(2 * S) }, n);
  for (let i = 0; i < S; i += 1) {
    s[i] = cos[i] * re[i] - sin[i] * im[i] + gain[i] * s[i];
    s[S + i] = cos[i] * im[i] + sin[i] * re[i] + gain[i] * s[S + i];
  }
  const y = affine(own.weight_ho, { data: n.map((value, i) => value * skip[i]) }, s);
  const both = affine(own.weight_glu, own.bias_glu, y.map(gelu));
  if (parts) Object.assign(parts, { normal, deviation, y, both, cos, sin, gain });
  return [u.map((value, i) => value + both[i] * sigmoid(both[H + i])), s.slice(0, S), s.slice(S)];
}

CELLS.lru = lru;
