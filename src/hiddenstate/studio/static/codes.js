// Rows beside their reconstructions, and rows decoded from a square and a line of the code space.

import { say } from "../../web/dom.js";
import { mixed, momentOf } from "./easing.js";
import { Picture, framed } from "./picture.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { written } from "../../web/axes.js";
import { short } from "../../web/numbers.js";

/** @typedef {import("./code_rows.js").Form} Form */
/** @typedef {import("./code_rows.js").Cell} Cell */
/** @typedef {import("./store.js").Store} Store */

const MOST = 8; // rows that are drawn

/**
 * Makes a picture whose cells are chosen with a click, or the arrow keys and Enter.
 * @param {ConstructorParameters<typeof Picture>[0] & {across: () => number, count: () => number, cellAt: (x: number, y: number) => number, words: (place: number) => string, choose: (place: number) => void}} options
 */
export function choosable({ across, count, cellAt, words, choose, ...options }) {
  let cursor = -1;
  const picture = new Picture({ ...options, onkey: (key) => {
    const n = count();
    const moves = /** @type {Record<string, number>} */ ({ ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across(), ArrowDown: across() });
    if (key in moves) {
      cursor = cursor < 0 ? 0 : Math.min(Math.max(cursor + moves[key], 0), n - 1);
      say(words(cursor));
      picture.paint();
    } else if ((key === "Enter" || key === " ") && cursor >= 0) choose(cursor);
    else return false;
    return true;
  } });
  picture.canvas.addEventListener("blur", () => { cursor = -1; picture.paint(); });
  picture.canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
    const place = cellAt(event.offsetX, event.offsetY);
    if (place >= 0 && place < count()) choose(place);
  });
  picture.canvas.classList.add("choosable");
  return { picture, cursor: () => cursor };
}

/**
 * Draws the frame of the cell that is chosen with keys.
 * @param {CanvasRenderingContext2D} pen
 * @param {import("../../web/pen.js").Box} box
 */
export function frameOf(pen, [x, y, wide, tall]) {
  pen.strokeStyle = colorOf("prediction");
  pen.lineWidth = 2;
  pen.strokeRect(x - 2, y - 2, wide + 4, tall + 4);
}

/**
 * @param {Store} store
 * @param {Form} form
 * @param {import("./code_probe.js").Probe} probe
 */
export function reconstructions(store, form, probe) {
  const original = store.fixed.original;
  const n = Math.min(original.shape[0], MOST);
  /** @type {Float64Array|null} */ let rebuilt = null;
  let [left, wide] = [0, 1];
  const error = (/** @type {number} */ row) => (rebuilt ? form.error(form.row(original, row), rebuilt.subarray(row * form.size, (row + 1) * form.size)) : NaN);
  const { picture, cursor } = choosable({
    ...framed(store, "reconstructions"),
    name: `rebuilt${form.picture ? "" : " lanes"}`,
    across: () => n, count: () => n,
    cellAt: (x) => Math.floor((x - left) / wide),
    words: (row) => t("row {row}: error {error}", { row: row + 1, error: short(error(row)) }),
    choose: (row) => probe.give(form.row(original, row), t("row {row}", { row: row + 1 }), true),
    draw: (pen, width, height) => {
      if (!rebuilt) return;
      const kinds = form.picture ? [t("row"), t("decoded"), t("difference")] : [t("row, decoded"), t("difference")];
      left = Math.min(0.18 * width, 84);
      wide = (width - left) / n;
      const tall = (height - 22) / kinds.length;
      const side = Math.min((wide - 8) / (form.picture ? form.ratio : 0.01), tall - 8);
      const across = form.picture ? side * form.ratio : wide - 12;
      pen.font = "12px system-ui, sans-serif";
      pen.textBaseline = "middle";
      pen.fillStyle = colorOf("muted");
      pen.textAlign = "left";
      kinds.forEach((kind, place) => pen.fillText(kind, 0, (place + 0.5) * tall, left - 8));
      /** @type {Cell[]} */
      const cells = [];
      pen.textAlign = "center";
      for (let row = 0; row < n; row += 1) {
        const [own, again] = [form.row(original, row), rebuilt.subarray(row * form.size, (row + 1) * form.size)];
        /** @param {number} place @returns {import("../../web/pen.js").Box} */
        const box = (place) => [left + row * wide + (wide - across) / 2, place * tall + (tall - side) / 2, across, side];
        if (form.picture) cells.push({ box: box(0), values: own }, { box: box(1), values: again });
        else cells.push({ box: box(0), values: own, again });
        cells.push({ box: box(kinds.length - 1), values: form.difference(own, again), difference: true });
        const wrong = error(row);
        if (Number.isFinite(wrong)) pen.fillText(written(Number(wrong.toPrecision(3)), 1e4), left + (row + 0.5) * wide, height - 9, wide - 4);
        if (cursor() === row) frameOf(pen, [left + row * wide + 2, 2, wide - 4, height - 4]);
      }
      form.paint(pen, cells);
    },
  });

  function update() {
    const moment = momentOf(store);
    const found = moment && mixed(moment, "reconstruction");
    if (!found) return;
    rebuilt = found;
    picture.setReady(true);
    const all = Array.from({ length: n }, (_, row) => short(error(row))).join(", ");
    picture.describe(t("{n} rows and their reconstructions; errors {errors}.", { n, errors: all }));
    picture.paint();
  }
  probe.scaled = update;
  return { element: picture.element, update };
}

/**
 * The square and the line of codes that snapshots decode.
 * @param {Store} store
 * @param {Form} form
 * @param {import("./code_probe.js").Probe} probe
 */
export function decodings(store, form, probe) {
  /** @type {Float64Array|null} */ let grid = null;
  /** @type {Float64Array|null} */ let codes = null;
  /** @type {Float64Array|null} */ let walk = null;
  let [size, side, steps] = [1, 1, 10];
  /** @type {import("../../web/pen.js").Box} */ let square = [0, 0, 1, 1];
  const codeOf = (/** @type {number} */ place) => /** @type {Float64Array} */ (codes).slice(place * size, (place + 1) * size);
  const gridPicture = choosable({
    ...framed(store, "grid"),
    name: "grid",
    across: () => side, count: () => side * side,
    cellAt: (x, y) => {
      const [column, row] = [Math.floor(((x - square[0]) / square[2]) * side), Math.floor(((y - square[1]) / square[3]) * side)];
      return column >= 0 && row >= 0 && column < side && row < side ? row * side + column : -1;
    },
    words: (place) => `${t("row {row}, column {column}", { row: Math.floor(place / side) + 1, column: (place % side) + 1 })}: ${probe.inWords(codeOf(place))}`,
    choose: (place) => { probe.go(codeOf(place)); probe.tell(); },
    draw: (pen, width, height) => {
      if (!grid) return;
      const tall = Math.min(height, width / form.ratio);
      const wide = form.picture ? tall * form.ratio : width;
      square = [(width - wide) / 2, (height - tall) / 2, wide, form.picture ? tall : height];
      if (!form.picture) square[1] = 0;
      const [cell, line] = [square[2] / side, square[3] / side];
      const room = form.picture ? 0.5 : 3;
      form.paint(pen, Array.from({ length: side * side }, (_, place) => ({
        box: [square[0] + (place % side) * cell + room, square[1] + Math.floor(place / side) * line + room, cell - 2 * room, line - 2 * room],
        values: /** @type {Float64Array} */ (grid).subarray(place * form.size, (place + 1) * form.size),
      })));
      const at = gridPicture.cursor();
      if (at >= 0) frameOf(pen, [square[0] + (at % side) * cell, square[1] + Math.floor(at / side) * line, cell, line]);
    },
  });
  let [wide, rows] = [1, 2];
  const walkPicture = choosable({
    ...framed(store, "walk"),
    name: "walk",
    across: () => Math.ceil(steps / rows), count: () => steps,
    cellAt: (x, y) => Math.floor(x / wide) + (rows > 1 && y > walkPicture.picture.canvas.clientHeight / 2 ? Math.ceil(steps / 2) : 0),
    words: (place) => t("step {step} of {steps}", { step: place + 1, steps }),
    choose: (place) => {
      const { model } = probe.nets;
      const ends = store.fixed.walk_end;
      if (!model || !ends) return;
      const [from, to] = [0, 1].map((end) => model.predict([form.row(ends, end)]).code);
      probe.go(from.map((value, axis) => value + (to[axis] - value) * (place / (steps - 1))));
      probe.tell();
    },
    draw: (pen, width, height) => {
      if (!walk) return;
      rows = width / steps < 44 || height > 150 ? 2 : 1;
      const columns = Math.ceil(steps / rows);
      wide = width / columns;
      const line = height / rows;
      const tall = Math.min((wide - 4) / (form.picture ? form.ratio : 0.01), line - 4);
      const across = form.picture ? tall * form.ratio : wide - 6;
      const boxOf = (/** @type {number} */ place) => /** @type {[number, number, number, number]} */ (
        [(place % columns) * wide + (wide - across) / 2, Math.floor(place / columns) * line + (line - tall) / 2, across, tall]);
      form.paint(pen, Array.from({ length: steps }, (_, place) => ({
        box: boxOf(place), values: /** @type {Float64Array} */ (walk).subarray(place * form.size, (place + 1) * form.size),
      })));
      if (walkPicture.cursor() >= 0) frameOf(pen, boxOf(walkPicture.cursor()));
    },
  });

  function update() {
    const moment = momentOf(store);
    if (!moment) return;
    grid = mixed(moment, "grid");
    codes = mixed(moment, "grid_code");
    walk = mixed(moment, "walk");
    if (grid && codes) {
      const shape = moment.before.grid_code.shape;
      [side, size] = [Math.round(Math.sqrt(shape[0])), shape[1]];
      gridPicture.picture.describe(t("{side} by {side} codes and what they decode to after update {step}; the arrow keys and Enter choose one.", { side, step: moment.step }));
    }
    if (walk) {
      [steps] = moment.before.walk.shape;
      walkPicture.picture.describe(t("{steps} rows decoded on the way between two rows, after update {step}.", { steps, step: moment.step }));
    }
    gridPicture.picture.setReady(Boolean(grid && codes));
    walkPicture.picture.setReady(Boolean(walk));
    gridPicture.picture.paint();
    walkPicture.picture.paint();
  }
  return { pictures: [gridPicture.picture, walkPicture.picture], update };
}
