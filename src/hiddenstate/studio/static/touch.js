// Touch it: draw a picture, or bend a row, and the net of the moment on the slider reads it.

import { calm, color, eachFrame, fill, h, percent, say, short } from "./dom.js";
import { panel } from "./cards.js";
import { Reading, LEFT, topOf } from "./reading.js";
import { fitted } from "./rowform.js";
import { t } from "./words.js";
import { decidedAfter } from "../../export/html/answer.js";
import { tag, write } from "../../export/html/charts.js";
import { Pad, addExamples, rasterOf } from "../../export/html/draw.js";
import { Bender, copied, drawLane, drawnChannels, nameLane, rangeOf } from "../../export/html/lanes.js";
import { Player } from "../../export/html/play.js";
import { readSeries } from "../../export/html/table.js";
import { frame } from "./reading.js";

/** @typedef {import("../../export/html/net.js").Model} Model */
/** @typedef {import("./rowform.js").RowForm} RowForm */

const SLICE = 8; // milliseconds of computing in a frame
const MOST_STEPS = 5000;
const MOST_ROWS = 1000;
const FINE = 8; // samples of a pixel on each side

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
  let begun = performance.now();
  const rest = async () => {
    if (performance.now() - begun < SLICE) return true;
    await nextFrame();
    begun = performance.now();
    return wanted();
  };
  /** @type {{probabilities: Float64Array[], states: Float64Array[]}} */
  const trace = { probabilities: [], states: [] };
  if (model.streams) {
    const stream = model.stream();
    for (const step of row) {
      trace.probabilities.push(stream.step(step).probabilities);
      trace.states.push(stream.h);
      if (!await rest()) return null;
    }
    return trace;
  }
  // The first steps are read anew for each answer; between two the last one is repeated.
  const whole = model.predict(row);
  trace.states = whole.states;
  const cost = performance.now() - begun;
  const apart = Math.ceil(row.length / Math.min(Math.max(Math.floor((most > 6 ? 1000 : 60) / cost), 2), most));
  for (let t = 0; t < row.length - 1; t += 1) {
    trace.probabilities.push(t % apart ? trace.probabilities[t - 1] : model.predict(row.slice(0, t + 1)).probabilities);
    if (!await rest()) return null;
  }
  trace.probabilities.push(whole.probabilities);
  return trace;
}

/**
 * Returns the picture, from 0 to 255, that is read of an image: each pixel the mean of its part.
 * @param {CanvasImageSource} image
 * @param {number[]} shape height and width
 */
export function pixelsOf(image, [height, width]) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * FINE, height * FINE];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(height * width);
  for (let place = 0; place < data.length / 4; place += 1) {
    const [x, y] = [place % canvas.width, Math.floor(place / canvas.width)];
    sums[Math.floor(y / FINE) * width + Math.floor(x / FINE)] += 0.299 * data[4 * place] + 0.587 * data[4 * place + 1] + 0.114 * data[4 * place + 2];
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
}

/** A pad whose words are in the language of the page. */
class OwnPad extends Pad {
  draw() {
    super.draw();
    if (this.shown || this.strokes.length || (this.keys && document.activeElement === this.canvas)) return;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const [wide, tall] = [this.canvas.clientWidth, this.canvas.clientHeight];
    pen.clearRect(0, 0, wide, tall);
    pen.textBaseline = "alphabetic";
    write(pen, t("draw here"), wide / 2, tall / 2, color("--muted"), "center", 15);
  }
}

/** A player of a reading in the language of the page. */
class OwnPlayer extends Player {
  /** @param {number} at */
  go(at) {
    super.go(at);
    const text = t(`${this.word} {at} of {count}`, { at: this.at, count: this.count });
    this.text.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  label() {
    this.button.classList.toggle("playing", this.playing);
    this.button.setAttribute("aria-label", this.playing ? t("Pause the reading") : t("Play the reading"));
  }
}

/** The rows that a reader can choose from, the row that is read, and how it is read. */
export class Touch {
  /**
   * @param {import("./store.js").Store} store
   * @param {RowForm} form
   * @param {import("./reading.js").Units} units
   */
  constructor(store, form, units) {
    this.store = store;
    this.form = form;
    /** @type {Model|null} */ this.model = null;
    /** @type {string|number|null} which net it is */ this.step = null;
    /** @type {Float64Array[]} */ this.series = [];
    /** @type {number|null} */ this.truth = null;
    this.key = "";
    this.turn = 0;
    this.slow = false;
    /** @type {(() => void)[]} */ this.told = [];
    /** @type {{name: string, series: Float64Array[], truth: number|null}[]} */
    this.sources = Array.from({ length: Math.min(form.count, 200) }, (_, row) => ({
      name: form.name(row), series: form.series(form.flat(row)), truth: form.labels[row],
    }));
    this.reading = new Reading({
      title: form.picture ? t("How it reads your drawing") : t("How it reads this row"),
      caption: t("The net of the moment on the time slider reads the row step by step: its hidden state after each step, and the probability of each class if the row ended there. Move the time slider: an earlier net reads the same row. Click a unit to see what excites it."),
      empty: form.picture ? t("Draw, and watch it being read row by row.") : t("A row is read here step by step."), form, units, bare: !form.picture,
    });
    this.label = h("strong", { class: "answer" }, "–");
    this.sure = h("span", {});
    this.decided = h("span", {});
    this.weights = h("span", { class: "weights" });
    this.bars = h("ol", { class: "bars" });
    /** @type {{element: HTMLElement, name: HTMLElement, fill: HTMLElement, share: HTMLElement}[]} */
    this.lines = Array.from({ length: Math.min(5, form.classes.length) }, () => {
      const [name, fillBar, share] = [h("bdi"), h("i"), h("span")];
      const element = h("li", { class: "chance" }, name, h("span", { class: "track" }, fillBar), share);
      this.bars.append(element);
      return { element, name, fill: fillBar, share };
    });
    this.verdict = h("div", { class: "said" }, this.label, h("p", {}, this.sure, this.decided), this.bars);
    this.problem = h("p", { class: "wrong", role: "alert", hidden: true });
    const play = { play: h("button", { type: "button", class: "round small", "aria-label": t("Play the reading") }), moment: h("input", { type: "range", min: 0, value: 0, "aria-label": t("Steps that are read") }), "moment-text": h("output") };
    this.player = new OwnPlayer((name) => /** @type {any} */ (play)[name], form.word, (at) => this.walk(at));
    const steps = h("div", { class: "steps", hidden: form.steps < 2 }, play.play, play.moment, play["moment-text"]);
    this.input = h("div", { class: "input" });
    const content = h("div", { class: `touch${form.picture ? " drawn" : ""}` }, this.input, h("div", { class: "answers" }, this.verdict, steps));
    const { element, note, tools } = panel("wide hand", form.picture ? t("Draw one yourself") : t("Give it a row of your own"),
      form.picture ? t("Draw with a pointer or a finger, or with the arrow keys and the space bar, or drop an image. The picture beside it is what the net reads.")
        : t("Choose one of the rows shown, drop a table or paste it here, and bend the lines with a pointer or the arrow keys."), content);
    this.element = element;
    this.note = note;
    this.tools = tools;
    element.append(this.problem);
    note.append(this.weights);
    this.readSoon = eachFrame(() => this.read(false));
    if (form.picture) this.drawing(form.picture);
    else if (form.quantities) this.quantities();
    else this.lanes();
    store.addEventListener("moment", () => this.fetch());
    store.addEventListener("news", () => this.fetch());
  }

  /** Takes the net of the moment that is shown, and reads anew if it is another one. */
  async fetch() {
    const { store } = this;
    if (this.fetching || store.netAt === null || store.netAt === this.step) return;
    this.fetching = true;
    try {
      const net = await store.net();
      if (net && net.model.program.convolutions) await import("../../export/html/fixed.js");
      this.model = net && net.model;
      this.step = net && net.step;
      const path = net && net.model.program.convolutions;
      this.weights.textContent = (this.step === "final" ? t("read with the trained model") : t("read with the weights after update {step}", { step: short(Number(this.step)) }))
        + (path && !path.net_share ? t("; its fixed convolutions alone give the answer, the network has no share in it") : "");
      this.slow = false;
      await this.read(false);
      for (const each of this.told) each();
    } catch (error) {
      this.step = store.netAt;
      this.complain(/** @type {Error} */ (error).message);
    } finally {
      this.fetching = false;
    }
    this.fetch(); // it may be another one by now
  }

  /** @param {string} text */
  complain(text) {
    this.problem.textContent = text;
    this.problem.hidden = !text;
  }

  /**
   * Takes a row to read.
   * @param {Float64Array[]} series
   * @param {number|null} truth
   * @param {string} key
   */
  take(series, truth, key) {
    this.series = series;
    this.truth = truth;
    this.key = `${key}/${series.length}`;
    this.read(true);
  }

  /**
   * Reads the row.
   * @param {boolean} said whether a screen reader hears the answer
   * @param {number} [most]
   */
  async read(said, most = 40) {
    this.turn += 1;
    const { turn, model, series } = this;
    if (!model || !series.length) {
      this.answer(null);
      return;
    }
    const begun = performance.now();
    let trace = null;
    try {
      trace = await traced(model, series, most, () => turn === this.turn);
      this.complain("");
    } catch (error) {
      this.complain(t("The net cannot read this: {why}", { why: /** @type {Error} */ (error).message }));
    }
    if (turn !== this.turn) return;
    if (most < 40) this.slow = performance.now() - begun > 60;
    if (!trace) {
      this.answer(null);
      return;
    }
    const { states, probabilities } = trace;
    const units = states[0].length;
    const features = this.form.features;
    const flat = new Float64Array(series.length * features);
    series.forEach((step, at) => flat.set(step, at * features));
    this.trace = {
      flat, length: series.length, units, states: flattened(states), truth: this.truth, key: this.key, chances: flattened(probabilities),
    };
    this.reading.show(this.trace);
    this.answer(this.trace);
    if (this.player.count !== series.length || !this.player.playing) this.player.set(series.length);
    this.took = performance.now() - begun;
    if (said) {
      const now = probabilities[probabilities.length - 1];
      const top = topOf(now, 0, now.length);
      say([`${this.form.classes[top]}, ${percent(now[top])}`, series.length > 1 ? t(`decided after ${this.form.word} {step} of {all}`, { step: decidedAfter(probabilities), all: series.length }) : ""].filter(Boolean).join(", "));
    }
    for (const each of this.told) each();
  }

  /** @param {number} at steps read */
  walk(at) {
    this.reading.read = at >= this.player.count ? Infinity : at;
    this.reading.picture.paint();
    if (this.trace) this.answer(this.trace, at);
  }

  /**
   * Shows the answer after so many steps.
   * @param {import("./reading.js").Trace|null} trace
   */
  answer(trace, at = Infinity) {
    const { classes } = this.form;
    const C = classes.length;
    if (!trace || !trace.chances || at < 1) {
      this.label.textContent = "–";
      this.label.classList.remove("long");
      fill(this.sure, trace || this.store.netAt !== null ? (this.model || this.problem.textContent ? t("nothing read yet") : t("the net is on its way")) : (this.store.running ? t("There are no weights of this run yet; a net answers as soon as there are.") : t("This run left no weights.")));
      this.decided.textContent = "";
      if (!trace) {
        this.reading.show(null);
        this.trace = null;
        this.player.set(0);
      }
      for (const { fill: bar, share } of this.lines) {
        bar.style.transform = "scaleX(0)";
        share.textContent = "";
      }
      return;
    }
    const step = Math.min(at, trace.length) - 1;
    const values = /** @type {Float64Array} */ (trace.chances).subarray(step * C, (step + 1) * C);
    const end = /** @type {Float64Array} */ (trace.chances).subarray((trace.length - 1) * C);
    const top = topOf(values, 0, C);
    this.label.textContent = classes[top];
    this.label.classList.toggle("long", classes[top].length > 4);
    this.sure.textContent = t("{share} sure", { share: percent(values[top]) });
    this.decided.textContent = trace.length > 1 && step === trace.length - 1 ? ` · ${t(`decided after ${this.form.word} {step} of {all}`, { step: this.reading.decided, all: trace.length })}` : "";
    // The order is that of the end, so that bars stay where they are while the row is read.
    const kinds = Array.from({ length: C }, (_, kind) => kind).sort((a, b) => end[b] - end[a]).slice(0, this.lines.length).sort((a, b) => a - b);
    kinds.forEach((kind, place) => {
      const { element, name, fill: bar, share } = this.lines[place];
      if (name.textContent !== classes[kind]) {
        name.textContent = classes[kind];
        name.title = classes[kind];
      }
      element.classList.toggle("true", kind === top);
      bar.style.transform = `scaleX(${values[kind].toFixed(3)})`;
      share.textContent = percent(values[kind]);
    });
  }

  /** Plays how the row is read. */
  play() {
    if (calm.matches || this.form.steps < 2) return;
    this.player.go(0);
    this.player.play();
  }

  // Pictures.

  /** @param {number[]} shape */
  drawing(shape) {
    const canvas = h("canvas", { class: "pad", tabindex: "0", role: "img", "aria-label": t("Pad to draw on: the arrow keys move the pen, the space bar lowers and raises it, Delete clears") });
    const centre = h("input", { type: "checkbox" });
    const light = h("input", { type: "checkbox" });
    const choices = h("ul", { class: "choices", "aria-label": t("Rows of the run") });
    const clear = h("button", { type: "button" }, t("Clear"));
    const file = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    const open = h("button", { type: "button", onclick: () => file.click() }, t("Open an image"));
    this.input.append(canvas, h("div", { class: "row" }, clear, open, file,
      h("label", { title: t("As large as in the data it learned from, its centre of mass in the middle") }, centre, t("boxed and centred")),
      h("label", {}, light, t("dark on light"))), h("p", { class: "note" }, t("or take a row of the run:")), choices);
    this.verdict.after(this.reading.picture.element);
    centre.checked = shape[0] === shape[1];
    let mean = 0;
    for (const value of this.form.values) mean += value / this.form.values.length;
    const [low, high] = this.form.bytes ? [0, 255] : this.form.ranges[0];
    light.checked = mean > low + 0.55 * (high - low);
    const raw = (/** @type {Uint8Array} */ values) => (this.form.bytes ? values : Float64Array.from(values, (value) => low + ((high - low) * value) / 255));
    const use = (/** @type {Uint8Array} */ values, /** @type {number|null} */ truth) => this.take(this.form.series(raw(values)), truth, "drawing");
    const drawn = () => {
      if (!pad.strokes.length) return;
      const values = rasterOf(pad.strokes, shape, centre.checked);
      use(light.checked ? values.map((value) => 255 - value) : values, null);
    };
    const soon = eachFrame(drawn);
    const pad = new OwnPad(canvas, shape, (done) => {
      if (!pad.strokes.length) {
        this.series = [];
        this.read(false);
      } else if (done) {
        this.player.stop();
        drawn();
        this.play();
      } else if (!this.slow) soon();
    }, (text) => say(t(text)));
    this.pad = pad;
    clear.addEventListener("click", () => pad.clear());
    for (const box of [centre, light]) box.addEventListener("change", drawn);
    const rows = Array.from({ length: Math.min(this.form.count, 10) }, (_, row) => Uint8Array.from(this.form.pixels(this.form.flat(row))));
    addExamples(choices, rows, shape, rows.map((_, row) => this.form.classes[this.form.labels[row]]), (values, row) => {
      pad.show(values);
      use(values, this.form.labels[row]);
      this.play();
    });
    [...choices.querySelectorAll("button")].forEach((button, row) => button.setAttribute("aria-label", this.sources[row].name));
    const image = async (/** @type {Blob} */ blob) => {
      try {
        const values = pixelsOf(await createImageBitmap(blob), shape);
        const own = light.checked ? values.map((value) => 255 - value) : values;
        pad.show(own);
        use(own, null);
        this.play();
      } catch {
        this.complain(t("That is no image."));
      }
    };
    file.addEventListener("change", () => { if (file.files.length) image(file.files[0]); file.value = ""; });
    this.element.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
    this.element.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      const dropped = event.dataTransfer && event.dataTransfer.files[0];
      if (dropped) image(dropped);
    });
    pad.show(rows[0]);
    use(rows[0], this.form.labels[0]);
  }

  // Signals and tables.

  /** Adds what chooses a row: a list, and a place for a table. */
  chooser() {
    const which = h("select", { "aria-label": t("Row that is read"), onchange: () => this.choose(Number(which.value)) });
    const again = h("button", { type: "button", onclick: () => this.choose(Number(which.value)) }, t("Undo"));
    const file = h("input", { type: "file", accept: ".csv,.tsv,.txt", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
    const paste = h("textarea", { rows: 3, spellcheck: "false", "aria-label": t("Lines of a table"), placeholder: t("Paste lines of a table here") });
    this.which = which;
    this.tools.append(which, again);
    const use = (/** @type {string} */ text) => {
      try {
        this.table(text);
        this.complain("");
      } catch (error) {
        this.complain(t("That cannot be read: {why}", { why: /** @type {Error} */ (error).message }));
      }
    };
    const open = (/** @type {File} */ dropped) => {
      if (dropped.size > 2e7) this.complain(t("That file is over 20 MB."));
      else dropped.text().then(use, () => this.complain(t("It cannot be opened.")));
    };
    paste.addEventListener("input", () => { if (paste.value.trim()) use(paste.value); });
    file.addEventListener("change", () => { if (file.files.length) open(file.files[0]); file.value = ""; });
    this.element.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
    this.element.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      if (!event.dataTransfer) return;
      if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
      else use(event.dataTransfer.getData("text/plain"));
    });
    const { channels, features } = this.form;
    const names = channels.filter(Boolean).slice(0, 12).join(", ");
    this.element.append(h("details", { class: "own" }, h("summary", {}, t("Read a row of your own")),
      h("p", { class: "note" }, names ? t("A line is a step ({names}), or a whole series. Other columns are left out.", { names }) : t("A line is a step of {n} numbers, or a whole series.", { n: features })),
      paste, h("div", { class: "row" }, h("button", { type: "button", onclick: () => file.click() }, t("Open a table")), file)));
    this.offer();
  }

  offer() {
    fill(this.which, this.sources.map(({ name }, place) => h("option", { value: place }, name)));
  }

  /** @param {string} text */
  table(text) {
    const { form, store } = this;
    const option = (/** @type {string} */ name) => (store.details.options.find((/** @type {any} */ each) => each.name === name) || {}).value;
    const own = store.details.data.columns;
    const columns = own.length && own.length % form.features === 0 ? own : null;
    const about = { columns, id: String(option("id") || "").split(",").filter(Boolean), decimal: option("decimal") || ".", thousands: option("thousands"), delimiter: option("delimiter") };
    const found = readSeries(text, about, form.features).slice(0, MOST_ROWS);
    if (found.some((each) => each.series.length > MOST_STEPS)) throw new Error(t("a series has more than {most} steps", { most: MOST_STEPS }));
    this.sources = [...found.map((each, place) => ({ name: t("Your row {row}", { row: place + 1 }), series: each.series, truth: null })), ...this.sources.filter(({ truth }) => truth !== null)];
    this.offer();
    this.choose(0);
  }

  /** Reads one of the rows of the run. @param {number} row */
  give(row) {
    if (this.pad) this.pad.show(this.form.pixels(this.form.flat(row)));
    if (this.which) this.which.value = String(row);
    const { series, truth } = this.sources[row];
    this.player.stop();
    this.take(copied(series), truth, "row");
    if (this.drawInput) this.drawInput();
    this.element.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} place */
  choose(place) {
    if (this.which) this.which.value = String(place);
    const { series, truth } = this.sources[place];
    this.player.stop();
    this.take(copied(series), truth, "row");
    if (this.drawInput) this.drawInput();
  }

  /** A series: its channels in lanes, which are bent. */
  lanes() {
    const { form } = this;
    const canvas = h("canvas", { class: "lanes", tabindex: "0", role: "img" });
    const channel = h("select", { "aria-label": t("Channel that the keys bend"), hidden: form.features < 2 }, form.channels.map((name, place) => h("option", { value: place }, name)));
    const view = { columns: form.channels, low: form.ranges.map(([low]) => low), high: form.ranges.map(([, high]) => high) };
    this.input.append(canvas);
    this.verdict.after(this.reading.picture.element);
    const lanes = () => {
      const shown = drawnChannels(form.features, bender.channel);
      const [wide, tall] = [canvas.clientWidth - LEFT - 4, canvas.clientHeight - 2];
      return shown.map((number, place) => ({
        channel: number, range: rangeOf(view, this.series, number),
        box: /** @type {import("../../report/html/pixels.js").Box} */ ([LEFT, 1 + (place * tall) / shown.length, wide, tall / shown.length]),
      }));
    };
    const draw = eachFrame(() => {
      if (!canvas.clientWidth || !this.series.length) return;
      const dense = window.devicePixelRatio || 1;
      const size = [Math.round(canvas.clientWidth * dense), Math.round(canvas.clientHeight * dense)];
      if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
      const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      pen.setTransform(dense, 0, 0, dense, 0, 0);
      pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
      const read = Math.min(this.reading.read, this.series.length);
      for (const { channel: number, range, box } of lanes()) {
        frame(pen, box);
        const values = this.series.map((step) => step[number]);
        pen.globalAlpha = 0.3;
        drawLane(pen, box, values, range, form.channelColor(number));
        pen.globalAlpha = 1;
        drawLane(pen, box, values, range, form.channelColor(number), { width: 2, upTo: read });
        pen.font = "12px system-ui, sans-serif";
        nameLane(pen, box, "", range, color("--ink"));
        tag(pen, fitted(pen, form.channels[number], box[2] / 2), box[0] + 6, box[1] + 14, color("--ink"));
      }
      bender.mark(pen);
      canvas.setAttribute("aria-label", t("Row of {steps} steps. Left and right move along it, up and down bend it, page up and down change the channel. {answer}", { steps: this.series.length, answer: this.label.textContent }));
    });
    this.drawInput = draw;
    const bender = new Bender(canvas, channel, {
      program: /** @type {any} */ ({ get pixels() { return form.bytes; }, linear: null }), channels: view, lanes, series: () => this.series,
      words: () => `${this.label.textContent}, ${this.sure.textContent}`, say: (text) => say(text), draw,
      changed: (done) => {
        draw();
        this.player.stop();
        this.truth = null;
        if (done) this.read(true);
        else if (!this.slow) bendSoon();
      },
    });
    const bendSoon = eachFrame(() => this.read(false, 6));
    channel.addEventListener("change", draw);
    const walk = this.walk.bind(this);
    this.walk = (at) => { walk(at); draw(); };
    this.player.show = (at) => this.walk(at);
    new ResizeObserver(draw).observe(canvas);
    document.addEventListener("theme", draw);
    this.chooser();
    this.tools.prepend(channel);
    this.choose(0);
  }

  /** Quantities: a slider each. */
  quantities() {
    const { form } = this;
    const list = h("div", { class: "sliders" });
    const sliders = form.channels.slice(0, 60).map((name, place) => {
      const [low, high] = form.ranges[place];
      const output = h("output");
      const range = h("input", { type: "range", min: low, max: high, step: (high - low) / 200, "aria-label": name || t("value"), oninput: () => {
        this.series[0][place] = form.bytes ? Math.round(range.value) : Number(range.value);
        output.textContent = short(this.series[0][place]);
        this.truth = null;
        this.readSoon();
      }, onchange: () => this.read(true) });
      list.append(h("label", {}, h("bdi", { title: name }, name), range, output));
      return { range, output };
    });
    this.input.append(list);
    this.verdict.after(this.reading.picture.element);
    this.drawInput = () => sliders.forEach(({ range, output }, place) => {
      const value = this.series[0][place];
      range.value = Number.isFinite(value) ? value : range.min;
      output.textContent = short(value);
    });
    this.chooser();
    this.choose(0);
  }
}

/** @param {Float64Array[]} steps */
export function flattened(steps) {
  const n = steps[0].length;
  const values = new Float64Array(steps.length * n);
  steps.forEach((step, at) => values.set(step, at * n));
  return values;
}
