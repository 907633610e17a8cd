// Windows of a signal, and the held-out part of series: target and prediction at the moment shown.

import { fill, h } from "../../web/dom.js";
import { mixed, momentOf } from "./easing.js";
import { SeriesPicture, around, legend, meanApart, meanSquare, stepOf } from "./plot.js";
import { framed } from "./picture.js";
import { t } from "./words.js";
import { quantity, short } from "../../web/numbers.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {Record<string, import("./api.js").NamedArray>} Arrays */

const SEEN = 200; // steps of a picture to which windows are added

/** The unit of a target, or nothing. @param {{details: any}} store @param {number} target @returns {string} */
function unitOf({ details: { shown, targets } }, target) {
  const of = targets.length === (shown.targets || []).length ? targets[target] : null;
  return of ? of.unit : "";
}

/** The name of a target, with its unit. @param {{details: any}} store @param {number} target */
export function nameOf(store, target) {
  const name = (store.details.shown.targets || [])[target] || "";
  const unit = unitOf(store, target);
  return unit && !name.includes(unit) ? `${name} (${unit})` : name;
}

/** The name of a baseline in the language of the page. @param {string} name @param {{ counted?: string, steps?: number }} baseline */
const spoken = (name, { counted, steps }) => (name === counted ? t("the value of {n} steps ago", { n: steps }) : t(name));

/** What times are: the column that has them, or a word. @param {{details: any}} store @returns {string} */
const clockOf = ({ details: { shown } }) => (shown.own_clock || !shown.clock ? shown.clock || "" : t(shown.clock));

/** Windows of a signal: added one after another, or all with the weights of the moment. */
export class Windows extends SeriesPicture {
  /** @param {Store} store */
  constructor(store) {
    const { appended } = store.details.shown;
    super(store, framed(store, "tracking"));
    this.output = 0;
    /** @type {number[]|null} */ this.range = null;
    this.ranged = -1; // the output that it is of
    this.appended = appended;
    this.picture.element.append(legend(false));
  }

  summary() {
    if (!this.plot) return "";
    const { series, stream } = this.store.details.shown;
    const which = [series, stream && t("stream {n} of {all}", { n: stream[0], all: stream[1] })];
    return [...which, t("mean squared error of what is shown: {error}", { error: short(meanSquare(this.plot)) })].filter(Boolean).join("; ");
  }

  update() {
    const { store } = this;
    const moment = momentOf(store, false);
    if (!moment || !moment.before.prediction) return;
    const { shape } = moment.before.prediction;
    const outputs = shape[shape.length - 1];
    if (outputs > 1 && !this.select) this.choices(outputs);
    const { fixed, details: { shown } } = store;
    const known = fixed.target ? [strided(fixed.target, this.output)] : [strided(moment.before.target, this.output)];
    if (!this.range || this.ranged !== this.output) [this.range, this.ranged] = [around(known, 0.3), this.output];
    const [low, high] = this.range;
    const rest = { low, high, most: (high - low) / 3.2, dates: Boolean(shown.dates), time: clockOf(store), name: nameOf(store, this.output) };
    if (this.appended) {
      const part = this.added(moment);
      if (part) this.plot = { ...rest, ...part };
    } else {
      const target = strided(moment.before.target, this.output);
      const prediction = strided({ data: /** @type {any} */ (mixed(moment, "prediction")), shape }, this.output);
      const times = timesOf(moment.before, target.length);
      this.plot = { ...rest, times, target, prediction, washed: washedOf(moment.before), from: times[0], to: times[times.length - 1], gap: 4 * stepOf(times) };
    }
    this.done();
  }

  /** @param {number} outputs */
  choices(outputs) {
    const names = this.store.details.shown.targets || [];
    this.select = h("select", { "aria-label": t("Target"), onchange: () => { this.output = Number(this.select.value); this.update(); } },
      Array.from({ length: outputs }, (_, o) => h("option", { value: o }, names[o] || t("target {n}", { n: o + 1 }))));
    this.picture.tools.append(this.select);
  }

  /**
   * The windows until the moment, as many as the picture shows, and those after it that have arrived.
   * @param {{after: Arrays, share: number}} moment
   */
  added({ after, share }) {
    const { store } = this;
    const place = /** @type {{before: number, after: number}} */ (store.around());
    const { snapshots } = store;
    const last = snapshots.indexOf(place.before);
    /** @type {Arrays[]} */
    const parts = [];
    let steps = 0;
    for (let at = last; at >= 0 && steps < SEEN; at -= 1) {
      const arrays = store.arrays(snapshots[at]);
      if (!arrays) break;
      if (!arrays.prediction) continue;
      parts.unshift(arrays);
      steps += strided(arrays.target, this.output).length;
    }
    const ahead = place.after !== place.before && share > 0 && after.prediction ? after : null;
    const coming = ahead ? strided(ahead.target, this.output).length * share : 0;
    if (ahead) parts.push(ahead);
    if (!parts.length) return null;
    /** @type {number[][]} */
    const [times, target, prediction] = [[], [], []];
    for (const arrays of parts) {
      const own = strided(arrays.target, this.output);
      const made = strided(arrays.prediction, this.output);
      const time = timesOf(arrays, own.length);
      const n = arrays === ahead ? Math.floor(coming) : own.length;
      for (let at = 0; at < n; at += 1) {
        times.push(time[at]);
        target.push(own[at]);
        prediction.push(made[at]);
      }
    }
    const apart = stepOf(times);
    const begin = snapshots.length && store.arrays(snapshots[0]);
    const start = begin && begin.time ? begin.time.data[0] : times[0];
    const to = Math.max(times[times.length - 1] + (coming % 1) * apart, start + SEEN * apart);
    const first = Math.max(times.findIndex((time) => time >= to - SEEN * apart), 0);
    return { times: times.slice(first), target: target.slice(first), prediction: prediction.slice(first), washed: parts.flatMap(washedOf), from: to - SEEN * apart, to, gap: 4 * apart };
  }
}

/**
 * One output of arrays (..., O), flat.
 * @param {import("./api.js").NamedArray} array
 * @param {number} output
 */
function strided({ data, shape }, output) {
  const n = shape[shape.length - 1];
  return Float64Array.from({ length: data.length / n }, (_, place) => data[place * n + output]);
}

/**
 * The times of n predictions of windows: of each step, or of the last of each window.
 * @param {Arrays} arrays
 * @param {number} n
 */
function timesOf({ time }, n) {
  if (!time || time.data.length < n) return Float64Array.from({ length: n }, (_, place) => place);
  const each = time.data.length / n;
  return Float64Array.from({ length: n }, (_, place) => time.data[(place + 1) * each - 1]);
}

/**
 * The times of the first steps of windows that are in no loss, from half a step before to half a step after.
 * @param {Arrays} arrays
 * @returns {[number, number][]}
 */
function washedOf({ time, first_counted: counted }) {
  if (!time || !counted) return [];
  const [K, T] = time.shape;
  const half = T > 1 ? (time.data[1] - time.data[0]) / 2 : 0.5;
  /** @type {[number, number][]} */
  const washed = [];
  for (let k = 0; k < K; k += 1) {
    if (counted.data[k]) washed.push([time.data[k * T] - half, time.data[k * T + counted.data[k] - 1] + half]);
  }
  return washed;
}

/** The held-out part of series, with what came before it. */
export class Held extends SeriesPicture {
  /** @param {Store} store */
  constructor(store) {
    super(store, framed(store, "held_out"));
    this.lane = this.target = 0;
    this.select = h("select", { "aria-label": t("Series"), onchange: () => { this.lane = Number(this.select.value); this.update(); } });
    this.picture.tools.append(this.select);
    this.seasonal = false; // what the baseline is
    this.keys = legend(true, spoken(this.store.details.baseline.drawn, this.store.details.baseline));
    this.picture.element.append(this.keys);
    /** @type {number[]|null} */ this.order = null; // of the rows that are drawn
    /** @type {Promise<import("./why.js").InputLamp>|null} */ this.lamp = null;
    this.why = h("button", { type: "button", onclick: () => this.ask() }, t("Why?"));
    this.picture.tools.append(this.why);
    this.picture.canvas.addEventListener("click", () => { if (!this.why.hidden) this.ask(); });
    this.named = "";
    this.keyed = false;
  }

  summary() {
    const { plot } = this;
    if (!plot) return "";
    if (!Array.prototype.some.call(plot.prediction, Number.isFinite)) return t("predicted at the end of the run, as the state goes through all that comes before");
    const written = (/** @type {ArrayLike<number>} */ prediction) => quantity(meanApart({ ...plot, prediction }), unitOf(this.store, this.target));
    const { baseline, answer } = this.store.details;
    const ahead = this.store.details.options.find((/** @type {any} */ each) => each.name === "horizon")?.value || 0;
    const words = ahead > 1 ? "off by ± {error} on average, {n} steps ahead; {baseline}: ± {other}" : "off by ± {error} on average; {baseline}: ± {other}";
    return t(words, { error: written(plot.prediction), n: ahead, baseline: spoken(this.seasonal ? baseline.seasonal : baseline.drawn, baseline), other: plot.baseline ? written(plot.baseline) : "–" })
      + (this.store.layer === "network" ? t("; by the network alone, all of its output added to the {beside}", { beside: t(answer.beside[0]) }) : "");
  }

  /** Asks what the prediction at the cursor, or the last one, rests on. */
  async ask() {
    if (!this.plot) return;
    const at = this.at === null ? this.plot.times.length - 1 : this.at;
    this.lamp = this.lamp || import("./why.js").then(({ InputLamp }) => {
      const lamp = new InputLamp(this.store, () => unitOf(this.store, this.target));
      this.element.after(lamp.element);
      return lamp;
    });
    await (await this.lamp).ask(this.lane, this.order ? this.order[at] : at);
  }

  /** @param {string} key */
  key(key) {
    if (key !== "Enter" || this.why.hidden) return super.key(key);
    this.ask();
    return true;
  }

  update() {
    const { store } = this;
    const ended = store.state.final && store.step >= store.newest;
    const final = ended ? store.last() : null;
    if (ended && !final) return;
    const own = final && final.held_target ? final : null;
    this.why.hidden = !own;
    const lanes = own || store.fixed;
    if (this.seasonal !== Boolean(own && own.held_seasonal)) {
      this.seasonal = !this.seasonal;
      const { baseline } = store.details;
      /** @type {HTMLElement} */ (this.keys.lastElementChild).textContent = spoken(this.seasonal ? baseline.seasonal : baseline.drawn, baseline);
    }
    const moment = momentOf(store, false);
    const [D, W] = lanes.held_target.shape;
    this.lane = Math.min(this.lane, D - 1);
    const row = (/** @type {any} */ array) => (array ? Float64Array.from(array.data.subarray(this.lane * array.shape[1], (this.lane + 1) * array.shape[1])) : null);
    this.names(lanes, D);
    this.target = lanes.held_of ? lanes.held_of.data[2 * this.lane + 1] : 0;
    const target = /** @type {Float64Array} */ (row(lanes.held_target));
    let n = W;
    while (n > 1 && !Number.isFinite(target[n - 1])) n -= 1;
    const made = own ? row(own.held_prediction)
      : moment && moment.before.held_prediction ? mixed(moment, "held_prediction", this.lane * W, W) : null;
    const prediction = made || new Float64Array(W).fill(NaN);
    const baseline = row(lanes.held_baseline) || undefined;
    const ends = ["held_low", "held_high"].map((name) => (own ? row(own[name])
      : moment && moment.before[name] ? mixed(moment, name, this.lane * W, W) : null));
    const members = lanes.held_time && ends[0] && ends[1] ? [ends[0], ends[1]].map((end) => end.subarray(0, n)) : undefined;
    if (members && !this.keyed) {
      this.keyed = true;
      this.picture.element.append(h("p", { class: "keys" }, h("span", { class: "key members" }, t("lowest and highest of the members alone"))));
    }
    const past = lanes.past_time ? { times: /** @type {Float64Array} */ (row(lanes.past_time)), target: /** @type {Float64Array} */ (row(lanes.past_target)) } : undefined;
    let square = 0;
    for (let place = 0; place < n; place += 1) square += baseline ? (baseline[place] - target[place]) ** 2 / n : 0;
    const sides = around([target, past ? past.target : [], baseline || []]);
    const room = Math.max(0.6 * Math.sqrt(square) - 0.08 * (sides[1] - sides[0]), 0); // of a target that does not move
    const [low, high] = [sides[0] - room, sides[1] + room];
    const rest = { low, high, name: nameOf(store, this.target), most: Math.min(Math.max(3 * Math.sqrt(square), 0.05 * (high - low)), high - low) };
    this.order = null;
    if (lanes.held_time) {
      const times = /** @type {Float64Array} */ (row(lanes.held_time)).subarray(0, n);
      const before = past ? past.times.find(Number.isFinite) : undefined;
      const apart = stepOf(times);
      this.plot = {
        ...rest, times, target: target.subarray(0, n), prediction: prediction.subarray(0, n), baseline, members, past,
        from: before === undefined ? times[0] : Math.min(before, times[0]), to: times[n - 1], border: times[0] - apart / 2, gap: 4 * apart,
        dates: Boolean(store.details.shown.dates), time: clockOf(store),
      };
    } else { // rows with one target each, sorted by it
      const order = Array.from({ length: n }, (_, place) => place).sort((a, b) => target[a] - target[b]);
      this.order = order;
      const sorted = (/** @type {Float64Array} */ values) => Float64Array.from(order, (place) => values[place]);
      this.plot = {
        ...rest, times: Float64Array.from(order, (_, place) => place), target: sorted(target), prediction: sorted(prediction),
        baseline: baseline && sorted(baseline), from: -0.5, to: n - 0.5, gap: Infinity, dates: false, time: "", dots: true,
      };
    }
    this.done();
  }

  /** @param {Arrays} lanes @param {number} D */
  names({ held_name, held_of }, D) {
    const { targets } = this.store.details.shown;
    const names = Array.from({ length: D }, (_, lane) => {
      const letters = Array.from(/** @type {any} */ (held_name).data.subarray(lane * 40, (lane + 1) * 40)).filter(Boolean);
      const target = targets && targets.length > 1 ? targets[/** @type {any} */ (held_of).data[2 * lane + 1]] : "";
      return [String.fromCodePoint(.../** @type {number[]} */ (letters)), target].filter(Boolean).join(", ") || t("series {n}", { n: lane + 1 });
    });
    const key = names.join("\n");
    if (this.named === key) return;
    this.named = key;
    this.select.hidden = D < 2;
    fill(this.select, names.map((name, lane) => h("option", { value: lane }, name)));
    this.select.value = String(this.lane);
  }
}
