// An autoencoder: drag a point through its codes and see it decoded; encode a row.

import { colorOf } from "../../web/colors.js";
import { eachFrame, frame, line, paintPixels, penOf, redrawWith, write } from "../../web/pen.js";
import { addExamples, drawingPad } from "../../web/pad.js";
import { numbersOf } from "../../web/packed.js";
import { ABOUT, PROGRAM, VIEW, byId, classColor, complain, fillSelect, fillList, model, rowsOfRun } from "./page.js";
import { say } from "../../web/dom.js";
import { readLines } from "../../web/table.js";
import { takeTexts } from "./texts.js";
import { clamp, short } from "../../web/numbers.js";

const SHAPE = VIEW.picture;
const SIZE = PROGRAM.decoder[0].weight.shape[1];
const rows = rowsOfRun().map(([row]) => row);
const codes = VIEW.codes ? pointsOf(VIEW.codes) : [];
const ranges = rangesOfCodes();
const CELLS_ACROSS = 9;
let code = ranges.map(([low, high]) => (low + high) / 2);
let own = null; // the row that was encoded: {row, code, reconstruction, error}
let map = null;

function pointsOf(packedCodes) {
  const values = numbersOf(packedCodes);
  return Array.from({ length: packedCodes.shape[0] }, (_, row) => values.slice(row * SIZE, (row + 1) * SIZE));
}

// The range of each number of a code: of the codes of the run, or of rows between the extremes.
function rangesOfCodes() {
  let known = codes.length ? codes : rows.map((row) => model.predict([row]).code);
  if (!known.length) {
    known = Array.from({ length: 40 }, (_, k) => model.predict([Float64Array.from(VIEW.low, (low, i) => (
      low + (VIEW.high[i] - low) * (0.5 + 0.5 * Math.sin((k + 1) * (1 + 0.37 * i))))) ]).code);
  }
  return Array.from({ length: SIZE }, (_, axis) => {
    const values = known.map((each) => each[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = 0.08 * (high - low) || 1;
    return [low - room, high + room];
  });
}

const axesOf = () => [Number(byId("axis-x").value) || 0, SIZE > 1 ? Number(byId("axis-y").value) : 0];
const inPixels = (values) => Float64Array.from(values, (value) => clamp(255 * value, 0, 255));

function fieldOf(text) {
  /** @type {any[]} */
  const [label, name, slider, output] = ["label", "bdi", "input", "output"].map((each) => document.createElement(each));
  label.className = "field";
  name.textContent = text;
  slider.type = "range";
  label.append(name, slider, output);
  return { label, slider, output };
}

function sliderOf(axis) {
  const { label, slider, output } = fieldOf(`number ${axis + 1}`);
  output.id = `number-${axis}`;
  slider.addEventListener("input", () => {
    code[axis] = Number(slider.value);
    if (!axesOf().includes(axis)) map = null;
    drawSoon();
  });
  slider.addEventListener("change", sayDecoded);
  byId("numbers").append(label);
  return slider;
}

const numbers = Array.from({ length: SIZE }, (_, axis) => sliderOf(axis));

function setNumbers() {
  numbers.forEach((slider, axis) => {
    const [low, high] = ranges[axis];
    [slider.min, slider.max, slider.step] = [low, high, (high - low) / 500];
    slider.value = code[axis];
    byId(`number-${axis}`).textContent = short(code[axis]);
  });
}

// Moves to a code; the ranges grow with it.
function go(to) {
  const [x, y] = axesOf();
  to.forEach((value, axis) => {
    if (axis !== x && axis !== y && value !== code[axis]) map = null;
    if (value < ranges[axis][0] || value > ranges[axis][1]) {
      ranges[axis] = [Math.min(value, ranges[axis][0]), Math.max(value, ranges[axis][1])];
      map = null;
    }
  });
  code = [...to];
  setNumbers();
  drawSoon();
}

function placeOn(canvas, point) {
  const [x, y] = axesOf();
  const share = (axis) => (point[axis] - ranges[axis][0]) / (ranges[axis][1] - ranges[axis][0]);
  return [share(x) * canvas.clientWidth, (SIZE > 1 ? 1 - share(y) : 0.5) * canvas.clientHeight];
}

function codeAt(canvas, /** @type {number[]} */ [right, down]) {
  const [x, y] = axesOf();
  const to = [...code];
  to[x] = ranges[x][0] + right * (ranges[x][1] - ranges[x][0]);
  if (SIZE > 1) to[y] = ranges[y][1] - down * (ranges[y][1] - ranges[y][0]);
  return to;
}

// Paints what the codes of the map decode to, in cells.
function mapOfPictures(canvas) {
  const [height, width] = SHAPE;
  const all = document.createElement("canvas");
  all.width = width * CELLS_ACROSS;
  all.height = height * CELLS_ACROSS;
  const pen = all.getContext("2d");
  const small = document.createElement("canvas");
  for (let row = 0; row < CELLS_ACROSS; row += 1) {
    for (let column = 0; column < CELLS_ACROSS; column += 1) {
      const at = [column, row].map((place) => (place + 0.5) / CELLS_ACROSS);
      paintPixels(small, SHAPE, inPixels(model.decode(codeAt(canvas, at))));
      pen.drawImage(small, column * width, row * height);
    }
  }
  return all;
}

function drawMap() {
  const canvas = byId("map");
  const pen = penOf(canvas);
  const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
  if (SHAPE && SIZE > 1) {
    if (!map) map = mapOfPictures(canvas);
    pen.globalAlpha = 0.4;
    pen.drawImage(map, 0, 0, wide, tall);
    pen.globalAlpha = 1;
  }
  codes.forEach((point, number) => {
    const [x, y] = placeOn(canvas, point);
    const label = VIEW.code_labels ? VIEW.code_labels[number] : null;
    const color = label === null ? colorOf("muted") : classColor(label);
    pen.fillStyle = color;
    if (label !== null && VIEW.code_classes[label].length < 3) {
      write(pen, VIEW.code_classes[label], x, y + 4, color, "center", 11);
      return;
    }
    pen.beginPath();
    pen.arc(x, y, 2.5, 0, 2 * Math.PI);
    pen.fill();
  });
  if (own) mark(pen, placeOn(canvas, own.code), colorOf("target"), true);
  mark(pen, placeOn(canvas, code), colorOf("prediction"), false);
  const [x, y] = axesOf();
  const text = `number ${x + 1} ${short(code[x])}${SIZE > 1 ? `, number ${y + 1} ${short(code[y])}` : ""}`;
  canvas.setAttribute("aria-label", `Map of codes, the point at ${text}`);
}

function mark(pen, /** @type {number[]} */ [x, y], color, square) {
  for (const [paint, width] of [[colorOf("ground"), 6], [color, 3]]) {
    pen.strokeStyle = paint;
    pen.lineWidth = width;
    pen.beginPath();
    if (square) pen.rect(x - 7, y - 7, 14, 14);
    else pen.arc(x, y, 8, 0, 2 * Math.PI);
    pen.stroke();
  }
}

function drawDecoded() {
  const canvas = byId("decoded");
  const values = model.decode(code);
  if (SHAPE) {
    canvas.className = "pixels";
    canvas.style.aspectRatio = `${SHAPE[1]} / ${SHAPE[0]}`;
    paintPixels(canvas, SHAPE, inPixels(values));
  } else {
    canvas.classList.add("fill");
    drawNumbers(canvas, values, own && own.row);
  }
  const from = `decoded from ${code.map(short).join(", ")}`;
  const some = [...values].slice(0, 8).map((value, i) => `${VIEW.columns[i]} ${short(value)}`);
  canvas.setAttribute("aria-label", `The row ${from}${SHAPE ? "" : `: ${some.join(", ")}`}`);
  byId("decoded-text").textContent = from;
}

// Draws the numbers of a row, each in its range: as a line, or as bars with names if they are few.
function drawNumbers(canvas, values, other) {
  const pen = penOf(canvas);
  const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
  const scale = model.pixels ? 255 : 1;
  const share = (value, i) => clamp((value - VIEW.low[i]) / (VIEW.high[i] - VIEW.low[i] || 1), -0.05, 1.05);
  const decoded = Array.from(values, (value, i) => share(value * scale, i));
  const given = other ? Array.from(other, share) : null;
  if (!FEW) {
    frame(pen, [0, 0, wide, tall]);
    if (given) drawCurve(pen, given, wide, tall, colorOf("ink"), 1.2);
    drawCurve(pen, decoded, wide, tall, colorOf("prediction"), 2.5);
    return;
  }
  const lane = Math.min(tall / values.length, 40);
  const left = Math.min(wide * 0.3, 140);
  decoded.forEach((at, i) => {
    const y = lane * (i + 0.5);
    const x = (part) => left + part * (wide - left - 70);
    write(pen, VIEW.columns[i], left - 8, y + 4, colorOf("ink"), "right", 12, left - 8);
    pen.fillStyle = colorOf("faint");
    pen.fillRect(x(0), y - 5, x(1) - x(0), 10);
    pen.fillStyle = colorOf("prediction");
    pen.fillRect(x(0), y - 5, Math.max(x(at) - x(0), 0), 10);
    if (given) {
      pen.fillStyle = colorOf("ink");
      pen.fillRect(x(given[i]) - 1.5, y - 9, 3, 18);
    }
    write(pen, short(values[i] * scale), wide - 2, y + 4, colorOf("muted"), "right");
  });
}

function drawCurve(pen, shares, wide, tall, color, width) {
  line(pen, shares.map((at, i) => [((i + 0.5) / shares.length) * wide, tall * (0.95 - 0.9 * at)]), color, width);
}

function drawOwn() {
  byId("pair").hidden = !SHAPE;
  byId("row-facts").hidden = !own;
  if (SHAPE) {
    paintPixels(byId("seen"), SHAPE, own ? own.row : new Float64Array(SHAPE[0] * SHAPE[1]));
    paintPixels(byId("rebuilt"), SHAPE, own ? inPixels(own.reconstruction) : new Float64Array(SHAPE[0] * SHAPE[1]));
  }
  if (!own) return;
  fillList("row-facts", [["code", [...own.code].map(short).join(", ")], ["error", `${short(own.error)} (mean square of scaled numbers)`]]);
}

function draw() {
  setNumbers();
  setFields();
  drawMap();
  drawDecoded();
  drawOwn();
}

const drawSoon = eachFrame(draw);

// A row that is no picture is changed with sliders or, if it is long, drawn on the chart.
const FEW = PROGRAM.n_features <= 24; // as many have names
const fields = SHAPE || !FEW ? [] : VIEW.columns.map((name, i) => {
  const { label, slider, output } = fieldOf(name);
  [slider.min, slider.max, slider.step] = [VIEW.low[i], VIEW.high[i], (VIEW.high[i] - VIEW.low[i]) / 500 || 1];
  slider.addEventListener("input", () => change(i, Number(slider.value)));
  byId("fields").append(label);
  return { slider, output };
});

function change(i, value) {
  const row = own ? own.row.slice() : middleRow();
  row[i] = model.pixels ? Math.round(value) : value;
  encode(row, false);
}

const middleRow = () => Float64Array.from(VIEW.low, (low, i) => Math.round(5e5 * (low + VIEW.high[i])) / 1e6);

function setFields() {
  if (!own) return;
  fields.forEach(({ slider, output }, i) => {
    slider.value = own.row[i];
    output.textContent = short(own.row[i]);
  });
}

function encode(row, done) {
  try {
    own = { row, ...model.predict([row]) };
    complain("");
  } catch (error) {
    complain(`The model cannot read this: ${error.message}.`);
    return;
  }
  go(own.code);
  if (done) say(`Code ${[...own.code].map(short).join(", ")}, error ${short(own.error)}`);
}

function sayDecoded() {
  say(`Code ${code.map(short).join(", ")}`);
}

// The map: a pointer or the arrow keys move the point.
const canvas = byId("map");
const follow = (event) => {
  const bounds = canvas.getBoundingClientRect();
  go(codeAt(canvas, [
    clamp((event.clientX - bounds.left) / bounds.width, 0, 1), clamp((event.clientY - bounds.top) / bounds.height, 0, 1)]));
};
/** @type {boolean | string} */
let dragging = false;
canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  dragging = true;
  follow(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (dragging === true) follow(event);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    if (dragging) sayDecoded();
    dragging = false;
  });
}
canvas.addEventListener("keydown", (event) => {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1] };
  if (!moves[event.key]) return;
  event.preventDefault();
  const [which, sign] = moves[event.key];
  const axis = axesOf()[which];
  const [low, high] = ranges[axis];
  const to = [...code];
  to[axis] = clamp(to[axis] + (sign * (high - low)) / (event.shiftKey ? 200 : 40), low, high);
  go(to);
  sayDecoded();
});

const names = Array.from({ length: SIZE }, (_, axis) => `number ${axis + 1}`);
fillSelect(byId("axis-x"), names);
fillSelect(byId("axis-y"), names);
byId("axis-y").value = Math.min(1, SIZE - 1);
byId("map-axes").hidden = SIZE < 3;
for (const id of ["axis-x", "axis-y"]) {
  byId(id).addEventListener("change", () => {
    map = null;
    draw();
  });
}

const labels = (VIEW.labels || []).map((label) => VIEW.code_classes[label]);
if (SHAPE) {
  byId("drawing").hidden = false;
  const parts = { canvas: byId("pad"), centre: byId("centre"), light: byId("light"), clear: byId("clear") };
  const pad = drawingPad(parts, SHAPE, (values, done) => encode(Float64Array.from(values), done), () => {
    own = null;
    drawSoon();
  }, say);
  byId("examples").hidden = !rows.length;
  addExamples(byId("choices"), rows, SHAPE, labels, (values) => {
    pad.show(values);
    encode(values, true);
  });
} else {
  byId("edit-help").hidden = false;
  byId("edit-help").textContent = FEW ? "The bars are decoded, the marks the row that was encoded."
    : "The thick line is decoded, the thin one the row that was encoded: draw over it to change it.";
  if (!FEW) drawOver();
  offer(rows.length ? rows : [middleRow()], "Row of the run");
}

// Lets a reader draw a long row on the chart.
function drawOver() {
  const chart = byId("decoded");
  let last = null;
  chart.classList.add("bend");
  const follow = (event) => {
    const bounds = chart.getBoundingClientRect();
    const n = PROGRAM.n_features;
    const i = clamp(Math.floor((n * (event.clientX - bounds.left)) / bounds.width), 0, n - 1);
    const share = clamp((0.95 - (event.clientY - bounds.top) / bounds.height) / 0.9, 0, 1);
    const row = own.row.slice();
    const [from, before] = last || [i, share];
    for (let k = Math.min(i, from); k <= Math.max(i, from); k += 1) {
      const part = i === from ? 1 : (k - from) / (i - from);
      row[k] = VIEW.low[k] + (before + part * (share - before)) * (VIEW.high[k] - VIEW.low[k]);
    }
    last = [i, share];
    encode(row, false);
  };
  chart.addEventListener("pointerdown", (event) => {
    if (event.button || !own) return;
    chart.setPointerCapture(event.pointerId);
    last = null;
    dragging = "row";
    follow(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (dragging === "row") follow(event);
  });
  for (const name of ["pointerup", "pointercancel"]) chart.addEventListener(name, () => (dragging = false));
}

function offer(list, name) {
  byId("list").hidden = list.length < 2;
  fillSelect(byId("which"), list.map((_, number) => `${name} ${number + 1}`));
  byId("which").onchange = () => encode(list[Number(byId("which").value)], true);
  encode(list[0], false);
}

takeTexts(`A line is a row: ${ABOUT.columns ? VIEW.columns.slice(0, 8).join(", ") : `${PROGRAM.n_features} numbers`}${ABOUT.columns && VIEW.columns.length > 8 ? ", ..." : ""}.`, (text) => {
  const list = readLines(text, ABOUT).lines.slice(0, 1000);
  const wrong = list.find((row) => row.length !== PROGRAM.n_features);
  if (wrong) throw new Error(`a line has ${wrong.length} numbers, and a row ${PROGRAM.n_features}`);
  offer(list, "Your row");
});
document.addEventListener("theme", () => (map = null));
redrawWith(draw, byId("map"));
if (SHAPE && rows.length) encode(rows[0], false);
draw();
