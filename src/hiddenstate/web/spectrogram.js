// The picture of a sound: its wave, and below it the levels of its frequency bands over time.

import { colorOf } from "./colors.js";
import { clamp } from "./numbers.js";
import { frame, paintPixels, write } from "./pen.js";
import { hertzOf } from "./framing.js";

/** @import { Box, Pen } from "./pen.js" */
/** @import { Framing } from "./framing.js" */

const FOOT = 15; // pixels below, for seconds
const TICKS = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000]; // Hz
const SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600];

/**
 * What is drawn of a sound.
 * @typedef {object} Seen
 * @property {Framing} framing
 * @property {ArrayLike<number>[]} series Its steps.
 * @property {number[]} range The levels at the ends of the scale.
 * @property {ArrayLike<number> | null} ends The smallest and the largest sample of equal parts of it, in turn.
 */

/** Returns the smallest and the largest of equal parts of samples, in turn. @param {ArrayLike<number>} samples @param {number} [most] */
export function endsOf(samples, most = 300) {
  const parts = Math.min(most, samples.length);
  const ends = new Float32Array(2 * parts);
  for (let part = 0; part < parts; part += 1) {
    let [low, high] = [Infinity, -Infinity];
    for (let at = Math.floor((part * samples.length) / parts); at < Math.floor(((part + 1) * samples.length) / parts); at += 1) {
      low = Math.min(low, samples[at]);
      high = Math.max(high, samples[at]);
    }
    ends.set([low, high], 2 * part);
  }
  return ends;
}

/**
 * Returns the boxes of the wave and of the spectrogram of each channel.
 * @param {Box} box
 * @param {Seen} seen
 * @returns {{ wave: Box | null, bands: Box[] }}
 */
export function soundBoxes([x, y, wide, tall], { framing: { channels }, ends }) {
  const above = ends ? clamp(0.24 * tall, 18, 64) : 0;
  const top = y + above + (ends ? 5 : 0);
  const each = (y + tall - FOOT - top) / channels;
  return {
    wave: ends ? [x, y, wide, above] : null,
    bands: Array.from({ length: channels }, (_, channel) => [x, top + channel * each, wide, each - (channels > 1 ? 3 : 0)]),
  };
}

/**
 * Draws a sound, pale where it is not read yet.
 * @param {Pen} pen
 * @param {Box} box
 * @param {Seen} seen
 * @param {number} read Steps that are read.
 */
export function drawSound(pen, box, seen, read) {
  const { framing, series, ends } = seen;
  const n = series.length;
  const { wave, bands } = soundBoxes(box, seen);
  if (wave && ends) drawWave(pen, wave, ends, read / n);
  bands.forEach((own, channel) => {
    drawBands(pen, own, seen, channel, read / n);
    hertz(pen, own, framing);
  });
  seconds(pen, bands[bands.length - 1], (n * framing.frame) / framing.rate);
}

/**
 * Draws the levels of the bands of a channel, the lowest at the bottom.
 * @param {Pen} pen
 * @param {Box} box
 * @param {Seen} seen
 * @param {number} channel
 * @param {number} share that is read
 */
export function drawBands(pen, box, { framing: { bands }, series, range: [low, high] }, channel, share) {
  const n = series.length;
  const pixels = document.createElement("canvas");
  paintPixels(pixels, [bands, n], Float64Array.from({ length: bands * n }, (_, place) => {
    const level = series[place % n][(channel + 1) * bands - 1 - Math.floor(place / n)];
    return 255 * clamp((level - low) / (high - low || 1), 0, 1);
  }));
  drawAcross(pen, box, pixels, share);
}

/** Draws a picture whose columns are read one after another. @param {Pen} pen @param {Box} box @param {HTMLCanvasElement} pixels @param {number} share */
function drawAcross(pen, [x, y, wide, tall], pixels, share) {
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 0.3;
  pen.drawImage(pixels, x, y, wide, tall);
  pen.globalAlpha = 1;
  const part = pixels.width * Math.min(share, 1);
  if (part > 0) pen.drawImage(pixels, 0, 0, part, pixels.height, x, y, wide * Math.min(share, 1), tall);
  frame(pen, [x, y, wide, tall]);
}

/** Draws a wave as what is between its ends. @param {Pen} pen @param {Box} box @param {ArrayLike<number>} ends @param {number} share */
export function drawWave(pen, [x, y, wide, tall], ends, share) {
  const parts = ends.length / 2;
  let most = 1e-4;
  for (let at = 0; at < ends.length; at += 1) most = Math.max(most, Math.abs(ends[at]));
  pen.fillStyle = colorOf("ink");
  for (let part = 0; part < parts; part += 1) {
    const [low, high] = [ends[2 * part], ends[2 * part + 1]].map((value) => (0.46 * tall * value) / most);
    pen.globalAlpha = (part + 0.5) / parts <= share ? 1 : 0.3;
    pen.fillRect(x + (part / parts) * wide, y + tall / 2 - high - 0.5, Math.max(wide / parts, 0.5), high - low + 1);
  }
  pen.globalAlpha = 1;
}

/** Writes frequencies at the left of a spectrogram, apart from one another. @param {Pen} pen @param {Box} box @param {Framing} framing */
function hertz(pen, [x, y, , tall], framing) {
  const bounds = hertzOf(framing);
  let last = Infinity;
  for (const tick of TICKS) {
    const above = bounds.findIndex((bound) => bound >= tick);
    if (above < 1) continue;
    const place = above - 1 + (tick - bounds[above - 1]) / (bounds[above] - bounds[above - 1]);
    const height = y + tall * (1 - place / framing.bands);
    if (last - height < 13 || height < y + 3) continue;
    last = height;
    mark(pen, x - 3, height, 3, 1);
    write(pen, tick < 1000 ? `${tick} Hz` : `${tick / 1000} kHz`, x - 5, height + 4, colorOf("muted"), "right", 10.5);
  }
}

/** Writes seconds below a box. @param {Pen} pen @param {Box} box @param {number} whole */
function seconds(pen, [x, y, wide, tall], whole) {
  const each = SECONDS.find((step) => (wide * step) / whole >= 55) || SECONDS[SECONDS.length - 1];
  for (let k = 0; k * each <= whole * 1.0001; k += 1) {
    const place = x + (wide * k * each) / whole;
    const text = `${Number((k * each).toFixed(2))} s`;
    mark(pen, place, y + tall, 1, 3);
    write(pen, text, place, y + tall + 13, colorOf("muted"), k ? (place > x + wide - 12 ? "right" : "center") : "left", 10.5);
  }
}

/** @param {Pen} pen @param {number} x @param {number} y @param {number} wide @param {number} tall */
function mark(pen, x, y, wide, tall) {
  pen.fillStyle = colorOf("muted");
  pen.fillRect(x, y, wide, tall);
}
