// Reads a row with a net, in slices so that no frame waits.

import { reading } from "../../web/reading.js";

/** @typedef {import("../../web/net.js").Model} Model */

const SLICE = 8; // milliseconds of computing in a frame

/** Waits for the next frame. */
export const nextFrame = () => new Promise((go) => { requestAnimationFrame(go); });

/**
 * Reads a row with a net, in slices so that no frame waits; null if it was called off.
 * @param {Model} model
 * @param {Float64Array[]} row
 * @param {number} most answers of a model that reads the first steps anew for each
 * @param {() => boolean} wanted
 */
export async function traced(model, row, most, wanted) {
  const steps = reading(model, row, most);
  let begun = performance.now();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return /** @type {import("../../web/reading.js").Trace} */ (value);
    if (performance.now() - begun < SLICE) continue;
    await nextFrame();
    begun = performance.now();
    if (!wanted()) return null;
  }
}
