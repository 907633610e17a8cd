// What excites a hidden unit most over the rows shown, and what it does along the row that is read.

import { Picture } from "./picture.js";
import { nextFrame } from "./trace.js";
import { t } from "./words.js";
import { frame, line, paintPixels, write } from "../../web/pen.js";
import { drawPicture } from "../../web/reading_picture.js";
import { Stream, outputsOf } from "../../web/net.js";
import { colorOf } from "../../web/colors.js";
import { short } from "../../web/numbers.js";

const TOP = 5;
const MOST = 4e6; // numbers of states that are kept
const SLICE = 6;

export class UnitView {
  /**
   * @param {import("./own_row.js").Touch} touch
   * @param {import("./reading.js").Units} units
   */
  constructor(touch, units) {
    this.touch = touch;
    this.units = units;
    this.form = touch.form;
    /** @type {Float64Array[][]} states of each row, with the net `of` */ this.states = [];
    /** @type {any} */ this.of = null;
    /** @type {{row: number, step: number, value: number}[]} */ this.found = [];
    /** @type {Map<number, HTMLCanvasElement>} */ this.pictures = new Map();
    this.picture = new Picture({
      title: t("What excites a hidden unit"),
      caption: t("Left, the unit along the row that is read above. Right, the steps of the test rows shown at which it is highest, one a row, with the net of the moment on the time slider."),
      empty: t("Click a line of a hidden state, or walk through its units with the arrow keys: here appears what excites that unit most."),
      name: "wide unit", draw: (pen, width, height) => this.draw(pen, width, height),
      onkey: (key) => touch.reading.key(key),
    });
    units.told.push(() => this.update());
    touch.told.push(() => this.update());
    document.addEventListener("theme", () => this.pictures.clear());
    this.update();
  }

  update() {
    const { chosen } = this.units;
    const { model } = this.touch;
    this.picture.setReady(chosen !== null && model !== null);
    if (chosen === null || !model) {
      this.picture.heading.textContent = t("What excites a hidden unit");
      this.picture.note.textContent = "";
      return;
    }
    this.picture.heading.textContent = t("What excites unit {unit}", { unit: chosen });
    if (this.of !== model) this.compute(model);
    else this.rank();
  }

  /** Computes the states over all rows, in slices so that no frame waits. @param {import("../../web/net.js").Model} model */
  async compute(model) {
    this.of = model;
    const { form } = this;
    const [net] = model.program.nets;
    const alone = model.forward;
    /** @type {Float64Array[][]} */
    const states = [];
    let [begun, kept] = [performance.now(), 0];
    const rest = async () => {
      if (performance.now() - begun <= SLICE) return true;
      await nextFrame();
      begun = performance.now();
      return this.of === model;
    };
    try {
      for (let row = 0; row < form.count && kept < MOST; row += 1) {
        const steps = form.series(form.flat(row));
        /** @type {Float64Array[]} */
        let own = [];
        if (alone) {
          const stream = new Stream(model);
          for (const step of steps) {
            stream.step(step);
            own.push(stream.h);
            if (!await rest()) return;
          }
        } else own = outputsOf(net, model.prepare(steps)).states;
        states.push(own);
        kept += own.length * own[0].length;
        if (!await rest()) return;
      }
    } catch { /* rows that this net cannot read: none is shown */ }
    this.states = states;
    this.rank();
  }

  rank() {
    const unit = this.units.chosen;
    if (unit === null || !this.states.length || unit >= this.states[0][0].length) return;
    this.found = this.states.map((steps, row) => {
      let best = 0;
      for (let at = 1; at < steps.length; at += 1) if (steps[at][unit] > steps[best][unit]) best = at;
      // A net with a pooling stem has fewer states than the row has steps.
      const length = this.form.lengthOf(this.form.flat(row));
      return { row, step: Math.round(((best + 1) * length) / steps.length), value: steps[best][unit] };
    }).sort((a, b) => b.value - a.value).slice(0, TOP);
    const words = this.found.map(({ row, step, value }) => t(`row {row} ({label}) after ${this.form.word} {step}: {value}`, { row: row + 1, label: this.form.classes[this.form.labels[row]], step, value: short(value) }));
    this.picture.describe(`${this.picture.heading.textContent}: ${words.join("; ")}`);
    this.picture.note.textContent = t("highest of {count} rows shown: {first}", { count: this.states.length, first: words[0] });
    this.picture.paint();
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const { form, found, units } = this;
    const { trace } = this.touch;
    const unit = units.chosen;
    const muted = colorOf("muted");
    pen.textBaseline = "alphabetic";
    const narrow = width < 520;
    const head = 20;
    const curve = narrow ? [30, head, width - 32, height * 0.4 - head] : [30, head, width * 0.34 - 30, height - head - 4];
    /** @type {import("../../web/pen.js").Box} */
    const box = [curve[0], curve[1], curve[2], curve[3]];
    if (trace && unit !== null && unit < trace.units) {
      const count = trace.states.length / trace.units;
      write(pen, t("along the row that is read"), box[0], 13, muted, "left", 12, box[2]);
      frame(pen, box);
      const { scale } = units;
      const y = (/** @type {number} */ value) => box[1] + box[3] * (0.5 - 0.47 * Math.max(Math.min(value / scale, 1), -1));
      line(pen, [[box[0], y(0)], [box[0] + box[2], y(0)]], colorOf("faint"), 1);
      const points = Array.from({ length: count }, (_, at) => [box[0] + ((at + 1) / count) * box[2], y(trace.states[at * trace.units + unit])]);
      if (count === 1) points.unshift([box[0], points[0][1]]);
      line(pen, points, colorOf("prediction"), 2);
      for (const [text, value] of /** @type {[string, number][]} */ ([[short(Number(scale.toPrecision(2))), scale], ["0", 0], [short(-Number(scale.toPrecision(2))), -scale]])) write(pen, text, box[0] - 4, y(value) + 4, muted, "right", 10.5);
    }
    const left = narrow ? 0 : width * 0.34 + 16;
    const top = narrow ? height * 0.4 + 22 : head;
    const each = (width - left) / TOP;
    const [wide, tall] = [each - 8, height - top - 34];
    found.forEach(({ row, step, value }, place) => {
      const x = left + place * each;
      let [own, high] = [wide, tall];
      const flat = form.flat(row);
      if (form.picture) {
        const [rows, columns] = form.picture;
        own = Math.min(wide, (tall * columns) / rows);
        high = (own * rows) / columns;
        let canvas = this.pictures.get(row);
        if (!canvas) {
          canvas = document.createElement("canvas");
          paintPixels(canvas, form.picture, form.pixels(flat));
          this.pictures.set(row, canvas);
        }
        const at = high * (step / rows);
        drawPicture(pen, [x, top, own, high], canvas, step / rows);
        line(pen, [[x, top + at], [x + own, top + at]], colorOf("prediction"), 2);
      } else {
        form.draw(pen, [x, top, own, high], flat);
        if (!form.quantities) {
          const at = x + (own * step) / form.lengthOf(flat);
          line(pen, [[at, top], [at, top + high]], colorOf("prediction"), 2);
        }
      }
      frame(pen, [x, top, own, high]);
      write(pen, form.classes[form.labels[row]], x, top + high + 15, colorOf("ink"), "left", 12, own);
      write(pen, short(Number(value.toPrecision(2))), x, top + high + 29, muted, "left", 11);
    });
  }
}
