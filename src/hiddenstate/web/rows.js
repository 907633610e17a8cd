// Rows of a run, as lists of steps.

import { numbersOf } from "./packed.js";

/** @import { Packed } from "./packed.js" */

/**
 * Returns rows of a run, each a list of steps, without the gaps after its end.
 * @param {Packed | null} rows (N, T, I) or (N, F)
 */
export function packedRows(rows) {
  if (!rows) return [];
  const { shape } = rows;
  const values = numbersOf(rows);
  const width = shape[shape.length - 1];
  const length = shape.length === 3 ? shape[1] : 1;
  return Array.from({ length: shape[0] }, (_, row) => {
    const steps = Array.from({ length }, (__, t) => {
      const from = (row * length + t) * width;
      return values.slice(from, from + width);
    });
    while (steps.length > 1 && steps[steps.length - 1].every(Number.isNaN)) steps.pop();
    return steps;
  });
}
