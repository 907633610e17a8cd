// What an answer rests on: the server is asked for a row and a moment, and the input lights.

import { post } from "./api.js";
import { Picture } from "./picture.js";
import { styled } from "./style.js";
import { speak, t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { fill, h, say } from "../../web/dom.js";
import { extentOf, percent, short } from "../../web/numbers.js";
import { numbersOf } from "../../web/packed.js";
import { frame, line, stacked, write } from "../../web/pen.js";
import { NAME, drawLane, nameLane } from "../../web/signal.js";
import { mostOf, tint, tintLanes, tintPixels } from "../../web/why_picture.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("../../web/pen.js").Box} Box */

/**
 * @typedef {object} Found
 * @property {Float64Array[]} shares What each value of each step adds to the answer.
 * @property {Float64Array[]} values
 * @property {number} first The first step of both.
 * @property {string[]} names
 * @property {string} answer
 * @property {{name: string, value: string, added: number}[]|null} columns Of a row of one step.
 * @property {number} number Of the class or the target.
 * @property {number} value
 * @property {number} base
 * @property {boolean} odds Whether answers are log-odds.
 * @property {string} kind
 * @property {string} baseline
 * @property {number|null} feature
 * @property {number} from
 * @property {number} to
 * @property {number} share
 * @property {number} moved How many features, the last ones, are as they are later, when the forecast is for.
 * @property {boolean} carried Whether a state goes before the first step.
 */

/**
 * @typedef {object} Lit A picture of how a row is read, whose row is lit.
 * @property {Picture} picture
 * @property {any} form
 * @property {{length: number, chances: ArrayLike<number>|null}|null} trace
 * @property {(trace: any) => void} show
 * @property {Box} chancesBox
 * @property {boolean} upright
 * @property {((pen: CanvasRenderingContext2D, box: Box, lanes: import("../../web/signal.js").Lane[]|null) => void)|null} light
 */

const LANES = 6;
const BARS = 16;
const REST = 250; // milliseconds that a row stays as it is before it is explained
const EDGE = 14; // width of what lights a quantity
const FOOT = 18; // below lanes, for the numbers of steps

await Promise.all([speak("why"), styled("why")]);

/** @param {any} packed @returns {Float64Array[]} */
function rowsOf(packed) {
  const [, n] = packed.shape;
  const all = numbersOf(packed);
  return Array.from({ length: packed.shape[0] }, (_, step) => all.subarray(step * n, (step + 1) * n));
}

/** Asks what an answer rests on. @param {Store} store @param {{row: number, steps: number, answer?: number, ahead?: number, values?: (number|null)[]}} body @returns {Promise<Found>} */
async function foundFor(store, body) {
  const found = await post(`/api/runs/${store.id}/why`, body);
  return { ...found, shares: rowsOf(found.attributions), values: rowsOf(found.values) };
}

/**
 * Says where most of an answer comes from, and what it is compared with.
 * @param {Found} found
 * @param {{down?: boolean, unit?: string, step?: (k: number) => string|number, span?: (from: number, to: number) => string}} [how] whether steps
 *   are rows of a picture; the unit of the answer; what step k, or all from one up to another, is called
 */
function sentence(found, { down = false, unit = "", step = (k) => k + 1, span } = {}) {
  const { columns, from, to, feature, names, share, odds, value, base, baseline, kind, answer, first, values } = found;
  const last = first + values.length;
  const words = { from: step(from), to: step(to - 1), name: feature === null ? "" : columns ? `${columns[feature].name} = ${columns[feature].value}` : names[feature] };
  const one = to - from === 1;
  const alone = feature === null || names.length === 1;
  let where = t(one ? "Step {from}" : "Steps {from} to {to}", words);
  if (span) where = span(from, to);
  else if (down) where = t(one ? "Row {from}" : "Rows {from} to {to}", words);
  else if (last === 1 && feature !== null) where = words.name;
  else if (!alone) where = t(one ? "Step {from} of {name}" : "Steps {from} to {to} of {name}", words);
  const raised = value >= base;
  const side = odds ? (raised ? "{share} of what speaks for {answer}" : "{share} of what speaks against {answer}")
    : (raised ? "{share} of what raises {answer}" : "{share} of what lowers {answer}");
  const compared = { zero: "for zeros, as the network reads them", mean: "for the mean of training" }[baseline] || "";
  const methods = kind.includes("occlusion")
    ? t(kind === "occlusion" ? "by occlusion: spans are replaced by the mean" : "by integrated gradients of the network and occlusion of the rest, each times its share")
    : t(kind === "integrated gradients" ? "by integrated gradients" : "by integrated gradients of the same network in floats: integers have none");
  const size = odds ? t("Log-odds {value}", { value: short(value) }) : `${answer} ${short(value)} ${unit}`.trim();
  return t("{where}: {part}. {size}, and {base} {compared}; {methods}.", {
    where, size, methods, part: t(side, { share: percent(share, 0), answer }), base: short(base), compared: t(compared),
  });
}

/** The colours in words, and the largest share. @param {Found} found @param {string} unit */
const keys = ({ shares, odds }, unit) => h("p", { class: "keys" }, h("span", { class: "key target" }, t(odds ? "for it" : "raises it")),
  h("span", { class: "key prediction" }, t(odds ? "against it" : "lowers it")), h("span", {}, t("full colour: {most} {unit}", { most: short(mostOf(shares)), unit })));

/** @type {WeakMap<object, RowLamp>} */
const lamps = new WeakMap();

/**
 * Lights the row that a reading shows, for what is clicked.
 * @param {Store} store
 * @param {Lit} reading
 * @param {number} row
 * @param {PointerEvent} event
 */
export function touched(store, reading, row, event) {
  const lamp = lamps.get(reading) || new RowLamp(store, reading);
  lamps.set(reading, lamp);
  lamp.touch(row, event);
}

/** What lights the row of a classifier that a reading shows. */
class RowLamp {
  /**
   * @param {Store} store
   * @param {Lit} reading
   */
  constructor(store, reading) {
    this.store = store;
    this.reading = reading;
    const { form } = reading;
    this.row = 0;
    this.asks = 0;
    /** @type {Found|null} */ this.found = null;
    this.kind = h("select", { onchange: () => this.again() }, form.classes.map((/** @type {string} */ name, /** @type {number} */ kind) => h("option", { value: kind }, name)));
    this.moment = h("input", { type: "range", min: 1, value: 1, onchange: () => this.again(), oninput: () => this.count() });
    this.counted = h("output", {});
    this.note = h("p", { class: "note", role: "status" });
    this.title = h("span", {}, t("Why"));
    this.legend = h("div", {});
    this.element = h("div", { class: "why" }, h("div", { class: "ask" },
      h("label", {}, this.title, this.kind), h("label", { class: "moment" }, t("after"), this.moment, this.counted),
      h("button", { type: "button", onclick: () => this.close() }, t("Put out"))), this.note, this.legend);
    reading.picture.element.append(this.element);
    const show = reading.show.bind(reading);
    reading.show = (/** @type {any} */ trace) => {
      if (this.found && trace && trace.key !== String(this.row)) this.close();
      show(trace);
    };
  }

  count() {
    this.counted.textContent = this.reading.form.place(Number(this.moment.value), Number(this.moment.max));
  }

  /**
   * Lights a row for the class and the moment that are clicked, or for the whole row where no
   * probability is.
   * @param {number} row
   * @param {PointerEvent} event
   */
  touch(row, event) {
    const { reading: { trace, chancesBox, upright, form: { classes, quantities }, picture: { canvas } } } = this;
    if (!trace) return;
    const [x, y, wide, tall] = chancesBox;
    const box = canvas.getBoundingClientRect();
    const right = (event.clientX - box.left - x) / wide;
    const down = (event.clientY - box.top - y) / tall;
    if (event.target !== canvas) this.ask(row, trace.length);
    if (event.target !== canvas || !trace.chances || !(right >= 0 && right < 1 && down >= 0 && down < 1)) return;
    const C = classes.length;
    const count = trace.chances.length / C;
    if (quantities) {
      this.ask(row, trace.length, Math.floor(down * C));
      return;
    }
    const at = Math.floor((upright ? down : right) * count);
    const chance = upright ? right : 1 - down;
    const apart = Array.from({ length: C }, (_, kind) => Math.abs(/** @type {any} */ (trace.chances)[at * C + kind] - chance));
    this.ask(row, Math.max(1, Math.round(((at + 1) * trace.length) / count)), apart.indexOf(Math.min(...apart)));
  }

  again() { this.ask(this.row, Number(this.moment.value), Number(this.kind.value)); }

  /**
   * Lights a row.
   * @param {number} row
   * @param {number} steps that are read
   * @param {number} [answer] a class; the most probable one unless it is given
   */
  async ask(row, steps, answer) {
    const { reading, store } = this;
    this.row = row;
    this.asks += 1;
    const turn = this.asks;
    this.element.hidden = false;
    this.moment.max = String(/** @type {any} */ (reading.trace).length);
    this.moment.value = String(steps);
    this.moment.closest("label").hidden = this.moment.max === "1";
    this.count();
    this.note.textContent = t("The trained model is asked …");
    try {
      const found = await foundFor(store, answer === undefined ? { row, steps } : { row, steps, answer });
      if (turn !== this.asks) return;
      this.found = found;
      this.kind.value = String(found.number);
      this.title.textContent = t(found.kind === "occlusion" ? "Why, by occlusion" : "Why");
      this.note.textContent = sentence(found, { down: reading.form.picture !== null, span: reading.form.span });
      fill(this.legend, keys(found, t("log-odds")));
      reading.light = (pen, box, lanes) => this.draw(pen, box, lanes);
      say(this.note.textContent || "");
    } catch (error) {
      if (turn !== this.asks) return;
      this.dark();
      this.note.textContent = /** @type {Error} */ (error).message;
    }
    reading.picture.paint();
  }

  /** Takes the light from the row. */
  dark() {
    this.found = null;
    this.reading.light = null;
    fill(this.legend);
  }

  close() {
    this.asks += 1;
    this.dark();
    this.element.hidden = true;
    this.reading.picture.paint();
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {Box} box
   * @param {import("../../web/signal.js").Lane[]|null} lanes
   */
  draw(pen, box, lanes) {
    const { found, reading: { form, trace } } = this;
    if (!found || !trace) return;
    const { shares } = found;
    if (form.picture) tintPixels(pen, box, form.picture, shares);
    else if (lanes) tintLanes(pen, lanes, shares, trace.length);
    else if (form.quantities) {
      const n = Math.min(shares[0].length, 16);
      tint(pen, [box[0], box[1], EDGE, box[3]], n, 1, (place) => shares[0][place], mostOf(shares)); // bars have colours of their own
    } else { // a spectrogram: the lowest band of each channel at the bottom
      const { bands } = form.sound;
      form.bandBoxes(box, trace).forEach((/** @type {Box} */ [x, y, wide, tall], /** @type {number} */ channel) => {
        tint(pen, [x, y, (wide * shares.length) / trace.length, tall], bands, shares.length, (line, step) => shares[step][(channel + 1) * bands - 1 - line], mostOf(shares));
      });
    }
  }
}

/** The input that an answer of a regression rests on, lit. */
export class InputLamp {
  /**
   * @param {Store} store
   * @param {(found: Found) => string} unit of a target
   */
  constructor(store, unit) {
    this.store = store;
    this.unit = unit;
    this.asks = 0;
    /** @type {Found|null} */ this.found = null;
    this.picture = new Picture({
      title: t("What this prediction rests on"), wide: true, name: "series why",
      caption: t("What the model read, up to the step from which it predicts, in the units of the data. Red raises the prediction and blue lowers it, compared with that for the mean of training."),
      draw: (pen, width, height) => this.draw(pen, width, height),
    });
    this.legend = h("div", {});
    this.picture.element.append(this.legend);
    this.element = this.picture.element;
  }

  /**
   * Lights what a prediction rests on.
   * @param {number} lane
   * @param {number} place of the step in it
   */
  async ask(lane, place) {
    this.asks += 1;
    const turn = this.asks;
    this.picture.note.textContent = t("The trained model is asked …");
    try {
      const found = await foundFor(this.store, { row: lane, steps: place + 1 });
      if (turn !== this.asks) return;
      this.found = found;
      const unit = this.unit(found);
      const text = sentence(found, { unit, step: (k) => k }) + (found.carried ? ` ${t("The state before step {n} is left as it was.", { n: found.first })}` : "");
      this.picture.note.textContent = text;
      this.picture.describe(`${this.picture.heading.textContent}. ${text}`);
      fill(this.legend, keys(found, unit));
      this.picture.setReady(true);
      say(text);
    } catch (error) {
      if (turn === this.asks) this.picture.note.textContent = /** @type {Error} */ (error).message;
    }
    this.picture.paint();
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    if (!this.found) return;
    const { values, shares, names, first, columns } = this.found;
    if (columns) {
      drawBars(pen, width, height, columns);
      return;
    }
    const size = names.map((_, i) => shares.reduce((sum, step) => sum + Math.abs(step[i]), 0));
    const order = names.map((_, i) => i).sort((a, b) => size[b] - size[a]).slice(0, LANES).sort((a, b) => a - b);
    const boxes = stacked([46, 0, width - 56, height - FOOT], order.map(() => 1 / order.length), NAME);
    const lanes = order.map((channel, place) => ({ box: boxes[place], channel, range: extentOf(values.map((step) => step[channel])) }));
    tintLanes(pen, lanes, shares, values.length);
    for (const { box, channel, range } of lanes) {
      frame(pen, box);
      drawLane(pen, box, values.map((step) => step[channel]), range, colorOf("ink"), { width: 1.8 });
      nameLane(pen, box, names[channel], range, colorOf("ink"));
    }
    const [x, , wide] = boxes[0];
    write(pen, t("step {n}", { n: first }), x, height - 4, colorOf("muted"), "left", 11);
    write(pen, String(first + values.length - 1), x + wide, height - 4, colorOf("muted"), "right", 11);
  }
}

/** A button that says which fields of a row of one step its answer rests on. */
export class FieldLamp {
  /**
   * @param {Store} store
   * @param {() => {row: Float64Array, answer?: number}} asked
   * @param {(added: Float64Array|null) => void} light shows what each feature adds
   * @param {(found: Found) => string} [unit] of a target
   */
  constructor(store, asked, light, unit = () => "") {
    this.store = store;
    this.asked = asked;
    this.light = light;
    this.unit = unit;
    this.asks = 0;
    this.key = "";
    this.on = false;
    this.timer = 0;
    this.note = h("p", { class: "note", role: "status" });
    this.legend = h("div", {});
    this.button = h("button", { type: "button", class: "small", "aria-pressed": "false", onclick: () => this.turn(!this.on) }, t("Why?"));
    this.element = h("div", { class: "why" }, this.button, this.note, this.legend);
  }

  /** @param {boolean} on */
  turn(on) {
    this.on = on;
    this.key = "";
    this.button.setAttribute("aria-pressed", String(on));
    if (on) this.ask();
    else this.dark();
  }

  dark() {
    this.asks += 1;
    clearTimeout(this.timer);
    this.light(null);
    this.note.textContent = "";
    fill(this.legend);
  }

  /** Asks anew if the row or what is asked is another one. */
  look() {
    if (!this.on) return;
    const { row, answer } = this.asked();
    if (this.key === `${answer}/${row.join()}`) return;
    this.dark();
    this.timer = window.setTimeout(() => this.ask(), REST);
  }

  async ask() {
    const { row, answer } = this.asked();
    this.key = `${answer}/${row.join()}`;
    this.asks += 1;
    const turn = this.asks;
    this.note.textContent = t("The trained model is asked …");
    try {
      const values = Array.from(row, (value) => (Number.isFinite(value) ? value : null));
      const found = await foundFor(this.store, { row: 0, steps: 1, values, ...(answer === undefined ? {} : { answer }) });
      if (turn !== this.asks) return;
      const unit = found.odds ? t("log-odds") : this.unit(found);
      this.note.textContent = sentence(found, { unit });
      fill(this.legend, keys(found, unit));
      this.light(found.shares[0]);
      say(this.note.textContent || "");
    } catch (error) {
      if (turn === this.asks) this.note.textContent = /** @type {Error} */ (error).message;
    }
  }
}

/** What lights the history that a forecast rests on. */
export class FanLamp {
  /**
   * @param {Store} store
   * @param {any} panel of the forecast
   * @param {any} forecast what is shown in it
   */
  constructor(store, panel, forecast) {
    this.store = store;
    this.panel = panel;
    this.forecast = forecast;
    this.asks = 0;
    /** @type {Found|null} */ this.found = null;
    this.note = h("p", { class: "note", role: "status" });
    this.legend = h("div", {});
    this.element = h("div", { class: "why" }, this.note, this.legend);
    panel.canvas.after(this.element);
  }

  /** Lights what the forecast of a step rests on. @param {number} step of the picture */
  async ask(step) {
    const { panel, store, forecast: { fans } } = this;
    const { fan, sizes: [known] } = panel.picture;
    this.asks += 1;
    const turn = this.asks;
    this.note.textContent = t("The trained model is asked …");
    try {
      const { target } = panel.now();
      const found = await foundFor(store, { row: fans.series.indexOf(fan), steps: step - known + 1, answer: target, ahead: 1 });
      if (turn !== this.asks) return;
      this.found = found;
      const unit = fans.units[target] || "";
      this.note.textContent = `${fan.times[step]}: ${sentence(found, { unit, step: (k) => fan.times[known - found.shares.length + k - found.first] })} ${t("The series is as in the data.")}`;
      fill(this.legend, keys(found, unit));
      say(this.note.textContent || "");
    } catch (error) {
      if (turn === this.asks) this.note.textContent = /** @type {Error} */ (error).message;
    }
    panel.picture.soon();
  }

  /** Takes the light away, as another forecast is shown. */
  dark() {
    this.asks += 1;
    this.found = null;
    this.note.textContent = "";
    fill(this.legend);
  }

  /**
   * Lights the history, and what is known ahead at the time that it is for.
   * @param {CanvasRenderingContext2D} pen
   * @param {any} picture
   */
  draw(pen, picture) {
    const { found, forecast: { fans: { horizon }, known } } = this;
    if (!found) return;
    const { first, sizes: [n], plot: [left, top, wide, tall] } = picture;
    const moved = found.names.length - found.moved;
    const sums = Array.from({ length: n }, () => Float64Array.of(0));
    const lanes = picture.known.map(() => new Float64Array(horizon));
    found.shares.forEach((each, row) => each.forEach((share, i) => {
      const to = n - found.shares.length + row + (i < moved ? 0 : horizon);
      const lane = known.findIndex((/** @type {{feature: number}} */ { feature }) => feature === i);
      if (to >= n && lanes[lane]) lanes[lane][to - n] += share;
      else if (sums[to]) sums[to][0] += share;
    }));
    const most = Math.max(mostOf(sums), mostOf(lanes));
    const each = picture.x(1) - picture.x(0);
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, wide, picture.canvas.clientHeight);
    pen.clip();
    tint(pen, [picture.x(first) - each / 2, top, (n - first) * each, tall], 1, n - first, (_, step) => sums[first + step][0], most);
    lanes.forEach((/** @type {Float64Array} */ lane, /** @type {number} */ number) => {
      const [, y, , high] = picture.box(number);
      tint(pen, [picture.x(n) - each / 2, y, horizon * each, high], 1, horizon, (_, step) => lane[step], most);
    });
    pen.restore();
  }
}

/**
 * Draws what each column adds as a bar, of many those that count most.
 * @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height
 * @param {{name: string, value: string, added: number}[]} columns
 */
function drawBars(pen, width, height, columns) {
  const sizes = columns.map(({ added }) => Math.abs(added)).sort((a, b) => b - a).slice(0, BARS);
  const order = columns.filter(({ added }) => Math.abs(added) >= sizes[sizes.length - 1]).slice(0, BARS);
  const most = Math.max(sizes[0], 1e-12);
  const left = Math.min(0.4 * width, 220);
  const middle = left + (width - left) / 2;
  const tall = Math.min(height / order.length, 34);
  order.forEach(({ name, value, added: share }, place) => {
    const reach = ((width - left) / 2 - 64) * (Math.abs(share) / most);
    pen.fillStyle = colorOf(share > 0 ? "target" : "prediction");
    pen.fillRect(share > 0 ? middle : middle - reach, (place + 0.2) * tall, reach, 0.6 * tall);
    write(pen, `${name} = ${value}`, left - 8, (place + 0.5) * tall + 4, colorOf("ink"), "right", 12, left - 10);
    write(pen, short(share), share > 0 ? middle + reach + 5 : middle - reach - 5, (place + 0.5) * tall + 4, colorOf("muted"), share > 0 ? "left" : "right", 11);
  });
  line(pen, [[middle, 0], [middle, tall * order.length]], colorOf("muted"), 1);
}
