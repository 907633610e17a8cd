// Bend the input of a regression, and see its answer and its state at once.

import { fill, h, say } from "./dom.js";
import { paintPictures } from "./code_rows.js";
import { given } from "./text_input.js";
import { Nets } from "./net_of_moment.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { answersTo, noiseOf } from "../../web/answers.js";
import { eachFrame, frame, line, write } from "../../web/pen.js";
import { Bender, allowed, drawLane, lanesOf, nameLane, stacked } from "../../web/signal.js";
import { numbersOf } from "../../web/packed.js";
import { readSeries } from "../../web/table.js";
import { colorOf } from "../../web/colors.js";
import { short } from "../../web/numbers.js";

/** @typedef {import("../../web/pen.js").Box} Box */

const [LEFT, HEAD] = [50, 20];
const MOST_STEPS = 5000;
const SLOW = 60; // milliseconds from which a change is read when it is done

export class Bending {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */ this.view = null;
    /** @type {Float64Array[]} */ this.series = [];
    /** @type {import("../../web/answers.js").Answers} */ this.answer = { y: [], states: [] };
    /** @type {import("../../web/answers.js").Answers} */ this.plain = this.answer;
    /** @type {ArrayLike<number>[]|null} what it is trained to answer, where that is known */ this.truth = null;
    this.slow = false;
    /** @type {any} */ this.bender = null;
    /** @type {number[][]|null} of answers */ this.range = null;
    /** @type {number[]} */ this.resets = [];
    /** @type {import("../../web/net.js").Program|null} */ this.program = null;
    /** @type {Record<string, {slider: any, output: any}>} */ this.sliders = {};
    this.carries = false; // whether the state goes on through a series
    this.length = 90; // steps
    this.every = 10; // steps of a window
    this.period = 20; // steps of a wave
    /** @type {Float64Array[]} */ this.noises = [];
    this.asked = false;
    this.bundled = store.details.data.source === "bundled";
    const option = store.details.options.find((/** @type {any} */ each) => each.name === "horizon");
    this.ahead = Number(option && option.value) || 0;
    this.picture = new Picture({
      title: t("Bend the input, and see its answer"),
      caption: t("Drag the input, or change it with the arrow keys: the net of the moment reads it step by step. Red and blue are its hidden units above and below zero."),
      empty: t("The input can be bent once the net has weights that are kept."),
      name: "wide bend", draw: (pen, width, height) => this.draw(pen, width, height),
    });
    const { element, tools } = this.picture;
    this.channels = h("select", { "aria-label": t("Input"), onchange: () => { this.setDials(); this.picture.paint(); } });
    this.state = h("select", { "aria-label": t("Hidden state"), onchange: () => this.compute(true) });
    this.first = h("button", { type: "button", onclick: () => this.begin() }, t("Begin anew"));
    tools.append(this.channels, this.state, this.first);
    this.weights = h("p", { class: "note weights" });
    this.dials = h("div", { class: "dials" });
    element.append(this.weights, this.dials);
    this.soon = eachFrame(() => (this.slow ? this.picture.paint() : this.compute(false)));
    this.nets = new Nets(store, () => this.renew());
    if (this.nets.model) this.renew();
  }

  /** Reads with another net; the first one brings its view. */
  async renew() {
    const { model } = this.nets;
    this.weights.textContent = this.nets.words();
    if (!model) return;
    if (!this.view) {
      if (this.asked) return;
      this.asked = true;
      try {
        this.view = await this.store.view();
      } catch (error) {
        this.weights.textContent = /** @type {Error} */ (error).message;
      }
      this.asked = false;
      if (!this.view) return;
      this.open(model.program);
    }
    this.compute(false);
  }

  /** @param {import("../../web/net.js").Program} program */
  open(program) {
    const { view, picture } = this;
    const n = view.columns.length;
    this.program = program;
    this.carries = (program.stateful || !program.window) && Boolean(this.nets.model && this.nets.model.streams);
    fill(this.channels, view.columns.map((/** @type {string} */ name, /** @type {number} */ channel) => h("option", { value: channel }, name)));
    this.channels.hidden = n < 2;
    const T = program.n_steps || 10;
    fill(this.state, [["carried", t("state carried on")], ["windows", t("state reset every {n} steps", { n: T })], ["middle", t("state reset in the middle")]]
      .map(([value, name]) => h("option", { value }, name)));
    this.every = T;
    this.period = this.bundled ? 2 * T : view.period; // a bundled window is half of one
    this.state.hidden = !this.carries;
    this.length = Math.min(Math.max(5 * this.period, 2 * program.window, program.window ? 0 : program.n_steps, 40), 400);
    this.noises = view.columns.map((/** @type {any} */ _, /** @type {number} */ channel) => noiseOf(channel + 1, 4096));
    this.settings = view.columns.map((/** @type {any} */ _, /** @type {number} */ channel) => {
      const [low, high] = [view.low[channel], view.high[channel]];
      return { frequency: 1 / (1 + channel / 2), amplitude: this.bundled ? 1 : (high - low) / 3, phase: 0, level: (low + high) / 2, noise: 0 };
    });
    this.bender = new Bender(picture.canvas, this.channels, {
      program, channels: view, say, lanes: () => this.lanes(), series: () => this.series, words: () => this.words(),
      changed: (done) => {
        this.truth = null;
        if (done) this.compute(true);
        else this.soon();
      },
      draw: () => picture.paint(),
    });
    fill(this.dials, ["frequency", "amplitude", "phase", "level", "noise"].map((name) => this.dial(name)));
    const rows = given(t("A line is a step: {columns}.", { columns: view.columns.slice(0, 8).join(", ") }), (text) => {
      const [found] = readSeries(text, view.written, program.n_features);
      if (found.series.length > MOST_STEPS) throw new Error(t("it has more than {n} steps", { n: MOST_STEPS }));
      this.series = found.series;
      this.truth = null;
      this.range = null;
      this.compute(true);
      return t("{n} steps are read", { n: found.series.length });
    });
    rows.droppable(picture.element);
    picture.element.append(rows.element);
    picture.setReady(true);
    this.begin();
  }

  /** Starts with the series of the run, or a wave. */
  begin() {
    const { view, program } = this;
    if (!view || !program) return;
    this.range = null;
    if (view.rows && view.rows.shape.length === 3 && view.rows.shape[1] >= program.window) {
      const values = numbersOf(view.rows);
      const width = view.rows.shape[2];
      this.series = Array.from({ length: Math.min(view.rows.shape[1], 400) }, (_, at) => values.slice(at * width, (at + 1) * width));
      while (this.series.length > 1 && this.series[this.series.length - 1].every(Number.isNaN)) this.series.pop();
      this.truth = null;
    } else {
      this.series = Array.from({ length: this.length }, () => new Float64Array(view.columns.length));
      view.columns.forEach((/** @type {any} */ _, /** @type {number} */ channel) => this.wave(channel));
    }
    this.setDials();
    this.compute(false);
  }

  /** @param {string} name */
  dial(name) {
    const names = /** @type {Record<string, string>} */ ({ frequency: t("frequency"), amplitude: t("amplitude"), phase: t("phase"), level: t("level"), noise: t("noise") });
    const slider = h("input", { type: "range", step: "any", oninput: () => {
      this.settings[this.bender.channel][name] = Number(slider.value);
      this.tellDial(name);
      this.wave(this.bender.channel);
      this.soon();
    }, onchange: () => this.compute(true) });
    const output = h("output", {});
    this.sliders[name] = { slider, output };
    return h("label", { class: "dial" }, h("span", {}, names[name]), slider, output);
  }

  setDials() {
    const { channel } = this.bender;
    const [low, high] = [this.view.low[channel], this.view.high[channel]];
    const span = high - low || 1;
    const ranges = /** @type {Record<string, number[]>} */ ({ frequency: [0.2, 4], amplitude: [0, span], phase: [0, 360], level: [low - span / 4, high + span / 4], noise: [0, span / 2] });
    for (const [name, { slider }] of Object.entries(this.sliders)) {
      [slider.min, slider.max] = ranges[name];
      slider.value = this.settings[channel][name];
      this.tellDial(name);
    }
  }

  /** @param {string} name */
  tellDial(name) {
    const { slider, output } = this.sliders[name];
    const value = Number(slider.value);
    const text = name === "phase" ? `${Math.round(value)}°` : name === "frequency" ? `${value.toFixed(2)}×` : short(Number(value.toFixed(3)));
    output.textContent = text;
    slider.setAttribute("aria-valuetext", name === "frequency" ? t("{n} steps a period", { n: Math.round(this.period / value) }) : text);
  }

  /** Makes a channel a wave as the sliders say. @param {number} channel */
  wave(channel) {
    const { view, series } = this;
    const { frequency, amplitude, phase, level, noise } = this.settings[channel];
    const period = this.period;
    const turn = (/** @type {number} */ at) => (2 * Math.PI * frequency * at) / period + (phase * Math.PI) / 180;
    series.forEach((step, at) => {
      step[channel] = allowed(/** @type {any} */ (this.program), view.low[channel], channel, level + amplitude * Math.sin(turn(at)) + noise * this.noises[channel][at % 4096]);
    });
    this.truth = this.bundled ? series.map((_, at) => [level + amplitude * Math.cos(turn(at))]) : null;
  }

  /** @param {boolean} tell */
  compute(tell) {
    const { model } = this.nets;
    if (!model || !this.view) return;
    const begun = performance.now();
    const n = this.series.length;
    const resets = this.state.value === "windows" ? Array.from({ length: Math.ceil(n / this.every) }, (_, at) => at * this.every) : [n >> 1];
    try {
      const size = model.program.stateful ? 0 : model.program.window || 0;
      if (n < size) throw new Error(t("it has {n} steps, and a window has {size}", { n, size }));
      this.plain = answersTo(model, this.series, []);
      this.resets = this.carries && this.state.value !== "carried" ? resets : [];
      this.answer = this.resets.length ? answersTo(model, this.series, resets) : this.plain;
      this.picture.note.textContent = this.words();
      this.picture.note.classList.remove("bad");
    } catch (error) {
      this.plain = this.answer = { y: [], states: [] };
      this.picture.note.textContent = t("The net cannot read this: {why}.", { why: /** @type {Error} */ (error).message });
      this.picture.note.classList.add("bad");
    }
    this.slow = performance.now() - begun > SLOW;
    this.picture.describe(`${this.picture.heading.textContent}. ${this.words()}`);
    this.picture.paint();
    if (tell) say(this.words());
  }

  words() {
    const { truth, answer } = this;
    if (!answer.y.length) return "";
    const last = Array.from(answer.y[answer.y.length - 1]).slice(0, 3).map((value) => short(Number(value.toPrecision(4)))).join(", ");
    const parts = [t("answer after {n} steps: {value}", { n: this.series.length, value: last })];
    if (truth) {
      const sum = answer.y.reduce((all, y, at) => all + (y[0] - truth[at][0]) ** 2, 0);
      parts.push(t("mean squared error {error}", { error: short(sum / truth.length) }));
    }
    if (!this.carries && this.program) parts.push(this.program.window ? t("each answer reads a window of {n} steps", { n: this.program.window }) : t("it reads the whole series for an answer"));
    return parts.join(" · ");
  }

  /** The boxes of input, answer and hidden state. @param {number} width @param {number} height @returns {Box[]} */
  boxes(width, height) {
    return stacked([LEFT, 0, width - LEFT - 6, height - 4], [0.34, 0.36, 0.3], HEAD);
  }

  /** @returns {import("../../web/signal.js").Lane[]} */
  lanes() {
    const { view, bender, picture } = this;
    const [box] = this.boxes(picture.frame.clientWidth, picture.frame.clientHeight);
    return lanesOf(view, this.series, box, bender.channel, 4);
  }

  /** The ranges of answers: they only grow. @returns {number[][]} */
  ranges() {
    const { view } = this;
    const fixed = this.store.fixed;
    return Array.from({ length: Math.min(/** @type {any} */ (this.program).n_outputs, 3) }, (_, o) => {
      let [low, high] = (this.range && this.range[o]) || (this.bundled ? [-1.5, 1.5] : [Infinity, -Infinity]);
      const own = view.columns.indexOf(view.targets[o]);
      const targets = fixed.held_target || fixed.target;
      /** @type {ArrayLike<number>[]} */
      const lists = [[...this.answer.y.map((y) => y[o])], [...this.plain.y.map((y) => y[o])], own >= 0 ? this.series.map((step) => step[own]) : [], this.range || !targets || fixed.target === targets && targets.shape[1] > 1 ? [] : targets.data];
      for (const list of lists) {
        for (const value of Array.from(list)) {
          if (value < low) low = value;
          if (value > high) high = value;
        }
      }
      return low < high ? [low, high] : [low - 1, low + 1];
    });
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const { view, series, answer, plain } = this;
    if (!view || !series.length) return;
    const [input, middle, hidden] = this.boxes(width, height);
    const [muted, blue, ink, red] = ["muted", "prediction", "ink", "target"].map(colorOf);
    write(pen, t("input: drag it"), LEFT, 13, muted);
    for (const { box, channel, range } of this.lanes()) {
      frame(pen, box);
      drawLane(pen, box, series.map((step) => step[channel]), range, ink);
      nameLane(pen, box, view.columns[channel], range, ink);
    }
    write(pen, this.ahead ? t("answer: the forecast {n} steps ahead, drawn where it is for", { n: this.ahead })
      : this.truth ? t("answer, and the target (red)") : t("answer after every step"), LEFT, middle[1] - 6, muted);
    const n = series.length;
    if (answer.y.length) {
      const ranges = (this.range = this.ranges());
      const shift = (/** @type {number[]} */ values) => (this.ahead ? [...new Array(this.ahead).fill(NaN), ...values].slice(0, values.length) : values);
      ranges.forEach((range, o) => {
        /** @type {Box} */
        const box = [middle[0], middle[1] + (o * middle[3]) / ranges.length, middle[2], middle[3] / ranges.length];
        const own = view.columns.indexOf(view.targets[o]);
        frame(pen, box);
        if (own >= 0) drawLane(pen, box, series.map((step) => step[own]), range, muted, { width: 1 });
        if (this.truth) drawLane(pen, box, this.truth.map((y) => y[o]), range, red, { width: 2.4 });
        if (answer !== plain) drawLane(pen, box, shift(plain.y.map((y) => y[o])), range, muted, { dash: [4, 3] });
        drawLane(pen, box, shift(answer.y.map((y) => y[o])), range, blue, { width: 2 });
        nameLane(pen, box, this.bundled ? "" : view.targets[o] || "", range, blue);
      });
      write(pen, t("hidden state, a line each unit"), LEFT, hidden[1] - 6, muted);
      const H = answer.states[0].length;
      const values = new Float64Array(H * n);
      for (let unit = 0; unit < H; unit += 1) for (let at = 0; at < n; at += 1) values[unit * n + at] = 255 * answer.states[at][unit];
      paintPictures(pen, [H, n], [{ box: hidden, values, difference: true }]);
      for (const at of this.resets || []) {
        const x = LEFT + (at / n) * input[2];
        if (at) line(pen, [[x, middle[1]], [x, hidden[1] + hidden[3]]], red, 1, [4, 3], 0.8);
      }
    }
    frame(pen, hidden);
    this.bender.mark(pen);
  }
}
