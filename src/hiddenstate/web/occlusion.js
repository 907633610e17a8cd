// How much spans of a row matter to fixed convolutions, which have no gradient: importing this module
// adds it to what is known of them.

import { logitsOf } from "./fixed.js";
import { COMPANIONS } from "./net.js";
import { oddsOf } from "./why_odds.js";

/** @import { Companion } from "./net.js" */
/** @import { Why } from "./why.js" */

const SPANS = 24; // of a row, of each feature on its own
const MOST = 480; // unless there are more than these

/** Rounds a number, halves to even ones. @param {number} value */
const rounded = (value) => (value % 1 === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/**
 * @param {Companion} path
 * @param {Float64Array[]} x
 * @param {Float64Array[]} b
 * @param {number} chosen
 * @returns {Generator<number | void, Why>}
 */
function* occluded(path, x, b, chosen) {
  const [T, I] = [x.length, x[0].length];
  const n = Math.min(SPANS, T);
  const groups = n * I <= MOST ? Array.from({ length: I }, (_, i) => [i]) : [Array.from({ length: I }, (_, i) => i)];
  const shares = x.map((each) => new Float64Array(each.length));
  /** @param {Float64Array[]} steps */
  const odds = (steps) => oddsOf([logitsOf(path, steps)], chosen)[0];
  const whole = odds(x);
  for (let k = 0; k < n; k += 1) {
    const [from, to] = [k, k + 1].map((edge) => rounded((edge * T) / n));
    for (const group of groups) {
      const other = x.map((each, t) => (t < from || t >= to ? each : each.map((value, i) => (group.includes(i) ? b[t][i] : value))));
      const share = (whole - odds(other)) / ((to - from) * group.length);
      for (let t = from; t < to; t += 1) for (const i of group) shares[t][i] = share;
      yield;
    }
    yield (k + 1) / n;
  }
  return { shares, value: whole, base: odds(b), missing: 0, points: 0, gradients: 0 };
}

COMPANIONS.FixedConvolutions.joined = function* joinedWhy(path, x, b, chosen, net) {
  const own = yield* occluded(path, x, b, chosen);
  const { share } = path;
  /** @param {number} a @param {number} c */
  const mix = (a, c) => share * a + (1 - share) * c;
  return net ? {
    ...net, gradients: share, value: mix(net.value, own.value), base: mix(net.base, own.base),
    shares: net.shares.map((each, t) => each.map((value, i) => mix(value, own.shares[t][i]))),
  } : own;
};
