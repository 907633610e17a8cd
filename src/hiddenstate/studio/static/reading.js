// How a network reads a row: the row, the hidden state and the probabilities on one axis of time.

import { say } from "./dom.js";
import { Picture } from "./picture.js";
import { Moving } from "./easing.js";
import { t } from "./words.js";
import { heat } from "../../web/heat.js";
import { fitted, frame, line, paintPixels, tag, write } from "../../web/pen.js";
import { drawLane, nameLane } from "../../web/signal.js";
import { colorOf } from "../../web/colors.js";
import { percent, short } from "../../web/numbers.js";

/** @typedef {import("../../web/pen.js").Box} Box */

const HEAD = 20;
export const LEFT = 46;

/**
 * What is read: the numbers of the row, the states (n, units) and the probabilities (m, classes) after
 * numbers of steps that are evenly spread, and what is known of it.
 * @typedef {object} Trace
 * @property {ArrayLike<number>} flat
 * @property {number} length steps of the row
 * @property {ArrayLike<number>} states
 * @property {number} units
 * @property {ArrayLike<number>|null} chances
 * @property {number|null} truth
 * @property {string} key traces with the same key move into one another
 */

/** The order and the scale of the hidden units of a run: the same in all pictures. */
export class Units {
  constructor() {
    /** @type {number[]} */ this.order = [];
    this.scale = 1;
    /** @type {number|null} the number of the unit that is selected */
    this.chosen = null;
    /** @type {(() => void)[]} */ this.told = [];
  }

  /**
   * Orders units by when they respond, as figures do: by the time of the peak of what they do.
   * @param {ArrayLike<number>} states (rows * steps, units)
   * @param {number} n
   */
  sort(states, n) {
    const steps = Math.floor(states.length / n);
    const window = Math.max(1, Math.floor(steps / 12));
    let most = 0.25;
    const peaks = Array.from({ length: n }, (_, unit) => {
      let mean = 0;
      for (let at = 0; at < steps; at += 1) {
        const value = states[at * n + unit] || 0;
        mean += value / steps;
        most = Math.max(most, Math.abs(value));
      }
      let [sum, best, place] = [0, -1, 0];
      for (let at = 0; at < steps; at += 1) {
        sum += Math.abs((states[at * n + unit] || 0) - mean);
        if (at >= window) sum -= Math.abs((states[(at - window) * n + unit] || 0) - mean);
        if (at >= window - 1 && sum > best + 1e-12) [best, place] = [sum, at];
      }
      return [place, -best];
    });
    this.order = Array.from({ length: n }, (_, unit) => unit).sort((a, b) => peaks[a][0] - peaks[b][0] || peaks[a][1] - peaks[b][1]);
    this.scale = most;
    this.tell();
  }

  /**
   * Returns the units of a state in their order; those that snapshots do not have come last.
   * @param {number} n
   */
  of(n) {
    if (this.order.length === n) return this.order;
    const known = this.order.filter((unit) => unit < n);
    return [...known, ...Array.from({ length: n }, (_, unit) => unit).filter((unit) => unit >= this.order.length || !this.order.length)];
  }

  /** @param {number|null} unit */
  choose(unit) {
    this.chosen = unit;
    this.tell();
  }

  tell() { for (const each of this.told) each(); }
}

/** A picture of how a row is read. */
export class Reading {
  /**
   * @param {object} options
   * @param {string} options.title
   * @param {string} options.caption
   * @param {string} options.empty
   * @param {import("./rows.js").RowForm} options.form
   * @param {Units} options.units
   * @param {boolean} [options.bare] whether the row itself is drawn elsewhere
   */
  constructor({ title, caption, empty, form, units, bare = false }) {
    this.form = form;
    this.units = units;
    this.upright = form.picture !== null || form.quantities; // time goes down
    this.bare = bare;
    /** @type {Trace|null} */ this.trace = null;
    this.read = Infinity; // steps read until now
    this.decided = 0;
    this.picture = new Picture({
      title, caption, empty, name: `reading wide ${form.picture ? "upright" : form.quantities ? "flat" : bare ? "low" : ""}`,
      draw: (pen, width, height) => this.draw(pen, width, height), onkey: (key) => this.key(key),
    });
    this.moving = new Moving(this.picture.paint);
    this.small = document.createElement("canvas");
    /** @type {Box} */ this.hiddenBox = [0, 0, 0, 0];
    units.told.push(() => { this.picture.paint(); this.tell(); });
    const { canvas } = this.picture;
    canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
      const found = this.unitAt(event);
      if (found) this.choose(found.unit);
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const found = this.unitAt(event);
      canvas.style.cursor = found ? "pointer" : "";
      if (found) this.picture.note.textContent = this.unitWords(found.unit, found.step);
    });
    canvas.addEventListener("pointerleave", () => this.tell());
  }

  /**
   * Shows a reading.
   * @param {Trace|null} trace
   */
  show(trace) {
    const before = this.trace;
    this.trace = trace;
    this.picture.setReady(trace !== null);
    if (!trace) return;
    const jump = !before || before.key !== trace.key;
    if (jump || before.flat !== trace.flat) {
      if (this.form.picture) paintPixels(this.small, this.form.picture, this.form.pixels(trace.flat));
    }
    this.moving.set("states", trace.states, jump);
    if (trace.chances) this.moving.set("chances", trace.chances, jump);
    this.decided = trace.chances ? this.decision(trace.chances, trace.length) : 0;
    this.tell();
    this.picture.paint();
  }

  /**
   * Returns after how many steps the most probable class was the last one, and stayed it.
   * @param {ArrayLike<number>} chances
   * @param {number} length
   */
  decision(chances, length) {
    const C = this.form.classes.length;
    const count = chances.length / C;
    const end = topOf(chances, count - 1, C);
    let first = count - 1;
    while (first > 0 && topOf(chances, first - 1, C) === end) first -= 1;
    return Math.min(Math.round(((first + 1) * length) / count), length);
  }

  /** Says in words what is drawn. */
  tell() {
    const { trace, form, units } = this;
    if (!trace) return;
    const words = [];
    const count = trace.chances ? trace.chances.length / form.classes.length : 0;
    if (trace.chances) {
      const top = topOf(trace.chances, count - 1, form.classes.length);
      const chance = trace.chances[(count - 1) * form.classes.length + top];
      words.push(trace.truth === null ? `${form.classes[top]}, ${percent(chance)}`
        : top === trace.truth ? t("✓ {label}, {chance}", { label: form.classes[top], chance: percent(chance) })
          : t("✗ {label}, {chance}; it is {truth}", { label: form.classes[top], chance: percent(chance), truth: form.classes[trace.truth] }));
      if (trace.length > 1) words.push(t(`decided after ${form.word} {step} of {all}`, { step: this.decided, all: trace.length }));
    }
    if (units.chosen !== null && units.chosen < trace.units) words.push(t("unit {unit} is selected", { unit: units.chosen }));
    const text = words.join(" · ");
    if (this.picture.note.textContent !== text) this.picture.note.textContent = text;
    this.picture.describe(`${this.picture.heading.textContent}. ${text}. ${t("{units} hidden units after {steps} steps; the arrow keys select one.", { units: trace.units, steps: trace.length })}`);
  }

  /** The places of the row, the hidden state and the probabilities. @param {number} width @param {number} height @returns {Box[]} */
  boxes(width, height) {
    const chances = this.trace && this.trace.chances;
    if (this.upright) {
      const shares = this.bare && this.form.quantities ? [0, 0.62, 0.38] : [0.4, chances ? 0.35 : 0.6, chances ? 0.25 : 0];
      const left = this.form.quantities && !this.bare ? Math.min(0.16 * width, 110) : 0;
      const tall = height - HEAD - 2;
      let x = left;
      return shares.map((share, place) => {
        const wide = share * (width - left);
        /** @type {Box} */
        const box = [x, HEAD, Math.max(wide - (place < 2 && share ? 12 : 0), 0), tall];
        x += wide;
        return box;
      });
    }
    const shares = this.bare ? [0, 0.55, 0.45] : chances ? [0.4, 0.34, 0.26] : [0.5, 0.5, 0];
    const free = height - HEAD * shares.filter(Boolean).length - 2;
    let y = 0;
    return shares.map((share) => {
      if (share) y += HEAD;
      /** @type {Box} */
      const box = [LEFT, y, width - LEFT - 4, free * share];
      y += free * share;
      return box;
    });
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const { trace, form, upright } = this;
    if (!trace) return;
    const [row, hidden, chances] = this.boxes(width, height);
    this.hiddenBox = hidden;
    const read = Math.min(this.read, trace.length);
    const muted = colorOf("muted");
    pen.textBaseline = "alphabetic";
    const head = (/** @type {string} */ text, /** @type {Box} */ [x, y, wide]) => {
      pen.font = "12px system-ui, sans-serif";
      write(pen, fitted(pen, text, wide), x, y - 7, muted);
    };
    if (row[2] && row[3]) this.drawRow(pen, row, read, head);
    head(upright ? t("hidden state, a column each unit") : t("hidden state, a line each unit"), hidden);
    this.drawStates(pen, hidden, read);
    if (trace.chances && chances[2] && chances[3]) {
      head(t("probability so far"), chances);
      this.drawChances(pen, chances, read);
    }
    const ends = upright ? [row[0], width] : [LEFT, width - 4];
    const across = (/** @type {number} */ steps) => (upright ? HEAD + (steps / trace.length) * hidden[3] : LEFT + (steps / trace.length) * hidden[2]);
    const bottom = chances[3] ? chances[1] + chances[3] : hidden[1] + hidden[3];
    const rule = (/** @type {number} */ at, /** @type {string} */ stroke, /** @type {number[]} */ dash) => line(pen,
      upright ? [[ends[0], at], [ends[1], at]] : [[at, HEAD], [at, bottom]], stroke, 1.5, dash);
    if (read < trace.length) rule(across(read), colorOf("ink"), []);
    if (trace.length > 1 && this.decided && read >= this.decided) {
      const at = across(this.decided);
      rule(at, colorOf("ink"), [4, 4]);
      const text = t(`decided after ${form.word} {step}`, { step: this.decided });
      if (upright) tag(pen, text, hidden[0] + 6, at + (this.decided * 2 > trace.length ? -6 : 15), colorOf("ink"));
      else tag(pen, text, at + (at > width / 2 ? -6 : 6), hidden[1] + 15, colorOf("ink"), at > width / 2 ? "right" : "left");
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {Box} box @param {number} read @param {(text: string, box: Box) => void} head */
  drawRow(pen, box, read, head) {
    const { form } = this;
    const { flat, length, truth } = /** @type {Trace} */ (this.trace);
    const [x, y, wide, tall] = box;
    const label = truth === null ? "" : form.classes[truth];
    if (form.picture) head(label ? t("the picture: {label}", { label }) : t("the picture as it is read"), box);
    else head(label ? t("the row: {label}", { label }) : t("the row"), box);
    if (form.picture) {
      const share = read / length;
      pen.imageSmoothingEnabled = false;
      pen.globalAlpha = 0.25;
      pen.drawImage(this.small, x, y, wide, tall);
      pen.globalAlpha = 1;
      const [rows, columns] = form.picture;
      if (share) pen.drawImage(this.small, 0, 0, columns, rows * share, x, y, wide, tall * share);
      frame(pen, box);
    } else if (form.quantities) {
      form.draw(pen, box, flat);
      pen.font = "11px system-ui, sans-serif";
      const shown = form.channels.slice(0, 16);
      shown.forEach((name, place) => write(pen, fitted(pen, name, x - 10), x - 8, y + (tall * (place + 0.5)) / shown.length + 4, colorOf("muted"), "right", 11));
    } else {
      const n = Math.min(form.features, 6);
      for (let channel = 0; channel < n; channel += 1) {
        /** @type {Box} */
        const lane = [x, y + (channel * tall) / n, wide, tall / n];
        frame(pen, lane);
        const values = Array.from({ length }, (_, step) => flat[step * form.features + channel]);
        pen.globalAlpha = 0.3;
        drawLane(pen, lane, values, form.ranges[channel], form.channelColor(channel));
        pen.globalAlpha = 1;
        drawLane(pen, lane, values, form.ranges[channel], form.channelColor(channel), { upTo: read });
        pen.font = "12px system-ui, sans-serif";
        nameLane(pen, lane, "", form.ranges[channel], colorOf("ink"));
        tag(pen, fitted(pen, form.channels[channel], wide / 2), lane[0] + 6, lane[1] + 14, colorOf("ink"));
      }
    }
  }

  /** @param {CanvasRenderingContext2D} pen @param {Box} box @param {number} read */
  drawStates(pen, box, read) {
    const { units, upright } = this;
    const trace = /** @type {Trace} */ (this.trace);
    const states = this.moving.get("states");
    if (!states) return;
    const order = units.of(trace.units);
    const count = states.length / trace.units;
    const shown = Math.min(Math.ceil((read / trace.length) * count), count);
    const [x, y, wide, tall] = box;
    const value = (/** @type {number} */ at, /** @type {number} */ place) => states[at * trace.units + order[place]] / units.scale;
    if (upright) heat(pen, [x, y, wide, (tall * shown) / count], shown, trace.units, value);
    else heat(pen, [x, y, (wide * shown) / count, tall], trace.units, shown, (place, at) => value(at, place));
    const place = units.chosen === null ? -1 : order.indexOf(units.chosen);
    if (place >= 0) {
      const size = (upright ? wide : tall) / trace.units;
      pen.strokeStyle = colorOf("ink");
      pen.lineWidth = 1.5;
      const pad = Math.max(0, (5 - size) / 2);
      if (upright) pen.strokeRect(x + place * size - pad, y - 2, size + 2 * pad, tall + 3);
      else pen.strokeRect(x - 2, y + place * size - pad, wide + 4, size + 2 * pad);
    }
    frame(pen, box);
  }

  /** @param {CanvasRenderingContext2D} pen @param {Box} box @param {number} read */
  drawChances(pen, box, read) {
    const { form, upright } = this;
    const trace = /** @type {Trace} */ (this.trace);
    const values = this.moving.get("chances");
    if (!values) return;
    const [x, y, wide, tall] = box;
    const C = form.classes.length;
    const count = values.length / C;
    const shown = Math.min(Math.ceil((read / trace.length) * count), count);
    if (!form.quantities) frame(pen, box);
    if (!shown) return;
    const top = topOf(values, shown - 1, C);
    const rank = (/** @type {number} */ kind) => (kind === trace.truth ? 2 : kind === top ? 1 : 0);
    const kinds = Array.from({ length: C }, (_, kind) => kind).sort((a, b) => rank(a) - rank(b));
    const shadeOf = (/** @type {number} */ kind) => (kind === trace.truth || (trace.truth === null && kind === top) ? colorOf("prediction")
      : kind === top ? colorOf("wrong") : colorOf("faint"));
    if (form.quantities) { // one step: a bar each class
      const best = kinds.slice(-12).reverse().sort((a, b) => a - b);
      best.forEach((kind, place) => {
        const middle = y + ((place + 0.5) * tall) / best.length;
        const high = Math.min(tall / best.length - 16, 12);
        pen.fillStyle = colorOf("faint");
        pen.fillRect(x, middle, wide, high);
        pen.fillStyle = rank(kind) ? shadeOf(kind) : colorOf("muted");
        pen.fillRect(x, middle, wide * values[kind], high);
        pen.font = "12px system-ui, sans-serif";
        write(pen, fitted(pen, form.classes[kind], wide), x, middle - 4, colorOf("ink"));
      });
      return;
    }
    const place = (/** @type {number} */ at, /** @type {number} */ chance) => {
      const along = count > 1 ? (at + 1) / count : 0.5;
      return upright ? [x + wide * (0.02 + 0.96 * chance), y + along * tall] : [x + along * wide, y + tall * (0.98 - 0.96 * chance)];
    };
    for (const kind of kinds) {
      const strong = rank(kind) > 0;
      line(pen, Array.from({ length: shown }, (_, at) => place(at, values[at * C + kind])), shadeOf(kind), strong ? 2.2 : 1);
    }
    // Names at the ends of the lines that matter.
    pen.font = "600 12px system-ui, sans-serif";
    for (const kind of kinds.filter(rank)) {
      const [endX, endY] = place(shown - 1, values[(shown - 1) * C + kind]);
      const name = fitted(pen, form.classes[kind], wide * 0.6);
      if (upright) {
        const right = endX > x + wide / 2;
        tag(pen, name, endX + (right ? -8 : 8), Math.min(endY - 6, y + tall - 8), shadeOf(kind), right ? "right" : "left");
      } else {
        const right = endX > x + wide / 2;
        tag(pen, name, endX + (right ? -8 : 8), Math.min(Math.max(endY + (endY < y + tall / 2 ? 16 : -6), y + 13), y + tall - 4), shadeOf(kind), right ? "right" : "left");
      }
    }
    const muted = colorOf("muted");
    if (!upright) {
      write(pen, "1", x - 5, y + 11, muted, "right", 10.5);
      write(pen, "0", x - 5, y + tall - 3, muted, "right", 10.5);
    }
  }

  /**
   * The unit and the step at a place of the picture.
   * @param {PointerEvent} event
   */
  unitAt(event) {
    const { trace } = this;
    const [x, y, wide, tall] = this.hiddenBox;
    const box = this.picture.canvas.getBoundingClientRect();
    const right = (event.clientX - box.left - x) / wide;
    const down = (event.clientY - box.top - y) / tall;
    if (!trace || right < 0 || right >= 1 || down < 0 || down >= 1) return null;
    const [along, time] = this.upright ? [right, down] : [down, right];
    const unit = this.units.of(trace.units)[Math.floor(along * trace.units)];
    return { unit, step: Math.floor((time * trace.states.length) / trace.units) };
  }

  /** @param {number} unit @param {number} at */
  unitWords(unit, at) {
    const trace = /** @type {Trace} */ (this.trace);
    const count = trace.states.length / trace.units;
    return t(`unit {unit} after ${this.form.word} {step}: {value}`, { unit, step: Math.round(((at + 1) * trace.length) / count), value: short(trace.states[at * trace.units + unit]) });
  }

  /** @param {number} unit */
  choose(unit) {
    this.units.choose(this.units.chosen === unit ? null : unit);
    if (this.units.chosen !== null) say(t("unit {unit} is selected", { unit }));
  }

  /** @param {string} pressed */
  key(pressed) {
    const { trace, units } = this;
    if (!trace) return false;
    if (pressed === "Escape" && units.chosen !== null) {
      units.choose(null);
      return true;
    }
    const moves = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -8, PageDown: 8, Home: -1e9, End: 1e9 };
    if (!(pressed in moves)) return false;
    const order = units.of(trace.units);
    const at = units.chosen === null ? -1 : order.indexOf(units.chosen);
    const next = at < 0 ? 0 : Math.min(Math.max(at + /** @type {any} */ (moves)[pressed], 0), order.length - 1);
    units.choose(order[next]);
    const last = trace.states.length / trace.units - 1;
    say(this.unitWords(order[next], last));
    return true;
  }
}

/**
 * The most probable class after a step.
 * @param {ArrayLike<number>} chances
 * @param {number} at
 * @param {number} C
 */
export function topOf(chances, at, C) {
  let top = 0;
  for (let kind = 1; kind < C; kind += 1) if (chances[at * C + kind] > chances[at * C + top]) top = kind;
  return top;
}
