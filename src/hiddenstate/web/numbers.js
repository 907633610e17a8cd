// Numbers as pages write them.

/**
 * Returns a value, or the end of the range that is next to it.
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
/**
 * Writes a number in four digits, or all of its whole ones, as `in_digits` does in Python: 0.01234,
 * 31.25, 41,235, 1.5e-07.
 * @param {number|null|undefined} value
 */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (Number.isInteger(value) || (size >= 999.95 && size < 1e9)) {
    const even = 2 * Math.round(value / 2); // halves are rounded to even numbers, as Python does
    return (Math.abs(value - even) === 0.5 ? even : Math.round(value)).toLocaleString("en");
  }
  const [digits, power] = value.toExponential(3).split("e");
  const isSmall = Number(power) < -4 || Number(power) > 3;
  return isSmall ? `${Number(digits)}e${power[0]}${power.slice(1).padStart(2, "0")}` : String(Number(value.toPrecision(4)));
}

/** Writes a number in three digits, or all of its whole ones, with its unit, as `quantity` does in Python. @param {number | null} value */
export const quantity = (value, unit = "") => (value === null ? "–" : `${short(Math.abs(value) < 999.95 ? Number(value.toPrecision(3)) : value)} ${unit}`.trim());

/** Writes a share in percent, as `written` does in Python. @param {number} share */
export const percent = (share, digits = 2) => (share > -10 ? `${(100 * share).toFixed(digits)} %` : "below -1,000 %");

/**
 * Returns the largest absolute value of states, at least a quarter; those of relu have no bound.
 * @param {ArrayLike<number>[]} states
 */
export function greatest(states) {
  let most = 0.25;
  for (const state of states) for (const value of Array.from(state)) most = Math.max(most, Math.abs(value));
  return most;
}

/**
 * Returns the most probable class after a step.
 * @param {ArrayLike<number>} chances
 * @param {number} at
 * @param {number} C
 */
export function topOf(chances, at = 0, C = chances.length) {
  let top = 0;
  for (let kind = 1; kind < C; kind += 1) if (chances[at * C + kind] > chances[at * C + top]) top = kind;
  return top;
}

/** Returns the number of a step that is furthest from zero. @param {ArrayLike<number>} states @param {number} at @param {number} H */
export function strongest(states, at, H) {
  let most = states[at * H];
  for (let i = 1; i < H; i += 1) if (Math.abs(states[at * H + i]) > Math.abs(most)) most = states[at * H + i];
  return most;
}

/**
 * Returns the least and the largest of every `each`-th number from `first` on, or an interval around
 * them if they are one.
 * @param {ArrayLike<number>} numbers
 * @returns {[number, number]}
 */
export function extentOf(numbers, first = 0, each = 1) {
  let [low, high] = [Infinity, -Infinity];
  for (let place = first; place < numbers.length; place += each) {
    if (numbers[place] < low) low = numbers[place];
    if (numbers[place] > high) high = numbers[place];
  }
  if (low < high) return [low, high];
  return Number.isFinite(low) ? [low - 1, low + 1] : [-1, 1];
}

const DEEP = 60; // decibels below the loudest band of a sound that are drawn

/** Returns the levels at the ends of a scale for all bands, of their own ranges. @param {number[]} low @param {number[]} high */
export function levelRange(low, high) {
  const top = Math.max(...high);
  return [Math.max(Math.min(...low), top - DEEP), top];
}
