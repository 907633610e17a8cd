// The gradients of the layers of a net in integers, which themselves have none: those of the same net in
// floats, with the weights that the integers stand for. Importing this module adds them.

import { TRACED } from "./gradients.js";
import { ONE, SUM_BITS, signedOf } from "./integers.js";

/** @import { Matrix } from "./cells.js" */
/** @import { Layer } from "./net.js" */
/** @import { Direction, Factors, Format, Product } from "./integers.js" */

/** The bits that the integers of steps have. @type {WeakMap<Float64Array[], number>} */
const BITS = new WeakMap();
/** The layers in floats. @type {WeakMap<Layer, Layer>} */
const FLOATS = new WeakMap();

/**
 * Returns the weights and biases of a product that reads integers with some bits and gives others.
 * @param {Product} product
 * @param {number} read
 * @param {number | number[]} given Those of all rows, or of the first half and of the others.
 */
function floatsOf(product, read, given) {
  const { bias, multiplier, shift } = product;
  const { shape, data } = signedOf(product);
  const bits = [given].flat();
  const scale = multiplier.data.map((m, row) => m / 2 ** (shift.data[row] + bits[Math.floor((row * bits.length) / shape[0])] - read));
  return {
    weight: { shape, data: data.map((value, at) => value * scale[Math.floor(at / shape[1])]) },
    bias: { shape: [shape[0]], data: bias.data.map((value, row) => (value * scale[row]) / 2 ** read) },
  };
}

/** Returns one or two matrices and the bias of the first. @param {Factors} factors @param {number} read @param {number} given */
function factorsOf({ products, format }, read, given) {
  const all = products.map((product, i) => floatsOf(product, i === products.length - 1 ? read : format.bits, i ? format.bits : given));
  return { weights: all.map(({ weight }) => weight), bias: all[0]?.bias };
}

/** @param {Direction} direction @param {number} read @param {number} h @param {number} sums */
function directionOf({ inputs, hidden, own, hidden_size }, read, h, sums) {
  const [w, u] = [factorsOf(inputs, read, sums), factorsOf(hidden, h, sums)];
  const others = Object.entries(own).map(([name, { shape, data }]) => [name, {
    shape, // shares of a curve are before their sigmoid there
    data: data.map((value) => (name.startsWith("bias_") ? value / 2 ** SUM_BITS : Math.log(value / (ONE - value)))),
  }]);
  return { inputs: w.weights, hidden: u.weights, own: { bias_ih: w.bias, bias_hh: u.bias, ...Object.fromEntries(others) }, hidden_size, states: 0 };
}

/** Returns an LRU in floats. @param {Direction} direction @param {number} read @param {Record<string, Format>} formats */
function lruOf({ inputs, own, block, hidden_size, states }, read, { u, n, g, h, re }) {
  /** @param {string} name @param {number} bits */
  const over = (name, bits) => ({ shape: own[name].shape, data: own[name].data.map((value) => value / 2 ** bits) });
  const [cos, sin] = [over("cosine", 15).data, over("sine", 15).data];
  const angle = cos.map((value, i) => Math.atan2(sin[i], value));
  const bits = own.norm_bits.data[0];
  const first = factorsOf(inputs, read, u.bits);
  const gate = floatsOf(block.gate.products[0], g.bits, [h.bits, SUM_BITS]);
  return {
    inputs: first.weights,
    hidden: [],
    hidden_size,
    states,
    own: {
      ...(first.bias && { bias_in: first.bias }),
      norm_weight: over("norm_weight", bits - SUM_BITS),
      norm_bias: over("norm_bias", bits),
      nu: { shape: [states], data: cos.map((value, i) => Math.log(-Math.log(Math.hypot(value, sin[i])))) },
      theta: { shape: [states], data: angle.map((value) => Math.log(value < 0 ? value + 2 * Math.PI : value)) },
      gamma: { shape: [states], data: new Float64Array(states) },
      weight_ih: floatsOf(block.drive.products[0], n.bits, re.bits).weight,
      weight_ho: floatsOf(block.back.products[0], re.bits, SUM_BITS).weight,
      skip: over("skip", own.skip_places.data[0] - n.bits + SUM_BITS),
      weight_glu: gate.weight,
      bias_glu: gate.bias,
    },
  };
}

/**
 * Adds the gradient of a kind of layers: that of the kind in floats.
 * @param {string} kind
 * @param {(layer: any, read: number) => any} floats Returns what a layer has in floats.
 * @param {(layer: any, read: number) => number} bits Returns those of what it gives.
 */
function addFloats(kind, floats, bits) {
  TRACED[`Integer${kind}`] = function* ofFloats(layer, steps) {
    const read = Number(BITS.get(steps));
    if (!FLOATS.has(layer)) FLOATS.set(layer, { ...layer, ...floats(layer, read) });
    const [y, back] = yield* TRACED[kind](FLOATS.get(layer), steps);
    BITS.set(y, bits(layer, read));
    return [y, back];
  };
}

/** The bits of what sums become. @param {any} layer */
const bitsOfSums = ({ activation, format }) => (activation === "sigmoid" || activation === "tanh" ? SUM_BITS : format.bits);

addFloats("Dense", (layer, read) => floatsOf(layer.product, read, bitsOfSums(layer)), ({ format }) => format.bits);
addFloats("Convolution", (layer, read) => {
  const { weight, bias } = floatsOf(layer.product, read, bitsOfSums(layer));
  const [rows, all] = weight.shape;
  const [k, inputs] = [layer.size, all / layer.size]; // the steps are the last axis there
  const data = weight.data.map((_, at) => weight.data[at - (at % all) + (at % k) * inputs + Math.floor((at % all) / k)]);
  return { weight: { shape: [rows, inputs, k], data }, bias };
}, ({ format }) => format.bits);
addFloats("Pool", (layer) => layer, (_, read) => read);
addFloats("Recurrent", ({ cell, directions, formats }, read) => ({
  directions: directions.map((/** @type {Direction} */ each) => (
    cell === "lru" ? lruOf(each, read, formats) : directionOf(each, read, formats.h.bits, cell === "rnn_relu" ? each.own.bits.data[0] : SUM_BITS))),
}), ({ formats: { h } }) => h.bits);
addFloats("Beside", (layer) => layer, ({ bits, given }) => Math.min(bits, given));
addFloats("Readout", (layer) => layer, (_, read) => read);

TRACED.Quantise = function* quantise({ format }, steps) {
  const y = [...steps];
  BITS.set(y, format.bits);
  return [y, function* back(d) { return d; }];
};
TRACED.Dequantise = function* dequantise(_, steps) { return [steps, function* back(d) { return d; }]; };
