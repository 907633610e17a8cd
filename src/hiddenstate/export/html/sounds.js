// A classifier of sounds: drop, record or draw one, hear it, and see the probabilities while it is read.

import { Reader } from "./reader.js";
import { mostOf, tint } from "../../web/why_picture.js";
import { CLASSES } from "./chances.js";
import { penOf, redrawWith } from "../../web/pen.js";
import { PROGRAM, VIEW, byId, complain, fillSelect, on, rowsOfRun } from "./page.js";
import { levelRange } from "../../web/numbers.js";
import { numbersOf } from "../../web/packed.js";
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
/** @type {ArrayLike<number> | null} those of what is read, unless it is drawn */
let samples = null;
let ends = null;
const second = (step) => `${((step * FRAMING.frame) / FRAMING.rate).toFixed(2)} s`;
const reader = new Reader({
  word: second, bar: { words: { at: (at, count) => `${second(at)} of ${second(count)}`, play: "Play", pause: "Pause" } }, asked: { at: second },
  shares: [0.52, 0.24, 0.24], head: "the sound, and below it the levels of its frequencies", draw: () => draw(),
});
const seen = () => ({ framing: FRAMING, series: reader.series, range: RANGE, ends });
const pen = new TonePen(byId("reading"), {
  framing: FRAMING, range: RANGE, boxes: () => soundBoxes(reader.boxes()[0], seen()).bands, series: () => reader.series, draw: () => draw(),
  changed: (done) => {
    samples = ends = null;
    if (done) reader.change(true);
    else reader.changeSoon();
  },
});
function take(steps, own) {
  [samples, ends] = [own, own && endsOf(own)];
  reader.take(steps.map((step) => step.slice()));
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

function draw() {
  const canvas = byId("reading");
  const own = penOf(canvas);
  const { series, player: { at }, why } = reader;
  const answer = reader.draw(own, (_, box) => {
    drawSound(own, box, seen(), why.found ? 0 : at);
    if (why.found) tintBands(own, box, why.found.shares);
  });
  pen.mark(own);
  canvas.setAttribute("aria-label", `Sound of ${second(series.length)}, ${second(at)} read. ${answer}`);
}

// Tints the levels of each channel, the lowest at the bottom.
function tintBands(own, box, shares) {
  const { bands } = FRAMING;
  soundBoxes(box, seen()).bands.forEach(([x, y, wide, tall], channel) => {
    tint(own, [x, y, (wide * shares.length) / reader.series.length, tall], bands, shares.length, (row, t) => shares[t][(channel + 1) * bands - 1 - row], mostOf(shares));
  });
}

listenWith(byId("listen"), reader.player, async () => ({ samples: samples || tonesOf(reader.series, FRAMING), rate: FRAMING.rate }), (why) => complain(why && `This browser cannot play it: ${why}.`));
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
on("clear", "click", () => take(silence(reader.series.length), null));

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
