// A classifier of pictures: draw one, and see it read row by row.

import { colorOf, isCalm } from "../../web/colors.js";
import { decidedAfter, traceOf } from "../../web/reading.js";
import { CLASSES, sayAnswer, showAnswer } from "./chances.js";
import { heat } from "../../web/heat.js";
import { eachFrame, frame, line, paintPixels, penOf, redrawWith, tag, write } from "../../web/pen.js";
import { Pad, addExamples, rasterOf } from "../../web/pad.js";
import { joined } from "../../web/net.js";
import { VIEW, byId, classColor, model, rowsOfRun, say } from "./page.js";
import { stepBar } from "../../web/timebar.js";
import { greatest } from "../../web/numbers.js";

const SHAPE = VIEW.picture;
const examples = rowsOfRun().map((steps) => Uint8Array.from(joined(steps)));
const ink = { values: new Uint8Array(SHAPE[0] * SHAPE[1]) };
let trace = null;
let slow = false; // whether a drawing is read only when it is done

// Width of the three panels, as shares: the picture, the hidden state, the probabilities.
const PANELS = [0.42, 0.34, 0.24];
byId("heads").style.gridTemplateColumns = PANELS.map((share) => `${share}fr`).join(" ");

function rowsOf(values) {
  const [height, width] = SHAPE;
  return Array.from({ length: height }, (_, t) => Float64Array.from(values.slice(t * width, (t + 1) * width)));
}

const player = stepBar(byId, "row", () => draw());
const pad = new Pad(byId("pad"), SHAPE, (done) => {
  if (done) drawn(true);
  else if (!slow) drawSoon();
}, say);
const drawSoon = eachFrame(() => drawn(false));

// Reads the drawing; `done` plays the reading.
function drawn(done) {
  const values = rasterOf(pad.strokes, SHAPE, byId("centre").checked);
  read(byId("light").checked ? values.map((value) => 255 - value) : values, done, !pad.strokes.length);
}

function read(values, done, blank = false) {
  player.stop();
  ink.values = values;
  const begun = performance.now();
  trace = blank ? null : traceOf(model, rowsOf(values));
  slow = performance.now() - begun > 60;
  player.set(blank ? 0 : SHAPE[0]);
  if (!done || blank) return;
  sayAnswer(trace, "row");
  if (isCalm()) return;
  player.go(0);
  player.play();
}

function draw() {
  const canvas = byId("reading");
  const pen = penOf(canvas);
  const [wide, tall] = [canvas.clientWidth, canvas.clientHeight - 18];
  const [height, width] = SHAPE;
  const gap = 10;
  const at = trace ? player.at : height;
  const edges = PANELS.map((_, i) => PANELS.slice(0, i).reduce((a, b) => a + b, 0) * wide);
  const boxes = edges.map((x, i) => [x, 18, PANELS[i] * wide - (i < 2 ? gap : 0), tall]);
  const row = tall / height;
  const light = byId("light").checked;

  const small = document.createElement("canvas");
  paintPixels(small, SHAPE, ink.values);
  pen.imageSmoothingEnabled = false;
  pen.globalAlpha = 0.25;
  const [[left, top, across]] = boxes;
  pen.drawImage(small, left, top, across, tall);
  pen.globalAlpha = 1;
  if (at) pen.drawImage(small, 0, 0, width, at, left, top, across, row * at);
  boxes.forEach((box) => frame(pen, box));
  showAnswer(trace || { probabilities: [] }, trace ? at : 0, "row");
  const about = light ? "dark on light" : "light on dark";
  canvas.setAttribute("aria-label", trace
    ? `${at} of ${height} rows read, of a picture ${about}. ${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`
    : "Nothing is drawn yet.");
  if (!trace) {
    if (!pad.strokes.length) write(pen, "nothing drawn yet", boxes[0][2] / 2, tall / 2, colorOf("muted"), "center", 14);
    return;
  }
  const n = trace.states[0].length;
  const most = greatest(trace.states);
  const stateAt = (t) => trace.states[Math.floor((t * trace.states.length) / height)];
  const [middle, , wider] = boxes[1];
  heat(pen, [middle, top, wider, row * at], at, n, (t, unit) => stateAt(t)[unit] / most);
  drawChances(pen, boxes[2], row, at);
  const decided = decidedAfter(trace.probabilities);
  if (at < height) marker(pen, 18 + row * at, wide, colorOf("ink"), []);
  if (at >= decided && at) {
    marker(pen, 18 + row * (decided - 1), wide, colorOf("target"), [5, 3]);
    tag(pen, `decided at row ${decided}`, middle + 8, 18 + row * (decided - 1) + (decided > 2 ? -5 : 14), colorOf("target"));
  }
}

function marker(pen, y, wide, color, dash) {
  line(pen, [[0, y], [wide, y]], color, 1.5, dash);
}

// Draws the probability of each class in a column, or as lines if there are many.
function drawChances(pen, /** @type {number[]} */ [x, y, wide, tall], row, at) {
  const n = CLASSES.length;
  const column = wide / n;
  if (n > 30) {
    CLASSES.forEach((_, place) => line(pen, trace.probabilities.slice(0, at).map(
      (p, t) => [x + p[place] * wide, y + row * (t + 0.5)]), classColor(place)));
    return;
  }
  heat(pen, [x, y, wide, row * at], at, n, (t, place) => -trace.probabilities[t][place]);
  const brief = CLASSES.every((name) => name.length * 7 < column);
  CLASSES.forEach((name, place) => write(
    pen, brief ? name : String(place + 1), x + (place + 0.5) * column, 12, colorOf("muted"), "center"));
}

byId("centre").checked = SHAPE[0] === SHAPE[1];
for (const id of ["centre", "light"]) byId(id).addEventListener("change", () => pad.strokes.length && drawn(true));
byId("clear").addEventListener("click", () => pad.clear());
const shades = examples.flatMap((values) => [...values]);
byId("light").checked = shades.length > 0 && shades.reduce((a, b) => a + b, 0) / shades.length > 140;
byId("examples").hidden = !examples.length;
addExamples(byId("choices"), examples, SHAPE, (VIEW.labels || []).map((label) => CLASSES[label]), (values) => {
  pad.show(values);
  read(values, true);
});
redrawWith(draw, byId("reading"));
if (examples.length) {
  pad.show(examples[0]);
  read(examples[0], false);
} else draw();
