// Parallel coordinates: an axis for each option that differs, the last one the score; a line a run.

import { h, say } from "../../web/dom.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { short } from "../../web/numbers.js";
import { fitted, line } from "../../web/pen.js";

const TOP = 30;
const BOTTOM = 22;
const SIDE = 52;
const ROOM = 92; // pixels between two axes, at least

/** @typedef {{name: string, values: (string|number|boolean|null)[], better?: "more"|"less", write?: (value: number) => string}} Axis */

/**
 * Where the values of an axis are, as shares from its bottom, and what is written at it.
 * @param {Axis} axis
 * @returns {{at: (number|null)[], marks: [number, string][]}}
 */
export function scaleOf({ values, better, write = short }) {
  const known = values.filter((value) => value !== null);
  if (known.length && known.every((value) => typeof value === "number")) {
    const numbers = /** @type {number[]} */ (known);
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    const scale = low > 0 && high / low >= 20 ? Math.log10 : (/** @type {number} */ value) => value;
    const span = scale(high) - scale(low) || 1;
    const share = (/** @type {number} */ value) => (high === low ? 0.5 : (scale(value) - scale(low)) / span);
    const distinct = [...new Set(numbers)].sort((a, b) => a - b);
    const marks = distinct.length <= 6 && !better ? distinct : [low, high];
    return { at: values.map((value) => (value === null ? null : share(/** @type {number} */ (value)))), marks: marks.map((value) => [share(value), write(value)]) };
  }
  const kinds = [...new Set(values.map(String))].sort();
  const share = (/** @type {any} */ value) => (kinds.length === 1 ? 0.5 : kinds.indexOf(String(value)) / (kinds.length - 1));
  return { at: values.map(share), marks: kinds.length <= 12 ? kinds.map((kind) => [share(kind), kind === "null" ? "–" : kind]) : [[0, kinds[0]], [1, kinds[kinds.length - 1]]] };
}

/**
 * Makes the picture.
 * @param {{names: string[], axes: Axis[], pick: (place: number|null) => void, open: (place: number) => void}} what
 * `pick` gets the line that is picked, `open` the one that is opened
 */
export function parallel({ names, axes, pick, open }) {
  const scales = axes.map(scaleOf);
  const last = axes[axes.length - 1];
  const goodness = scales[axes.length - 1].at.map((share) => (share === null ? 0 : last.better === "less" ? 1 - share : share));
  const order = names.map((_, place) => place).sort((a, b) => goodness[a] - goodness[b]); // the best are drawn last
  /** @type {number|null} */ let picked = null;
  let x = (/** @type {number} */ axis) => axis;
  let y = (/** @type {number} */ share) => share;
  const picture = new Picture({
    title: t("Which options go with a good score"),
    caption: t("Each line is a run: it crosses the axis of an option at the value that the run has, and the last axis at its score. Strong lines have good scores. Point at a line or press the arrow keys to pick one; Enter opens it."),
    empty: t("With more than three runs whose options differ, each run becomes a line here."),
    name: "parallel",
    draw,
    onkey: (key) => {
      const at = picked === null ? -1 : order.indexOf(picked);
      if (key === "ArrowUp" || key === "ArrowRight") choose(order[Math.min(at + 1, order.length - 1)]);
      else if (key === "ArrowDown" || key === "ArrowLeft") choose(order[at < 0 ? order.length - 1 : Math.max(at - 1, 0)]);
      else if (key === "Escape") choose(null);
      else if (key === "Enter" && picked !== null) open(picked);
      else return false;
      if (picked !== null) say(words(picked));
      return true;
    },
  });
  picture.element.classList.add("wide");
  const scroll = h("div", { class: "scroll" });
  picture.frame.replaceWith(scroll);
  scroll.append(picture.frame);
  const letters = Math.max(...axes.map(({ name }) => name.length)); // a name has its room, or is scrolled to
  picture.frame.style.minWidth = `${2 * SIDE + (axes.length - 1) * Math.max(ROOM, Math.min(8 * letters + 14, 190))}px`;
  const { canvas } = picture;

  /** @param {number} place */
  function words(place) {
    return `${names[place]}: ${axes.map(({ name, values, write = short }) => `${name} ${typeof values[place] === "number" ? write(/** @type {number} */ (values[place])) : values[place] ?? "–"}`).join(", ")}`;
  }

  /** @param {number|null} place */
  function choose(place) {
    if (place === picked) return;
    show(place);
    pick(place);
  }

  /** Shows a line as picked. @param {number|null} place */
  function show(place) {
    picked = place;
    picture.note.textContent = place === null ? "" : words(place);
    picture.paint();
  }

  /** @param {CanvasRenderingContext2D} pen @param {number} width @param {number} height */
  function draw(pen, width, height) {
    x = (axis) => SIDE + (axis / Math.max(axes.length - 1, 1)) * (width - 2 * SIDE);
    y = (share) => TOP + (1 - share) * (height - TOP - BOTTOM);
    const room = (width - 2 * SIDE) / Math.max(axes.length - 1, 1) - 14;
    pen.lineJoin = "round";
    const path = (/** @type {number} */ place) => scales.map(({ at }, axis) => [x(axis), y(at[place] ?? NaN)]);
    for (const place of order) {
      if (place !== picked) line(pen, path(place), colorOf("prediction"), 1.4, [], (picked === null ? 0.18 : 0.1) + (picked === null ? 0.72 : 0.25) * goodness[place] ** 2);
    }
    axes.forEach(({ name }, axis) => {
      line(pen, [[x(axis), TOP], [x(axis), height - BOTTOM]], colorOf("muted"), 1);
      const ends = axis === 0 ? "left" : axis === axes.length - 1 ? "right" : "center";
      pen.textAlign = ends;
      pen.textBaseline = "alphabetic";
      pen.fillStyle = colorOf("ink");
      pen.font = "600 12px system-ui, sans-serif";
      pen.fillText(fitted(pen, name, room), ends === "left" ? 4 : ends === "right" ? width - 4 : x(axis), 14);
      pen.font = "11.5px system-ui, sans-serif";
      pen.textBaseline = "middle";
      for (const [share, text] of scales[axis].marks) {
        const right = axis === axes.length - 1;
        pen.textAlign = right ? "left" : "right";
        const shown = fitted(pen, text, axis === 0 || right ? SIDE - 8 : room * 0.6);
        const wide = pen.measureText(shown).width;
        const at = x(axis) + (right ? 6 : -6);
        pen.fillStyle = colorOf("ground");
        pen.globalAlpha = 0.8;
        pen.fillRect(right ? at - 2 : at - wide - 2, y(share) - 7, wide + 4, 14);
        pen.globalAlpha = 1;
        pen.fillStyle = colorOf("muted");
        pen.fillText(shown, at, y(share));
      }
    });
    if (picked !== null) {
      pen.fillStyle = colorOf("target");
      line(pen, path(picked), colorOf("target"), 2.6);
      for (const [u, v] of path(picked)) {
        pen.beginPath();
        pen.arc(u, v, 4, 0, 7);
        if (Number.isFinite(v)) pen.fill();
      }
    }
  }

  /** The line nearest to the pointer, if one is near. @param {PointerEvent} event */
  function nearest(event) {
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let [best, far] = [/** @type {number|null} */ (null), 14];
    for (const place of order) {
      for (let axis = 0; axis + 1 < axes.length; axis += 1) {
        const [a, b] = [scales[axis].at[place], scales[axis + 1].at[place]];
        if (a === null || b === null || px < x(axis) - 8 || px > x(axis + 1) + 8) continue;
        const [dx, dy] = [x(axis + 1) - x(axis), y(b) - y(a)];
        const share = Math.min(Math.max(((px - x(axis)) * dx + (py - y(a)) * dy) / (dx * dx + dy * dy), 0), 1);
        const distance = Math.hypot(px - x(axis) - share * dx, py - y(a) - share * dy);
        if (distance <= far) [best, far] = [place, distance];
      }
    }
    return best;
  }
  let fixed = false;
  canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => { if (!fixed) choose(nearest(event)); });
  canvas.addEventListener("pointerleave", () => { if (!fixed) choose(null); });
  canvas.addEventListener("click", (/** @type {PointerEvent} */ event) => {
    const place = nearest(event);
    fixed = place !== null && !(fixed && place === picked);
    choose(place);
  });
  canvas.addEventListener("dblclick", () => { if (picked !== null) open(picked); });
  picture.setReady(names.length > 0);
  picture.describe(t("{n} runs over {axes}. The best: {words}", { n: names.length, axes: axes.map(({ name }) => name).join(", "), words: names.length ? words(order[order.length - 1]) : "–" }));
  return { element: picture.element, show };
}
