// The recurrent cells: each makes the next state of a state and of the products of a step.

/** @typedef {{ shape: number[], data: Float64Array }} Matrix */
/** @typedef {Float64Array[]} State The arrays that a cell carries. */
/** @typedef {Record<string, Matrix>} Own The arrays of a cell other than W and U, by name. */
/**
 * Returns the state after a step, of which the first array is the output, from W x and U h, each with
 * what `ADDED` names, the state before and the cell's own arrays. A cell whose output is not in its
 * state returns it before that. `parts` receives what a gradient needs of what is computed on the way.
 * @typedef {(a: Float64Array, b: Float64Array, state: State, own: Own, parts?: any) => State} Cell
 */

/** The own arrays that are added to W x and to U h, of cells that have them. */
export const ADDED = [["bias_ih", "bias_in"], ["bias_hh"]];

/** How many arrays a cell carries, if it is more than one. @type {Record<string, number>} */
export const STATES = { lstm: 2, lru: 2 };

/** @param {number} x */
export const relu = (x) => (x > 0 ? x : 0);

/** @param {number} x */
export function sigmoid(x) {
  const e = Math.exp(-Math.abs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/**
 * Returns weight x + bias, in `result` if it is given: new arrays for every step are slow. Four rows
 * are summed side by side, as a processor adds numbers that do not wait for one another.
 * @param {Matrix} weight
 * @param {{ data: Float64Array }} bias
 * @param {ArrayLike<number>} x
 * @param {Float64Array} result
 */
export function affine(weight, bias, x, result = new Float64Array(bias.data.length)) {
  const [rows, n] = weight.shape;
  const [w, start] = [weight.data, bias.data];
  let row = 0;
  for (; row + 3 < rows; row += 4) {
    let a = start[row];
    let b = start[row + 1];
    let c = start[row + 2];
    let d = start[row + 3];
    const k = row * n;
    const l = k + n;
    const m = l + n;
    const o = m + n;
    for (let j = 0; j < n; j += 1) {
      const value = x[j];
      a += w[k + j] * value;
      b += w[l + j] * value;
      c += w[m + j] * value;
      d += w[o + j] * value;
    }
    result[row] = a;
    result[row + 1] = b;
    result[row + 2] = c;
    result[row + 3] = d;
  }
  for (; row < rows; row += 1) {
    let a = start[row];
    for (let j = 0; j < n; j += 1) a += w[row * n + j] * x[j];
    result[row] = a;
  }
  return result;
}

/** @type {Record<string, Cell>} */
export const CELLS = {
  rnn_tanh: (a, b, [h]) => [h.map((_, i) => Math.tanh(a[i] + b[i]))],
  rnn_relu: (a, b, [h]) => [h.map((_, i) => relu(a[i] + b[i]))],
  gru(a, b, [h]) {
    const n = h.length;
    const next = new Float64Array(n);
    for (let i = 0; i < n; i += 1) {
      const r = sigmoid(a[i] + b[i]);
      const z = sigmoid(a[n + i] + b[n + i]);
      next[i] = (1 - z) * Math.tanh(a[2 * n + i] + r * b[2 * n + i]) + z * h[i];
    }
    return [next];
  },
  lstm(a, b, [h, c]) {
    const n = h.length;
    const next = [new Float64Array(n), new Float64Array(n)];
    for (let i = 0, f = n, g = 2 * n, o = 3 * n; i < n; i += 1, f += 1, g += 1, o += 1) {
      const kept = sigmoid(a[f] + b[f]) * c[i];
      next[1][i] = kept + sigmoid(a[i] + b[i]) * Math.tanh(a[g] + b[g]);
      next[0][i] = sigmoid(a[o] + b[o]) * Math.tanh(next[1][i]);
    }
    return next;
  },
  fastgrnn(a, b, [h], { bias_gate, bias_update, zeta, nu }) {
    const [s, n] = [zeta, nu].map(({ data }) => sigmoid(data[0]));
    return [h.map((old, i) => {
      const sum = a[i] + b[i];
      const z = sigmoid(sum + bias_gate.data[i]);
      return z * old + (s * (1 - z) + n) * Math.tanh(sum + bias_update.data[i]);
    })];
  },
  mingru: (a, _, [h]) => [h.map((old, i) => {
    const z = sigmoid(a[i]);
    const v = a[h.length + i];
    return (1 - z) * old + z * (v < 0 ? sigmoid(v) : v + 0.5);
  })],
};
