// The rows that compared classifiers all show, and what each of them answers.

import { get, getArrays } from "./api.js";
import { styled } from "./style.js";
import { t } from "./words.js";
import { h } from "../../web/dom.js";
import { percent, topOf } from "../../web/numbers.js";

/** @param {import("./api.js").NamedArray|undefined} one @param {import("./api.js").NamedArray|undefined} other */
const alike = (one, other) => Boolean(one && other && one.data.length === other.data.length && one.data.every((value, at) => Object.is(value, other.data[at])));

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
      const now = await getArrays(id, details.status === "done" ? "final" : details.snapshots[details.snapshots.length - 1]);
      return { id, details, fixed, now };
    }));
    const [first] = found;
    const same = found.every(({ fixed, now }) => now.probability && ["shown", "shown_label"].every((name) => alike(fixed[name], first.fixed[name])));
    return same ? await table(runs, found, named) : null;
  } catch { // a run without snapshots yet, or a damaged one, whose page says so
    return null;
  }
}

/** @param {any[]} runs @param {any[]} found @param {(run: any, place: number) => HTMLElement} named */
async function table(runs, found, named) {
  await styled("classify");
  const [store] = found;
  const form = store.details.shown.sound ? new (await import("./sound_form.js")).SoundForm(store) : new (await import("./rows.js")).RowForm(store);
  const { classes, labels } = form;
  const canvases = Array.from({ length: form.count }, () => h("canvas", { class: form.picture ? "pixels" : "", "aria-hidden": "true" }));
  const answer = (/** @type {any} */ { now }, /** @type {number} */ row) => {
    const chances = now.probability.data.subarray(row * classes.length, (row + 1) * classes.length);
    const top = topOf(chances);
    return h("td", {}, h("bdi", { class: top === labels[row] ? "" : "wrong" }, classes[top]), h("span", { class: "note" }, percent(chances[top], 0)));
  };
  const element = h("section", { class: "wide" }, h("h2", {}, t("The same rows")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("The same rows") },
    h("table", { class: "plain rows-together" }, h("caption", { class: "unseen" }, t("Rows that all runs show, and what each answers")),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Row")), runs.map((run, place) => h("th", { scope: "col" }, named(run, place))))),
      h("tbody", {}, canvases.map((canvas, row) => h("tr", {}, h("th", { scope: "row" }, canvas, h("bdi", {}, classes[labels[row]])), found.map((each) => answer(each, row))))))));
  return { element, paint: () => canvases.forEach((canvas, row) => canvas.isConnected && form.paint(canvas, form.flat(row))) };
}
