// Learning curves: the loss, and the score beside its baseline, with the moment that is shown.

import { say } from "../../web/dom.js";
import { nearestTo } from "./crosshair.js";
import { Picture, framed, moved } from "./picture.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { below, marginOf, rules, ticks, written } from "../../web/axes.js";
import { clamp, percent, short } from "../../web/numbers.js";
import { label, line, spot } from "../../web/pen.js";

const LEFT = 46;
const BOTTOM = 22;
const TOP = 10;
/** The least part of an axis of shares that is drawn: less is within the interval of most scores. */
const LEAST = 0.05;

/** @typedef {{name: string, color: string, width: number, points: [number, number][], dash?: number[]}} Curve */

/**
 * Draws curves over updates, on axes from 0 to `end`; returns where an update and a value are.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} width
 * @param {number} height
 * @param {{curves: Curve[], end: number, at: number|null, log?: boolean, share?: boolean, level?: {value: number, name: string}|null, low?: number}} what
 */
export function drawCurves(pen, width, height, { curves, end, at, log = false, share = false, level = null }) {
  const values = curves.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  if (level) values.push(level.value);
  if (!values.length) return null;
  let [low, high] = [values[0], values[0]];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const logs = log && low > 0;
  if (!logs && !share) low = Math.min(low, 0);
  if (share) high = Math.min(1, high + 0.05 * (high - low || 0.1));
  if (share) low = Math.max(0, low - 0.08 * (high - low || 0.1));
  if (share && high - low < LEAST) {
    low = clamp((low + high - LEAST) / 2, 0, 1 - LEAST);
    high = low + LEAST;
  }
  if (high === low) high = low + 1;
  const scale = logs ? Math.log10 : (/** @type {number} */ value) => value;
  const [from, to] = [scale(low), scale(high)];
  pen.font = "12px system-ui, sans-serif";
  const marks = logs
    ? ticks(from, to, 3).map((mark) => 10 ** mark)
    : ticks(low, high, Math.max(2, Math.min(5, Math.round(height / 60))));
  const texts = marks.map((mark) => (share ? `${Number((100 * mark).toPrecision(3))}%` : written(Number(mark.toPrecision(2)))));
  const left = marginOf(pen, texts, LEFT);
  const x = (/** @type {number} */ step) => left + (step / end) * (width - left - 10);
  const y = (/** @type {number} */ value) => TOP + (1 - (scale(value) - from) / (to - from || 1)) * (height - TOP - BOTTOM);
  pen.lineJoin = "round";
  rules(pen, [left, width - 10], marks.map((mark, place) => [y(mark), texts[place]]));
  below(pen, [left - 8, width - 2], height - BOTTOM / 2 + 2, ticks(0, end, Math.max(2, Math.round(width / 120))).map((mark) => [x(mark), mark.toLocaleString("en")]));
  if (level) {
    line(pen, [[left, y(level.value)], [width - 10, y(level.value)]], colorOf("muted"), 1, [4, 4]);
    const above = y(level.value) > TOP + 18;
    label(pen, level.name, width - 12, y(level.value) + (above ? -8 : 9), colorOf("muted"), "right");
  }
  for (const { points, color: stroke, width: thick, dash = [] } of curves) {
    line(pen, thinned(points, width).map(([step, value]) => [x(step), logs && value <= 0 ? NaN : y(value)]), stroke, thick, dash);
    if (points.length === 1 || at !== null) {
      const dot = nearest(points, at === null ? end : at);
      if (dot && Number.isFinite(dot[1]) && (!logs || dot[1] > 0)) {
        spot(pen, x(dot[0]), y(dot[1]), 3.5, stroke);
      }
    }
  }
  if (at !== null && at < end) {
    line(pen, [[x(at), TOP], [x(at), height - BOTTOM]], colorOf("ink"), 1, [], 0.35);
  }
  return { x, y };
}

/**
 * Of many points the lowest and the highest of each pixel.
 * @param {[number, number][]} points
 * @param {number} width
 */
function thinned(points, width) {
  const most = 2 * Math.max(Math.round(width), 50);
  if (points.length <= most) return points;
  const each = Math.ceil((2 * points.length) / most);
  const kept = [];
  for (let first = 0; first < points.length; first += each) {
    let [low, high] = [first, first];
    const last = Math.min(first + each, points.length);
    for (let place = first; place < last; place += 1) {
      if (points[place][1] < points[low][1]) low = place;
      if (points[place][1] > points[high][1]) high = place;
    }
    kept.push(points[Math.min(low, high)]);
    if (low !== high) kept.push(points[Math.max(low, high)]);
  }
  return kept;
}

/**
 * The last point until a step.
 * @param {[number, number][]} points
 * @param {number} step
 */
function nearest(points, step) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= step) low = middle + 1;
    else high = middle;
  }
  return low ? points[low - 1] : null;
}

/**
 * Makes the pictures of the loss and of the score of a run.
 * @param {import("./store.js").Store} store
 */
export function learningCurves(store) {
  const loss = curve(framed(store, "learning"), () => ({
    curves: [...pairOf("mean_loss", "prediction", lossPoints), ...(validPoints.length ? pairOf("valid_loss", "valid", validPoints) : [])], log: true,
  }));
  const { answers } = store.details, hasClasses = answers === "classes";
  const key = hasClasses ? "test_accuracy" : "test_mse";
  const score = curve({
    title: hasClasses ? t("How many test rows are right") : t("The error on test rows"),
    caption: t("Measured while it trains, on rows that it never learns from. The dashed line is what is reached without a network."),
    empty: t("Test rows are looked at while it trains if the option --n-evaluated is not 0."),
  }, () => ({ curves: pairOf(key, "prediction", scorePoints), share: hasClasses, log: !hasClasses, level: baseline() }));
  /** @type {[number, number][]} */ let lossPoints = [];
  /** @type {[number, number][]} */ let validPoints = [];
  /** @type {[number, number][]} */ let scorePoints = [];
  let read = 0;
  /** @type {number|null} */ let over = null; // the update at the pointer

  /**
   * @param {{title: string, caption: string, empty: string}} words
   * @param {() => {curves: Curve[], log?: boolean, share?: boolean, level?: {value: number, name: string}|null}} what
   */
  function curve(words, what) {
    /** @type {(step: number) => number} */ let x = () => 0;
    const picture = new Picture({ ...words, name: "curve", onkey: cursor, draw: (pen, width, height) => {
      const axes = drawCurves(pen, width, height, { ...what(), end: Math.max(store.end, store.ghost ? store.ghost.end : 0), at: over ?? (store.live ? null : store.step) });
      if (axes) x = axes.x;
    } });
    picture.canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      over = store.logSteps[nearestTo(store.logSteps, (event.offsetX - x(0)) / (x(1) - x(0)))] ?? null;
      update();
    });
    picture.canvas.addEventListener("pointerleave", () => { over = null; update(); });
    return picture;
  }

  /** A curve, before it that of the run which this was forked from. @param {string} name @param {string} color @param {[number, number][]} points @returns {Curve[]} */
  function pairOf(name, color, points) {
    const own = { name, color: colorOf(color), width: 1.7, points };
    const old = store.ghost && store.ghost.curves[name];
    return old ? [{ ...own, points: old, width: 5, color: `color-mix(in srgb, ${own.color} 35%, transparent)` }, own] : [own];
  }

  /** What the run that this was forked from had there. @param {string} name @param {number} step @param {(value: number) => string} write */
  function ghostly(name, step, write) {
    const old = store.ghost && nearest(store.ghost.curves[name] || [], step);
    return old ? t("; {name}: {value}", { name: /** @type {any} */ (store.ghost).name, value: write(old[1]) }) : "";
  }

  /** @returns {{value: number, name: string}|null} */
  function baseline() {
    const names = { classes: "majority_evaluated", codes: "pca_evaluated_mse", targets: "" };
    const array = store.fixed[/** @type {any} */ (names)[answers]];
    if (!array) return null;
    return { value: array.data[0], name: hasClasses ? t("always the most frequent class") : store.details.baseline.drawn };
  }

  /** @param {string} pressed */
  function cursor(pressed) {
    const steps = store.logSteps;
    const at = steps.findIndex((step) => step >= store.step);
    const place = moved(pressed, at < 0 ? steps.length - 1 : at, steps.length);
    if (place === null) return false;
    store.show(steps[place]);
    const line = store.logged[place];
    say(t("update {step}: loss {loss}", { step: line.step + 1, loss: short(line.mean_loss) })
      + (key in line ? `, ${(hasClasses ? percent : short)(line[key])}` : ""));
    return true;
  }

  function update() {
    if (store.events.length < read) [lossPoints, validPoints, scorePoints, read] = [[], [], [], 0];
    for (; read < store.events.length; read += 1) {
      const event = store.events[read];
      if (event.event === "log") {
        lossPoints.push([event.step + 1, event.mean_loss]);
        if (key in event) scorePoints.push([event.step + 1, event[key]]);
      } else if (event.event === "valid") {
        validPoints.push([event.step + 1, event.valid_loss]);
      }
    }
    loss.setReady(lossPoints.length > 0);
    score.setReady(scorePoints.length > 0);
    score.element.hidden = !scorePoints.length && store.newest > 0 && !store.running;
    const line = over === null ? store.line : store.lineAt(over);
    const write = hasClasses ? percent : short;
    if (line) {
      loss.describe(t("Loss over updates. At update {step} it is {loss}.", { step: line.step + 1, loss: short(line.mean_loss) }));
      const at = line.step + 1;
      const when = ` · ${t("at update {step}", { step: at.toLocaleString("en") })}`;
      loss.note.textContent = t("loss {loss}", { loss: short(line.mean_loss) }) + (line.lr ? t(", learning rate {lr}", { lr: short(line.lr) }) : "") + ghostly("mean_loss", at, short) + (over === null ? "" : when);
      if (key in line) {
        const words = write(line[key]);
        score.describe(t("Score over updates. At update {step} it is {score}.", { step: line.step + 1, score: words }));
        score.note.textContent = (hasClasses ? t("{score} of the test rows looked at are right", { score: words }) : words) + (store.details.answer.beside.length ? t(", by the network alone") : "")
          + ghostly(key, at, write) + (over !== null || at < store.step ? when : "");
      }
    }
    loss.paint();
    score.paint();
  }

  store.addEventListener("news", update);
  store.addEventListener("moment", update);
  update();
  return [loss, score];
}
