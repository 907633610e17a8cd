// Fixed convolutions beside the nets, of a program that has them: importing this module lets `Model`
// answer with them.

import { affine } from "./cells.js";
import { COMPANIONS, meanOf, outputsOf, softmax } from "./net.js";

/** @import { Companion } from "./net.js" */

// The nine weights of each of the 84 fixed kernels: three are 2, the others -1.
/** @type {number[][]} */
const KERNELS = [];
for (let a = 0; a < 7; a += 1) {
  for (let b = a + 1; b < 8; b += 1) {
    for (let c = b + 1; c < 9; c += 1) {
      KERNELS.push(Array.from({ length: 9 }, (_, j) => (j === a || j === b || j === c ? 2 : -1)));
    }
  }
}

/**
 * Returns the sum of the channels that are used, with `zeros` before and after it.
 * @param {Float64Array[]} channels
 * @param {Float64Array} used
 * @param {number} zeros
 */
function summed(channels, used, zeros) {
  const sum = new Float64Array(channels[0].length + 2 * zeros);
  channels.forEach((channel, i) => {
    if (used[i] > 0) for (let t = 0; t < channel.length; t += 1) sum[zeros + t] += channel[t];
  });
  return sum;
}

/**
 * Writes the convolution of x with nine weights, which are d steps apart, to `values`.
 * @param {Float64Array} x
 * @param {number[]} kernel
 * @param {number} d
 * @param {Float64Array} values
 */
function convolve(x, [a, b, c, e, f, g, h, k, l], d, values) {
  for (let t = 0; t < values.length; t += 1) {
    values[t] = a * x[t] + b * x[t + d] + c * x[t + 2 * d] + e * x[t + 3 * d] + f * x[t + 4 * d]
      + g * x[t + 5 * d] + h * x[t + 6 * d] + k * x[t + 7 * d] + l * x[t + 8 * d];
  }
}

/**
 * Returns, for each fixed convolution of a prepared row, the share of values above its bias.
 * @param {Companion} path
 * @param {Float64Array[]} steps
 */
function sharesAbove({ dilations, counts, uses, biases }, steps) {
  const [T, I] = [steps.length, steps[0].length];
  const channels = Array.from({ length: I }, (_, i) => (
    Float64Array.from(steps, (step) => Math.fround(Math.min(Math.max(step[i], -1e30), 1e30)))));
  const shares = new Float64Array(biases.data.length);
  const values = new Float64Array(T);
  let place = 0;
  dilations.forEach((dilation, number) => {
    const d = Math.min(dilation, T);
    /** @type {Record<string, Float64Array>} */
    const sums = {};
    KERNELS.forEach((kernel, k) => {
      const first = (number * KERNELS.length + k) * I;
      const used = uses.data.subarray(first, first + I);
      const key = used.join("");
      if (!sums[key]) sums[key] = summed(channels, used, 4 * d);
      convolve(sums[key], kernel, d, values);
      const begin = (k + number) % 2 && 8 * dilation < T ? 4 * dilation : 0;
      const end = T - begin;
      for (let left = counts[number]; left > 0; left -= 1, place += 1) {
        const bias = biases.data[place];
        let above = 0;
        for (let t = begin; t < end; t += 1) above += Number(values[t] > bias);
        shares[place] = Math.fround(above / (end - begin));
      }
    });
  });
  return shares;
}

/** Returns what they classify a prepared row by. @param {Companion} path @param {Float64Array[]} steps */
export const logitsOf = (path, steps) => affine(path.weight, path.bias, sharesAbove(path, steps));

COMPANIONS.FixedConvolutions = {
  products: ({ dilations, biases }) => 9 * KERNELS.length * dilations.length + biases.data.length,

  // The mean of what the nets and the fixed convolutions give. Nets that have no share are run only if
  // the states are looked at.
  answer(path, { nets }, steps) {
    const own = softmax(logitsOf(path, steps));
    if (!path.share) return { probabilities: own, get states() { return outputsOf(nets[0], steps).states; } };
    const all = nets.map((net) => outputsOf(net, steps));
    const p = meanOf(all.map(({ outputs }) => softmax(outputs[0])));
    const other = softmax(p.map((value) => Math.log(Math.max(value, 1e-300)) * path.scale));
    const probabilities = own.map((value, i) => path.share * other[i] + (1 - path.share) * value);
    return { probabilities, states: all[0].states };
  },
};
