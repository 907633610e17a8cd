// The moment at the pointer, in all plots that share its axis.

import { say } from "../../web/dom.js";

/**
 * Links a plot to those of a run that share its axis.
 * @param {EventTarget} store
 * @param {(time: number|null) => string} look shows a moment of another plot, or none; returns what is there
 * @returns {(time: number|null, spoken?: string) => void} tells the others of a moment; what is `spoken` is
 *   said with what they show
 */
export function linked(store, look) {
  store.addEventListener("point", (event) => {
    const { from, time, words } = /** @type {CustomEvent} */ (event).detail;
    if (from !== look) words.push(look(time));
  });
  return (time, spoken = "") => {
    const words = [spoken];
    store.dispatchEvent(new CustomEvent("point", { detail: { from: look, time, words } }));
    if (spoken) say(words.filter(Boolean).join(". "));
  };
}

/**
 * The place of the time that is nearest to a moment.
 * @param {ArrayLike<number>} times
 * @param {number} time
 */
export function nearestTo(times, time) {
  let best = 0;
  for (let place = 1; place < times.length; place += 1) if (Math.abs(times[place] - time) < Math.abs(times[best] - time)) best = place;
  return best;
}

/**
 * The place of a moment of another plot among times; null before and after them.
 * @param {ArrayLike<number>} times
 * @param {number|null} time
 */
export const placeOf = (times, time) => (time === null || !times.length || time < times[0] || time > times[times.length - 1] ? null : nearestTo(times, time));
