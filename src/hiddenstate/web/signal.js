// A series drawn in lanes, one a channel, whose lines can be bent.

import { colorOf } from "./colors.js";
import { frame, line, stacked, write } from "./pen.js";
import { stepOf } from "./steps.js";
import { clamp, extentOf, short } from "./numbers.js";

/** @import { Box, Pen } from "./pen.js" */
/** @import { Program } from "./net.js" */
/** @typedef {{ columns: string[], low: number[], high: number[], units?: Record<string, string> }} Channels Names, usual ranges, and units where names give them. */
/** @typedef {{ box: Box, channel: number, range: number[] }} Lane */

export const NAME = 15; // pixels above a lane, for its name

/**
 * Returns a value as a channel can have it: above 0 where the model reads logarithms, or a pixel.
 * @param {Program} program
 * @param {number} low Least value of the channel.
 * @param {number} channel
 * @param {number} value
 */
export function allowed({ steps }, low, channel, value) {
  if (stepOf(steps, "Fractions")) return clamp(Math.round(value), 0, 255);
  const logarithm = stepOf(steps, "Logarithm");
  return logarithm && logarithm.features.includes(channel) ? Math.max(value, low) : value;
}

/**
 * Returns where step t of n is drawn in a box.
 * @param {Box} box
 * @param {number} t
 * @param {number} n
 * @param {number} value
 * @param {number[]} range
 */
const placeIn = ([x, y, wide, tall], t, n, value, [low, high]) => [
  x + ((t + 0.5) / n) * wide, y + tall * (0.94 - (0.88 * (value - low)) / (high - low || 1))];

/**
 * Draws values (a number a step, NaN where there is none) over the steps of a box; one across it.
 * @param {Pen} pen
 * @param {Box} box
 * @param {number[]} values
 * @param {number[]} range
 * @param {string} color
 * @param {{ dash?: number[], width?: number, upTo?: number }} [look] `upTo` steps are drawn.
 */
export function drawLane(pen, box, values, range, color, { dash, width = 1.6, upTo } = {}) {
  const points = values.slice(0, upTo).map((value, t) => placeIn(box, t, values.length, value, range));
  const across = values.length === 1 ? points.flatMap(([, y]) => [[box[0], y], [box[0] + box[2], y]]) : points;
  line(pen, across, color, width, dash);
}

/**
 * Writes the name of a lane above it, and its range at the left, or behind the name if there is no room.
 * @param {Pen} pen
 * @param {Box} box
 * @param {string} name
 * @param {number[]} range
 * @param {string} color
 * @param {string} [unit]
 */
export function nameLane(pen, [x, y, wide, tall], name, range, color, unit = "") {
  const ends = range.map(short);
  const low = tall < 24 || ends.some((end) => end.length > 7);
  const named = unit && !name.includes(unit) ? `${name} (${unit})` : name;
  write(pen, low ? `${name}  ${ends.join(" … ")} ${unit}` : named, x, y - 3, color, "left", 11, wide);
  if (!low) ends.forEach((end, place) => write(pen, end, x - 5, place ? y + 9 : y + tall - 1, colorOf("muted"), "right", 10.5));
}

/**
 * Draws the channels of a series in lanes, pale where they are not read yet.
 * @param {Pen} pen
 * @param {Lane[]} lanes
 * @param {Channels} channels
 * @param {ArrayLike<number>[]} series
 * @param {number} read Steps that are read.
 */
export function drawLanesRead(pen, lanes, { columns, units = {} }, series, read) {
  const color = colorOf(columns.length > 1 ? "ink" : "prediction"); // other colours are those of classes
  for (const { box, channel, range } of lanes) {
    const values = series.map((step) => step[channel]);
    frame(pen, box);
    pen.globalAlpha = 0.3;
    drawLane(pen, box, values, range, color);
    pen.globalAlpha = 1;
    drawLane(pen, box, values, range, color, { width: 2, upTo: read });
    nameLane(pen, box, columns[channel], range, colorOf("ink"), units[columns[channel]]);
  }
}

/**
 * Returns the range of a channel: the usual one, or wider if values are outside of it.
 * @param {Channels} channels
 * @param {ArrayLike<number>[]} series
 * @param {number} channel
 */
function rangeOf(channels, series, channel) {
  return extentOf([channels.low[channel], channels.high[channel], ...series.map((step) => step[channel])]);
}

/**
 * @typedef {object} Bent What can be bent.
 * @property {Program} program
 * @property {Channels} channels
 * @property {() => Lane[]} lanes Those drawn.
 * @property {() => Float64Array[]} series Its steps, which are changed.
 * @property {() => string} words The answer in words.
 * @property {(text: string) => void} say Speaks to users of the keys.
 * @property {(done: boolean) => void} changed Called after each change.
 * @property {() => void} draw Draws the step that is chosen with keys.
 */

/** Lets a reader bend lanes of a canvas, with a pointer or keys. */
export class Bender {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLSelectElement} channelSelect Its values are numbers of channels.
   * @param {Bent} bent
   */
  constructor(canvas, channelSelect, bent) {
    this.canvas = canvas;
    this.channelSelect = channelSelect;
    this.bent = bent;
    /** @type {number | null} */
    this.cursor = null;
    /** @type {Lane | undefined} */
    this.lane = undefined;
    /** @type {[step: number, value: number] | null} */
    this.last = null;
    // A finger on a lane bends it; elsewhere it scrolls the page.
    canvas.addEventListener("touchstart", (event) => {
      if (this.laneAt(this.placeOf(event.touches[0]))) event.preventDefault();
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => this.end());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      bent.draw();
    });
  }

  /** The number of the chosen channel. */
  get channel() {
    return Number(this.channelSelect.value) || 0;
  }

  /** @param {PointerEvent | Touch} event */
  placeOf(event) {
    const bounds = this.canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  }

  /** @param {number[]} place */
  laneAt([x, y]) {
    return this.bent.lanes().find(({ box }) => y >= box[1] && y <= box[1] + box[3] && x >= box[0]);
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button) return;
    const lane = this.laneAt(this.placeOf(event));
    if (!lane) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.cursor = null;
    this.channelSelect.value = String(lane.channel);
    this.lane = lane;
    this.last = null;
    this.move(event);
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (!this.lane) return;
    const [x, y] = this.placeOf(event);
    const { box, range: [low, high], channel } = this.lane;
    const n = this.bent.series().length;
    const t = clamp(Math.floor(((x - box[0]) / box[2]) * n), 0, n - 1);
    const share = clamp((0.94 - (y - box[1]) / box[3]) / 0.88, 0, 1);
    const value = low + share * (high - low);
    const [from, before] = this.last || [t, value];
    const way = Math.abs(t - from);
    for (let k = way ? 1 : 0; k <= way; k += 1) {
      const part = way ? k / way : 1;
      this.pull(from + Math.round((t - from) * part), channel, before + (value - before) * part);
    }
    this.last = [t, value];
    this.bent.changed(false);
  }

  end() {
    if (!this.lane) return;
    this.lane = undefined;
    this.bent.changed(true);
  }

  /**
   * Sets a value, and draws those around it along.
   * @param {number} t
   * @param {number} channel
   * @param {number} value
   */
  pull(t, channel, value) {
    const { program, channels } = this.bent;
    const series = this.bent.series();
    const reach = Math.max(1, Math.round(series.length / 30));
    const by = value - (Number.isFinite(series[t][channel]) ? series[t][channel] : value);
    for (let near = Math.max(t - 2 * reach, 0); near <= Math.min(t + 2 * reach, series.length - 1); near += 1) {
      const now = near === t ? value - by : series[near][channel];
      const share = near === t ? 1 : 0.9 * Math.exp(-(((near - t) / reach) ** 2));
      if (Number.isFinite(now)) series[near][channel] = allowed(program, channels.low[channel], channel, now + share * by);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { bent } = this;
    const series = bent.series();
    const shown = bent.lanes();
    const lane = shown.find(({ channel }) => channel === this.channel) || shown[0];
    const t = this.cursor || 0;
    const far = event.shiftKey ? 10 : 1;
    const done = event.key === "ArrowUp" || event.key === "ArrowDown";
    if (event.key === "ArrowLeft") this.cursor = Math.max(t - far, 0);
    else if (event.key === "ArrowRight") this.cursor = this.cursor === null ? 0 : Math.min(t + far, series.length - 1);
    else if (done) {
      this.cursor = t;
      const by = ((event.key === "ArrowUp" ? 1 : -1) * (lane.range[1] - lane.range[0])) / 40;
      const now = series[t][lane.channel];
      this.pull(t, lane.channel, Number.isFinite(now) ? now + by : (lane.range[0] + lane.range[1]) / 2);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const place = shown.indexOf(lane) + (event.key === "PageUp" ? -1 : 1);
      this.channelSelect.value = String(shown[clamp(place, 0, shown.length - 1)].channel);
    } else return;
    event.preventDefault();
    if (done) bent.changed(true);
    else bent.draw();
    const value = series[this.cursor || 0][this.channel];
    bent.say(`${bent.channels.columns[this.channel]}, step ${(this.cursor || 0) + 1}: ${short(value)}. ${done ? bent.words() : ""}`);
  }

  /**
   * Marks the step chosen with keys.
   * @param {Pen} pen
   */
  mark(pen) {
    if (this.cursor === null) return;
    const lane = this.bent.lanes().find(({ channel }) => channel === this.channel);
    const series = this.bent.series();
    if (!lane || this.cursor >= series.length) return;
    const { box, range, channel } = lane;
    pen.strokeStyle = colorOf("target");
    pen.lineWidth = 2;
    pen.beginPath();
    const value = series[this.cursor][channel];
    const [x, y] = placeIn(box, this.cursor, series.length, Number.isFinite(value) ? value : range[0], range);
    pen.arc(x, y, 6, 0, 2 * Math.PI);
    pen.stroke();
  }
}

/**
 * Returns the lanes of a box: at most so many channels, the first ones and the chosen one.
 * @param {Channels} channels
 * @param {ArrayLike<number>[]} series
 * @param {Box} box
 * @param {number} chosen
 * @returns {Lane[]}
 */
export function lanesOf(channels, series, box, chosen, most = 6) {
  const shown = Array.from({ length: Math.min(channels.columns.length, most) }, (_, place) => place);
  if (!shown.includes(chosen)) shown[shown.length - 1] = chosen;
  const boxes = stacked(box, shown.map(() => 1 / shown.length), NAME);
  return shown.map((channel, place) => ({ box: boxes[place], channel, range: rangeOf(channels, series, channel) }));
}

/**
 * Returns copies of the steps of a series.
 * @param {Float64Array[]} series
 */
export const copied = (series) => series.map((step) => step.slice());
