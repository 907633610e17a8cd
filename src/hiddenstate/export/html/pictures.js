// A classifier of pictures: draw one, and see it read row by row.

import { colorOf, isCalm } from "../../web/colors.js";
import { startWhy } from "./why.js";
import { traceOf } from "../../web/reading.js";
import { boxesBeside, chanceColumns, drawPicture, drawReading } from "../../web/reading_picture.js";
import { tintPixels } from "../../web/why_picture.js";
import { CLASSES, questionOf, readingOf, sayAnswer, showAnswer, switchLayers } from "./chances.js";
import { frame, paintPixels, penOf, redrawWith, write } from "../../web/pen.js";
import { addExamples, drawingPad } from "../../web/pad.js";
import { joined } from "../../web/net.js";
import { VIEW, byId, complain, model, rowsOfRun } from "./page.js";
import { say } from "../../web/dom.js";
import { clamp } from "../../web/numbers.js";
import { stepBar } from "../../web/timebar.js";

const SHAPE = VIEW.picture;
const examples = rowsOfRun().map((steps) => Uint8Array.from(joined(steps)));
const SIZE = SHAPE.reduce((all, side) => all * side);
const ink = { values: new Uint8Array(SIZE) };
let trace = null;
let reader = model;
let slow = false; // whether a drawing is read only when it is done

// Width of the three panels, as shares: the picture, the hidden state, the probabilities.
const PANELS = [0.42, 0.34, 0.24];
byId("heads").style.gridTemplateColumns = PANELS.map((share) => `${share}fr`).join(" ");

function rowsOf(values) {
  const width = SIZE / SHAPE[0];
  return Array.from({ length: SHAPE[0] }, (_, t) => Float64Array.from(values.slice(t * width, (t + 1) * width)));
}

const shades = examples.flatMap((values) => [...values]);
byId("light").checked = shades.length > 0 && shades.reduce((a, b) => a + b, 0) / shades.length > 140;
const player = stepBar(byId, "row", () => draw());
const why = startWhy("or touch a moment of the reading", () => questionOf(reader, trace, rowsOf(ink.values), trace ? player.at : 0, { word: "row" }), () => draw());
byId("reading").addEventListener("click", (event) => {
  const [, y, , tall] = boxes()[0];
  if (!trace) return;
  player.stop();
  player.go(clamp(Math.ceil(((event.offsetY - y) / tall) * SHAPE[0]), 1, SHAPE[0]));
  why.ask();
});
const boxes = () => boxesBeside(byId("reading").clientWidth, byId("reading").clientHeight, PANELS);
const parts = { canvas: byId("pad"), centre: byId("centre"), light: byId("light"), clear: byId("clear") };
const pad = drawingPad(parts, SHAPE, (values, done) => { if (done || !slow) read(values, done); }, () => read(new Uint8Array(SIZE), true, true), say, { on: document.body, fail: complain });

function read(values, done, blank = false) {
  player.stop();
  ink.values = values;
  const begun = performance.now();
  trace = blank ? null : traceOf(reader, rowsOf(values));
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
  const [height, width] = SHAPE;
  const tall = Math.round(clamp(((PANELS[0] * canvas.clientWidth - 12) * height) / width + 22, 180, 600)); // keeps its proportions
  Object.assign(canvas.style, { flex: "none", minHeight: "0", height: `${tall}px` });
  const pen = penOf(canvas);
  const at = trace ? player.at : 0;
  const small = document.createElement("canvas");
  paintPixels(small, SHAPE, ink.values);
  showAnswer(trace, at, "row");
  why.look(trace, at);
  const [x, , wide] = boxes()[2];
  if (trace) {
    drawReading(pen, boxes(), readingOf(trace, height, at, { upright: true, chances: chanceColumns, word: "row", heads: ["", "", ""],
      row: (_, box) => {
        drawPicture(pen, box, small, why.found ? 0 : at / height);
        if (why.found) tintPixels(pen, box, SHAPE, why.found.shares);
      } }));
    const column = wide / CLASSES.length;
    const brief = CLASSES.every((name) => name.length * 7 < column);
    if (column > 7) CLASSES.forEach((name, place) => write(pen, brief ? name : String(place + 1), x + (place + 0.5) * column, 14, colorOf("muted"), "center"));
  } else {
    boxes().forEach((box) => frame(pen, box));
    const [picture] = boxes();
    drawPicture(pen, picture, small, 1);
    if (!pad.strokes.length) write(pen, "nothing drawn yet", picture[2] / 2, picture[3] / 2, colorOf("muted"), "center", 14);
  }
  canvas.setAttribute("aria-label", trace
    ? `${at} of ${height} rows read, of a picture ${SHAPE[2] ? "in colour" : byId("light").checked ? "dark on light" : "light on dark"}. ${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`
    : "Nothing is drawn yet.");
}

byId("examples").hidden = !examples.length;
addExamples(byId("choices"), examples, SHAPE, (VIEW.labels || []).map((label) => CLASSES[label]), (values) => {
  pad.show(values);
  read(values, true);
});
switchLayers((chosen) => {
  reader = chosen;
  if (trace) read(ink.values, true);
});
redrawWith(draw, byId("reading"));
if (examples.length) {
  pad.show(examples[0]);
  read(examples[0], false);
} else draw();
