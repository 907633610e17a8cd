// The numbers of a code, with a slider each.

import { fill, h } from "./dom.js";

/** The sliders of all numbers of a code. */
export class CodeSliders {
  /**
   * @param {HTMLElement} place It is filled with them.
   * @param {number} size
   * @param {(number: number) => string} word The name of a number, from 1 on.
   * @param {(axis: number, value: number) => void} set Gets what a slider was moved to.
   * @param {() => void} done Called when it is let go.
   */
  constructor(place, size, word, set, done) {
    this.all = Array.from({ length: size }, (_, axis) => {
      const slider = h("input", { type: "range", step: "any", oninput: () => set(axis, Number(slider.value)), onchange: done });
      return { slider, output: h("output"), key: "" };
    });
    fill(place, this.all.map(({ slider, output }, axis) => h("label", {}, h("bdi", {}, word(axis + 1)), slider, output)));
  }

  /**
   * Shows a code.
   * @param {ArrayLike<number>} code
   * @param {ArrayLike<number>} low Ends of the axes, beyond which sliders go a little.
   * @param {ArrayLike<number>} high
   */
  show(code, low, high) {
    this.all.forEach((each, axis) => {
      const { slider, output } = each;
      const room = 0.15 * (high[axis] - low[axis]);
      const [from, to] = [low[axis] - room, high[axis] + room];
      const key = `${from.toPrecision(3)} ${to.toPrecision(3)}`;
      if (each.key !== key) [each.key, slider.min, slider.max] = [key, from, to];
      if (document.activeElement !== slider || Math.abs(Number(slider.value) - code[axis]) > 1e-9) slider.value = code[axis];
      const text = code[axis].toFixed(2);
      if (output.textContent !== text) output.textContent = text;
    });
  }
}
