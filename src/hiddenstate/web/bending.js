// A series that a reader bends: the input, the answers of a regressor, and its hidden state.

import { answersTo, noiseOf } from "./answers.js";
import { colorOf } from "./colors.js";
import { heat } from "./heat.js";
import { clamp, extentOf, greatest } from "./numbers.js";
import { eachFrame, frame, line, stacked, tag, write } from "./pen.js";
import { packedRows } from "./rows.js";
import { Bender, NAME, allowed, drawLane, lanesOf, nameLane } from "./signal.js";
import { stepOf } from "./steps.js";

/** @import { Pen } from "./pen.js" */
/** @import { Model } from "./net.js" */
/** @import { Answers } from "./answers.js" */

const LEFT = 50;
const LONGEST = 400; // steps of a series that is made, or of the end of one of the run
const SLOW = 60; // milliseconds from which a change is read when it is done

/** The least and the largest value of each property of a wave, of a channel's range. @type {Record<string, (low: number, span: number, length: number) => number[]>} */
const DIALS = {
  period: (low, span, length) => [4, length],
  amplitude: (low, span) => [0, span],
  phase: () => [0, 360],
  level: (low, span) => [low - span / 4, low + 1.25 * span],
  noise: (low, span) => [0, span / 2],
};

/**
 * @typedef {object} BendingOptions
 * @property {HTMLCanvasElement} canvas
 * @property {HTMLSelectElement} select Of the channel that is bent; its values are numbers.
 * @property {Model} model
 * @property {any} view Names, ranges and rows of the run.
 * @property {number} horizon Steps from an answer to the moment that it is for.
 * @property {boolean} [cosine] Whether a wave has a target: its cosine.
 * @property {Record<string, { slider: HTMLInputElement, output: HTMLElement }>} dials By names in `DIALS`.
 * @property {(name: string, value: number) => string} dialWords
 * @property {{ input: string, answer: () => string, name: string, hidden: string, reset: string, short: (n: number, window: number) => string }} words
 *   `name` is that of a target without one; `short` says that a series is shorter than a window.
 * @property {() => string} here The answer in words.
 * @property {(text: string) => void} say
 * @property {() => void} paint
 * @property {(pen: Pen, lanes: import("./signal.js").Lane[]) => void} [behind] Draws behind the lines of the input.
 * @property {(problem: string, done: boolean) => void} read Called after each reading.
 */

export class Bending {
  /** @param {BendingOptions} options */
  constructor(options) {
    const { canvas, select, model, view, dials, paint, here, say } = options;
    const { program } = model;
    this.options = options;
    this.model = model;
    this.view = view;
    this.carries = (program.stateful || !program.window) && model.streams; // the state goes on through a series
    this.length = clamp(Math.max(5 * view.period, 2 * program.window, program.window ? 0 : program.n_steps), 40, LONGEST);
    const logarithm = stepOf(program.steps, "Logarithm");
    /** @type {Record<string, number>[]} */
    this.settings = view.columns.map((/** @type {string} */ _, /** @type {number} */ channel) => {
      const [low, high] = [view.low[channel], view.high[channel]];
      return { period: view.period * (1 + channel / 2), amplitude: (high - low) / (logarithm ? 4 : 3), phase: 0, level: (low + high) / 2, noise: 0 };
    });
    /** @type {Float64Array[]} */
    this.noises = this.settings.map((_, channel) => noiseOf(channel + 1, 4096));
    /** @type {Float64Array[]} */ this.series = [];
    /** @type {number[]} steps before which the state is set to zeros */ this.resets = [];
    /** @type {Answers} */ this.plain = { y: [], states: [] };
    this.answer = this.plain;
    /** @type {number[][] | null} what it is trained to answer, where that is known */ this.truth = null;
    /** @type {number[][]} of answers; they only grow while a line is dragged */ this.ranges = [];
    this.slow = false;
    this.soon = eachFrame(() => (this.slow ? paint() : this.compute(false)));
    this.bender = new Bender(canvas, select, {
      program, channels: view, say, lanes: () => this.lanes(), series: () => this.series, words: here, draw: paint,
      changed: (done) => {
        this.truth = null;
        if (done) this.compute(true);
        else this.soon();
      },
    });
    select.addEventListener("change", () => {
      this.setDials();
      paint();
    });
    for (const [name, { slider }] of Object.entries(dials)) {
      slider.addEventListener("input", () => {
        const { channel } = this.bender;
        this.settings[channel][name] = Number(slider.value);
        this.tellDial(name);
        this.wave(channel);
        this.soon();
      });
      slider.addEventListener("change", () => this.compute(true));
    }
  }

  /** Starts with the end of a row of the run, or a wave. */
  begin() {
    const { window } = this.model.program;
    const [row = []] = packedRows(this.view.rows);
    const known = row.length && row.length >= window;
    this.take(known ? row.slice(-Math.max(LONGEST, window)) : Array.from({ length: this.length }, () => new Float64Array(this.settings.length)), !known);
    this.setDials();
  }

  /** @param {Float64Array[]} series @param {boolean} [made] whether it becomes a wave */
  take(series, made) {
    [this.series, this.truth, this.ranges, this.resets] = [series, null, [], []];
    if (made) this.settings.forEach((_, channel) => this.wave(channel));
    this.compute(false);
  }

  setDials() {
    const { bender: { channel }, view: { low, high }, options: { dials }, settings } = this;
    const span = high[channel] - low[channel] || 1;
    for (const [name, { slider }] of Object.entries(dials)) {
      slider.step = "any";
      [slider.min, slider.max] = DIALS[name](low[channel], span, this.length).map(String);
      slider.value = String(settings[channel][name]);
      this.tellDial(name);
    }
  }

  /** @param {string} name */
  tellDial(name) {
    const { bender: { channel }, view: { columns, units }, options: { dials, dialWords } } = this;
    const { slider, output } = dials[name];
    const unit = ["amplitude", "level", "noise"].includes(name) && units[columns[channel]];
    output.textContent = [dialWords(name, Number(slider.value)), unit].filter(Boolean).join(" ");
    slider.setAttribute("aria-valuetext", output.textContent);
  }

  /** Makes a channel a wave as the dials say, or the flag that it is. @param {number} channel */
  wave(channel) {
    const { view, series, model: { program }, noises } = this;
    const { period, amplitude, phase, level, noise } = this.settings[channel];
    /** @param {number} at */
    const turn = (at) => Math.PI * ((2 * at) / period + phase / 180);
    series.forEach((step, at) => {
      const value = level + amplitude * Math.sin(turn(at)) + noise * noises[channel][at % 4096];
      step[channel] = view.flags[channel]?.[at] ?? allowed(program, view.low[channel], channel, value);
    });
    this.truth = this.options.cosine ? series.map((_, at) => [level + amplitude * Math.cos(turn(at))]) : null;
  }

  /** Reads the series. @param {boolean} done */
  compute(done) {
    const { model, series, resets, options } = this;
    const begun = performance.now();
    let problem = "";
    try {
      const size = model.program.stateful ? 0 : model.program.window || 0;
      if (series.length < size) throw new Error(options.words.short(series.length, size));
      this.plain = answersTo(model, series, []);
      this.answer = resets.length ? answersTo(model, series, resets) : this.plain;
    } catch (error) {
      this.plain = this.answer = { y: [], states: [] };
      problem = /** @type {Error} */ (error).message;
    }
    if (done) this.ranges = [];
    this.slow = performance.now() - begun > SLOW;
    options.read(problem, done);
  }

  /** The boxes of input, answer and hidden state. */
  boxes() {
    const { clientWidth: wide, clientHeight: tall } = this.options.canvas;
    return stacked([LEFT, 0, wide - LEFT - 4, tall], [0.34, 0.38, 0.28], 20);
  }

  lanes() { return lanesOf(this.view, this.series, this.boxes()[0], this.bender.channel, 4); }

  /**
   * Draws the input, the answers and the state, and a line after so many steps.
   * @param {Pen} pen
   */
  draw(pen, at = 0) {
    const { view, series, answer, plain, resets, ranges, options: { words, horizon } } = this;
    const [input, middle, hidden] = this.boxes();
    const [muted, blue, ink, red] = ["muted", "prediction", "ink", "target"].map(colorOf);
    const n = series.length;
    write(pen, words.input, LEFT, 14, muted, "left", 12, input[2]);
    this.options.behind?.(pen, this.lanes());
    for (const { box, channel, range } of this.lanes()) {
      frame(pen, box);
      drawLane(pen, box, series.map((step) => step[channel]), range, ink);
      nameLane(pen, box, view.columns[channel], range, ink, view.units[view.columns[channel]]);
    }
    write(pen, words.answer(), LEFT, middle[1] - 6, muted, "left", 12, middle[2]);
    if (answer.y.length) {
      const outputs = Math.min(answer.y[0].length, 3);
      stacked(middle, Array(outputs).fill(1 / outputs), NAME).forEach((box, o) => {
        const own = view.columns.indexOf(view.targets[o]);
        const before = own < 0 ? [] : series.map((step) => step[own]);
        const [now, usual] = [answer, plain].map(({ y }) => [...Array(horizon).fill(NaN), ...y.map((each) => each[o])]);
        const range = ranges[o] = extentOf([...before, ...now, ...usual, ...(ranges[o] || [])]);
        frame(pen, box);
        drawLane(pen, box, before, range, muted, { width: 1 });
        if (this.truth) drawLane(pen, box, this.truth.map((y) => y[o]), range, red, { width: 2.4 });
        if (answer !== plain) drawLane(pen, box, usual.slice(0, n), range, muted, { dash: [4, 3] });
        drawLane(pen, box, now.slice(0, n), range, blue, { width: 2 });
        nameLane(pen, box, view.targets[o] || words.name, range, blue, view.units[view.targets[o]]);
      });
      write(pen, words.hidden, LEFT, hidden[1] - 6, muted, "left", 12, hidden[2]);
      const most = greatest(answer.states);
      heat(pen, hidden, answer.states[0].length, n, (unit, t) => answer.states[t][unit] / most);
    }
    frame(pen, hidden);
    /** @param {number} steps @param {string} color @param {number} width @param {number[]} [dash] */
    const rule = (steps, color, width, dash) => {
      const x = LEFT + (steps / n) * input[2];
      if (steps > 0) line(pen, [[x, input[1]], [x, hidden[1] + hidden[3]]], color, width, dash);
      return x + 6;
    };
    const marks = resets.map((reset) => rule(reset, red, 1.5, [5, 3]));
    if (marks.length === 1) tag(pen, words.reset, marks[0], middle[1] + middle[3] - 8, red);
    rule(at - 0.5, ink, 1);
    this.bender.mark(pen);
  }
}
