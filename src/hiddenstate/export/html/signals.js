// A classifier of signals: bend one, and see the probabilities over time.

import { Reader } from "./reader.js";
import { tintLanes } from "../../web/why_picture.js";
import { CLASSES } from "./chances.js";
import { penOf, redrawWith } from "../../web/pen.js";
import { Bender, allowed, copied, drawLanesRead, lanesOf } from "../../web/signal.js";
import { ABOUT, PROGRAM, VIEW, byId, fillSelect, rowsOfRun } from "./page.js";
import { say } from "../../web/dom.js";
import { readSeries } from "../../web/table.js";
import { MOST_STEPS, takeTexts } from "./texts.js";

/** @type {{ name: string, series: Float64Array[] }[]} */
let sources = rowsOfRun().map((series, number) => ({
  name: `Row ${number + 1} of the run${VIEW.labels ? ` (${CLASSES[VIEW.labels[number]]})` : ""}`, series,
}));
if (!sources.length) sources = [{ name: "Waves", series: waves(Math.max(PROGRAM.n_steps, 2)) }];
// Returns a wave in each channel, as the model knows its values.
function waves(length) {
  return Array.from({ length }, (_, t) => Float64Array.from(VIEW.columns, (__, channel) => {
    const [low, high] = [VIEW.low[channel], VIEW.high[channel]];
    const value = (low + high) / 2 + ((high - low) / 5) * Math.sin((2 * Math.PI * (1 + channel) * t) / length);
    return allowed(PROGRAM, low, channel, value);
  }));
}

const reader = new Reader({ word: "step", shares: [0.44, 0.3, 0.26], head: "signal, as the data has it", draw: () => draw() });
const bender = new Bender(byId("reading"), byId("channel"), {
  program: PROGRAM, channels: VIEW, say, lanes: () => lanes(), series: () => reader.series, words: () => `${byId("label").textContent}, ${byId("sure").textContent}`,
  changed: (done) => (done ? reader.change(true) : reader.changeSoon()), draw: () => draw(),
});
fillSelect(byId("channel"), VIEW.columns);
for (const id of ["channel", "channel-label"]) byId(id).hidden = VIEW.columns.length < 2;

const choose = () => reader.take(copied(sources[byId("which").value].series));

function offer(chosen) {
  fillSelect(byId("which"), sources.map(({ name }) => name));
  byId("which").value = chosen;
  choose();
}

const lanes = () => lanesOf(VIEW, reader.series, reader.boxes()[0], bender.channel);

function draw() {
  const canvas = byId("reading");
  const pen = penOf(canvas);
  const { series, player: { at }, why } = reader;
  const answer = reader.draw(pen, () => {
    if (why.found) tintLanes(pen, lanes(), why.found.shares, series.length);
    drawLanesRead(pen, lanes(), VIEW, series, at);
  });
  bender.mark(pen);
  canvas.setAttribute("aria-label", `Signal of ${series.length} steps, ${at} read. ${answer}`);
}

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
