// Round times on an axis, with their names.

import { ticks } from "./axes.js";

/** @import { Mark } from "./axes.js" */

const DAY = 86400;

/**
 * Returns which steps of a series have their times written: round ones if these are numbers at equal
 * distances, else that of one step and others at equal distances from it.
 * @param {string[]} times
 * @param {number} first The first step that is drawn.
 * @param {number} one
 * @param {number} most
 * @returns {Mark[]}
 */
export function stepMarks(times, first, one, most) {
  const numbers = times.map((text) => (text.trim() ? Number(text) : NaN));
  const apart = numbers[1] - numbers[0];
  if (apart > 0 && numbers.every((value, k) => Math.abs(value - numbers[0] - k * apart) < 0.01 * apart)) {
    const last = numbers.length - 1;
    const round = ticks(numbers[first], numbers[last], most).filter((value) => apart % 1 || Number.isInteger(value));
    return round.map((value) => [(value - numbers[0]) / apart, String(Number(value.toPrecision(9)))]);
  }
  const each = Math.max(1, Math.ceil((times.length - first) / most));
  return times.flatMap((text, k) => (k >= first && (k - one) % each === 0 ? [/** @type {Mark} */ ([k, text])] : []));
}

/**
 * Returns round times between two ends, with their names.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 * @param {boolean} dates whether they are seconds since 1970
 * @returns {Mark[]}
 */
export function timeTicks(from, to, count, dates) {
  if (!dates) return ticks(from, to, count).map((value) => [value, Number(value.toPrecision(6)).toLocaleString("en")]);
  const rough = (to - from) / count;
  /** @param {number} at @param {number} first @param {number} last */
  const name = (at, first, last) => new Date(1000 * at).toISOString().slice(first, last).replace("T", " ");
  const step = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY, 14 * DAY].find((each) => each >= rough);
  /** @type {Mark[]} */
  const found = [];
  if (step) {
    const first = step >= 7 * DAY ? Math.ceil((from - 4 * DAY) / step) * step + 4 * DAY : Math.ceil(from / step) * step;
    for (let at = first; at <= to; at += step) found.push([at, step < DAY ? name(at, to - from > DAY ? 5 : 11, 16) : name(at, 5, 10)]);
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120, 600].find((each) => each * 30.4 * DAY >= rough) || 1200;
  const begin = new Date(1000 * from);
  for (let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth(); found.length < 50; month += 1) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (at > to) break;
    if (at >= from && month % months === 0) found.push([at, name(at, 0, months < 12 ? 7 : 4)]);
  }
  return found;
}
