// A classifier of sounds: drop, record or draw one, hear it, and see the probabilities while it is read.

import { startWhy, touched } from "./why.js";
import { traceOf } from "../../web/reading.js";
import { boxesBelow, chanceBars, chanceLines, drawReading } from "../../web/reading_picture.js";
import { mostOf, tint } from "../../web/why_picture.js";
import { CLASSES, questionOf, readingOf, sayAnswer, showAnswer, switchLayers } from "./chances.js";
import { contextOf, eachFrame, penOf, redrawWith } from "../../web/pen.js";
import { PROGRAM, VIEW, byId, classColor, complain, fillSelect, model, on, rowsOfRun } from "./page.js";
import { levelRange } from "../../web/numbers.js";
import { numbersOf } from "../../web/packed.js";
import { stepBar } from "../../web/timebar.js";
import { fromBytes } from "../../web/framing.js";
import { soundOf, stepsOf } from "../../web/sound.js";
import { drawSound, endsOf, soundBoxes } from "../../web/spectrogram.js";
import { listenWith, record, tonesOf } from "../../web/listen.js";
import { TonePen } from "../../web/tone_pen.js";

const MOST_STEPS = 5000;
const FRAMING = VIEW.sound;
const WAVES = VIEW.waves;
const RANGE = levelRange(VIEW.low, VIEW.high);

// Returns the samples of a row of the run, if the page has them.
function wavesOf(row, steps) {
  const from = WAVES && row < WAVES.shape[0] ? row * WAVES.shape[1] : -1;
  return from < 0 ? null : fromBytes(numbersOf(WAVES).subarray(from, from + steps * FRAMING.frame));
}

/** @type {{ name: string, series: Float64Array[], samples: ArrayLike<number> | null }[]} */
let sources = rowsOfRun().map((series, row) => ({
  name: `Sound ${row + 1} of the run${VIEW.labels ? ` (${CLASSES[VIEW.labels[row]]})` : ""}`, series, samples: wavesOf(row, series.length),
}));
const silence = (steps) => Array.from({ length: steps }, () => new Float64Array(PROGRAM.n_features).fill(RANGE[0]));
if (!sources.length) sources = [{ name: "Silence, to draw on", series: silence(Math.max(PROGRAM.n_steps, 2)), samples: null }];
let series = [];
/** @type {ArrayLike<number> | null} those of what is read, unless it is drawn */
let samples = null;
let ends = null;
let trace = { probabilities: [] };
let slow = false;
let reader = model;

const second = (step) => `${((step * FRAMING.frame) / FRAMING.rate).toFixed(2)} s`;
const player = stepBar(byId, "", () => draw(), { words: { at: (at, count) => `${second(at)} of ${second(count)}`, play: "Play", pause: "Pause" } });
const why = startWhy("or touch a moment of the state or the probabilities", () => questionOf(reader, trace, series, trace.probabilities.length && player.at, { word: second, at: second, columns: VIEW.columns }), () => draw());
touched(byId("reading"), () => boxes()[1], () => series.length, (at) => {
  if (!trace.probabilities.length) return;
  player.stop();
  player.go(at);
  why.ask();
});
const seen = () => ({ framing: FRAMING, series, range: RANGE, ends });
const pen = new TonePen(byId("reading"), {
  framing: FRAMING, range: RANGE, boxes: () => soundBoxes(boxes()[0], seen()).bands, series: () => series, draw: () => draw(),
  changed: (done) => {
    samples = ends = null;
    if (done) drawn(true);
    else drawnSoon();
  },
});
const drawnSoon = eachFrame(() => (slow ? draw() : drawn(false)));

function drawn(done) {
  player.stop();
  read(true, done);
  if (done && trace.probabilities.length) sayAnswer(trace, second);
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

function take(steps, own) {
  [series, samples, ends] = [steps.map((step) => step.slice()), own, own && endsOf(own)];
  player.stop();
  read(false);
  if (trace.probabilities.length) sayAnswer(trace, second);
}

const chosen = () => sources[byId("which").value];
const choose = () => take(chosen().series, chosen().samples);

function offer() {
  fillSelect(byId("which"), sources.map(({ name }) => name));
  choose();
}

// Adds a sound of the reader before the others.
function addSound(name, steps, { samples: channels }) {
  if (steps.length > MOST_STEPS) throw new Error(`it has more than ${MOST_STEPS} steps`);
  const mean = Float32Array.from(channels[0].subarray(0, steps.length * FRAMING.frame), (_, at) => channels.reduce((sum, each) => sum + each[at], 0) / channels.length);
  sources = [{ name, series: steps, samples: mean }, ...sources.filter((each) => !each.name.startsWith("Your"))];
  offer();
}

async function open(file) {
  try {
    const { sound, series: steps } = await soundOf(file, FRAMING);
    addSound(`Your ${file.name}`, steps, sound);
  } catch (error) {
    complain(`${file.name} cannot be read: ${error.message}.`);
  }
}

function boxes() {
  const canvas = byId("reading");
  return boxesBelow(contextOf(canvas), canvas.clientWidth, canvas.clientHeight, [0.52, 0.24, 0.24], CLASSES);
}

function draw() {
  const canvas = byId("reading");
  const own = penOf(canvas);
  const { at } = player;
  showAnswer(trace, at, second);
  why.look(trace, at);
  const row = (_, box) => {
    drawSound(own, box, seen(), why.found ? 0 : at);
    if (why.found) tintBands(own, box, why.found.shares);
  };
  if (trace.probabilities.length) {
    drawReading(own, boxes(), readingOf(trace, series.length, at, { upright: false, chances: series.length > 1 ? chanceLines : chanceBars, word: second,
      heads: ["the sound, and below it the levels of its frequencies", PROGRAM.companions.some(({ share }) => !share) ? "hidden state of the network alone, which does not answer" : "hidden state, a line each unit", "probability so far"],
      look: (kind, top) => ({ color: classColor(kind), width: kind === top ? 3 : 1.5, named: kind === top || trace.probabilities[at - 1][kind] > 0.2 }), row }));
  } else row(null, boxes()[0]);
  pen.mark(own);
  canvas.setAttribute("aria-label", `Sound of ${second(series.length)}, ${second(at)} read. ${byId("label").textContent}, ${byId("sure").textContent}. ${byId("decided").textContent}`);
}

// Tints the levels of each channel, the lowest at the bottom.
function tintBands(own, box, shares) {
  const { bands } = FRAMING;
  soundBoxes(box, seen()).bands.forEach(([x, y, wide, tall], channel) => {
    tint(own, [x, y, (wide * shares.length) / series.length, tall], bands, shares.length, (row, t) => shares[t][(channel + 1) * bands - 1 - row], mostOf(shares));
  });
}

listenWith(byId("listen"), player, async () => ({ samples: samples || tonesOf(series, FRAMING), rate: FRAMING.rate }), (why) => complain(why && `This browser cannot play it: ${why}.`));
switchLayers((layer) => {
  reader = layer;
  drawn(true);
});
byId("what").textContent = `or drop one anywhere: ${FRAMING.rate.toLocaleString("en")} samples a second, ${FRAMING.channels === 1 ? "one channel" : `${FRAMING.channels} channels`}.`;
on("file", "change", ({ target }) => {
  if (target.files.length) open(target.files[0]);
  target.value = "";
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const file = event.dataTransfer && event.dataTransfer.files[0];
  if (file) open(file);
});
on("which", "change", choose);
on("again", "click", choose);
on("clear", "click", () => take(silence(series.length), null));

// A microphone, of one channel.
/** @type {(() => Promise<import("../../web/sound.js").Sound>) | null} */
let recording = null;
byId("record").hidden = FRAMING.channels !== 1 || !navigator.mediaDevices || !window.MediaRecorder;
on("record", "click", async () => {
  try {
    if (recording) {
      const end = recording;
      recording = null;
      const sound = await end();
      const steps = stepsOf(sound, FRAMING);
      if (!steps.length) throw new Error("it is shorter than a step");
      addSound("Your recording", steps, sound);
    } else recording = await record(FRAMING.rate);
    complain("");
  } catch (error) {
    complain(`Nothing is recorded: ${error.message}.`);
  }
  byId("record").textContent = recording ? "Stop" : "Record";
});
byId("reading").style.minHeight = "38rem";
redrawWith(draw, byId("reading"));
offer();
