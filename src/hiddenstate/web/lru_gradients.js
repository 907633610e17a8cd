// The gradient of the LRU, of a program that has one: importing this module adds it to those of cells.

import { CELL_GRADIENTS } from "./cell_gradients.js";
import { sigmoid } from "./cells.js";
import { add, turned } from "./gradients.js";
import { joined } from "./net.js";

const STEEP = Math.sqrt(8 / Math.PI);

/** The slope of the GELU. @param {number} y */
function geluSlope(y) {
  const share = sigmoid(STEEP * (y + 0.044715 * y * y * y));
  return share + y * share * (1 - share) * STEEP * (1 + 3 * 0.044715 * y * y);
}

CELL_GRADIENTS.lru = (u, _, __, own, [d, re, im], { normal, deviation, y, both, cos, sin, gain }) => {
  const [H, S] = [u.length, re.length];
  const gate = u.map((___, i) => sigmoid(both[H + i]));
  const halves = [d.map((value, i) => value * gate[i]), d.map((value, i) => value * both[i] * gate[i] * (1 - gate[i]))];
  const dy = turned(own.weight_glu, joined(halves)).map((value, i) => value * geluSlope(y[i]));
  const ds = add(turned(own.weight_ho, dy), joined([re, im]));
  const driven = turned(own.weight_ih, ds.map((value, i) => value * gain[i % S]));
  const dn = driven.map((value, i) => (value + dy[i] * own.skip.data[i]) * own.norm_weight.data[i]);
  const mean = dn.reduce((a, b) => a + b) / H;
  const along = dn.reduce((sum, value, i) => sum + value * normal[i], 0) / H;
  return [
    d.map((value, i) => value + (dn[i] - mean - normal[i] * along) / deviation), null,
    [re.map((___, i) => cos[i] * ds[i] + sin[i] * ds[S + i]), re.map((___, i) => cos[i] * ds[S + i] - sin[i] * ds[i])],
  ];
};
