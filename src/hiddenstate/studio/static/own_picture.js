// A picture that a reader draws, chooses or opens, as a net reads it.

import { h, say } from "../../web/dom.js";
import { t } from "./words.js";
import { addExamples, drawingPad } from "../../web/pad.js";

const FINE = 8; // samples of a pixel on each side

/**
 * Returns the picture, from 0 to 255, that is read of an image: each pixel the mean of its part.
 * @param {CanvasImageSource} image
 * @param {number[]} shape height and width
 */
export function pixelsOf(image, [height, width]) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * FINE, height * FINE];
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const sums = new Float64Array(height * width);
  for (let place = 0; place < data.length / 4; place += 1) {
    const [x, y] = [place % canvas.width, Math.floor(place / canvas.width)];
    sums[Math.floor(y / FINE) * width + Math.floor(x / FINE)] += 0.299 * data[4 * place] + 0.587 * data[4 * place + 1] + 0.114 * data[4 * place + 2];
  }
  return Uint8Array.from(sums, (sum) => Math.round(sum / FINE ** 2));
}

/**
 * Makes the pad, the rows that can be chosen, and the place for an image.
 * @param {import("./own_row.js").Touch} touch
 * @param {number[]} shape
 */
export function drawing(touch, shape) {
  const canvas = h("canvas", { class: "pad", tabindex: "0", role: "img", "aria-label": t("Pad to draw on: the arrow keys move the pen, the space bar lowers and raises it, Delete clears") });
  const centre = h("input", { type: "checkbox" });
  const light = h("input", { type: "checkbox" });
  const choices = h("ul", { class: "choices", "aria-label": t("Rows of the run") });
  const clear = h("button", { type: "button" }, t("Clear"));
  const file = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const open = h("button", { type: "button", onclick: () => file.click() }, t("Open an image"));
  touch.input.append(canvas, h("div", { class: "row" }, clear, open, file,
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
  }, (text) => say(t(text)), t("draw here"));
  touch.pad = pad;
  const rows = Array.from({ length: Math.min(touch.form.count, 10) }, (_, row) => Uint8Array.from(touch.form.pixels(touch.form.flat(row))));
  addExamples(choices, rows, shape, rows.map((_, row) => touch.form.classes[touch.form.labels[row]]), (values, row) => {
    pad.show(values);
    use(values, touch.form.labels[row]);
    touch.play();
  });
  [...choices.querySelectorAll("button")].forEach((button, row) => button.setAttribute("aria-label", touch.sources[row].name));
  const image = async (/** @type {Blob} */ blob) => {
    try {
      const values = pixelsOf(await createImageBitmap(blob), shape);
      const own = light.checked ? values.map((value) => 255 - value) : values;
      pad.show(own);
      use(own, null);
      touch.play();
    } catch {
      touch.complain(t("That is no image."));
    }
  };
  file.addEventListener("change", () => { if (file.files.length) image(file.files[0]); file.value = ""; });
  touch.element.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
  touch.element.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const dropped = event.dataTransfer && event.dataTransfer.files[0];
    if (dropped) image(dropped);
  });
  pad.show(rows[0]);
  use(rows[0], touch.form.labels[0]);
}
