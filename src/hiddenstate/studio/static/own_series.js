// A row that a reader gives a net: a series whose lanes are bent, or quantities with a slider each.

import { fill, h, say } from "../../web/dom.js";
import { given } from "./text_input.js";
import { t } from "./words.js";
import { eachFrame, penOf } from "../../web/pen.js";
import { LEFT } from "../../web/reading_picture.js";
import { Bender, drawLanesRead, lanesOf } from "../../web/signal.js";
import { readSeries } from "../../web/table.js";
import { short } from "../../web/numbers.js";

const MOST_STEPS = 5000;
const MOST_ROWS = 1000;
const OPEN = 12; // sliders that are not folded

/** Adds what chooses a row: a list, and a place for a table. @param {import("./own_row.js").Touch} touch */
function chooser(touch) {
  const which = h("select", { "aria-label": t("Row that is read"), onchange: () => touch.choose(Number(which.value)) });
  const again = h("button", { type: "button", onclick: () => touch.choose(Number(which.value)) }, t("Undo"));
  touch.which = which;
  touch.tools.append(which, again);
  const { channels, features } = touch.form;
  const names = channels.filter(Boolean).slice(0, 12).join(", ");
  const what = touch.form.quantities ? t("A line is a row ({names}). Other columns are left out.", { names }) : names ? t("A line is a step ({names}), or a whole series. Other columns are left out.", { names }) : t("A line is a step of {n} numbers, or a whole series.", { n: features });
  touch.element.append(given(what, (text) => table(touch, text), touch.store, touch.element, h("details", { class: "given own" }, h("summary", {}, t("Read a row of your own")))));
  offer(touch);
}

/** @param {import("./own_row.js").Touch} touch */
function offer(touch) {
  fill(touch.which, touch.sources.map(({ name }, place) => h("option", { value: place }, name)));
}

/** @param {import("./own_row.js").Touch} touch @param {string} text */
async function table(touch, text) {
  const { form, store } = touch;
  const found = readSeries(text, await store.written(), form.features).slice(0, MOST_ROWS);
  if (found.some((each) => each.series.length > MOST_STEPS)) throw new Error(t("a series has more than {most} steps", { most: MOST_STEPS }));
  touch.sources = [...found.map((each, place) => ({ name: t("Your row {row}", { row: place + 1 }), series: each.series, truth: null })), ...touch.sources.filter(({ truth }) => truth !== null)];
  offer(touch);
  touch.choose(0);
  return t("{n} rows are read", { n: found.length });
}

/** A series: its channels in lanes, which are bent. @param {import("./own_row.js").Touch} touch */
export function bentLanes(touch) {
  const { form } = touch;
  const canvas = h("canvas", { class: "lanes", tabindex: "0", role: "img" });
  const channel = h("select", { "aria-label": t("Channel that the keys bend"), hidden: form.features < 2 }, form.channels.map((name, place) => h("option", { value: place }, name)));
  const { view } = form;
  canvas.style.height = `${Math.max(11, 2.9 * Math.min(form.features, 6))}rem`;
  touch.input.append(canvas);
  touch.verdict.after(touch.reading.picture.element);
  const lanes = () => lanesOf(view, touch.series, [LEFT, 1, canvas.clientWidth - LEFT - 4, canvas.clientHeight - 2], bender.channel);
  const draw = eachFrame(() => {
    if (!canvas.clientWidth || !touch.series.length) return;
    const pen = penOf(canvas);
    const read = Math.min(touch.reading.read, touch.series.length);
    drawLanesRead(pen, lanes(), view, touch.series, (number) => form.channelColor(number), read);
    bender.mark(pen);
    canvas.setAttribute("aria-label", t("Row of {steps} steps. Left and right move along it, up and down bend it, page up and down change the channel. {answer}", { steps: touch.series.length, answer: touch.label.textContent }));
  });
  touch.drawInput = draw;
  const bender = new Bender(canvas, channel, {
    program: /** @type {any} */ ({ get steps() { return form.bytes ? [{ part: "Fractions" }] : []; } }), channels: view, lanes, series: () => touch.series,
    words: () => `${touch.label.textContent}, ${touch.sure.textContent}`, say: (text) => say(text), draw,
    changed: (done) => {
      draw();
      touch.player.stop();
      touch.truth = null;
      if (done) touch.read(true);
      else if (!touch.slow) bendSoon();
    },
  });
  const bendSoon = eachFrame(() => touch.read(false, 6));
  channel.addEventListener("change", draw);
  const walk = touch.walk.bind(touch);
  touch.walk = (at) => { walk(at); draw(); };
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("theme", draw);
  chooser(touch);
  touch.tools.prepend(channel);
  touch.choose(0);
}

/** Quantities: a slider each. @param {import("./own_row.js").Touch} touch */
export function quantities(touch) {
  const { form } = touch;
  const [list, rest] = [h("div", { class: "sliders" }), h("div", { class: "sliders" })];
  const sliders = form.channels.map((name, place) => {
    const [low, high] = form.ranges[place];
    const output = h("output");
    const range = h("input", { type: "range", min: low, max: high, step: (high - low) / 200, "aria-label": name || t("value"), oninput: () => {
      touch.series[0][place] = form.bytes ? Math.round(range.value) : Number(range.value);
      output.textContent = short(touch.series[0][place]);
      touch.truth = null;
      touch.readSoon();
    }, onchange: () => touch.read(true) });
    (place < OPEN ? list : rest).append(h("label", {}, h("bdi", { title: name }, name), range, output));
    return { range, output };
  });
  touch.input.append(list);
  if (form.channels.length > OPEN) touch.input.append(h("details", { class: "given" }, h("summary", {}, t("{n} more columns", { n: form.channels.length - OPEN })), rest));
  touch.verdict.after(touch.reading.picture.element);
  touch.drawInput = () => sliders.forEach(({ range, output }, place) => {
    const value = touch.series[0][place];
    range.value = Number.isFinite(value) ? value : range.min;
    output.textContent = short(value);
  });
  chooser(touch);
  touch.choose(0);
}
