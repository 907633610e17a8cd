// The confusion matrix of a moment: what rows of each class are taken for.

import { say } from "../../web/dom.js";
import { Picture } from "./picture.js";
import { Moving, mixed } from "./easing.js";
import { t } from "./words.js";
import { fitted, write } from "../../web/pen.js";
import { colorOf } from "../../web/colors.js";
import { percent } from "../../web/numbers.js";

/** @typedef {{before: import("./easing.js").Arrays, after: import("./easing.js").Arrays, share: number, step: number, layer: string}} Moment */

export class Confusion {
  /** @param {string[]} classes @param {ReturnType<typeof import("./picture.js").framed>} frame */
  constructor(classes, frame) {
    this.classes = classes;
    /** @type {[number, number]|null} the cell that is looked at */ this.cell = null;
    /** @type {ArrayLike<number>} */ this.counts = [];
    this.layer = ""; // whose they are
    this.origin = [0, 0, 1]; // left, top and size of a cell
    this.picture = new Picture({
      ...frame, name: "confusion", draw: (pen, width, height) => this.draw(pen, width, height), onkey: (key) => this.key(key),
    });
    this.moving = new Moving(this.picture.paint);
    const { canvas } = this.picture;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      const [left, top, size] = this.origin;
      const at = [Math.floor((event.clientY - box.top - top) / size), Math.floor((event.clientX - box.left - left) / size)];
      this.look(at.every((place) => place >= 0 && place < classes.length) ? [at[0], at[1]] : null);
    });
    canvas.addEventListener("pointerleave", () => this.look(null));
    canvas.addEventListener("blur", () => this.look(null));
  }

  /** @param {Moment} moment */
  show(moment) {
    const C = this.classes.length;
    const { before, after, share } = moment;
    const shares = (/** @type {import("./easing.js").Arrays} */ arrays) => {
      if (!arrays.confusion || arrays.confusion.data.length !== C * C) return null;
      const { data } = arrays.confusion;
      const values = new Float64Array(C * C + C);
      for (let line = 0; line < C; line += 1) {
        let [sum, taken] = [0, 0];
        for (let other = 0; other < C; other += 1) {
          sum += data[line * C + other];
          taken += data[other * C + line];
        }
        for (let other = 0; other < C; other += 1) values[line * C + other] = sum ? data[line * C + other] / sum : 0;
        values[C * C + line] = taken ? data[line * C + line] / taken : 0;
      }
      return { data: values, shape: [C * C + C] };
    };
    const [early, late] = [shares(before), shares(after)];
    const first = early || late;
    if (!first) return;
    this.picture.setReady(true);
    this.layer = moment.layer;
    this.counts = (share < 1 && before.confusion ? before : after).confusion.data;
    const goal = mixed({ before: { shares: first }, after: { shares: late || first }, share }, "shares");
    if (goal) this.moving.set("shares", goal);
    this.tell();
  }

  /** @param {[number, number]|null} cell */
  look(cell) {
    if (String(cell) === String(this.cell)) return;
    this.cell = cell;
    this.tell();
    this.picture.paint();
  }

  tell() {
    const C = this.classes.length;
    const { counts, cell } = this;
    const sum = (/** @type {number} */ line) => {
      let all = 0;
      for (let other = 0; other < C; other += 1) all += counts[line * C + other];
      return all;
    };
    let text;
    if (cell) {
      const [truth, taken] = cell;
      const count = counts[truth * C + taken];
      text = t("{truth} taken for {taken}: {count} of {all} ({share})", { truth: this.classes[truth], taken: this.classes[taken], count, all: sum(truth), share: percent(sum(truth) ? count / sum(truth) : 0) });
    } else {
      let [right, all, most] = [0, 0, [0, 0, 0]];
      for (let line = 0; line < C; line += 1) {
        for (let other = 0; other < C; other += 1) {
          const count = counts[line * C + other];
          all += count;
          if (line === other) right += count;
          else if (count > most[0]) most = [count, line, other];
        }
      }
      text = t("{right} of {all} test rows are right", { right: right.toLocaleString("en"), all: all.toLocaleString("en") })
        + (this.layer === "network" ? t(", by the network alone") : "")
        + (most[0] ? t("; most often confused: {count} of {truth} with {taken}", { count: most[0], truth: this.classes[most[1]], taken: this.classes[most[2]] }) : "");
      this.picture.describe(`${t("Confusion matrix")}. ${text}. ${t("The arrow keys read the cells.")}`);
    }
    if (this.picture.note.textContent !== text) this.picture.note.textContent = text;
  }

  /** @param {string} pressed */
  key(pressed) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
    const move = /** @type {any} */ (moves)[pressed];
    if (!move || !this.counts.length) return false;
    const last = this.classes.length - 1;
    const [line, other] = this.cell || [0, 0];
    this.look(this.cell ? [Math.min(Math.max(line + move[0], 0), last), Math.min(Math.max(other + move[1], 0), last)] : [0, 0]);
    say(this.picture.note.textContent || "");
    return true;
  }

  /** As wide as its place, and as high as it needs. @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const values = this.moving.get("shares");
    if (!values) return;
    const { classes } = this;
    const C = classes.length;
    const [ink, muted, accent, wrong, ground, faint] = ["ink", "muted", "prediction", "wrong", "ground", "faint"].map(colorOf);
    pen.font = "12px system-ui, sans-serif";
    const longest = Math.max(...classes.map((name) => pen.measureText(name).width));
    const left = Math.min(longest + 10, (C < 6 ? 0.42 : 0.3) * width);
    const [top, right, bottom] = [20, 46, 24];
    const size = Math.max(Math.min((width - left - right) / C, 90), 1);
    const tall = Math.round(C * size + top + bottom);
    if (Math.abs(tall - height) > 2) this.picture.frame.style.height = `${tall}px`;
    this.origin = [left, top, size];
    const named = size >= 11;
    pen.textBaseline = "alphabetic";
    const cells = size >= 26;
    const gap = size > 14 ? 1 : size > 8 ? 0.5 : 0;
    for (let line = 0; line < C; line += 1) {
      for (let other = 0; other < C; other += 1) {
        const share = values[line * C + other];
        const [x, y] = [left + other * size, top + line * size];
        pen.fillStyle = faint;
        pen.globalAlpha = 0.35;
        pen.fillRect(x + gap, y + gap, size - 2 * gap, size - 2 * gap);
        // The root, so that a few errors are seen.
        pen.globalAlpha = Math.sqrt(share);
        pen.fillStyle = line === other ? accent : wrong;
        if (share > 0.0005) pen.fillRect(x + gap, y + gap, size - 2 * gap, size - 2 * gap);
        pen.globalAlpha = 1;
        if (cells && share >= 0.005) write(pen, String(Math.round(100 * share)), x + size / 2, y + size / 2 + 4, share > 0.35 ? ground : ink, "center", Math.min(12, size / 2.4));
      }
      if (named) {
        pen.font = "12px system-ui, sans-serif";
        write(pen, fitted(pen, classes[line], left - 10), left - 6, top + (line + 0.5) * size + 4, ink, "right");
      }
      const recall = values[line * C + line];
      const x = left + C * size + 6;
      bar(pen, x, top + (line + 0.2) * size, right - 8, size * 0.6, recall, false);
      const precision = values[C * C + line];
      bar(pen, left + (line + 0.2) * size, top + C * size + 4, size * 0.6, bottom - 6, precision, true);
      if (cells) {
        write(pen, String(Math.round(100 * recall)), x + 3, top + (line + 0.5) * size + 4, ink, "left", 10.5);
        write(pen, String(Math.round(100 * precision)), left + (line + 0.5) * size, top + C * size + 17, ink, "center", 10.5);
      }
    }
    if (named) {
      pen.font = "12px system-ui, sans-serif";
      classes.forEach((name, place) => {
        const text = fitted(pen, name, size - 3);
        if (text) write(pen, text, left + (place + 0.5) * size, 14, ink, "center");
      });
    }
    write(pen, t("recall"), left + C * size + 6, 14, muted, "left", 10.5);
    if (this.cell) {
      const [line, other] = this.cell;
      pen.strokeStyle = ink;
      pen.lineWidth = 2;
      pen.strokeRect(left + other * size, top + line * size, size, size);
    }
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} wide @param {number} tall @param {number} share @param {boolean} down */
function bar(pen, x, y, wide, tall, share, down) {
  pen.fillStyle = colorOf("faint");
  pen.fillRect(x, y, wide, tall);
  pen.globalAlpha = 0.45;
  pen.fillStyle = colorOf("prediction");
  if (down) pen.fillRect(x, y, wide, tall * share);
  else pen.fillRect(x, y, wide * share, tall);
  pen.globalAlpha = 1;
}
