// How a network reads a row: the row, the hidden state and the probabilities on one axis of time.

import { say } from "../../web/dom.js";
import { Picture } from "./picture.js";
import { Moving } from "./easing.js";
import { t } from "./words.js";
import { paintPixels, write } from "../../web/pen.js";
import { boxesBelow, boxesBeside, chanceBars, chanceLines, decidedAfter, drawPicture, drawReading } from "../../web/reading_picture.js";
import { drawLanesRead, lanesOf } from "../../web/signal.js";
import { colorOf } from "../../web/colors.js";
import { clamp, percent, short, topOf } from "../../web/numbers.js";

const NARROW = 480; // pixels

/** @typedef {import("../../web/pen.js").Box} Box */

/**
 * What is read of which numbers, and what is known of the row; traces with the same key move into one
 * another.
 * @typedef {import("../../web/reading_picture.js").Read & {flat: ArrayLike<number>, truth: number|null, key: string, layer?: string, said?: ArrayLike<number>|null, ends?: ArrayLike<number>|null}} Trace
 * `layer` says whose probabilities they are, as a store does; `said` is the answer to the whole row, if
 * it is not the last of them; `ends` are those of the wave of a sound.
 */

const FOOT = 32; // below probabilities that are drawn downwards, for names

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
    this.over = 0; // the step at the pointer, from 1
    this.picture = new Picture({
      title, caption, empty, name: `reading wide ${form.picture ? "upright" : form.quantities ? "flat" : bare ? "low" : ""}`,
      draw: (pen, width, height) => this.draw(pen, width, height), onkey: (key) => this.key(key),
    });
    if (!this.upright && !bare) this.picture.frame.style.minHeight = `${24 + 2 * Math.max(Math.min(form.features, 6) - 2, 0)}rem`;
    this.moving = new Moving(this.picture.paint);
    this.small = document.createElement("canvas");
    /** @type {Box} */ this.hiddenBox = [0, 0, 0, 0];
    /** @type {Box} */ this.chancesBox = [0, 0, 0, 0];
    /** @type {any} draws over the row */ this.light = null;
    /** @type {((event: PointerEvent) => void)|null} of clicks on probabilities */ this.asked = null;
    units.told.push(() => { this.picture.paint(); this.tell(); });
    const { canvas } = this.picture;
    canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
      const found = this.unitAt(event);
      if (found) this.choose(found.unit);
      else if (this.asked) this.asked(event);
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const found = this.unitAt(event);
      canvas.style.cursor = found ? "pointer" : "";
      this.over = this.stepAt(event);
      const words = [this.over ? this.chanceWords(this.over) : "", found ? this.unitWords(found.unit, found.step) : ""].filter(Boolean);
      if (words.length) this.picture.note.textContent = words.join(" · ");
      else this.tell();
      this.picture.paint();
    });
    for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => { this.over = 0; this.tell(); this.picture.paint(); });
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
    this.moving.set("states", trace.states, jump);
    if (trace.chances) this.moving.set("chances", trace.chances, jump);
    const C = this.form.classes.length;
    this.decided = trace.chances ? Math.round((decidedAfter(trace.chances, C) * C * trace.length) / trace.chances.length) : 0;
    this.tell();
    this.picture.paint();
  }

  /** Says in words what is drawn. */
  tell() {
    const { trace, form, units } = this;
    if (!trace) return;
    const words = [];
    const count = trace.chances ? trace.chances.length / form.classes.length : 0;
    if (trace.chances) {
      const C = form.classes.length;
      const last = trace.said || Array.from({ length: C }, (_, kind) => /** @type {any} */ (trace.chances)[(count - 1) * C + kind]);
      const top = topOf(last, 0, C);
      const chance = last[top];
      words.push(trace.truth === null ? `${form.classes[top]}, ${percent(chance)}`
        : top === trace.truth ? t("✓ {label}, {chance}", { label: form.classes[top], chance: percent(chance) })
          : t("✗ {label}, {chance}; it is {truth}", { label: form.classes[top], chance: percent(chance), truth: form.classes[trace.truth] }));
      if (trace.layer === "network") words.push(trace.said ? t("below, the network alone") : t("the network alone"));
      if (trace.length > 1) words.push(form.decided(this.decided, trace.length));
    }
    if (trace.layer === "model") words.push(t("the hidden state is that of the network alone"));
    if (units.chosen !== null && units.chosen < trace.units) words.push(t("unit {unit} is selected", { unit: units.chosen }));
    const text = words.join(" · ");
    if (this.picture.note.textContent !== text) this.picture.note.textContent = text;
    this.picture.describe(`${this.picture.heading.textContent}. ${text}. ${t("{units} hidden units after {steps} steps; {keys}", { keys: trace.length < 2 ? t("the arrow keys select one.") : this.upright ? t("up and down move over the steps, left and right select a unit.") : t("left and right move over the steps, up and down select a unit."), units: trace.units, steps: trace.length })}`);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const { trace, form, upright, units, bare, moving } = this;
    const states = moving.get("states");
    if (!trace || !states) return;
    const { classes, quantities } = form;
    const chances = trace.chances && (moving.get("chances") || null);
    const lanes = Math.min(form.features, 6) > 3;
    const order = units.of(trace.units);
    const read = Math.min(this.read, trace.length);
    const narrow = (quantities || upright) && width < NARROW; // of names, few letters would be left
    /** @type {import("../../web/reading_picture.js").Reading} */
    const reading = {
      trace: { ...trace, states, chances }, read, over: this.over, decided: this.decided, upright, classes, order, scale: units.scale,
      chances: quantities ? chanceBars : chanceLines,
      look: (kind, top) => ({
        color: colorOf(kind === trace.truth || (trace.truth === null && kind === top) ? "prediction" : kind === top ? "wrong" : "faint"),
        width: kind === trace.truth ? 2.3 : kind === top ? 2.2 : 1, named: kind === trace.truth || kind === top,
      }),
      row: (_, box) => this.drawRow(pen, box, read),
      words: {
        row: narrow && trace.truth !== null ? classes[trace.truth] : this.rowWords(),
        hidden: narrow ? t("state") : upright ? t("hidden state, a column each unit") : t("hidden state, a line each unit"),
        chances: narrow ? "%" : t("probability so far"), decided: form.decided(this.decided),
      },
    };
    const shares = upright ? (bare && quantities ? [0, 0.62, 0.38] : [0.4, chances ? 0.35 : 0.6, chances ? 0.25 : 0])
      : bare ? [0, 0.55, 0.45] : !chances ? [0.5, 0.5, 0] : lanes ? [0.52, 0.27, 0.21] : [0.4, 0.34, 0.26];
    const boxes = upright ? boxesBeside(width, height, shares, quantities && !bare ? Math.min((narrow ? 0.3 : 0.16) * width, 110) : 0, quantities ? 2 : FOOT)
      : boxesBelow(pen, width, height, shares, classes);
    [, this.hiddenBox, this.chancesBox] = boxes;
    drawReading(pen, boxes, reading);
    const place = units.chosen === null ? -1 : order.indexOf(units.chosen);
    if (place < 0) return;
    const [x, y, wide, tall] = boxes[1];
    const size = (upright ? wide : tall) / trace.units;
    const pad = Math.max(0, (5 - size) / 2);
    pen.strokeStyle = colorOf("ink");
    pen.lineWidth = 1.5;
    if (upright) pen.strokeRect(x + place * size - pad, y - 2, size + 2 * pad, tall + 3);
    else pen.strokeRect(x - 2, y + place * size - pad, wide + 4, size + 2 * pad);
  }

  rowWords() {
    const { form: { picture, classes, sound } } = this;
    const { truth } = /** @type {Trace} */ (this.trace);
    const label = truth === null ? "" : classes[truth];
    if (sound) return label ? t("the sound: {label}", { label }) : t("the sound");
    if (picture) return label ? t("the picture: {label}", { label }) : t("the picture as it is read");
    return label ? t("the row: {label}", { label }) : t("the row");
  }

  /** @param {CanvasRenderingContext2D} pen @param {Box} box @param {number} read */
  drawRow(pen, box, read) {
    const { form } = this;
    let lanes = null;
    const { flat, length, ends = null } = /** @type {Trace} */ (this.trace);
    if (form.picture) {
      paintPixels(this.small, form.picture, form.pixels(flat));
      drawPicture(pen, box, this.small, form.picture[2] && this.light ? 0 : read / length); // pale under other colours
    } else if (form.sound) {
      /** @type {import("./sound_form.js").SoundForm} */ (form).drawRead(pen, box, form.series(flat), ends, read);
    } else if (form.quantities) {
      const [x, y, , tall] = box;
      form.draw(pen, box, flat);
      const shown = form.channels.slice(0, 16);
      shown.forEach((name, place) => write(pen, name, x - 8, y + (tall * (place + 0.5)) / shown.length + 4, colorOf("muted"), "right", 11, x - 10));
    } else {
      const series = form.series(flat);
      lanes = lanesOf(form.view, series, box, 0);
      drawLanesRead(pen, lanes, form.view, series, read);
    }
    if (this.light) this.light(pen, box, lanes);
  }

  /** The step at a place of the picture, from 1; 0 before and after the row. @param {PointerEvent} event */
  stepAt({ offsetX, offsetY }) {
    const [x, y, wide, tall] = this.hiddenBox;
    const share = this.upright ? (offsetY - y) / tall : (offsetX - x) / wide;
    return this.trace && this.trace.length > 1 && share >= 0 && share < 1 ? Math.floor(share * this.trace.length) + 1 : 0;
  }

  /** What is most probable after some steps. @param {number} step */
  chanceWords(step) {
    const { chances, length } = /** @type {Trace} */ (this.trace);
    const { classes } = this.form;
    if (!chances) return "";
    const C = classes.length;
    const at = Math.ceil((step * chances.length) / (C * length)) - 1;
    const top = topOf(chances, at, C);
    return `${this.form.place(step, length)}: ${classes[top]}, ${percent(chances[at * C + top])}`;
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
    if (pressed === "Escape" && (this.over || units.chosen !== null)) {
      if (this.over) this.over = 0;
      else units.choose(null);
      this.point(false);
      return true;
    }
    const [back, on, before, after] = this.upright ? ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"] : ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
    const moves = /** @type {Record<string, number>} */ ({ [back]: -1, [on]: 1, PageUp: -8, PageDown: 8, Home: -1e9, End: 1e9 });
    if (pressed in moves && trace.length > 1) {
      this.over = clamp(this.over + moves[pressed], 1, trace.length);
    } else if (pressed in moves || pressed === before || pressed === after) {
      const order = units.of(trace.units);
      const at = units.chosen === null ? -1 : order.indexOf(units.chosen);
      const way = pressed === before ? -1 : pressed === after ? 1 : moves[pressed];
      units.choose(order[at < 0 ? 0 : clamp(at + way, 0, order.length - 1)]);
    } else return false;
    this.point(true);
    return true;
  }

  /** Says what is at the step and the unit that are looked at. @param {boolean} aloud */
  point(aloud) {
    const { units, over } = this;
    const trace = /** @type {Trace} */ (this.trace);
    const count = trace.states.length / trace.units;
    const step = over ? Math.ceil((over * count) / trace.length) - 1 : count - 1;
    const words = [over ? this.chanceWords(over) : "", units.chosen !== null && units.chosen < trace.units ? this.unitWords(units.chosen, step) : ""].filter(Boolean);
    if (over && words.length) this.picture.note.textContent = words.join(" · ");
    else this.tell();
    if (aloud) say(words.join(". "));
    this.picture.paint();
  }
}
