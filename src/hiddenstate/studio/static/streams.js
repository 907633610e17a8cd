// The state of each stream that a regression reads side by side, at the moment shown.

import { h, say } from "../../web/dom.js";
import { Moving, mixed, momentOf } from "./easing.js";
import { LINES, Picture, framed, moved } from "./picture.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { heat } from "../../web/heat.js";
import { short, strongest } from "../../web/numbers.js";
import { label } from "../../web/pen.js";

const [TOP, BOTTOM, RIGHT, LINE] = [2, 20, 8, 15];

/** The picture of all streams; nothing for a run with one. */
export class Streams {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./states.js").States} states whose order of units it has
   */
  constructor(store, states) {
    this.store = store;
    this.states = states;
    /** @type {number[]} */ this.numbers = [];
    /** @type {number[]} */ this.read = [];
    this.units = 0;
    this.at = 0; // the stream that is looked at
    this.element = h("div", { hidden: true }); // until there is a picture
    /** @type {Picture|null} */ this.picture = null;
    this.moving = new Moving(() => { if (this.picture) this.picture.paint(); });
  }

  /** @param {number} number */
  name(number) { return (this.store.details.shown.stream_names || [])[number - 1] || String(number); }

  build() {
    const picture = (this.picture = new Picture({
      ...framed(this.store, "streams"),
      name: "units", draw: (pen, width, height) => this.draw(pen, width, height), onkey: (key) => this.key(key),
    }));
    this.element.replaceWith(picture.element);
    picture.setReady(true);
  }

  /** @param {string} key */
  key(key) {
    const at = moved(key, this.at, this.numbers.length, { ...LINES, ArrowLeft: 0, ArrowRight: 0 });
    if (at === null) return false;
    this.at = at;
    say(t("stream {name}: {n} windows read, largest unit {value}", { name: this.name(this.numbers[this.at]), n: this.read[this.at], value: short(strongest(this.moving.get("state") || [], this.at, this.units)) }));
    return true;
  }

  update() {
    const moment = momentOf(this.store, false);
    if (!moment || !moment.before.stream_state) return;
    const { before, step } = moment;
    if (!this.picture) this.build();
    const numbers = Array.from(before.stream.data).filter((number) => number > 0);
    const same = numbers.length === this.numbers.length && numbers.every((number, place) => number === this.numbers[place]);
    this.numbers = numbers;
    this.read = Array.from(before.stream_read.data);
    this.units = before.stream_state.shape[1];
    const after = moment.after.stream;
    const stays = after && numbers.every((number, place) => number === after.data[place]);
    const states = mixed(stays ? moment : { ...moment, share: 0 }, "stream_state", 0, numbers.length * this.units);
    this.moving.set("state", /** @type {Float64Array} */ (states), !same);
    const words = t("{n} of {all} streams after update {step}; the arrow keys read them.", { n: numbers.length, all: this.store.details.shown.stream[1], step });
    /** @type {Picture} */ (this.picture).describe(words);
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  draw(pen, width, height) {
    const states = this.moving.get("state");
    if (!states) return;
    const { numbers, read, units, states: { order } } = this;
    const n = numbers.length;
    pen.font = "12px system-ui, sans-serif";
    const names = numbers.map((number) => { const name = this.name(number); return name.length > 16 ? `${name.slice(0, 15)}…` : name; });
    const left = 12 + names.reduce((most, name) => Math.max(most, pen.measureText(name).width), 0);
    const [tall, latest] = [(height - TOP - BOTTOM) / n, Math.max(...read.slice(0, n))];
    const most = states.reduce((far, value) => Math.max(far, Math.abs(value) || 0), 1);
    heat(pen, [left, TOP, width - left - RIGHT, height - TOP - BOTTOM], n, units, (line, unit) => (
      (states[line * units + (order.length === units ? order[unit] : unit)] / most) * (read[line] < latest ? 0.35 : 1)));
    const drawn = numbers.indexOf(this.store.details.shown.stream[0]);
    const every = Math.max(1, Math.ceil(LINE / tall));
    for (let line = 0; line < n; line += 1) {
      const marked = line === drawn;
      if (!marked && (line % every || (drawn >= 0 && Math.abs(line - drawn) < every))) continue;
      label(pen, names[line], left - 6, TOP + (line + 0.5) * tall, colorOf(marked ? "ink" : "muted"), "right");
    }
    pen.strokeStyle = colorOf("ink");
    pen.lineWidth = 1;
    if (drawn >= 0) pen.strokeRect(left, TOP + drawn * tall, width - left - RIGHT, tall);
    label(pen, t("units: {n}", { n: units }), (left + width - RIGHT) / 2, height - 9, colorOf("muted"), "center");
  }
}
