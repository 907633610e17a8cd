// A regressor: bend its input, see its answer and its state, and reset the state.

import { colorOf } from "../../web/colors.js";
import { heat } from "../../web/heat.js";
import { eachFrame, frame, line, penOf, redrawWith, tag, write } from "../../web/pen.js";
import { Bender, allowed, copied, drawLane, lanesOf, nameLane, stacked } from "../../web/signal.js";
import { answersTo, noiseOf } from "../../web/answers.js";
import { meanOf } from "../../web/net.js";
import { ABOUT, PROGRAM, VIEW, byId, complain, fillSelect, list, model, on, rowsOfRun, say } from "./page.js";
import { Player } from "../../web/player.js";
import { stepOf } from "../../web/steps.js";
import { readSeries } from "../../web/table.js";
import { MOST_STEPS, takeTexts } from "./texts.js";
import { clamp, greatest, short } from "../../web/numbers.js";

const LEFT = 50;
const rows = rowsOfRun();
const STEADY = PROGRAM.stateful || !PROGRAM.window; // whether the state goes on through a series
const carries = STEADY && model.streams;
const LENGTH = clamp(Math.max(5 * VIEW.period, 2 * PROGRAM.window, PROGRAM.window ? 0 : PROGRAM.n_steps), 40, 400);
const targets = VIEW.targets;
const sliders = ["period", "amplitude", "level", "noise"];
const settings = VIEW.columns.map((_, channel) => {
  const [low, high] = [VIEW.low[channel], VIEW.high[channel]];
  const flat = stepOf(PROGRAM.steps, "Logarithm");
  return { period: VIEW.period * (1 + channel / 2), amplitude: (high - low) / (flat ? 4 : 3), level: (low + high) / 2, noise: 0 };
});
const noises = VIEW.columns.map((_, channel) => noiseOf(channel + 1, 4096));
let series = [];
let resetAt = null;
let run = { y: [], states: [] };
let plain = run;
let axes = null;

const player = new Player(byId, "step", () => draw(), true);
const bender = new Bender(byId("reading"), byId("channel"), {
  program: PROGRAM, channels: VIEW, say, lanes: () => lanes(), series: () => series, words: () => hereInWords(),
  changed: (done) => (done ? bent() : computeSoon()), draw: () => draw(),
});
let slow = false; // whether a change is read only when it is done
const computeSoon = eachFrame(() => (slow ? draw() : compute()));

function bent() {
  compute();
  sayHere();
}

function compute() {
  const begun = performance.now();
  try {
    if (PROGRAM.window && series.length < PROGRAM.window) {
      throw new Error(`it has ${series.length} steps, and a window has ${PROGRAM.window}`);
    }
    plain = answersTo(model, series, []);
    run = resetAt === null ? plain : answersTo(model, series, [resetAt]);
    complain("");
  } catch (error) {
    run = plain = { y: [], states: [] };
    complain(`The model cannot read this: ${error.message}.`);
  }
  slow = performance.now() - begun > 60;
  project();
  tellRecovery();
  player.set(series.length, player.count > 0);
}

// Makes the chosen channel a wave as the sliders say, or the flag that it is, and leaves the others as they are.
function wave(channel) {
  const { period, amplitude, level, noise } = settings[channel];
  series.forEach((step, t) => {
    const value = level + amplitude * Math.sin((2 * Math.PI * t) / period) + noise * noises[channel][t % 4096];
    step[channel] = VIEW.flags[channel]?.[t] ?? allowed(PROGRAM, VIEW.low[channel], channel, value);
  });
}

function setSliders() {
  const { channel } = bender;
  const [low, high] = [VIEW.low[channel], VIEW.high[channel]];
  const span = high - low || 1;
  const ranges = {
    period: [4, Math.max(LENGTH, 2 * VIEW.period), 1], amplitude: [0, span, span / 200],
    level: [low - span / 4, high + span / 4, span / 200], noise: [0, span / 2, span / 400],
  };
  for (const name of sliders) {
    const slider = byId(name);
    [slider.min, slider.max, slider.step] = ranges[name];
    slider.value = settings[channel][name];
    tellSlider(name);
  }
}

function tellSlider(name) {
  const [value, step] = [Number(byId(name).value), Number(byId(name).step)];
  const text = name === "period" ? `${Math.round(value)} steps` : short(Math.abs(value) < step / 2 ? 0 : value);
  byId(`${name}-text`).textContent = text;
  byId(name).setAttribute("aria-valuetext", text);
}

for (const name of sliders) {
  on(name, "input", () => {
    settings[bender.channel][name] = Number(byId(name).value);
    tellSlider(name);
    wave(bender.channel);
    computeSoon();
  });
  on(name, "change", bent);
}

// Where the state is the same again after a reset, but for a hundredth of what it varies by.
function tellRecovery() {
  byId("unreset").hidden = resetAt === null;
  byId("reset").parentElement.hidden = !carries;
  let text = "The hidden state goes on from step to step. Reset it to zeros and see it recover.";
  if (!carries) {
    const read = PROGRAM.window
      ? `a new window of ${PROGRAM.window} steps for each answer, from a state of zeros` : "the whole series for an answer";
    text = `The model reads ${read}: there is no state to reset.`;
  } else if (resetAt !== null && run.y.length) {
    const apart = run.y.map((y, t) => Math.max(...y.map((value, o) => Math.abs(value - plain.y[t][o]) / spread(o))));
    let t = series.length;
    while (t > resetAt && apart[t - 1] < 0.01) t -= 1;
    text = t >= series.length
      ? `Reset at step ${resetAt + 1}: the answer has not recovered by the end.`
      : `Reset at step ${resetAt + 1}: after ${t - resetAt} steps the answer is the same again within 1 %.`;
  }
  byId("recovery").textContent = text;
}

function spread(output) {
  const values = plain.y.map((y) => y[output]).filter(Number.isFinite);
  return Math.max(...values) - Math.min(...values) || 1;
}

function product(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

// Finds the axes of the portrait: two principal components of the states, or two units.
function project() {
  const states = plain.states.slice(plain.first);
  if (!states.length || onUnits()) return;
  const n = states[0].length;
  const mean = meanOf(states);
  const centred = states.map((state) => state.map((value, i) => value - mean[i]));
  const found = [];
  for (let k = 0; k < Math.min(2, n); k += 1) {
    const before = axes?.vectors[k];
    let vector = before?.length === n ? before : Float64Array.from({ length: n }, (_, i) => Math.cos(i + k));
    for (let round = 0; round < 25; round += 1) {
      const next = new Float64Array(n);
      for (const state of centred) {
        const along = product(state, vector);
        for (let i = 0; i < n; i += 1) next[i] += along * state[i];
      }
      for (const other of found) {
        const along = product(next, other);
        for (let i = 0; i < n; i += 1) next[i] -= along * other[i];
      }
      const length = Math.hypot(...next) || 1;
      vector = next.map((value) => value / length);
    }
    found.push(vector);
  }
  axes = { mean, vectors: found };
}

const UNITS = ["unit-x", "unit-y"];
const onUnits = () => byId("axes").value === "units";

function pointOf(state) {
  if (onUnits()) return UNITS.map((id) => state[clamp(byId(id).value - 1, 0, state.length - 1)]);
  const off = state.map((value, i) => value - axes.mean[i]);
  return [0, 1].map((k) => (axes.vectors[k] ? product(off, axes.vectors[k]) : 0));
}

function boxes() {
  const canvas = byId("reading");
  return stacked([LEFT, 0, canvas.clientWidth - LEFT - 4, canvas.clientHeight], [0.34, 0.38, 0.28], 20);
}

const lanes = () => lanesOf(VIEW, series, boxes()[0], bender.channel, 4);

function draw() {
  const canvas = byId("reading");
  const pen = penOf(canvas);
  const [input, answer, hidden] = boxes();
  const { at } = player;
  const n = series.length;
  const [muted, blue, red] = ["muted", "prediction", "target"].map(colorOf);
  write(pen, "input: drag it", LEFT, 14, muted);
  for (const { box, channel, range } of lanes()) {
    frame(pen, box);
    drawLane(pen, box, series.map((step) => step[channel]), range, colorOf("ink"));
    nameLane(pen, box, VIEW.columns[channel], range, colorOf("ink"));
  }
  const ahead = ABOUT.horizon || 0;
  write(pen, ahead ? `answer: the forecast ${ahead} ${ahead > 1 ? "steps" : "step"} ahead, drawn where it is for` : "answer after every step", LEFT, answer[1] - 6, muted);
  if (run.y.length) {
    const outputs = Math.min(PROGRAM.n_outputs, 3);
    stacked(answer, Array(outputs).fill(1 / outputs)).forEach((box, o) => drawAnswer(pen, box, o, ahead, [muted, blue]));
    write(pen, "hidden state, a line each unit", LEFT, hidden[1] - 6, muted);
    const most = greatest(run.states);
    heat(pen, hidden, run.states[0].length, n, (unit, t) => run.states[t][unit] / most);
  }
  frame(pen, hidden);
  const edge = (steps) => LEFT + (steps / n) * input[2];
  const bottom = hidden[1] + hidden[3];
  if (resetAt !== null) {
    line(pen, [[edge(resetAt), input[1]], [edge(resetAt), bottom]], red, 1.5, [5, 3]);
    tag(pen, "state reset", edge(resetAt) + 6, answer[1] + answer[3] - 8, red);
  }
  if (at > 0) line(pen, [[edge(at - 0.5), input[1]], [edge(at - 0.5), bottom]], colorOf("ink"), 1);
  bender.mark(pen);
  drawPortrait();
  list("here", facts());
  canvas.setAttribute("aria-label", `Input of ${n} steps and the answer. ${hereInWords()} ${byId("recovery").textContent}`);
}

function drawAnswer(pen, box, o, ahead, [muted, blue]) {
  const shift = (values) => (ahead ? [...new Array(ahead).fill(NaN), ...values].slice(0, values.length) : values);
  const own = VIEW.columns.indexOf(targets[o]);
  const before = own >= 0 ? series.map((step) => step[own]) : null;
  const [values, usual] = [run, plain].map(({ y }) => y.map((each) => each[o]));
  const all = [...values, ...usual, ...(before || [])].filter(Number.isFinite);
  if (!all.length) return;
  const range = [Math.min(...all), Math.max(...all)];
  if (range[0] === range[1]) range[1] += 1;
  frame(pen, box);
  if (before) drawLane(pen, box, before, range, muted, { width: 1 });
  if (run !== plain) drawLane(pen, box, shift(usual), range, muted, { dash: [4, 3] });
  drawLane(pen, box, shift(values), range, blue, { width: 2 });
  nameLane(pen, box, targets[o] || "answer", range, blue);
}

function drawPortrait() {
  const canvas = byId("portrait");
  canvas.style.aspectRatio = "1";
  const pen = penOf(canvas);
  const side = canvas.clientWidth;
  const size = canvas.clientHeight;
  frame(pen, [0, 0, side, size]);
  if (!run.states.length) return;
  const first = run.first || 0;
  const path = run.states.slice(first).map(pointOf);
  const other = run === plain ? [] : plain.states.map(pointOf);
  const all = [...path, ...other];
  const ends = [0, 1].map((axis) => all.map((point) => point[axis]));
  const [low, high] = [Math.min, Math.max].map((end) => ends.map((values) => end(...values)));
  const span = Math.max(...high.map((value, axis) => value - low[axis])) || 1;
  const middle = high.map((value, axis) => (low[axis] + value) / 2);
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
  if (!run.y.length) return [];
  const ahead = ABOUT.horizon || 0;
  const pairs = [["step", `${at + 1}`], [VIEW.columns[bender.channel], short(series[at][bender.channel])]];
  return [...pairs, ...[...run.y[at]].slice(0, 4).map((value, o) => [
    `${targets[o] || "answer"}${ahead ? ` in ${ahead}` : ""}`, Number.isFinite(value) ? short(value) : "none yet"])];
}

const hereInWords = () => facts().map(([name, value]) => `${name} ${value}`).join(", ");

function sayHere() {
  say(`${hereInWords()}. ${resetAt === null ? "" : byId("recovery").textContent}`);
}

function begin(steps) {
  series = steps;
  resetAt = null;
  compute();
}

fillSelect(byId("channel"), VIEW.columns);
byId("channel-field").hidden = VIEW.columns.length < 2;
on("channel", "change", () => {
  setSliders();
  draw();
});
byId("axes").append(new Option("components", "components"), new Option("two units", "units"));
on("axes", "change", () => {
  byId("units").hidden = !onUnits();
  project();
  draw();
});
const units = model.units;
UNITS.forEach((id, place) => {
  byId(id).max = units;
  byId(id).value = Math.min(place + 1, units);
  on(id, "input", draw);
});
on("reset", "click", () => {
  resetAt = clamp(player.at < series.length ? player.at : Math.floor(series.length / 2), 1, series.length - 1);
  compute();
  sayHere();
});
on("unreset", "click", () => begin(series));
byId("example").hidden = !rows.length;
on("example", "click", () => begin(copied(rows[0])));
const named = ABOUT.columns ? `columns ${VIEW.columns.join(", ")}` : `${PROGRAM.n_features} numbers`;
takeTexts(`A line is a step (${named}). Other columns are left out.`, (text) => {
  const found = readSeries(text, ABOUT, PROGRAM.n_features);
  if (found[0].series.length > MOST_STEPS) throw new Error(`it has more than ${MOST_STEPS} steps`);
  begin(found[0].series);
  byId("load").open = false;
});
redrawWith(draw, byId("reading"));
setSliders();
if (rows.length && rows[0].length >= PROGRAM.window) begin(copied(rows[0]));
else {
  series = Array.from({ length: LENGTH }, () => new Float64Array(VIEW.columns.length));
  VIEW.columns.forEach((_, channel) => wave(channel));
  compute();
}
player.go(Math.ceil(series.length / 2));
