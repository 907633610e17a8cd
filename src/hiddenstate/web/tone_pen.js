// Draws tones on a spectrogram, with a pointer or keys.

import { colorOf } from "./colors.js";
import { clamp } from "./numbers.js";

/** @import { Box, Pen } from "./pen.js" */
/** @import { Framing } from "./framing.js" */

const SLOPE = 14; // decibels that a tone is less in the next band

/**
 * @typedef {object} Toned
 * @property {Framing} framing
 * @property {number[]} range The levels of silence and of the loudest tone.
 * @property {() => Box[]} boxes Of the spectrogram of each channel.
 * @property {() => Float64Array[]} series Its steps, which are changed.
 * @property {(done: boolean) => void} changed Called after each change.
 * @property {() => void} draw Draws the place that is chosen with keys.
 */

/** Lets a reader draw tones on a canvas. */
export class TonePen {
  /** @param {HTMLCanvasElement} canvas @param {Toned} toned */
  constructor(canvas, toned) {
    this.canvas = canvas;
    this.toned = toned;
    /** @type {number[] | null} step, band and channel */ this.last = null;
    /** @type {number[] | null} */ this.cursor = null;
    canvas.addEventListener("touchstart", (event) => {
      if (this.placeOf(event.touches[0])) event.preventDefault();
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      this.last = event.button ? null : this.placeOf(event);
      if (!this.last) return;
      this.cursor = null;
      canvas.setPointerCapture(event.pointerId);
      this.line(this.last, this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      const place = this.last && this.placeOf(event, this.last[2]);
      if (this.last && place) this.line(this.last, place);
      if (place) this.last = place;
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => {
      if (this.last) toned.changed(true);
      this.last = null;
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => {
      this.cursor = null;
      toned.draw();
    });
  }

  /**
   * Returns the step, the band and the channel at a place, which may be outside of the box of a channel.
   * @param {PointerEvent | Touch} event @param {number} [own] channel
   */
  placeOf(event, own = -1) {
    const bounds = this.canvas.getBoundingClientRect();
    const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const boxes = this.toned.boxes();
    const channel = own >= 0 ? own : boxes.findIndex(([x, y, wide, tall]) => left >= x && left <= x + wide && top >= y && top <= y + tall);
    if (channel < 0) return null;
    const [x, y, wide, tall] = boxes[channel];
    const { framing: { bands }, series } = this.toned;
    return [clamp(((left - x) / wide) * series().length - 0.5, 0, series().length - 1), clamp((1 - (top - y) / tall) * bands - 0.5, 0, bands - 1), channel];
  }

  /** Draws a tone from one place to another. @param {number[]} from @param {number[]} to */
  line(from, to) {
    const [first, last] = [from[0], to[0]].map(Math.round).sort((a, b) => a - b);
    for (let t = first; t <= last; t += 1) {
      this.tone(t, to[0] === from[0] ? to[1] : from[1] + ((to[1] - from[1]) * clamp((t - from[0]) / (to[0] - from[0]), 0, 1)), to[2], 0);
    }
    this.toned.changed(false);
  }

  /** Makes a band of a step loud, or silent. @param {number} t @param {number} band @param {number} channel @param {number} less decibels */
  tone(t, band, channel, less) {
    const { framing: { bands }, range: [low, high], series } = this.toned;
    const step = series()[t];
    for (let each = 0; each < bands; each += 1) {
      const place = channel * bands + each;
      const away = Math.abs(each - band);
      if (less) step[place] = away < 1.5 ? low : step[place];
      else step[place] = Math.max(step[place], high - 6 - SLOPE * away, low);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const moves = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    const { framing: { bands }, series, changed, draw } = this.toned;
    const n = series().length;
    const [t, band, channel] = this.cursor || [Math.floor(n / 2), Math.floor(bands / 2), 0];
    const move = moves[event.key];
    if (move) this.cursor = [clamp(t + move[0], 0, n - 1), clamp(band + move[1], 0, bands - 1), channel];
    else if (event.key === " " || event.key === "Backspace" || event.key === "Delete") {
      this.cursor = [t, band, channel];
      this.tone(t, band, channel, Number(event.key !== " "));
    } else return;
    event.preventDefault();
    if (move) draw();
    else changed(true);
  }

  /** Marks the place that is chosen with keys. @param {Pen} pen */
  mark(pen) {
    if (!this.cursor) return;
    const [t, band, channel] = this.cursor;
    const { framing: { bands }, series, boxes } = this.toned;
    const [x, y, wide, tall] = boxes()[channel];
    pen.strokeStyle = colorOf("target");
    pen.lineWidth = 2;
    pen.strokeRect(x + (t / series().length) * wide - 1, y + tall * (1 - (band + 1) / bands) - 1, Math.max(wide / series().length, 3) + 2, tall / bands + 2);
  }
}
