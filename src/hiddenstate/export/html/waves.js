// A regressor: bend its input, see its answer and its state, and reset the state.

import { written } from "../../web/axes.js";
import { Bending } from "../../web/bending.js";
import { colorOf } from "../../web/colors.js";
import { frame, line, penOf, redrawWith, write } from "../../web/pen.js";
import { joined } from "../../web/net.js";
import { planeOf, pointIn } from "../../web/plane.js";
import { ABOUT, PROGRAM, VIEW, byId, complain, fillSelect, fillList, model, on } from "./page.js";
import { say } from "../../web/dom.js";
import { stepBar } from "../../web/timebar.js";
import { explained } from "../../web/why.js";
import { tintLanes } from "../../web/why_picture.js";
import { startWhy, touched } from "./why.js";
import { readSeries } from "../../web/table.js";
import { MOST_STEPS, takeTexts } from "./texts.js";
import { clamp, extentOf, short } from "../../web/numbers.js";

const ahead = ABOUT.horizon || 0;
const spoken = ahead ? `answer: the forecast ${ahead} ${ahead > 1 ? "steps" : "step"} ahead, drawn where it is for` : "answer after every step";
let axes = { mean: new Float64Array(0), axes: [] };

const bent = new Bending({
  canvas: byId("reading"), select: byId("channel"), model, view: VIEW, horizon: ahead, say, here: () => here(), paint: () => draw(),
  dials: Object.fromEntries(["period", "amplitude", "level", "noise"].map((name) => [name, { slider: byId(name), output: byId(`${name}-text`) }])),
  dialWords: (name, value) => (name === "period" ? `${Math.round(value)} steps` : written(Number(value.toPrecision(3)))),
  words: { input: "input: drag it", answer: () => spoken, name: "answer", hidden: "hidden state, a line each unit", reset: "state reset",
    short: (n, window) => `it has ${n} steps, and a window has ${window}` },
  behind: (pen, lanes) => {
    if (why.found) tintLanes(pen, lanes, why.found.shares, bent.series.length, why.found.first);
  },
  read: (problem, done) => {
    complain(problem && `The model cannot read this: ${problem}.`);
    project();
    tellRecovery();
    player.set(bent.series.length, player.count > 0);
    if (done) say(`${here()}. ${bent.resets.length ? byId("recovery").textContent : ""}`);
  },
});
const player = stepBar(byId, "step", () => draw(), { loop: true });
const why = startWhy("or touch a moment of the answer", asked, () => draw());
touched(byId("reading"), () => bent.boxes()[1], () => bent.series.length, (at, y) => {
  const [, [, top,, tall]] = bent.boxes();
  const n = Math.min(PROGRAM.n_outputs, 3); // answers that are drawn
  if (y <= top + tall) target = clamp(Math.floor(((y - top) / tall) * n), 0, n - 1);
  player.stop();
  player.go(Math.max(at - ahead, 1)); // an answer is drawn where it is for
  why.ask();
});

let target = 0; // whose answer is explained
// What is asked of the answer at the moment: which steps of those that it reads it comes from.
function asked() {
  const { series, answer, resets, carries } = bent;
  const at = Math.max(player.at - 1, 0);
  const y = answer.y[at];
  if (!y || !Number.isFinite(y[0])) return "There is no answer at this step.";
  const size = PROGRAM.stateful ? 0 : PROGRAM.window;
  const first = size ? Math.max(at + 1 - size, 0) : carries ? Math.max(0, ...resets.filter((reset) => reset <= at)) : 0;
  const end = carries || (size && at >= size) ? at + 1 : size || series.length;
  const name = VIEW.targets[target] || "the answer";
  return {
    program: PROGRAM, rows: model.prepare(series.slice(first, end)), chosen: target, first, word: "step", columns: VIEW.columns,
    explain: explained(PROGRAM, target, at - first), subject: `${name}${ahead ? ` in ${ahead}` : ""} after step ${at + 1}`, unit: VIEW.units[name] ? `In ${VIEW.units[name]}` : name, ways: ["Raises it", "Lowers it"],
  };
}

// Where the state is the same again after a reset, but for a hundredth of what it varies by.
function tellRecovery() {
  const { answer, plain, series, carries, resets: [at] } = bent;
  byId("unreset").hidden = at === undefined;
  byId("reset").parentElement.hidden = !carries;
  let text = "The hidden state goes on from step to step. Reset it to zeros and see it recover.";
  if (!carries) {
    const read = PROGRAM.window
      ? `a new window of ${PROGRAM.window} steps for each answer, from a state of zeros` : "the whole series for an answer";
    text = `The model reads ${read}: there is no state to reset.`;
  } else if (at !== undefined && answer.y.length) {
    const spans = Array.from(plain.y[0], (_, o) => extentOf(plain.y.map((y) => y[o]))).map(([low, high]) => high - low);
    let t = series.length;
    while (t > at && Array.from(plain.y[t - 1]).every((value, o) => Math.abs(value - answer.y[t - 1][o]) < spans[o] / 100)) t -= 1;
    text = t >= series.length
      ? `Reset at step ${at + 1}: the answer has not recovered by the end.`
      : `Reset at step ${at + 1}: after ${t - at} steps the answer is the same again within 1 %.`;
  }
  byId("recovery").textContent = text;
}

// Finds two principal components of the states.
function project() {
  const states = bent.plain.states.slice(bent.plain.first);
  if (states.length) axes = planeOf(joined(states), states[0].length, axes.axes);
}

const UNITS = ["unit-x", "unit-y"];
const onUnits = () => byId("axes").value === "units";

function pointOf(state) {
  if (onUnits()) return UNITS.map((id) => state[clamp(byId(id).value - 1, 0, state.length - 1)]);
  return [...pointIn(state, 0, axes.mean, axes.axes), 0].slice(0, 2);
}

function draw() {
  const canvas = byId("reading");
  why.look(bent.answer, player.at);
  bent.draw(penOf(canvas), player.at);
  drawPortrait();
  fillList("here", facts());
  canvas.setAttribute("aria-label", `Input of ${bent.series.length} steps and the answer. ${here()} ${byId("recovery").textContent}`);
}

function drawPortrait() {
  const canvas = byId("portrait");
  const pen = penOf(canvas);
  const size = canvas.clientWidth;
  frame(pen, [0, 0, size, size]);
  const { answer, plain } = bent;
  if (!answer.states.length) return;
  const first = answer.first || 0;
  const path = answer.states.slice(first).map(pointOf);
  const other = answer === plain ? [] : plain.states.map(pointOf);
  const all = [...path, ...other];
  const ends = [0, 1].map((axis) => extentOf(all.map((point) => point[axis])));
  const span = Math.max(...ends.map(([low, high]) => high - low));
  const middle = ends.map(([low, high]) => (low + high) / 2);
  const place = (point) => [0, 1].map((axis) => size * (0.5 + (axis ? -0.86 : 0.86) * ((point[axis] - middle[axis]) / span)));
  if (other.length) line(pen, other.map(place), colorOf("muted"), 1, [4, 3]);
  line(pen, path.map(place), colorOf("prediction"), 1.2);
  const at = Math.max(player.at - 1 - first, 0);
  line(pen, path.slice(Math.max(at - VIEW.period, 0), at + 1).map(place), colorOf("target"), 2.5);
  const [x, y] = place(path[at]);
  pen.fillStyle = colorOf("target");
  pen.beginPath();
  pen.arc(x, y, 6, 0, 2 * Math.PI);
  pen.fill();
  const names = onUnits() ? UNITS.map((id) => `unit ${byId(id).value}`) : ["first component", "second component"];
  write(pen, `${names[0]} →`, size - 8, size - 8, colorOf("muted"), "right", 11);
  write(pen, `↑ ${names[1]}`, 8, 16, colorOf("muted"), "left", 11);
  canvas.setAttribute("aria-label", `Path of the hidden state over ${names.join(" and ")}, at step ${first + at + 1}: ${path[at].map(short).join(", ")}`);
}

function facts() {
  const at = Math.max(player.at - 1, 0);
  const { series, answer, bender: { channel } } = bent;
  if (!answer.y.length) return [];
  const written = (name, value) => [short(value), VIEW.units[name]].filter(Boolean).join(" ");
  return [["step", `${at + 1}`], [VIEW.columns[channel], written(VIEW.columns[channel], series[at][channel])], ...Array.from(answer.y[at]).slice(0, 4).map((value, o) => [
    `${VIEW.targets[o] || "answer"}${ahead ? ` in ${ahead}` : ""}`, Number.isFinite(value) ? written(VIEW.targets[o], value) : "none yet"])];
}

const here = () => facts().map(([name, value]) => `${name} ${value}`).join(", ");

fillSelect(byId("channel"), VIEW.columns);
byId("channel-field").hidden = VIEW.columns.length < 2;
byId("axes").append(new Option("components", "components"), new Option("two units", "units"));
on("axes", "change", () => {
  byId("units").hidden = !onUnits();
  draw();
});
UNITS.forEach((id, place) => {
  byId(id).max = model.units;
  byId(id).value = Math.min(place + 1, model.units);
  on(id, "input", draw);
});
on("reset", "click", () => {
  const n = bent.series.length;
  bent.resets = [clamp(player.at < n ? player.at : Math.floor(n / 2), 1, n - 1)];
  bent.compute(true);
});
on("unreset", "click", () => bent.take(bent.series));
byId("example").hidden = !VIEW.rows;
on("example", "click", () => bent.begin());
const named = ABOUT.columns ? `columns ${VIEW.columns.join(", ")}` : `${PROGRAM.n_features} numbers`;
takeTexts(`A line is a step (${named}). Other columns are left out.`, (text) => {
  const found = readSeries(text, ABOUT, PROGRAM.n_features);
  if (found[0].series.length > MOST_STEPS) throw new Error(`it has more than ${MOST_STEPS} steps`);
  bent.take(found[0].series);
  byId("load").open = false;
});
redrawWith(draw, byId("reading"));
bent.begin();
player.go(Math.ceil(bent.series.length / 2));
