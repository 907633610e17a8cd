// A picture that a reader draws, chooses or opens, as a net reads it.

import { h, say } from "../../web/dom.js";
import { t } from "./words.js";
import { addExamples, drawingPad } from "../../web/pad.js";

/**
 * Makes the pad, the rows that can be chosen, and the place for an image.
 * @param {import("./own_row.js").Touch} touch
 * @param {number[]} shape height and width, and 3 in colour
 */
export function drawing(touch, shape) {
  const canvas = h("canvas", { class: "pad", tabindex: "0", role: "img", "aria-label": t("Pad to draw on: the arrow keys move the pen, the space bar lowers and raises it, Delete clears") });
  const centre = h("input", { type: "checkbox" });
  const light = h("input", { type: "checkbox" });
  const choices = h("ul", { class: "choices", "aria-label": t("Rows of the run") });
  const clear = h("button", { type: "button" }, t("Clear"));
  touch.input.append(canvas, h("div", { class: "row" }, clear,
    h("label", { title: t("As large as in the data it learned from, its centre of mass in the middle") }, centre, t("boxed and centred")),
    h("label", {}, light, t("dark on light"))), h("p", { class: "note" }, t("or take a row of the run:")), choices);
  touch.verdict.after(touch.reading.picture.element);
  let mean = 0;
  for (const value of touch.form.values) mean += value / touch.form.values.length;
  const [low, high] = touch.form.bytes ? [0, 255] : touch.form.ranges[0];
  light.checked = mean > low + 0.55 * (high - low);
  const raw = (/** @type {Uint8Array} */ values) => (touch.form.bytes ? values : Float64Array.from(values, (value) => low + ((high - low) * value) / 255));
  const use = (/** @type {Uint8Array} */ values, /** @type {number|null} */ truth) => touch.take(touch.form.series(raw(values)), truth, "drawing");
  const pad = drawingPad({ canvas, centre, light, clear }, shape, (values, done) => {
    if (!done && touch.slow) return;
    touch.player.stop();
    use(values, null);
    if (done) touch.play();
  }, () => {
    touch.series = [];
    touch.read(false);
  }, (text) => say(t(text)), { words: t, on: touch.element, fail: (text) => touch.complain(text) });
  touch.pad = pad;
  const rows = Array.from({ length: Math.min(touch.form.count, 10) }, (_, row) => Uint8Array.from(touch.form.pixels(touch.form.flat(row))));
  addExamples(choices, rows, shape, rows.map((_, row) => touch.form.classes[touch.form.labels[row]]), (values, row) => {
    pad.show(values);
    use(values, touch.form.labels[row]);
    touch.play();
  });
  [...choices.querySelectorAll("button")].forEach((button, row) => button.setAttribute("aria-label", touch.sources[row].name));
  pad.show(rows[0]);
  use(rows[0], touch.form.labels[0]);
}
