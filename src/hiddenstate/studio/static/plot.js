// Pictures of target and prediction over time.

import { nearestTo, linked, placeOf } from "./crosshair.js";
import { h } from "../../web/dom.js";
import { Picture, moved } from "./picture.js";
import { t } from "./words.js";
import { extentOf, short } from "../../web/numbers.js";
import { RIGHT, drawPlot } from "../../web/series_plot.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("../../web/series_plot.js").Plot} Plot */

const DAY = 86400;

/** @param {boolean} baseline @returns {HTMLElement} */
export function legend(baseline, name = "") {
  return h("p", { class: "keys" }, h("span", { class: "key target" }, t("target")), h("span", { class: "key prediction" }, t("prediction")),
    baseline && h("span", { class: "key baseline" }, name));
}

/** The lowest and the highest of some numbers, with room around them. @param {ArrayLike<number>[]} lists */
export function around(lists, room = 0.08) {
  const [low, high] = extentOf(lists.flatMap((list) => Array.from(list)));
  return [low - room * (high - low), high + room * (high - low)];
}

/** The typical distance of times. @param {ArrayLike<number>} times */
export function stepOf(times) {
  const apart = [];
  for (let place = 1; place < times.length; place += 1) if (times[place] > times[place - 1]) apart.push(times[place] - times[place - 1]);
  return apart.sort((a, b) => a - b)[apart.length >> 1] || 1;
}

/** A picture of a plot, with a cursor. */
export class SeriesPicture {
  /**
   * @param {Store} store
   * @param {ReturnType<typeof import("./picture.js").framed>} words
   */
  constructor(store, words) {
    this.store = store;
    /** @type {Plot|null} */ this.plot = null;
    /** @type {number|null} */ this.at = null;
    this.left = 0; // where the axis of time begins
    this.picture = new Picture({
      ...words, name: "series", onkey: (key) => this.key(key),
      draw: (pen, width, height) => { if (this.plot) this.left = drawPlot(pen, width, height, this.plot, this.at === null ? null : this.plot.times[this.at], { held: t("held out"), washout: t("washout"), error: t("prediction − target") }); },
    });
    const { canvas } = this.picture;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!this.plot || !this.plot.times.length) return;
      const { from, to, times } = this.plot;
      const time = from + ((event.offsetX - this.left) / (canvas.clientWidth - this.left - RIGHT)) * (to - from);
      const place = nearestTo(times, time);
      this.look(place);
      this.point(times[place]);
    });
    for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => { this.look(null); this.point(null); });
    this.point = linked(store, (time) => (this.plot ? this.look(placeOf(this.plot.times, time)) : ""));
  }

  get element() { return this.picture.element; }

  /** @param {number|null} at */
  look(at) {
    this.at = at;
    const words = this.words();
    this.picture.note.textContent = words;
    this.picture.paint();
    return at === null ? "" : `${this.picture.heading.textContent}: ${words}`;
  }

  /** @param {string} key */
  key(key) {
    const n = this.plot ? this.plot.times.length : 0;
    const at = moved(key, this.at === null ? n - 1 : this.at, n);
    if (at === null || !this.plot) return false;
    this.point(this.plot.times[at], this.look(at));
    return true;
  }

  words() {
    const { plot, at } = this;
    if (!plot || at === null || at >= plot.times.length) return this.summary();
    const time = plot.dates ? new Date(1000 * plot.times[at]).toISOString().slice(0, plot.gap < 40 * DAY && plot.gap > 4 * 3600 * 24 - 1 ? 10 : 16).replace("T", " ") : short(Number(plot.times[at].toPrecision(6)));
    return t("{time}: target {target}, prediction {prediction}", { time, target: short(plot.target[at]), prediction: short(plot.prediction[at]) });
  }

  summary() { return ""; }

  done() {
    this.picture.setReady(this.plot !== null && this.plot.times.length > 0);
    const text = this.words();
    if (this.picture.note.textContent !== text) this.picture.note.textContent = text;
    this.picture.describe([this.picture.heading.textContent, this.plot && this.plot.name, text].filter(Boolean).join(". "));
    this.picture.paint();
  }
}

/** The mean of a power of the distances of predictions from targets. @param {Pick<Plot, "target" | "prediction">} plot @param {number} power */
function meanOf({ target, prediction }, power) {
  let [sum, count] = [0, 0];
  for (let place = 0; place < target.length; place += 1) {
    const apart = prediction[place] - target[place];
    if (!Number.isFinite(apart)) continue;
    sum += Math.abs(apart) ** power;
    count += 1;
  }
  return count ? sum / count : NaN;
}

/** @param {Pick<Plot, "target" | "prediction">} plot */
export const meanSquare = (plot) => meanOf(plot, 2);

/** @param {Pick<Plot, "target" | "prediction">} plot */
export const meanApart = (plot) => meanOf(plot, 1);
