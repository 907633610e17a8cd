// The picture of how a network reads a row: the row, the hidden state and the probabilities on one
// axis of time.

import { colorOf } from "./colors.js";
import { heat } from "./heat.js";
import { clamp, topOf } from "./numbers.js";
import { frame, line, stacked, tag, write } from "./pen.js";

/** @import { Box, Pen } from "./pen.js" */

export const LEFT = 46; // of what is drawn to the right, for numbers
const HEAD = 20;
const BARS = 12; // classes at the most that are bars

/**
 * What is read: states (n, units) and probabilities (m, classes) after numbers of steps that are evenly
 * spread.
 * @typedef {object} Read
 * @property {number} length Steps of the row.
 * @property {ArrayLike<number>} states
 * @property {number} units
 * @property {ArrayLike<number> | null} chances
 */

/**
 * @typedef {object} Reading
 * @property {Read} trace
 * @property {number} read Steps that are read at the moment.
 * @property {number} decided Steps after which the answer stayed what it was; 0 if it is not marked.
 * @property {number} [over] The steps at the pointer, if there is one.
 * @property {boolean} upright Whether time goes down.
 * @property {string[]} classes
 * @property {number[]} [order] Of units: as they are numbered unless it is given.
 * @property {number} scale The largest state.
 * @property {(pen: Pen, box: Box, reading: Reading, shown: number) => void} chances Draws probabilities:
 *   `chanceLines`, `chanceColumns` or `chanceBars`.
 * @property {(kind: number, top: number) => { color: string, width: number, named: boolean }} [look]
 *   Of the line or the bar of a class, and whether it has its name at its end.
 * @property {(pen: Pen, box: Box) => void} row Draws the row.
 * @property {{ row: string, hidden: string, chances: string, decided: string }} words Headings, and what
 *   is at the mark.
 */

/**
 * Returns the boxes of the row, the states and the probabilities, where time goes down.
 * @param {number} width
 * @param {number} height
 * @param {number[]} shares
 * @param {number} [left] Room at the left.
 * @param {number} [foot] Room below, for the names of lines.
 * @returns {Box[]}
 */
export function boxesBeside(width, height, shares, left = 0, foot = 2) {
  let x = left;
  return shares.map((share, place) => {
    const wide = share * (width - left);
    x += wide;
    return [x - wide, HEAD, Math.max(wide - (place < 2 && share ? 12 : 0), 0), height - HEAD - foot];
  });
}

/**
 * Returns the boxes of the row, the states and the probabilities, where time goes to the right.
 * @param {Pen} pen
 * @param {number} width
 * @param {number} height
 * @param {number[]} shares
 * @param {string[]} names Of the lines, which have room at the right.
 * @returns {Box[]}
 */
export function boxesBelow(pen, width, height, shares, names) {
  pen.font = "12px system-ui, sans-serif";
  const longest = Math.max(...names.map((name) => pen.measureText(name).width));
  const parts = stacked([LEFT, 0, width - LEFT - 10 - Math.min(longest, 110, 0.22 * width), height - 2], shares.filter(Boolean), HEAD);
  return shares.map((share) => (share ? /** @type {Box} */ (parts.shift()) : [0, 0, 0, 0]));
}

/**
 * Returns after how many answers the most probable class was the last one, and stayed it.
 * @param {ArrayLike<number>} chances
 * @param {number} C
 */
export function decidedAfter(chances, C) {
  let count = chances.length / C;
  const end = topOf(chances, count - 1, C);
  while (count > 1 && topOf(chances, count - 2, C) === end) count -= 1;
  return count;
}

/**
 * Draws a reading in its boxes.
 * @param {Pen} pen
 * @param {Box[]} boxes
 * @param {Reading} reading
 */
export function drawReading(pen, boxes, reading) {
  const { trace: { length }, read, decided, upright, words } = reading;
  const [row, hidden, chances] = boxes;
  const [muted, ink] = ["muted", "ink"].map(colorOf);
  pen.textBaseline = "alphabetic";
  /** @param {string} text @param {Box} box */
  const head = (text, [x, y, wide]) => write(pen, text, x, y - 7, muted, "left", 12, wide);
  if (row[2] && row[3]) {
    head(words.row, row);
    reading.row(pen, row);
  }
  head(words.hidden, hidden);
  drawStates(pen, hidden, reading);
  const values = reading.trace.chances;
  if (values && chances[2] && chances[3]) {
    const count = values.length / reading.classes.length;
    head(words.chances, chances);
    reading.chances(pen, chances, reading, Math.min(Math.ceil((read / length) * count), count));
  }
  const [x, y, wide, tall] = hidden;
  const last = chances[3] ? chances : hidden;
  const first = row[3] ? row : hidden;
  /** @param {number} steps @param {number[]} dash */
  const rule = (steps, dash) => {
    const at = upright ? y + (steps / length) * tall : x + (steps / length) * wide;
    if (upright) line(pen, [[first[0], at], [last[0] + last[2], at]], ink, 1.5, dash);
    else for (const [, top, , high] of boxes) if (high) line(pen, [[at, top], [at, top + high]], ink, 1.5, dash); // not through heads
    return at;
  };
  if (read < length) rule(read, []);
  if (reading.over) rule(reading.over, [2, 3]);
  if (length < 2 || !decided || read < decided) return;
  const at = rule(decided, [4, 4]);
  const late = decided * 2 > length;
  if (upright) tag(pen, words.decided, x + 6, at + (late ? -6 : 15), ink);
  else tag(pen, words.decided, at + (late ? -6 : 6), y + 15, ink, late ? "right" : "left");
}

/** @param {Pen} pen @param {Box} box @param {Reading} reading */
function drawStates(pen, box, { trace: { states, units, length }, read, upright, order, scale }) {
  const count = states.length / units;
  const shown = Math.min(Math.ceil((read / length) * count), count);
  const [x, y, wide, tall] = box;
  /** @param {number} at @param {number} place */
  const value = (at, place) => states[at * units + (order ? order[place] : place)] / scale;
  if (upright) heat(pen, [x, y, wide, (tall * shown) / count], shown, units, value);
  else heat(pen, [x, y, (wide * shown) / count, tall], units, shown, (place, at) => value(at, place));
  frame(pen, box);
}

/** Draws a column each class, as long as steps are read. @param {Pen} pen @param {Box} box @param {Reading} reading @param {number} shown */
export function chanceColumns(pen, [x, y, wide, tall], { trace, classes }, shown) {
  const values = /** @type {ArrayLike<number>} */ (trace.chances);
  const C = classes.length;
  heat(pen, [x, y, wide, (tall * shown * C) / values.length], shown, C, (at, place) => -values[at * C + place]);
  frame(pen, [x, y, wide, tall]);
}

/** Draws a line each class, with names where no line goes on. @param {Pen} pen @param {Box} box @param {Reading} reading @param {number} shown */
export function chanceLines(pen, box, { trace, upright, classes, look }, shown) {
  const values = /** @type {ArrayLike<number>} */ (trace.chances);
  const [x, y, wide, tall] = box;
  const C = classes.length;
  const count = values.length / C;
  frame(pen, box);
  if (!upright) ["1", "0"].forEach((text, end) => write(pen, text, x - 5, end ? y + tall - 3 : y + 11, colorOf("muted"), "right", 10.5));
  if (!shown) return;
  /** @param {number} at @param {number} chance */
  const place = (at, chance) => {
    const along = count > 1 ? (at + 1) / count : 0.5;
    return upright ? [x + wide * (0.02 + 0.96 * chance), y + along * tall] : [x + along * wide, y + tall * (0.98 - 0.96 * chance)];
  };
  const top = topOf(values, shown - 1, C);
  const lines = Array.from({ length: C }, (_, each) => ({ each, .../** @type {any} */ (look)(each, top) })).sort((a, b) => a.width - b.width);
  for (const { each, color, width } of lines) {
    line(pen, Array.from({ length: shown }, (_, at) => place(at, values[at * C + each])), color, width);
  }
  // Names are below one another.
  const named = lines.filter((each) => each.named).map((each) => ({ ...each, end: place(shown - 1, values[(shown - 1) * C + each.each]) }));
  named.sort((a, b) => (upright ? b.end[0] - a.end[0] : a.end[1] - b.end[1]));
  const heights = upright ? named.map(({ end }, number) => end[1] + 14 + 15 * number)
    : keptApart(named.map(({ end }) => end[1] + 4), 15, y + 10, y + tall);
  named.forEach(({ each, color, end }, number) => {
    const room = upright ? wide : pen.canvas.clientWidth - end[0] - 8;
    const right = upright && end[0] > x + wide / 2;
    write(pen, classes[each], end[0] + (upright ? 0 : 8), heights[number], color, right ? "right" : "left", 12, room);
  });
}

/**
 * Returns heights that are a gap apart, near those that are wanted, which grow.
 * @param {number[]} wanted
 * @param {number} gap
 * @param {number} low
 * @param {number} high
 */
export function keptApart(wanted, gap, low, high) {
  let least = low;
  const down = wanted.map((height) => {
    least = Math.max(height, least) + gap;
    return least - gap;
  });
  let most = high;
  return down.reverse().map((height) => {
    most = Math.min(height, most) - gap;
    return most + gap;
  }).reverse();
}

/** Draws the probabilities of one step as a bar each. @param {Pen} pen @param {Box} box @param {Reading} reading @param {number} shown */
export function chanceBars(pen, [x, y, wide, tall], { trace, classes, look }, shown) {
  if (!shown) return;
  const values = /** @type {ArrayLike<number>} */ (trace.chances);
  const top = topOf(values, 0, classes.length);
  const bars = classes.map((name, kind) => ({ name, kind, .../** @type {any} */ (look)(kind, top) }));
  const best = [...bars].sort((a, b) => b.width - a.width || values[b.kind] - values[a.kind]).slice(0, BARS).sort((a, b) => a.kind - b.kind);
  best.forEach(({ name, kind, color, named }, place) => {
    const middle = y + ((place + 0.5) * tall) / best.length;
    const high = clamp(tall / best.length - 16, 1, 12);
    pen.fillStyle = colorOf("faint");
    pen.fillRect(x, middle, wide, high);
    pen.fillStyle = named ? color : colorOf("muted");
    pen.fillRect(x, middle, wide * values[kind], high);
    write(pen, name, x, middle - 4, colorOf("ink"), "left", 12, wide);
  });
}

/**
 * Draws a picture, pale where it is not read yet.
 * @param {Pen} pen
 * @param {Box} box
 * @param {HTMLCanvasElement} pixels One a pixel.
 * @param {number} share That is read, of its height.
 */
export function drawPicture(pen, [x, y, wide, tall], pixels, share) {
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 0.25;
  pen.drawImage(pixels, x, y, wide, tall);
  pen.globalAlpha = 1;
  if (share) pen.drawImage(pixels, 0, 0, pixels.width, pixels.height * share, x, y, wide, tall * share);
  frame(pen, [x, y, wide, tall]);
}
