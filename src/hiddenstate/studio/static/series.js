// Target and prediction over time, with the error below on the same axis.

import { ticks } from "./curves.js";
import { fill, h, say, short, color } from "./dom.js";
import { mixed } from "./moving.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {Record<string, import("./api.js").NamedArray>} Arrays */

const [LEFT, RIGHT, BOTTOM, BETWEEN] = [50, 10, 24, 26];
const SEEN = 200; // steps of a picture to which windows are added
const FONT = "12px system-ui, sans-serif";
const DAY = 86400;

/**
 * The snapshots around the moment that is shown, without the arrays of the end.
 * @param {Store} store
 * @returns {{before: Arrays, after: Arrays, share: number, step: number}|null}
 */
export function snapshotsAround(store) {
  const place = store.around();
  if (!place) return null;
  const after = store.arrays(place.after);
  const before = place.before === place.after ? after : store.arrays(place.before);
  const known = before || after;
  return known ? { before: known, after: after || known, share: before && after ? place.share : 0, step: place.before } : null;
}

/**
 * Returns round times between two ends, with their names.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 * @param {boolean} dates whether they are seconds since 1970
 * @returns {[number, string][]}
 */
export function timeTicks(from, to, count, dates) {
  if (!dates) return ticks(from, to, count).map((value) => [value, Number(value.toPrecision(6)).toLocaleString("en")]);
  const rough = (to - from) / count;
  const name = (/** @type {number} */ at, /** @type {number} */ first, /** @type {number} */ last) => new Date(1000 * at).toISOString().slice(first, last).replace("T", " ");
  const step = [60, 300, 900, 3600, 3 * 3600, 6 * 3600, 12 * 3600, DAY, 2 * DAY, 7 * DAY].find((each) => each >= rough);
  /** @type {[number, string][]} */
  const found = [];
  if (step) {
    const first = step === 7 * DAY ? Math.ceil((from - 4 * DAY) / step) * step + 4 * DAY : Math.ceil(from / step) * step;
    for (let at = first; at <= to; at += step) found.push([at, step < DAY ? name(at, to - from > DAY ? 5 : 11, 16) : name(at, 5, 10)]);
    return found;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120, 600].find((each) => each * 30.4 * DAY >= rough) || 1200;
  const begin = new Date(1000 * from);
  for (let month = begin.getUTCFullYear() * 12 + begin.getUTCMonth(); found.length < 50; month += 1) {
    const at = Date.UTC(Math.floor(month / 12), month % 12) / 1000;
    if (at > to) break;
    if (at >= from && month % months === 0) found.push([at, name(at, 0, months < 12 ? 7 : 4)]);
  }
  return found;
}

/**
 * What is drawn: numbers over times, NaN where there is none; `low`, `high` and `most` (of the error)
 * stay the same over the run.
 * @typedef {object} Plot
 * @property {number} from
 * @property {number} to
 * @property {number} low
 * @property {number} high
 * @property {number} most
 * @property {boolean} dates
 * @property {string} time what the axis counts
 * @property {number} gap times that are further apart are not joined
 * @property {ArrayLike<number>} times
 * @property {ArrayLike<number>} target
 * @property {ArrayLike<number>} prediction
 * @property {ArrayLike<number>} [baseline]
 * @property {{times: ArrayLike<number>, target: ArrayLike<number>}} [past]
 * @property {number} [border] what is later is held out
 * @property {boolean} [dots] whether predictions are points
 * @property {number[]} [borders] where windows begin
 */

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} width
 * @param {number} height
 * @param {Plot} plot
 * @param {number|null} at the time that is looked at
 */
export function drawPlot(pen, width, height, plot, at) {
  const { from, to, low, high, most, times, target, prediction } = plot;
  const free = height - BOTTOM - BETWEEN - 6;
  const [tall, deep] = [0.7 * free, 0.3 * free];
  const top = 6 + tall + BETWEEN;
  const x = (/** @type {number} */ time) => LEFT + ((time - from) / (to - from || 1)) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => 6 + (1 - (value - low) / (high - low || 1)) * tall;
  const e = (/** @type {number} */ value) => top + (1 - value / most) * 0.5 * deep;
  const [faint, muted, red, blue] = ["--faint", "--muted", "--target", "--prediction"].map(color);
  pen.font = FONT;
  pen.lineJoin = "round";
  pen.textBaseline = "middle";
  if (plot.border !== undefined && plot.border < to) {
    const edge = Math.max(x(plot.border), LEFT);
    pen.fillStyle = faint;
    pen.globalAlpha = 0.45;
    pen.fillRect(edge, 6, width - RIGHT - edge, tall);
    pen.fillRect(edge, top, width - RIGHT - edge, deep);
    pen.globalAlpha = 1;
    if (edge > LEFT + 2) stroke(pen, [[edge, 6], [edge, top + deep]], muted, 1, [3, 3]);
    pen.fillStyle = muted;
    pen.textAlign = "left";
    pen.fillText(t("held out"), edge + 6, 15);
  }
  pen.textAlign = "right";
  for (const mark of ticks(low, high, Math.max(2, Math.round(tall / 50)))) {
    stroke(pen, [[LEFT, y(mark)], [width - RIGHT, y(mark)]], faint, 1);
    pen.fillStyle = muted;
    pen.fillText(short(mark), LEFT - 6, y(mark));
  }
  for (const mark of [-most, 0, most]) {
    stroke(pen, [[LEFT, e(mark)], [width - RIGHT, e(mark)]], mark ? faint : muted, mark ? 1 : 0.7);
    pen.fillStyle = muted;
    pen.fillText(mark ? short(Number(mark.toPrecision(2))) : "0", LEFT - 6, e(mark));
  }
  pen.textAlign = "left";
  pen.fillText(t("prediction − target"), LEFT, top - 9);
  pen.textAlign = "center";
  for (const [time, name] of timeTicks(from, to, Math.max(2, Math.floor(width / 110)), plot.dates)) {
    const half = pen.measureText(name).width / 2;
    pen.fillText(name, Math.min(Math.max(x(time), LEFT + half - 8), width - half - 2), height - BOTTOM / 2 + 3);
  }
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 4, width - LEFT - RIGHT, height - BOTTOM - 2);
  pen.clip();
  for (const time of plot.borders || []) if (time > from) stroke(pen, [[x(time), 6], [x(time), 6 + tall]], faint, 1);
  /** @param {ArrayLike<number>} over @param {(place: number) => number} value @param {(value: number) => number} high_ */
  const line = (over, value, high_) => {
    /** @type {[number, number][]} */
    const points = [];
    for (let place = 0; place < over.length; place += 1) {
      if (place && over[place] - over[place - 1] > plot.gap) points.push([NaN, NaN]);
      points.push([x(over[place]), high_(value(place))]);
    }
    return points;
  };
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 4, width - LEFT - RIGHT, tall + 4);
  pen.clip();
  if (plot.past) stroke(pen, line(plot.past.times, (place) => /** @type {any} */ (plot.past).target[place], y), red, 1.6, [], 0.55);
  const { baseline } = plot;
  if (baseline) stroke(pen, line(times, (place) => baseline[place], y), muted, 1.2, [4, 3]);
  stroke(pen, line(times, (place) => target[place], y), red, 2.6);
  if (plot.dots) {
    pen.fillStyle = blue;
    for (let place = 0; place < times.length; place += 1) {
      if (!Number.isFinite(prediction[place])) continue;
      pen.beginPath();
      pen.arc(x(times[place]), Math.min(Math.max(y(prediction[place]), 8), 4 + tall), 2.4, 0, 7);
      pen.fill();
    }
  } else stroke(pen, line(times, (place) => Math.min(Math.max(prediction[place], low - 1), high + 1), y), blue, 1.7);
  pen.restore();
  pen.beginPath();
  pen.rect(LEFT, top, width - LEFT - RIGHT, deep);
  pen.clip();
  const wrong = color("--wrong");
  if (baseline) stroke(pen, line(times, (place) => baseline[place] - target[place], e), muted, 1, [3, 3]);
  if (plot.dots) {
    for (let place = 0; place < times.length; place += 1) stroke(pen, [[x(times[place]), e(0)], [x(times[place]), e(prediction[place] - target[place])]], wrong, 1.5, [], 0.7);
  } else stroke(pen, line(times, (place) => prediction[place] - target[place], e), wrong, 1.5);
  pen.restore();
  if (at !== null && at >= from && at <= to) stroke(pen, [[x(at), 6], [x(at), top + deep]], color("--ink"), 1, [], 0.5);
}

/**
 * Draws a line through points, which lifts at what is not a number.
 * @param {CanvasRenderingContext2D} pen
 * @param {number[][]} points
 * @param {string} paint
 * @param {number} width
 * @param {number[]} [dash]
 */
export function stroke(pen, points, paint, width, dash = [], alpha = 1) {
  pen.strokeStyle = paint;
  pen.lineWidth = width;
  pen.globalAlpha = alpha;
  pen.setLineDash(dash);
  pen.beginPath();
  let down = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/** @param {boolean} baseline @returns {HTMLElement} */
export function legend(baseline, name = "") {
  return h("p", { class: "keys" }, h("span", { class: "key target" }, t("target")), h("span", { class: "key prediction" }, t("prediction")),
    baseline && h("span", { class: "key baseline" }, name));
}

/** The lowest and the highest of some numbers, with room around them. @param {ArrayLike<number>[]} lists */
function around(lists, room = 0.08) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) {
    for (let place = 0; place < list.length; place += 1) {
      if (list[place] < low) low = list[place];
      if (list[place] > high) high = list[place];
    }
  }
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [-1, 1];
  return [low - room * (high - low), high + room * (high - low)];
}

/** The typical distance of times. @param {ArrayLike<number>} times */
function stepOf(times) {
  const apart = [];
  for (let place = 1; place < times.length; place += 1) if (times[place] > times[place - 1]) apart.push(times[place] - times[place - 1]);
  return apart.sort((a, b) => a - b)[apart.length >> 1] || 1;
}

/** A picture of a plot, with a cursor. */
class SeriesPicture {
  /**
   * @param {Store} store
   * @param {{title: string, caption: string, empty: string}} words
   */
  constructor(store, words) {
    this.store = store;
    /** @type {Plot|null} */ this.plot = null;
    /** @type {number|null} */ this.at = null;
    this.picture = new Picture({
      ...words, name: "wide series", onkey: (key) => this.key(key),
      draw: (pen, width, height) => { if (this.plot) drawPlot(pen, width, height, this.plot, this.at === null ? null : this.plot.times[this.at]); },
    });
    const { canvas } = this.picture;
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (!this.plot || !this.plot.times.length) return;
      const { from, to, times } = this.plot;
      const time = from + ((event.offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT)) * (to - from);
      let best = 0;
      for (let place = 1; place < times.length; place += 1) if (Math.abs(times[place] - time) < Math.abs(times[best] - time)) best = place;
      this.look(best);
    });
    for (const name of ["pointerleave", "blur"]) canvas.addEventListener(name, () => this.look(null));
  }

  /** @param {number|null} at */
  look(at) {
    this.at = at;
    this.picture.note.textContent = this.words();
    this.picture.paint();
  }

  /** @param {string} key */
  key(key) {
    const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 });
    if (!this.plot || !(key in moves)) return false;
    const n = this.plot.times.length;
    this.look(Math.min(Math.max((this.at === null ? n - 1 : this.at) + moves[key], 0), n - 1));
    say(this.picture.note.textContent || "");
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
    this.picture.describe(`${this.picture.heading.textContent}. ${text}`);
    this.picture.paint();
  }
}

/** @param {Plot} plot */
function meanSquare({ target, prediction }) {
  let [sum, count] = [0, 0];
  for (let place = 0; place < target.length; place += 1) {
    const apart = prediction[place] - target[place];
    if (!Number.isFinite(apart)) continue;
    sum += apart * apart;
    count += 1;
  }
  return count ? sum / count : NaN;
}

/** Windows of a signal: added one after another, or all with the weights of the moment. */
export class Windows extends SeriesPicture {
  /** @param {Store} store */
  constructor(store) {
    const { appended } = store.details.shown;
    super(store, {
      title: appended ? t("Each window is predicted before it learns from it") : t("What it makes of training windows"),
      caption: appended ? t("Windows arrive one after another, as they do in training: the net predicts each, and then learns from it. The error below has the same time axis; its scale stays the same over the run.")
        : t("The same windows at each moment, predicted with the weights of then."),
      empty: t("The first windows arrive in a moment."),
    });
    this.output = 0;
    /** @type {number[]|null} */ this.range = null;
    this.ranged = -1; // the output that it is of
    this.appended = appended;
    this.picture.element.append(legend(false));
  }

  summary() { return this.plot ? t("mean squared error of what is shown: {error}", { error: short(meanSquare(this.plot)) }) : ""; }

  update() {
    const { store } = this;
    const moment = snapshotsAround(store);
    if (!moment || !moment.before.prediction) return;
    const { shape } = moment.before.prediction;
    const outputs = shape[shape.length - 1];
    if (outputs > 1 && !this.select) this.choices(outputs);
    const { fixed, details: { shown } } = store;
    const known = fixed.target ? [strided(fixed.target, this.output)] : [strided(moment.before.target, this.output)];
    if (!this.range || this.ranged !== this.output) [this.range, this.ranged] = [around(known, 0.3), this.output];
    const [low, high] = this.range;
    const rest = { low, high, most: (high - low) / 3.2, dates: Boolean(shown.dates), time: shown.time_unit || "" };
    if (this.appended) {
      const part = this.added(moment);
      if (part) this.plot = { ...rest, ...part };
    } else {
      const target = strided(moment.before.target, this.output);
      const prediction = strided({ data: /** @type {any} */ (mixed(moment, "prediction")), shape }, this.output);
      const times = timesOf(moment.before, target.length);
      this.plot = { ...rest, times, target, prediction, from: times[0], to: times[times.length - 1], gap: 4 * stepOf(times) };
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
    return { times: times.slice(first), target: target.slice(first), prediction: prediction.slice(first), from: to - SEEN * apart, to, gap: 4 * apart };
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

/** The held-out part of series, with what came before it. */
export class Held extends SeriesPicture {
  /** @param {Store} store */
  constructor(store) {
    super(store, {
      title: t("The part that it never learns from"),
      caption: t("Left of the border is the end of what it learns from, right of it the held-out part: the target, the prediction with the weights of the moment, and, dashed, what is predicted without a network. The error below has the same axis."),
      empty: t("The held-out part appears with the first snapshot."),
    });
    this.lane = 0;
    this.select = h("select", { "aria-label": t("Series"), onchange: () => { this.lane = Number(this.select.value); this.update(); } });
    this.picture.tools.append(this.select);
    this.picture.element.append(legend(true, this.store.details.baseline.short));
    this.named = "";
  }

  summary() {
    const { plot } = this;
    if (!plot) return "";
    if (!Array.prototype.some.call(plot.prediction, Number.isFinite)) return t("predicted at the end of the run, as the state goes through all that comes before");
    const other = plot.baseline ? meanSquare({ ...plot, prediction: plot.baseline }) : NaN;
    return t("mean squared error {error}; without a network {other}", { error: short(meanSquare(plot)), other: short(other) });
  }

  update() {
    const { store } = this;
    const ended = store.state.final && store.step >= store.newest;
    const final = ended ? store.arrays("final") : null;
    if (ended && !final) return;
    const own = final && final.held_target ? final : null;
    const lanes = own || store.fixed;
    const moment = snapshotsAround(store);
    const [D, W] = lanes.held_target.shape;
    this.lane = Math.min(this.lane, D - 1);
    const row = (/** @type {any} */ array) => (array ? Float64Array.from(array.data.subarray(this.lane * array.shape[1], (this.lane + 1) * array.shape[1])) : null);
    this.names(lanes, D);
    const target = /** @type {Float64Array} */ (row(lanes.held_target));
    let n = W;
    while (n > 1 && !Number.isFinite(target[n - 1])) n -= 1;
    const made = own ? row(own.held_prediction)
      : moment && moment.before.held_prediction ? mixed(moment, "held_prediction", this.lane * W, W) : null;
    const prediction = made || new Float64Array(W).fill(NaN);
    const baseline = row(lanes.held_baseline) || undefined;
    const past = lanes.past_time ? { times: /** @type {Float64Array} */ (row(lanes.past_time)), target: /** @type {Float64Array} */ (row(lanes.past_target)) } : undefined;
    let square = 0;
    for (let place = 0; place < n; place += 1) square += baseline ? (baseline[place] - target[place]) ** 2 / n : 0;
    const ends = around([target, past ? past.target : [], baseline || []]);
    const room = Math.max(0.6 * Math.sqrt(square) - 0.08 * (ends[1] - ends[0]), 0); // of a target that does not move
    const [low, high] = [ends[0] - room, ends[1] + room];
    const rest = { low, high, most: Math.min(Math.max(3 * Math.sqrt(square), 0.05 * (high - low)), high - low) };
    if (lanes.held_time) {
      const times = /** @type {Float64Array} */ (row(lanes.held_time)).subarray(0, n);
      const before = past ? past.times.find(Number.isFinite) : undefined;
      const apart = stepOf(times);
      this.plot = {
        ...rest, times, target: target.subarray(0, n), prediction: prediction.subarray(0, n), baseline, past,
        from: before === undefined ? times[0] : Math.min(before, times[0]), to: times[n - 1], border: times[0] - apart / 2, gap: 4 * apart,
        dates: Boolean(store.details.shown.dates), time: "",
      };
    } else { // rows with one target each, sorted by it
      const order = Array.from({ length: n }, (_, place) => place).sort((a, b) => target[a] - target[b]);
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
