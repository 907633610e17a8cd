// The log-odds of a class, which are explained of a classifier.

import { softmax } from "./net.js";
import { ANSWERS } from "./why.js";

/**
 * Returns the log-odds of a class by the mean probabilities of nets, and its gradients with respect to
 * the outputs of each.
 * @param {Float64Array[]} outputs
 * @param {number} chosen
 * @returns {[number, () => Float64Array[]]}
 */
export function oddsOf(outputs, chosen) {
  const parts = outputs.map((z) => {
    const shares = softmax(z);
    return { shares, own: shares[chosen], rest: shares.reduce((sum, share, k) => (k === chosen ? sum : sum + share), 0) };
  });
  const own = parts.reduce((sum, part) => sum + part.own, 1e-300);
  const rest = parts.reduce((sum, part) => sum + part.rest, 1e-300);
  return [Math.log(own / rest), () => parts.map((part) => {
    const slope = part.own / own + part.own / rest;
    return part.shares.map((share, k) => slope * (k === chosen ? part.rest : -share));
  })];
}

ANSWERS.classify = { of: (_, outputs, __, ___, chosen) => oddsOf(outputs, chosen) };
