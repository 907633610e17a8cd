// A row that a reader gives a net: a series whose lanes are bent, or quantities with a field each.

import { fill, h, say } from "../../web/dom.js";
import { given } from "./text_input.js";
import { speak, t } from "./words.js";
import { eachFrame, penOf } from "../../web/pen.js";
import { LEFT } from "../../web/reading_picture.js";
import { Bender, drawLanesRead, lanesOf } from "../../web/signal.js";
import { readSeries } from "../../web/table.js";
import { RowForm, byField } from "../../web/row_form.js";
import { FieldLamp } from "./why.js";

await speak("fields");

const MOST_STEPS = 5000;
const MOST_ROWS = 1000;
const OPEN = 12; // fields that are not folded

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
    drawLanesRead(pen, lanes(), view, touch.series, read);
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

/** Quantities: a field for each column. @param {import("./own_row.js").Touch} touch */
export async function quantities(touch) {
  const { form, store } = touch;
  const view = await store.view().catch(() => null); // without a model there are no words of a column
  /** @type {import("../../web/row_form.js").Field[]} */
  const fields = view && view.form ? view.form.fields : form.channels.map((name, place) => ({
    name: name || t("value"), unit: "", features: [place], words: null, low: form.ranges[place][0], high: form.ranges[place][1], whole: form.bytes }));
  const [list, rest] = [h("div", { class: "row-form" }), h("div", { class: "row-form" })];
  const changed = (/** @type {boolean} */ done) => {
    touch.truth = null;
    if (done) touch.read(true);
    else touch.readSoon();
  };
  const forms = [[list, fields.slice(0, OPEN)], [rest, fields.slice(OPEN)]].map(([place, part]) => new RowForm(/** @type {any} */ (place), { fields: /** @type {any} */ (part), changed, words: t }));
  touch.wrong = () => {
    const gaps = Boolean(touch.model && touch.model.program.steps.some(({ part }) => part === "Fill"));
    return forms.map((each) => each.problem(gaps)).find(Boolean) || "";
  };
  touch.input.append(list);
  if (fields.length > OPEN) touch.input.append(h("details", { class: "given" }, h("summary", {}, t("{n} more columns", { n: fields.length - OPEN })), rest));
  const lamp = new FieldLamp(store, () => ({ row: touch.series[0] }), (shares) => {
    const added = shares && byField(fields, shares);
    const most = Math.max(...(added || []).map(Math.abs)) || 1;
    forms.forEach((each, part) => each.light(added && added.slice(...(part ? [OPEN] : [0, OPEN])), most));
  });
  touch.told.push(() => lamp.look());
  touch.verdict.after(lamp.element, touch.reading.picture.element);
  touch.drawInput = () => forms.forEach((each) => each.show(touch.series[0]));
  chooser(touch);
  touch.choose(0);
}
