// Codes of sounds: the spectrogram of a sound, and below it that of what a code decodes to.

import { colorOf } from "../../web/colors.js";
import { h } from "../../web/dom.js";
import { listenWith, tonesOf } from "../../web/listen.js";
import { penOf, write } from "../../web/pen.js";
import { soundOf } from "../../web/sound.js";
import { drawSound, soundBoxes } from "../../web/spectrogram.js";
import { TonePen } from "../../web/tone_pen.js";
import { change, decodedCanvas, drawSoon, offer, own, startNumbers } from "./codes.js";
import { PROGRAM, VIEW, byId, complain } from "./page.js";

const FRAMING = VIEW.sound;
const WIDTH = FRAMING.channels * FRAMING.bands;
const RANGE = [VIEW.low[0], VIEW.high[0]];
const HEAD = 24; // pixels for what a spectrogram is of
const LEFT = 48; // and for frequencies
const stepsOfRow = (row) => Array.from({ length: row.length / WIDTH }, (_, t) => Float64Array.from(row.subarray(t * WIDTH, (t + 1) * WIDTH)));

/** @type {Float64Array[]} the steps of the sound that is drawn on */
let drawn = [];
/** @type {Float64Array[]} those that a code decodes to */
let decoded = [];
const seen = (series) => ({ framing: FRAMING, series, range: RANGE, ends: null });
const half = (below) => [LEFT, HEAD + (below * decodedCanvas.clientHeight) / 2, decodedCanvas.clientWidth - LEFT - 4, decodedCanvas.clientHeight / 2 - HEAD];

const pen = new TonePen(decodedCanvas, {
  framing: FRAMING, range: RANGE, boxes: () => soundBoxes(half(0), seen(drawn)).bands, series: () => drawn, draw: drawSoon,
  changed: () => change(drawn.flatMap((step) => [...step])),
});
[decodedCanvas.tabIndex, decodedCanvas.style.minHeight] = [0, "26rem"];

// What moves along a sound that is played.
const player = /** @type {any} */ ({ playing: false, turn: 0, at: 0, count: PROGRAM.n_features / WIDTH,
  stop() { [this.playing, this.at, this.turn] = [false, 0, this.turn + 1]; drawSoon(); },
  go(at) { this.at = at; drawSoon(); },
  run() { this.playing = true; return this.turn; } });
const listen = h("button", { type: "button" }, "Listen to what is decoded");
listenWith(listen, player, async () => ({ samples: tonesOf(decoded, FRAMING), rate: FRAMING.rate }), (why) => complain(why && `This browser cannot play it: ${why}.`));

async function open(file) {
  try {
    const { series } = await soundOf(file, FRAMING);
    if (series.length < player.count) throw new Error(`it has ${series.length} steps, and the model reads ${player.count}`);
    offer([Float64Array.from(series.slice(0, player.count).flatMap((step) => [...step]))], "Your sound");
  } catch (error) {
    complain(`${file.name} cannot be read: ${error.message}.`);
  }
}

const input = h("input", { type: "file", class: "unseen", id: "sound", accept: ".wav,.wave", onchange: () => {
  if (input.files.length) open(input.files[0]);
  input.value = "";
} });
byId("load").replaceWith(h("div", { class: "row" }, listen, h("label", { class: "button" }, "Open a .wav", input)));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
});

startNumbers("Above is the sound that was encoded: draw tones on it to change it. Keys on it: the arrows choose a place, the space bar draws a tone, Delete silences.", (values) => {
  const canvas = penOf(decodedCanvas);
  [drawn, decoded] = [stepsOfRow(own ? own.row : values), stepsOfRow(values)];
  ["the sound", "decoded"].forEach((head, below) => {
    const box = half(below);
    write(canvas, head, box[0], box[1] - 8, colorOf("muted"));
    drawSound(canvas, box, seen(below ? decoded : drawn), below && player.at ? player.at : player.count);
  });
  pen.mark(canvas);
}, () => {});
