// A classifier of signals: bend one, and see the probabilities over time.

import { colorOf } from "../../web/colors.js";
import { decidedAfter, largest, traceOf } from "../../web/reading.js";
import { CLASSES, sayAnswer, showAnswer } from "./chances.js";
import { heat } from "../../web/heat.js";
import { eachFrame, frame, line, penOf, redrawWith, tag, write } from "../../web/pen.js";
import { Bender, allowed, copied, drawLane, lanesOf, nameLane, stacked } from "../../web/signal.js";
import { ABOUT, PROGRAM, VIEW, byId, classColor, complain, fillSelect, model, rowsOfRun, say } from "./page.js";
import { stepBar } from "../../web/timebar.js";
import { readSeries } from "../../web/table.js";
import { MOST_STEPS, takeTexts } from "./texts.js";
import { clamp, greatest } from "../../web/numbers.js";

const LEFT = 46;
/** @type {{ name: string, series: Float64Array[] }[]} */
let sources = rowsOfRun().map((series, number) => ({
  name: `Row ${number + 1} of the run${VIEW.labels ? ` (${CLASSES[VIEW.labels[number]]})` : ""}`, series,
}));
if (!sources.length) sources = [{ name: "Waves", series: waves(Math.max(PROGRAM.n_steps, 2)) }];
let series = [];
let trace = { probabilities: [] };
let slow = false;

// Returns a wave in each channel, as the model knows its values.
function waves(length) {
  return Array.from({ length }, (_, t) => Float64Array.from(VIEW.columns, (__, channel) => {
    const [low, high] = [VIEW.low[channel], VIEW.high[channel]];
    const value = (low + high) / 2 + ((high - low) / 5) * Math.sin((2 * Math.PI * (1 + channel) * t) / length);
    return allowed(PROGRAM, low, channel, value);
  }));
}

const player = stepBar(byId, "step", () => draw());
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
    trace = traceOf(model, series, whole ? 40 : 6);
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

// The parts of the chart: lanes, hidden state, probabilities.
function boxes() {
  const canvas = byId("reading");
  return stacked([LEFT, 0, canvas.clientWidth - LEFT - 4, canvas.clientHeight], [0.44, 0.3, 0.26], 20);
}

const lanes = () => lanesOf(VIEW, series, boxes()[0], bender.channel);

function draw() {
  const canvas = byId("reading");
  const pen = penOf(canvas);
  const [input, hidden, chances] = boxes();
  const at = player.at;
  const n = series.length;
  const muted = colorOf("muted");
  showAnswer(trace, at, "step");
  const shown = lanes();
  write(pen, "signal, as the data has it", LEFT, 14, muted);
  shown.forEach(({ box, channel, range }) => {
    frame(pen, box);
    const values = series.map((step) => step[channel]);
    const color = classColor(channel);
    pen.globalAlpha = 0.3;
    drawLane(pen, box, values, range, color);
    pen.globalAlpha = 1;
    drawLane(pen, box, values, range, color, { width: 2, upTo: at });
    nameLane(pen, box, VIEW.columns[channel], range, colorOf("ink"));
  });
  write(pen, PROGRAM.companions.some(({ share }) => !share) ? "hidden state (no share in the answer)" : "hidden state, a line each unit", LEFT, hidden[1] - 6, muted);
  write(pen, "probability so far", LEFT, chances[1] - 6, muted);
  const edge = (steps) => LEFT + (steps / n) * input[2];
  if (trace.probabilities.length) {
    const units = trace.states[0].length;
    const most = greatest(trace.states);
    const stateAt = (t) => trace.states[Math.floor((t * trace.states.length) / n)];
    heat(pen, [LEFT, hidden[1], edge(at) - LEFT, hidden[3]], units, at, (unit, t) => stateAt(t)[unit] / most);
    const now = trace.probabilities[Math.max(at - 1, 0)];
    for (const place of [...now.keys()].sort((a, b) => now[a] - now[b])) {
      drawLane(pen, chances, trace.probabilities.map((p) => p[place]), [0, 1], classColor(place),
        { width: place === largest(now) ? 3 : 1.5, upTo: at });
    }
    nameChances(pen, chances, at);
  }
  frame(pen, hidden);
  frame(pen, chances);
  write(pen, "1", LEFT - 5, chances[1] + 11, muted, "right", 10.5);
  write(pen, "0", LEFT - 5, chances[1] + chances[3] - 3, muted, "right", 10.5);
  const bottom = chances[1] + chances[3];
  if (at < n) line(pen, [[edge(at), input[1]], [edge(at), bottom]], colorOf("ink"), 1.5);
  const decided = trace.probabilities.length ? decidedAfter(trace.probabilities) : 0;
  if (decided && at >= decided) {
    const x = edge(decided - 1);
    line(pen, [[x, input[1]], [x, bottom]], colorOf("target"), 1.5, [5, 3]);
    const right = x > LEFT + input[2] / 2;
    tag(pen, `decided at step ${decided}`, x + (right ? -6 : 6), input[1] + input[3] - 8, colorOf("target"), right ? "right" : "left");
  }
  bender.mark(pen);
  canvas.setAttribute("aria-label", `Signal of ${n} steps, ${at} read. ${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`);
}

// Writes the names of the two most probable classes at their lines.
function nameChances(pen, /** @type {number[]} */ [x, y, wide, tall], at) {
  if (!at) return;
  const now = trace.probabilities[at - 1];
  const best = [...now.keys()].sort((a, b) => now[b] - now[a]).slice(0, 2);
  const end = x + (at / series.length) * wide;
  const right = end > x + wide / 2;
  best.forEach((place, rank) => {
    const height = y + tall * (0.94 - 0.88 * now[place]);
    write(pen, CLASSES[place], right ? end - 8 : end + 6, clamp(height + (rank ? -6 : 14), y + 12, y + tall - 4), colorOf("ink"), right ? "right" : "left");
  });
}

const fields = ABOUT.columns ? `columns ${VIEW.columns.join(", ")}` : `${PROGRAM.n_features} numbers a step`;
const isRow = ABOUT.rows_are_series && PROGRAM.n_steps === 1;
takeTexts(`A line is ${isRow ? `a row (${fields})` : `a step (${fields}), or a whole series`}. Other columns are left out.`, (text) => {
  const found = readSeries(text, ABOUT, PROGRAM.n_features);
  if (found.some((each) => each.series.length > MOST_STEPS)) throw new Error(`a series has more than ${MOST_STEPS} steps`);
  sources = [...found.slice(0, 1000), ...sources.filter(({ name }) => !name.startsWith("Your"))];
  offer(0);
});
byId("which").addEventListener("change", choose);
byId("again").addEventListener("click", choose);
byId("channel").addEventListener("change", draw);
redrawWith(draw, byId("reading"));
offer(0);
