// The rows that compared runs all show, and what each of them makes of these.

import { get, getArrays } from "./api.js";
import { styled } from "./style.js";
import { t } from "./words.js";
import { h } from "../../web/dom.js";
import { clamp, extentOf, percent, short, topOf } from "../../web/numbers.js";
import { line, penOf } from "../../web/pen.js";
import { colorOf } from "../../web/colors.js";

/** @typedef {import("./api.js").NamedArray} NamedArray */
/** @typedef {{ id: string, details: any, fixed: Record<string, NamedArray>, arrays: Record<string, NamedArray> }} Read A run, its fixed arrays, and these with the newest ones. */
/** @typedef {(canvas: HTMLCanvasElement) => void} Paint */
/** @typedef {{ name: string, pixels?: boolean, picture?: Paint, cell: (each: Read) => { words: (Node|string)[], picture?: Paint } }} Row */

const MOST = 10; // rows
const STEPS = 60; // of a series that are drawn

/** @param {NamedArray|undefined} one @param {NamedArray|undefined} other */
const alike = (one, other) => Boolean(one && other && one.data.length === other.data.length && one.data.every((value, at) => Object.is(value, other.data[at])));

/** What all runs must have alike, what each has of its own, and the rows of these. @type {[string[], string, (first: Read) => Row[] | Promise<Row[]>][]} */
const KINDS = [[["shown", "shown_label"], "probability", labelled], [["original"], "reconstruction", rebuilt],
  [["held_target"], "held_prediction", held], [["time", "target"], "prediction", windows]];

/**
 * Returns a table of the rows with the answers, and what draws them once it is on the page; null unless
 * all runs show the same rows.
 * @param {any[]} runs
 * @param {(run: any, place: number) => HTMLElement} named
 */
export async function rowsTogether(runs, named) {
  try {
    const found = await Promise.all(runs.map(async ({ id }) => {
      const [details, fixed] = await Promise.all([get(`/api/runs/${id}`), getArrays(id, "static")]);
      const last = details.snapshots[details.snapshots.length - 1];
      if (last === undefined) throw new Error("no snapshots");
      const [now, final] = await Promise.all([getArrays(id, last), details.status === "done" ? getArrays(id, "final") : null]);
      return { id, details, fixed, arrays: { ...fixed, ...now, ...final } };
    }));
    const [first] = found;
    const kind = KINDS.find(([same, own]) => found.every(({ arrays }) => arrays[own] && same.every((name) => alike(arrays[name], first.arrays[name]))));
    return kind ? table(runs, found, named, await kind[2](first)) : null;
  } catch { // a run without snapshots yet, or a damaged one, whose page says so
    return null;
  }
}

/** @param {any[]} runs @param {Read[]} found @param {(run: any, place: number) => HTMLElement} named @param {Row[]} rows */
function table(runs, found, named, rows) {
  /** @type {[HTMLCanvasElement, Paint][]} */ const pictures = [];
  const drawn = (/** @type {Paint|undefined} */ paint, pixels = false) => {
    if (!paint) return null;
    const canvas = h("canvas", { class: pixels ? "pixels" : "", "aria-hidden": "true" });
    pictures.push([canvas, paint]);
    return canvas;
  };
  const cell = (/** @type {Row} */ row, /** @type {Read} */ each) => {
    const { words, picture } = row.cell(each);
    return h("td", {}, drawn(picture), words);
  };
  const element = h("section", { class: "wide" }, h("h2", {}, t("The same rows")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("The same rows") },
    h("table", { class: "plain rows-together" }, h("caption", { class: "unseen" }, t("Rows that all runs show, and what each answers")),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Row")), runs.map((run, place) => h("th", { scope: "col" }, named(run, place))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, h("th", { scope: "row" }, drawn(row.picture, row.pixels), h("bdi", {}, row.name)), found.map((each) => cell(row, each))))))));
  return { element, paint: () => { for (const [canvas, paint] of pictures) if (canvas.isConnected) paint(canvas); } };
}

/** Of classifiers: the most probable class. @param {Read} first @returns {Promise<Row[]>} */
async function labelled(first) {
  await styled("classify");
  const store = /** @type {any} */ (first);
  const form = first.details.shown.sound ? new (await import("./sound_form.js")).SoundForm(store) : new (await import("./rows.js")).RowForm(store);
  const { classes, labels } = form;
  return Array.from({ length: form.count }, (_, row) => ({
    name: classes[labels[row]], pixels: Boolean(form.picture),
    picture: (canvas) => form.paint(canvas, form.flat(row)),
    cell: ({ arrays }) => {
      const chances = arrays.probability.data.subarray(row * classes.length, (row + 1) * classes.length);
      const top = topOf(chances);
      return { words: [h("bdi", { class: top === labels[row] ? "" : "wrong" }, classes[top]), h("span", { class: "note" }, percent(chances[top], 0))] };
    },
  }));
}

/** Of autoencoders: what the code is decoded to, and how far off pictures are. @param {Read} first @returns {Promise<Row[]>} */
async function rebuilt(first) {
  const { original } = first.arrays;
  const form = new (await import("./code_rows.js")).Form(/** @type {any} */ (first), original);
  const painted = (/** @type {NamedArray} */ array, /** @type {number} */ row) => (/** @type {HTMLCanvasElement} */ canvas) => {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight], wide = Math.min(width, height * form.ratio);
    form.paint(penOf(canvas), [{ box: [0, 0, wide, wide / form.ratio], values: form.row(array, row) }]);
  };
  return Array.from({ length: Math.min(original.shape[0], MOST) }, (_, row) => ({
    name: String(row + 1), picture: painted(original, row), cell: ({ arrays: { reconstruction } }) => {
      const error = form.error(form.row(original, row), form.row(reconstruction, row));
      return { words: Number.isFinite(error) ? [h("span", { class: "note" }, t("error {error}", { error: short(error) }))] : [], picture: painted(reconstruction, row) };
    },
  }));
}

/** Of regressors: held-out steps or, in the order of their targets, rows, and how far off each is. @param {Read} first */
function held({ details, arrays: { held_target: target, held_name: name, held_of: of, held_time: time } }) {
  const [lanes, width] = target.shape, targets = details.shown.targets || [];
  const ofLane = (/** @type {NamedArray} */ array, /** @type {number} */ lane) => Array.from(array.data.subarray(lane * width, (lane + 1) * width));
  return Array.from({ length: Math.min(lanes, MOST) }, (_, lane) => {
    const letters = Array.from(name ? name.data.subarray(lane * 40, (lane + 1) * 40) : []).filter(Boolean);
    const series = String.fromCodePoint(...letters), wanted = targets[of ? of.data[2 * lane + 1] : 0];
    const words = [series, targets.length > 1 || !series ? wanted : ""].filter(Boolean).join(", ");
    return followed(words || t("series {n}", { n: lane + 1 }), ofLane(target, lane), ({ arrays }) => ofLane(arrays.held_prediction, lane), !time);
  });
}

/** Of regressors of a signal: the windows that are shown. @param {Read} first */
function windows({ details, arrays: { target } }) {
  const outputs = target.shape[target.shape.length - 1];
  const ofOutput = (/** @type {NamedArray} */ { data }, /** @type {number} */ output) => Array.from({ length: data.length / outputs }, (_, at) => data[at * outputs + output]);
  return Array.from({ length: Math.min(outputs, MOST) }, (_, output) => followed((details.shown.targets || [])[output] || t("target {n}", { n: output + 1 }),
    ofOutput(target, output), ({ arrays }) => ofOutput(arrays.prediction, output), false));
}

/** @param {string} name @param {number[]} right @param {(each: Read) => number[]} madeBy @param {boolean} sorted whether the order is that of the targets @returns {Row} */
function followed(name, right, madeBy, sorted) {
  const places = right.map((_value, place) => place).filter((place) => Number.isFinite(right[place]));
  if (sorted) places.sort((a, b) => right[a] - right[b]);
  const seen = sorted ? places : places.slice(-STEPS);
  const [low, high] = extentOf(seen.map((place) => right[place]));
  return { name, cell: (each) => {
    const made = madeBy(each);
    const error = places.reduce((sum, place) => sum + Math.abs(made[place] - right[place]), 0) / places.length;
    return { words: [h("span", { class: "note" }, `± ${short(error)}`)], picture: (canvas) => {
      const pen = penOf(canvas), [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
      const y = (/** @type {number} */ value) => tall * (0.9 - 0.8 * clamp((value - low) / (high - low || 1), -0.1, 1.1));
      const path = (/** @type {number[]} */ values) => /** @type {[number, number][]} */ (seen.map((place, at) => [(at / Math.max(seen.length - 1, 1)) * wide, y(values[place])]));
      line(pen, path(right), colorOf("target"), 2.6);
      line(pen, path(made), colorOf("prediction"), 1.7);
    } };
  } };
}
