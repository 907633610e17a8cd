// The gradients of the recurrent cells: each makes that of a step of that of what the step gives.

import { sigmoid } from "./cells.js";

/** @import { Own, State } from "./cells.js" */
/**
 * Returns the gradients with respect to W x, to U h (null of a cell without it) and to the state before,
 * of those with respect to what the cell gives and carries. `a`, `b` and `parts` are as in `Cell`.
 * @typedef {(a: Float64Array, b: Float64Array, state: State, own: Own, given: State, parts: any) => [Float64Array, Float64Array | null, State]} CellGradient
 */

/** @param {number} y */
const bell = (y) => y * (1 - y);

/** @type {Record<string, CellGradient>} */
export const CELL_GRADIENTS = {
  rnn_tanh(a, b, [h], _, [d]) {
    const s = d.map((value, i) => value * (1 - Math.tanh(a[i] + b[i]) ** 2));
    return [s, s, [h.map(() => 0)]];
  },
  rnn_relu(a, b, [h], _, [d]) {
    const s = d.map((value, i) => (a[i] + b[i] > 0 ? value : 0));
    return [s, s, [h.map(() => 0)]];
  },
  gru(a, b, [h], _, [d]) {
    const n = h.length;
    const [to, from] = [new Float64Array(3 * n), new Float64Array(3 * n)];
    const before = d.map((value, i) => {
      const [j, k] = [n + i, 2 * n + i];
      const r = sigmoid(a[i] + b[i]);
      const z = sigmoid(a[j] + b[j]);
      const made = Math.tanh(a[k] + r * b[k]);
      const s = value * (1 - z) * (1 - made * made);
      to[i] = from[i] = s * b[k] * bell(r);
      to[j] = from[j] = value * (h[i] - made) * bell(z);
      to[k] = s;
      from[k] = s * r;
      return value * z;
    });
    return [to, from, [before]];
  },
  lstm(a, b, [h, c], _, [d, carried]) {
    const n = h.length;
    const s = new Float64Array(4 * n);
    const before = c.map((old, k) => {
      const [i, f, o] = [0, 1, 3].map((gate) => sigmoid(a[gate * n + k] + b[gate * n + k]));
      const g = Math.tanh(a[2 * n + k] + b[2 * n + k]);
      const now = Math.tanh(f * old + i * g);
      const own = carried[k] + d[k] * o * (1 - now * now);
      s[k] = own * g * bell(i);
      s[n + k] = own * old * bell(f);
      s[2 * n + k] = own * i * (1 - g * g);
      s[3 * n + k] = d[k] * now * bell(o);
      return own * f;
    });
    return [s, s, [h.map(() => 0), before]];
  },
  fastgrnn(a, b, [h], { bias_gate, bias_update, zeta, nu }, [d]) {
    const [p, q] = [zeta, nu].map(({ data }) => sigmoid(data[0]));
    const before = d.slice();
    const s = d.map((value, i) => {
      const z = sigmoid(a[i] + b[i] + bias_gate.data[i]);
      const made = Math.tanh(a[i] + b[i] + bias_update.data[i]);
      before[i] *= z;
      return value * ((h[i] - p * made) * bell(z) + (p * (1 - z) + q) * (1 - made * made));
    });
    return [s, s, [before]];
  },
  mingru(a, _, [h], __, [d]) {
    const n = h.length;
    const s = new Float64Array(2 * n);
    const before = d.map((value, i) => {
      const z = sigmoid(a[i]);
      const v = a[n + i];
      const low = sigmoid(v);
      s[i] = value * ((v < 0 ? low : v + 0.5) - h[i]) * bell(z);
      s[n + i] = value * z * (v < 0 ? bell(low) : 1);
      return value * (1 - z);
    });
    return [s, null, [before]];
  },
};
