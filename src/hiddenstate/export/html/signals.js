// A classifier of signals: bend one, and see the probabilities over time.

import { startWhy, touched } from "./why.js";
import { traceOf } from "../../web/reading.js";
import { boxesBelow, chanceBars, chanceLines, drawReading } from "../../web/reading_picture.js";
import { tintLanes } from "../../web/why_picture.js";
import { CLASSES, questionOf, readingOf, sayAnswer, showAnswer, switchLayers } from "./chances.js";
import { contextOf, eachFrame, penOf, redrawWith } from "../../web/pen.js";
import { Bender, allowed, copied, drawLanesRead, lanesOf } from "../../web/signal.js";
import { ABOUT, PROGRAM, VIEW, byId, classColor, complain, fillSelect, model, rowsOfRun } from "./page.js";
import { say } from "../../web/dom.js";
import { stepBar } from "../../web/timebar.js";
import { readSeries } from "../../web/table.js";
import { MOST_STEPS, takeTexts } from "./texts.js";

/** @type {{ name: string, series: Float64Array[] }[]} */
let sources = rowsOfRun().map((series, number) => ({
  name: `Row ${number + 1} of the run${VIEW.labels ? ` (${CLASSES[VIEW.labels[number]]})` : ""}`, series,
}));
if (!sources.length) sources = [{ name: "Waves", series: waves(Math.max(PROGRAM.n_steps, 2)) }];
let series = [];
let trace = { probabilities: [] };
let slow = false;
let reader = model;

// Returns a wave in each channel, as the model knows its values.
function waves(length) {
  return Array.from({ length }, (_, t) => Float64Array.from(VIEW.columns, (__, channel) => {
    const [low, high] = [VIEW.low[channel], VIEW.high[channel]];
    const value = (low + high) / 2 + ((high - low) / 5) * Math.sin((2 * Math.PI * (1 + channel) * t) / length);
    return allowed(PROGRAM, low, channel, value);
  }));
}

const player = stepBar(byId, "step", () => draw());
const why = startWhy("or touch a moment of the state or the probabilities", () => questionOf(reader, trace, series, trace.probabilities.length && player.at, { word: "step", columns: VIEW.columns }), () => draw());
touched(byId("reading"), () => boxes()[1], () => series.length, (at) => {
  if (!trace.probabilities.length) return;
  player.stop();
  player.go(at);
  why.ask();
});
const bender = new Bender(byId("reading"), byId("channel"), {
  program: PROGRAM, channels: VIEW, say, lanes: () => lanes(), series: () => series, words: () => `${byId("label").textContent}, ${byId("sure").textContent}`,
  changed: (done) => (done ? bent(true) : bendSoon()), draw: () => draw(),
});
// A bend is read while it is made, at few steps, unless that takes too long.
const bendSoon = eachFrame(() => (slow ? draw() : bent(false)));
fillSelect(byId("channel"), VIEW.columns);
for (const id of ["channel", "channel-label"]) byId(id).hidden = VIEW.columns.length < 2;

function bent(done) {
  player.stop();
  read(true, done);
  if (done && trace.probabilities.length) sayAnswer(trace, "step");
}

function read(keep, whole = true) {
  const begun = performance.now();
  try {
    trace = traceOf(reader, series, whole ? 40 : 6);
    complain("");
  } catch (error) {
    trace = { probabilities: [] };
    complain(`The model cannot read this: ${error.message}.`);
  }
  slow = !whole && performance.now() - begun > 90;
  player.set(trace.probabilities.length, keep);
}

function choose() {
  series = copied(sources[byId("which").value].series);
  player.stop();
  read(false);
  if (trace.probabilities.length) sayAnswer(trace, "step");
}

function offer(chosen) {
  fillSelect(byId("which"), sources.map(({ name }) => name));
  byId("which").value = chosen;
  choose();
}

const readingNow = () => readingOf(trace, series.length, player.at, { upright: false, chances: series.length > 1 ? chanceLines : chanceBars, word: "step",
  heads: ["signal, as the data has it", PROGRAM.companions.some(({ share }) => !share) ? "hidden state of the network alone, which does not answer" : "hidden state, a line each unit", "probability so far"],
  look: (kind, top) => ({ color: classColor(kind), width: kind === top ? 3 : 1.5, named: kind === top || trace.probabilities[player.at - 1][kind] > 0.2 }),
  row: (pen) => {
    if (why.found) tintLanes(pen, lanes(), why.found.shares, series.length);
    drawLanesRead(pen, lanes(), VIEW, series, player.at);
  } });

function boxes() {
  const canvas = byId("reading");
  return boxesBelow(contextOf(canvas), canvas.clientWidth, canvas.clientHeight, [0.44, 0.3, 0.26], CLASSES);
}

const lanes = () => lanesOf(VIEW, series, boxes()[0], bender.channel);

function draw() {
  const canvas = byId("reading");
  const pen = penOf(canvas);
  const { at } = player;
  showAnswer(trace, at, "step");
  why.look(trace, at);
  if (trace.probabilities.length) drawReading(pen, boxes(), readingNow());
  else drawLanesRead(pen, lanes(), VIEW, series, 0);
  bender.mark(pen);
  canvas.setAttribute("aria-label", `Signal of ${series.length} steps, ${at} read. ${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`);
}

switchLayers((chosen) => {
  reader = chosen;
  bent(true);
});

const fields = ABOUT.columns ? `columns ${VIEW.columns.join(", ")}` : `${PROGRAM.n_features} numbers a step`;
const isRow = ABOUT.rows_are_series && PROGRAM.n_steps === 1;
takeTexts(`A line is ${isRow ? `a row (${fields})` : `a step (${fields}), or a whole series`}. Other columns are left out.`, (text) => {
  const found = readSeries(text, ABOUT, PROGRAM.n_features);
  if (found.some((each) => each.series.length > MOST_STEPS)) throw new Error(`a series has more than ${MOST_STEPS} steps`);
  sources = [...found.slice(0, 1000), ...sources.filter(({ name }) => !name.startsWith("Your"))];
  offer(0);
});
if (VIEW.columns.length > 3) byId("reading").style.minHeight = "36rem";
byId("which").addEventListener("change", choose);
byId("again").addEventListener("click", choose);
byId("channel").addEventListener("change", draw);
redrawWith(draw, byId("reading"));
offer(0);
