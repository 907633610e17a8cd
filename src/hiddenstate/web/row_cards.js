// Rows with what a network makes of each: a verdict, and bars of the classes that it takes them for.

import { h } from "./dom.js";
import { topOf } from "./numbers.js";

/** @typedef {{row: number, canvas: HTMLCanvasElement, parts: HTMLElement[], top: number}} Card */

/** Cards of the first rows. */
export class RowCards {
  /**
   * @param {object} rows
   * @param {string[]} rows.classes
   * @param {string[]} [rows.short] Names that fit beside a bar.
   * @param {ArrayLike<number>} rows.truth The class of each row that has a card.
   * @param {boolean} rows.picture Whether rows are pictures.
   */
  constructor({ classes, short = classes, truth, picture }) {
    this.classes = classes;
    this.short = short;
    this.truth = truth;
    this.all = Array.from(truth, (_, row) => {
      const canvas = h("canvas", { class: picture ? "pixels" : "", "aria-hidden": "true" });
      const verdict = h("span", { class: "verdict" });
      const bars = Array.from({ length: Math.min(3, classes.length) }, (__, place) => {
        const [name, track] = [h("bdi"), h("i")];
        return { name, track, kind: -1, element: h("span", { class: `chance${place ? "" : " true"}` }, name, h("span", { class: "track" }, track)) };
      });
      const chances = h("span", { class: "chances", "aria-hidden": "true" }, verdict, bars.map(({ element }) => element));
      return { row, canvas, verdict, bars, parts: [canvas, chances], top: -1, word: "" };
    });
  }

  /** Sets the class of each bar: the true one, then the most probable at any time. @param {ArrayLike<number>} highest (rows * classes) */
  name(highest) {
    const { classes, short, truth } = this;
    for (const { row, bars } of this.all) {
      const first = row * classes.length;
      const others = classes.map((_, kind) => kind).filter((kind) => kind !== truth[row]);
      others.sort((a, b) => highest[first + b] - highest[first + a] || a - b);
      [truth[row], ...others.slice(0, bars.length - 1)].forEach((kind, place) => {
        const bar = bars[place];
        if (bar.kind === kind) return;
        bar.kind = kind;
        bar.name.textContent = short[kind];
        bar.name.title = classes[kind];
      });
    }
  }

  /** Shows probabilities; returns how many rows are right. @param {ArrayLike<number>} values (rows * classes) */
  show(values) {
    const { classes, truth } = this;
    let right = 0;
    for (const card of this.all) {
      const { row, bars, verdict } = card;
      card.top = topOf(values, row, classes.length);
      const isRight = card.top === truth[row];
      if (isRight) right += 1;
      const word = `${isRight ? "✓" : "✗"} ${classes[card.top]}`;
      if (card.word !== word) {
        card.word = verdict.textContent = verdict.title = word;
        verdict.classList.toggle("wrong", !isRight);
      }
      for (const { kind, track } of bars) track.style.transform = `scaleX(${values[row * classes.length + kind].toFixed(3)})`;
    }
    return right;
  }
}
