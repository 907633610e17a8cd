// Rows that a reader draws or gives to see where their codes fall.

import { h, say } from "../../web/dom.js";
import { given } from "./text_input.js";
import { t } from "./words.js";
import { drawingPad } from "../../web/pad.js";
import { readLines } from "../../web/table.js";

/** @typedef {import("./code_probe.js").Probe} Probe */

/**
 * Fills a fold with a pad to draw on.
 * @param {Probe} probe
 * @param {HTMLDetailsElement} fold
 */
export function drawOn(probe, fold) {
  const shape = /** @type {number[]} */ (probe.form.picture);
  const canvas = h("canvas", { class: "pad", tabindex: "0", role: "application", "aria-label": t("Drawing pad: arrow keys move the pen, Space lowers it, Delete clears") });
  const [centre, light] = [h("input", { type: "checkbox" }), h("input", { type: "checkbox" })]; // the second is not shown
  const clear = h("button", { type: "button" }, t("Clear"));
  light.checked = isLight(probe);
  fold.append(h("div", { class: "drawing" }, canvas,
    h("div", {}, h("p", { class: "note" }, t("Draw a row and see where its code falls, and what is left of it.")),
      h("label", { class: "check" }, centre, t("centre it")), clear)));
  drawingPad({ canvas, centre, light, clear }, shape, (values, done) => probe.give(Float64Array.from(values), t("your drawing"), done), () => {}, say, { words: t, on: fold, texts: true });
}

/** Whether the rows of the run have a light ground: their first numbers are high. @param {Probe} probe */
function isLight({ rows, form }) {
  if (!rows) return false;
  const n = rows.shape[0];
  let sum = 0;
  for (let row = 0; row < n; row += 1) sum += form.pixels(form.row(rows, row))[0];
  return sum / n > 127;
}

/**
 * Fills a fold with a place for rows, which can be dropped on all that is beside the codes.
 * @param {Probe} probe
 * @param {HTMLDetailsElement} fold
 */
export function rowsIn(probe, fold) {
  const { form } = probe;
  given(t("A line is a row of {n} numbers.", { n: form.size }), async (text) => {
    const { lines } = readLines(text, await probe.store.written());
    // Steps below one another are one row too.
    const row = lines.length > 1 && lines[0].length !== form.size ? Float64Array.from(lines.flatMap((line) => [...line])) : lines[0];
    if (row.length !== form.size) throw new Error(t("a line has {found} numbers, and a row {n}", { found: row.length, n: form.size }));
    probe.give(row, t("your row"), true);
    return t("{n} numbers are read", { n: row.length });
  }, probe.store, probe.element, fold);
}
