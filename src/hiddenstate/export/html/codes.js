// An autoencoder: drag a point through its codes and see it decoded. How rows look, and how a reader
// gives one, is in `code_pictures.js`, `code_sounds.js`, `code_fields.js` and `code_curves.js`.

import { CodePlot } from "../../web/code_plot.js";
import { CodeSliders } from "../../web/code_sliders.js";
import { Space, ends } from "../../web/code_space.js";
import { colorOf } from "../../web/colors.js";
import { say } from "../../web/dom.js";
import { eachFrame, redrawWith } from "../../web/pen.js";
import { numbersOf } from "../../web/packed.js";
import { readLines } from "../../web/table.js";
import { clamp, short } from "../../web/numbers.js";
import { ABOUT, PROGRAM, VIEW, byId, classColor, complain, fillList, fillSelect, model, rowsOfRun } from "./page.js";
import { takeTexts } from "./texts.js";

/** @type {any} the row that was encoded: {row, code, reconstruction, error} */
export let own = null;
export const rows = rowsOfRun().map(([row]) => row);
export const decodedCanvas = byId("decoded");
export const middleRow = () => Float64Array.from(VIEW.low, (low, i) => Math.round(5e5 * (low + VIEW.high[i])) / 1e6);
/** Each number of a row, as a share of its range. */
export const shares = (row) => Array.from(row, (value, i) => clamp((value - VIEW.low[i]) / (VIEW.high[i] - VIEW.low[i] || 1), -0.05, 1.05));
export const drawSoon = eachFrame(draw);

const SIZE = model.predict([middleRow()]).code.length;
const codes = VIEW.codes ? numbersOf(VIEW.codes) : new Float64Array(0);
const word = (number) => `number ${number}`;
const inWords = (values) => Array.from(values, short).join(", ");
const sayDecoded = () => say(`Code ${inWords(space.probe)}`);
/** @type {any} how rows are drawn */
let way = null;

const kinds = VIEW.code_labels ? VIEW.code_classes : [];
const space = new Space(byId("map"), {
  points: codes.length / SIZE, size: SIZE, classes: VIEW.code_labels, names: kinds, word,
  colors: () => (kinds.length ? kinds.map((_, kind) => classColor(kind)) : [colorOf("muted")]),
});
space.live = codes;
[space.low, space.high] = roomAround(codes.length ? [codes] : (rows.length ? rows : made()).map((row) => model.predict([row]).code));
space.probe = space.low.map((low, axis) => (low + space.high[axis]) / 2);

// Rows between the extremes, of a model without a run.
function made() {
  return Array.from({ length: 40 }, (_, k) => Float64Array.from(VIEW.low, (low, i) => (
    low + (VIEW.high[i] - low) * (0.5 + 0.5 * Math.sin((k + 1) * (1 + 0.37 * i))))));
}

function roomAround(lists) {
  const [low, high] = ends(lists, SIZE);
  return [low, high].map((end, side) => end.map((value, axis) => value + (side ? 0.08 : -0.08) * (high[axis] - low[axis])));
}

// Moves to a code; the axes grow with it.
function go(code, row = -1) {
  [space.probe, space.row, space.square] = [Float64Array.from(code), row, own !== null && code === own.code];
  space.probe.forEach((value, axis) => {
    space.low[axis] = Math.min(space.low[axis], value);
    space.high[axis] = Math.max(space.high[axis], value);
  });
  drawSoon();
}

function draw() {
  sliders.show(space.probe, space.low, space.high);
  space.paint();
  byId("map").setAttribute("aria-label", `Map of codes, the point at ${space.use.map((axis) => `${word(axis + 1)} ${short(space.probe[axis])}`).join(", ")}`);
  const from = `decoded from ${inWords(space.probe)}`;
  const inside = way.decoded(model.decode(space.probe));
  decodedCanvas.setAttribute("aria-label", `The row ${from}${inside ? `: ${inside}` : ""}`);
  byId("decoded-text").textContent = from;
  byId("row-facts").hidden = !own;
  way.own();
  if (own) fillList("row-facts", [["code", inWords(own.code)], ["error", `${short(own.error)} (mean square of scaled numbers)`]]);
}

export function encode(row, done) {
  try {
    own = { row, ...model.predict([row]) };
    complain("");
  } catch (error) {
    complain(`The model cannot read this: ${error.message}.`);
    return;
  }
  go(own.code);
  if (done) say(`Code ${inWords(own.code)}, error ${short(own.error)}`);
}

export function forget() {
  own = null;
  drawSoon();
}

const sliders = new CodeSliders(byId("numbers"), SIZE, word, (axis, value) => go(space.probe.map((each, place) => (place === axis ? value : each))), sayDecoded);
const plot = new CodePlot(byId("map"), { paint: drawSoon, go, choose: (row) => go(codes.slice(row * SIZE, (row + 1) * SIZE), row), done: sayDecoded });
plot.space = space;
plot.walks = true;
byId("map-axes").hidden = SIZE < 3;
["axis-x", "axis-y"].slice(0, SIZE).forEach((id, axis) => {
  fillSelect(byId(id), Array.from({ length: SIZE }, (_, number) => word(number + 1)));
  byId(id).value = axis;
  byId(id).addEventListener("change", () => {
    space.use[axis] = Number(byId(id).value);
    draw();
  });
});

// Lets a reader choose one of some rows, and reads the first.
export function offer(list, name) {
  byId("list").hidden = list.length < 2;
  fillSelect(byId("which"), list.map((_, number) => `${name} ${number + 1}`));
  byId("which").onchange = () => encode(list[Number(byId("which").value)], true);
  encode(list[0], false);
}

// Starts the page: `decoded(values)` draws what a code decodes to and returns it in words, `own()` the
// row that was encoded, and `behind(space)` is a picture of the plane of the codes.
export function start(how) {
  way = how;
  space.behind = how.behind || null;
  const columns = `${VIEW.columns.slice(0, 8).join(", ")}${VIEW.columns.length > 8 ? ", ..." : ""}`;
  if (byId("load")) takeTexts(`A line is a row: ${ABOUT.columns ? columns : `${PROGRAM.n_features} numbers`}.`, (text) => {
    const list = readLines(text, ABOUT).lines.slice(0, 1000);
    const wrong = list.find((row) => row.length !== PROGRAM.n_features);
    if (wrong) throw new Error(`a line has ${wrong.length} numbers, and a row ${PROGRAM.n_features}`);
    offer(list, "Your row");
  });
  redrawWith(draw, byId("map"));
  draw();
}

// What a page of numbers has in common.
export function startNumbers(help, decoded, shown) {
  byId("edit-help").hidden = false;
  byId("edit-help").textContent = help;
  decodedCanvas.classList.add("fill");
  offer(rows.length ? rows : [middleRow()], "Row of the run");
  start({ own: shown, decoded: (values) => {
    decoded(values.map((value) => value * (model.pixels ? 255 : 1)), [0, 0, decodedCanvas.clientWidth, decodedCanvas.clientHeight]);
    return [...values].slice(0, 8).map((value, i) => `${VIEW.columns[i]} ${short(value)}`).join(", ");
  } });
}

// Encodes a row that was changed.
export const change = (values) => encode(Float64Array.from(values, model.pixels ? Math.round : Number), false);
