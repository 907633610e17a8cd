// The layers of a net that computes in integers: importing this module lets nets have them. It gives
// the integers of `hiddenstate/program/integers.py`; all are numbers of up to 48 bits, which doubles hold
// as they are, and so are powers of 2 times them.

import { affine } from "./cells.js";
import { LAYERS, STREAMED, joined } from "./net.js";

/** @import { Matrix, State } from "./cells.js" */
/** @import { Layer, Run } from "./net.js" */
/** @typedef {{ bits: number, most: number }} Format */
/**
 * Weights as bytes, and for each row a bias, a multiplier and a shift.
 * @typedef {{ weight: Matrix, bias: Matrix, multiplier: Matrix, shift: Matrix, signed?: Matrix }} Product
 */
/** @typedef {{ products: Product[], format: Format }} Factors */
/** @typedef {{ inputs: Factors, hidden: Factors, own: Record<string, Matrix>, hidden_size: number, states: number, block: Record<string, Factors> }} Direction */
/** @typedef {(a: Float64Array, b: Float64Array, state: State, formats: Record<string, Format>, own: any) => State} Cell */

export const ONE = 32768;
const UNIT_BITS = 15;
export const SUM_BITS = 12;
const LARGEST_SUM = 65535;

// None of these is nearer than .0008 to a half, so that each Math.exp gives the same integers.
const SIGMOID = Array.from({ length: 258 }, (_, i) => Math.round(ONE / (1 + Math.exp(-Math.min(i, 256) / 16))));

/** @param {number} x @param {number} n */
const shifted = (x, n) => Math.floor(x / 2 ** n + 0.5);

/** @param {number} x @param {number} most */
const cut = (x, most) => Math.min(Math.max(x, -most), most);

/** Returns x, which has other `bits`, in a format. @param {Format} format @param {number} x @param {number} bits */
const inFormat = (format, x, bits) => cut(shifted(x, bits - format.bits), format.most);

/** @param {number} total @param {number} n */
const meanInteger = (total, n) => Math.floor((2 * total + n) / (2 * n));

/** Returns a sigmoid with 15 bits, of 12. @param {number} x */
function tableSigmoid(x) {
  const size = Math.min(Math.abs(x), 65536);
  const i = Math.floor(size / 256);
  const y = SIGMOID[i] + shifted((SIGMOID[i + 1] - SIGMOID[i]) * (size % 256), 8);
  return x < 0 ? ONE - y : y;
}

/** @param {number} x */
const tableTanh = (x) => cut(2 * tableSigmoid(2 * x) - ONE, ONE - 1);

/** @type {Record<string, (x: number) => number>} */
const CURVES = { sigmoid: tableSigmoid, tanh: tableTanh };

/** Returns the weights, of which a page stores the bytes. @param {Product} product */
export const signedOf = (product) => (product.signed ||= { ...product.weight, data: Float64Array.from(Int8Array.from(product.weight.data)) });

/**
 * Returns rescaled sums: each times its multiplier, in two parts, over 2 ** shift.
 * @param {Product} product
 * @param {ArrayLike<number>} x
 */
function rescaled(product, x) {
  const { bias, multiplier, shift } = product;
  return affine(signedOf(product), bias, x).map((sum, row) => {
    const m = multiplier.data[row];
    const high = Math.floor(m / 65536);
    const low = Math.floor((sum * (m - 65536 * high)) / 65536);
    return shifted(sum * high + low, shift.data[row] - 16);
  });
}

/** Returns W x, of one product or of two, cut. @param {Factors} factors @param {Float64Array} x */
const multipliedBy = ({ products, format }, x) => products.reduceRight((from, product, i) => (
  rescaled(product, from).map((value) => cut(value, i ? format.most : LARGEST_SUM))), x);

/** @param {Float64Array} x @param {string} activation @param {Format} format */
const activated = (x, activation, format) => x.map((value) => {
  const curve = CURVES[activation];
  if (curve) return inFormat(format, curve(cut(value, LARGEST_SUM)), UNIT_BITS);
  return activation === "relu" ? Math.min(Math.max(value, 0), format.most) : cut(value, format.most);
});

/** Returns numbers less their mean, over their deviation, with 12 bits. @param {Float64Array} x @param {number} epsilon */
function normalOf(x, epsilon) {
  const n = x.length;
  const total = x.reduce((a, b) => a + b, 0);
  const whole = meanInteger(total, n);
  const left = total - n * whole;
  const squares = x.reduce((sum, value) => sum + (value - whole) ** 2, 0) - Math.floor((left * left) / n);
  const deviation = Math.max(Math.floor(Math.sqrt(Math.floor((squares * 1024) / n) + epsilon)), 8);
  const size = 32 - Math.clz32(deviation);
  const inverse = Math.floor(2 ** (size + 14) / deviation);
  const places = size + 9 - SUM_BITS;
  const less = shifted(Math.floor((left * inverse) / n), places);
  return x.map((value) => shifted((value - whole) * inverse, places) - less);
}

/** Returns gelu(x), 27 bits, of 12. @param {number} x */
function integerGelu(x) {
  const near = cut(x, 24576);
  const slope = 6536 + shifted(shifted(near * near, SUM_BITS) * 292, SUM_BITS);
  return x * tableSigmoid(shifted(near * slope, SUM_BITS));
}

/** @type {Record<string, Cell>} */
const INTEGER_CELLS = {
  rnn_tanh: (a, b, _, { h }) => [a.map((sum, i) => inFormat(h, tableTanh(sum + b[i]), UNIT_BITS))],
  rnn_relu: (a, b, _, { h }, { bits }) => [a.map((sum, i) => inFormat(h, Math.max(sum + b[i], 0), bits.data[0]))],
  gru: (a, b, [h], formats) => [h.map((old, i) => {
    const n = h.length;
    const r = tableSigmoid(a[i] + b[i]);
    const z = tableSigmoid(a[n + i] + b[n + i]);
    const made = tableTanh(a[2 * n + i] + shifted(r * b[2 * n + i], UNIT_BITS));
    return inFormat(formats.h, z * old * 2 ** (UNIT_BITS - formats.h.bits) + (ONE - z) * made, 2 * UNIT_BITS);
  })],
  lstm(a, b, [h, c], formats) {
    const n = h.length;
    const { bits } = formats.c;
    const [i, f, g, o] = [0, n, 2 * n, 3 * n];
    const cells = c.map((old, k) => {
      const made = shifted(tableSigmoid(a[i + k] + b[i + k]) * tableTanh(a[g + k] + b[g + k]), UNIT_BITS - bits);
      return inFormat(formats.c, tableSigmoid(a[f + k] + b[f + k]) * old + made, UNIT_BITS + bits);
    });
    return [cells.map((cell, k) => {
      const seen = tableTanh(cut(shifted(cell, bits - SUM_BITS), LARGEST_SUM));
      return inFormat(formats.h, tableSigmoid(a[o + k] + b[o + k]) * seen, 2 * UNIT_BITS);
    }), cells];
  },
  fastgrnn: (a, b, [h], formats, { bias_gate, bias_update, zeta, nu }) => [h.map((old, i) => {
    const sum = a[i] + b[i];
    const z = tableSigmoid(sum + bias_gate.data[i]);
    const share = shifted(zeta.data[0] * (ONE - z), UNIT_BITS) + nu.data[0];
    const made = shifted(share * tableTanh(sum + bias_update.data[i]), UNIT_BITS - formats.h.bits);
    return inFormat(formats.h, z * old + made, UNIT_BITS + formats.h.bits);
  })],
  mingru: (a, _, [h], formats) => [h.map((old, i) => {
    const z = tableSigmoid(a[i]);
    const sum = a[h.length + i];
    const made = sum < 0 ? inFormat(formats.h, tableSigmoid(sum), UNIT_BITS) : inFormat(formats.h, sum + 2048, SUM_BITS);
    return inFormat(formats.h, (ONE - z) * old + z * made, UNIT_BITS + formats.h.bits);
  })],
  lru(wx, _, [re, im], { h, u: read, n: norm, g: between, re: { most } }, own) {
    const u = wx.map((value) => cut(value, read.most));
    const n = normalOf(u, own.epsilon.data[0]).map((value, i) => (
      inFormat(norm, value * own.norm_weight.data[i] + own.norm_bias.data[i], own.norm_bits.data[0])));
    const drive = multipliedBy(own.drive, n);
    const [cos, sin] = [own.cosine.data, own.sine.data];
    const next = [
      re.map((value, i) => cut(shifted(cos[i] * value - sin[i] * im[i], UNIT_BITS) + drive[i], most)),
      im.map((value, i) => cut(shifted(cos[i] * value + sin[i] * re[i], UNIT_BITS) + drive[re.length + i], most)),
    ];
    const y = multipliedBy(own.back, joined(next)).map((value, i) => (
      cut(value + shifted(own.skip.data[i] * n[i], own.skip_places.data[0]), LARGEST_SUM)));
    const both = multipliedBy(own.gate, y.map((value) => inFormat(between, integerGelu(value), SUM_BITS + UNIT_BITS)));
    return [u.map((value, i) => {
      const added = shifted(both[i] * tableSigmoid(both[u.length + i]), UNIT_BITS);
      return cut(shifted(value, read.bits - h.bits) + added, h.most);
    }), ...next];
  },
};

/**
 * Returns step t of a convolution; steps that are not there count as zeros.
 * @param {any} layer
 * @param {Float64Array[]} steps
 * @param {number} t
 */
function convolvedIntegers({ product, size, causal, activation, format }, steps, t) {
  const first = t - (causal ? size - 1 : (size - 1) >> 1);
  const none = new Float64Array(product.weight.shape[1] / size);
  const read = joined(Array.from({ length: size }, (_, j) => steps[first + j] || none));
  return activated(rescaled(product, read), activation, format);
}

/** @param {Float64Array[]} steps */
const meanOfIntegers = (steps) => steps[0].map((_, i) => meanInteger(steps.reduce((sum, x) => sum + x[i], 0), steps.length));

Object.assign(LAYERS, /** @type {typeof LAYERS} */ ({
  Quantise: ({ format }, steps) => steps.map((x) => x.map((value) => inFormat(format, value, 0))),
  IntegerConvolution: (layer, steps) => steps.map((_, t) => convolvedIntegers(layer, steps, t)),
  IntegerPool: ({ steps: n }, steps) => (
    Array.from({ length: Math.ceil(steps.length / n) }, (_, k) => meanOfIntegers(steps.slice(n * k, n * k + n)))),
  IntegerRecurrent({ cell, directions, formats }, steps, run) {
    const sides = /** @type {Direction[]} */ (directions).map(({ inputs, hidden, own, block }, number) => {
      let state = run.state[run.after.length];
      /** @param {Float64Array} x */
      const step = (x) => {
        const made = INTEGER_CELLS[cell](multipliedBy(inputs, x), multipliedBy(hidden, state[0]), state, formats, { ...own, ...block });
        state = made.slice(made.length - state.length); // what a block gives stands before its state
        return made[0];
      };
      const outputs = number ? [...steps].reverse().map(step).reverse() : steps.map(step);
      run.after.push(state);
      return outputs;
    });
    const outputs = steps.map((_, t) => joined(sides.map((side) => side[t])));
    run.states = LAYERS.Dequantise(formats.h, outputs, run);
    return outputs;
  },
  IntegerBeside({ layers, bits, given }, steps, run) {
    const less = Math.min(bits, given);
    const made = /** @type {Layer[]} */ (layers).reduce((x, layer) => LAYERS[layer.part](layer, x, run), steps);
    return made.map((y, t) => joined([y.map((value) => shifted(value, given - less)), steps[t].map((value) => shifted(value, bits - less))]));
  },
  IntegerReadout: (layer, steps, run) => (layer.kind === "mean" ? [meanOfIntegers(steps)] : LAYERS.Readout(layer, steps, run)),
  IntegerDense: ({ product, activation, format }, steps) => steps.map((x) => activated(rescaled(product, x), activation, format)),
  Dequantise: ({ bits }, steps) => steps.map((x) => x.map((value) => value / 2 ** bits)),
}));

Object.assign(STREAMED, /** @type {typeof STREAMED} */ ({
  IntegerConvolution(layer, x, next, _, number) {
    const read = [...(next.recent[number] || []), x].slice(-layer.size);
    next.recent = { ...next.recent, [number]: read };
    return convolvedIntegers(layer, read, read.length - 1);
  },
  IntegerPool({ steps: n }, x, next, stream) {
    stream.carried.recent = next.recent;
    const pooled = [...stream.pooled, x];
    stream.pooled = pooled.length < n ? pooled : [];
    return meanOfIntegers(pooled);
  },
  IntegerReadout(layer, x, next, stream, number) {
    const mean = STREAMED.Readout(layer, x, next, stream, number);
    return layer.kind === "mean" ? /** @type {Float64Array} */ (next.sum).map((total) => meanInteger(total, next.count)) : mean;
  },
}));
