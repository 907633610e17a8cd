// The answer of a classifier, in words and as bars.

import { h } from "./dom.js";
import { percent, topOf } from "./numbers.js";

/**
 * Where an answer stands, and how a page speaks of it.
 * @typedef {object} Place
 * @property {HTMLElement} label
 * @property {HTMLElement} sure
 * @property {HTMLElement} decided
 * @property {HTMLElement} bars A list.
 * @property {string[]} classes
 * @property {number} [most] Bars, of the most probable classes at the end; one a class unless it is given.
 * @property {(share: string) => string} words How sure the answer is.
 */

export class Answer {
  /** @param {Place} place */
  constructor(place) {
    this.place = place;
    const { bars, classes, most = classes.length } = place;
    this.lines = Array.from({ length: Math.min(most, classes.length) }, () => {
      const [name, track, share] = [h("bdi"), h("i"), h("span")];
      const element = h("li", { class: "chance" }, name, h("span", { class: "track", "aria-hidden": "true" }, track), share);
      bars.append(element);
      return { element, name, track, share };
    });
    this.show(null, [], "", "");
  }

  /**
   * Shows probabilities, or why there are none.
   * @param {ArrayLike<number>|null} values
   * @param {ArrayLike<number>} end Those of the end, by which bars are chosen: they stay where they are.
   * @param {string} decided When it was decided, in words.
   * @param {string} none
   */
  show(values, end, decided, none) {
    const { label, sure, decided: told, classes, words } = this.place;
    const top = values ? topOf(values) : -1;
    label.textContent = values ? classes[top] : "–";
    label.classList.toggle("long", top >= 0 && classes[top].length > 4);
    sure.textContent = values ? words(percent(values[top])) : none;
    told.textContent = values ? decided : "";
    const kinds = classes.map((_, kind) => kind).sort((a, b) => end[b] - end[a]).slice(0, this.lines.length).sort((a, b) => a - b);
    this.lines.forEach(({ element, name, track, share }, place) => {
      const kind = kinds[place];
      if (values || kinds.length === classes.length) name.textContent = name.title = classes[kind];
      element.classList.toggle("true", kind === top);
      track.style.transform = `scaleX(${values ? values[kind].toFixed(3) : 0})`;
      share.textContent = values ? percent(values[kind]) : "";
    });
  }
}
