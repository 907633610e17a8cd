// A picture: a title that says what to see, what it means for whoever asks, and a canvas with words.

import { h } from "../../web/dom.js";
import { t } from "./words.js";
import { clamp } from "../../web/numbers.js";
import { eachFrame, penOf } from "../../web/pen.js";

let numbers = 0;

/**
 * Returns the words around a picture of a run, in the language of the page.
 * @param {import("./store.js").Store} store
 * @param {string} name
 * @returns {{title: string, caption: string, empty: string, wide: boolean}}
 */
export function framed({ details }, name) {
  const { title, caption, empty, wide } = details.pictures[name];
  return { title: t(title), caption: t(caption), empty: t(empty), wide };
}

/**
 * Makes the pictures that the page of a run has, in their order.
 * @param {import("./store.js").Store} store
 * @param {Record<string, () => {element: HTMLElement, update?: () => void}>} makers
 */
export function picturesOf(store, makers) {
  const all = Object.keys(store.details.pictures).flatMap((name) => (name in makers ? [makers[name]()] : []));
  return { elements: all.map(({ element }) => element), update: () => { for (const each of all) if (each.update) each.update(); } };
}

/** @type {Record<string, number>} places that keys move by */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };

/** The keys that move up and down, where these are places too. */
export const LINES = { ArrowUp: -1, ArrowDown: 1 };

/**
 * Returns the place that a key moves to among `n`; null for a key that does not move.
 * @param {string} key
 * @param {number} at
 * @param {number} n
 * @param {Record<string, number>} [more] further keys
 */
export function moved(key, at, n, more = {}) {
  const step = { ...STEPS, ...more }[key];
  return step && n ? clamp(at + step, 0, n - 1) : null;
}

/**
 * Makes a figure: a title, what it means for whoever asks, tools, what it shows, and a note.
 * @param {string} name
 * @param {string} title
 * @param {string} caption
 * @param {HTMLElement} content
 */
export function panel(name, title, caption, content) {
  numbers += 1;
  const help = `help-${numbers}`;
  const [heading, note, tools] = [h("h2", {}, title), h("p", { class: "note" }), h("div", { class: "tools" })];
  const element = h("figure", { class: `picture ${name}` },
    h("figcaption", {}, heading, h("span", { class: "about" },
      h("button", { type: "button", class: "what", "aria-label": t("What does this show?"), "aria-describedby": help }, "?"),
      h("span", { class: "tip", role: "tooltip", id: help }, caption)), tools), content, note);
  return { element, heading, note, tools, help };
}

/**
 * @typedef {object} PictureOptions
 * @property {string} title what to see, in a few words
 * @property {string} caption what it means, shown on hover and focus of the question mark
 * @property {string} [empty] what is shown before there is anything: it teaches what will come
 * @property {boolean} [wide] whether it has the whole width
 * @property {string} [name] class of the picture, for its size
 * @property {(pen: CanvasRenderingContext2D, width: number, height: number) => void} draw
 * @property {(key: string, event: KeyboardEvent) => boolean} [onkey] moves a cursor; true if it did
 */

export class Picture {
  /** @param {PictureOptions} options */
  constructor({ title, caption, empty = "", wide = false, name = "", draw, onkey }) {
    this.canvas = h("canvas", { role: "img", "aria-label": title, tabindex: "0" });
    this.blank = h("p", { class: "blank" }, empty);
    this.frame = h("div", { class: "frame" }, this.canvas, this.blank);
    const made = panel(`${wide ? "wide " : ""}${name}`, title, caption, this.frame);
    this.canvas.setAttribute("aria-describedby", made.help);
    this.element = made.element;
    this.heading = made.heading;
    this.note = made.note;
    this.tools = made.tools;
    this.draw = draw;
    this.size = [0, 0];
    this.ready = false;
    this.paint = eachFrame(() => this.paintNow());
    new ResizeObserver(this.paint).observe(this.frame);
    this.seen = true; // what is outside of the window is drawn when it comes into it
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.seen = isIntersecting;
      if (this.seen) this.paint();
    }, { rootMargin: "120px" }).observe(this.frame);
    document.addEventListener("theme", this.paint);
    this.setReady(false);
    if (onkey) {
      this.canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
        if (!event.ctrlKey && !event.metaKey && !event.altKey && onkey(event.key, event)) event.preventDefault();
      });
    }
  }

  /**
   * Shows the picture, or what stands in its place.
   * @param {boolean} ready
   */
  setReady(ready) {
    this.ready = ready;
    this.blank.hidden = ready;
    this.canvas.style.visibility = ready ? "" : "hidden";
  }

  /**
   * Changes the words of the picture for a screen reader.
   * @param {string} text
   */
  describe(text) {
    if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text);
  }

  paintNow() {
    if (!this.ready || !this.seen || !this.canvas.isConnected) return;
    const [width, height] = [this.frame.clientWidth, this.frame.clientHeight];
    if (width && height) this.draw(penOf(this.canvas, width, height), width, height);
  }
}
