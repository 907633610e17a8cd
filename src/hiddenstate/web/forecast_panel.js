// The forecast of a run on a page: a choice of series, the fan of one, how far earlier forecasts were off,
// and what is known ahead, which bends it where a model is there.

import { h } from "./dom.js";
import { FanPicture } from "./fan.js";
import { quantity } from "./numbers.js";
import { packedRows } from "./rows.js";
import { plainly } from "./words.js";

/** @import { Fans } from "./fan.js" */
/** @import { Forecast } from "./ahead.js" */
/** @import { Packed } from "./packed.js" */

/**
 * What `hiddenstate/export/html/forecasts` says of a run; without `ends`, nothing is computed anew.
 * @typedef {object} Forecasts
 * @property {Fans} fans
 * @property {(Packed | null)[]} [ends] The last steps of each series; null of one that is too short.
 * @property {number[][]} [sizes]
 * @property {{ name: string, feature: number, low: number, high: number, whole: boolean }[]} [known]
 */
/** @import { Words } from "./words.js" */

/**
 * Fills a place with the forecast of a run.
 * @param {HTMLElement} place
 * @param {Forecasts} forecasts
 * @param {object} [options]
 * @param {((rows: Float64Array[], sizes: number[]) => Forecast | null) | null} [options.answer] The model's answer to a series, if it has one; none until it is loaded.
 * @param {Words} [options.words]
 * @param {(problem: string) => void} [options.complain]
 * @param {string} [options.height] Of the picture.
 * @param {import("./fan.js").FanOptions["behind"]} [options.behind]
 * @param {import("./fan.js").FanOptions["asked"]} [options.asked]
 * @param {import("./fan.js").FanOptions["moved"]} [options.moved]
 * @param {() => void} [options.changed] Called when another forecast is there.
 */
export function forecastPanel(place, { fans, ends = [], sizes = [], known: columns = [] }, { answer = null, words = plainly, complain = () => {}, height = "", behind, asked, moved, changed = () => {} } = {}) {
  const bends = answer && columns.length > 0;
  const select = (/** @type {string} */ name, /** @type {string[]} */ texts) => {
    const chosen = h("select");
    chosen.append(...texts.map((text, n) => new Option(text, String(n))));
    const label = h("label", { class: "check" }, `${words(name)} `, chosen);
    label.hidden = texts.length < 2;
    return [label, chosen];
  };
  const [ofSeries, series] = select("Series", fans.series.map(({ name }) => name));
  const [ofTarget, target] = select("Target", fans.targets);
  const again = h("button", {}, words("As in the data"));
  again.type = "button";
  again.hidden = true;
  const error = h("p", { class: "help note" });
  const here = h("output", { class: "help note" });
  const canvas = h("canvas", { class: "fill fan" });
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", words("Forecast"));
  /** @type {Float64Array[]} */
  let rows = []; // the last steps of the series, as the model reads them

  const picture = new FanPicture({
    canvas, words, behind, asked, moved,
    say: (text) => { here.textContent = text; },
    bent: (lane, step, value, done) => {
      if (step >= 0) {
        rows[rows.length - fans.horizon + step][columns[lane].feature] = value;
        assumed.forEach((note, n) => { note.hidden ||= fans.assumed[n][0] === columns[lane].name; });
        compute();
      }
      if (done) again.hidden = false;
    },
  });

  const assumed = fans.assumed.map(([name, back]) => h("p", { class: "help note" }, words(back > 1 ? "{name} is not known after the end of the data: its last {n} values are repeated." : "{name} is not known after the end of the data: its last value goes on.", { name, n: back })));

  function begin() {
    const end = ends[series.value];
    rows = [];
    if (end && answer) [rows] = packedRows({ ...end, shape: [1, ...end.shape] });
    again.hidden = true;
    for (const note of assumed) note.hidden = false;
    compute();
  }

  function compute() {
    const [number, o] = [Number(series.value), Number(target.value)];
    if (answer && rows.length) {
      try {
        const found = answer(rows, sizes[number]);
        if (found) fans.series[number].ahead = Object.fromEntries(Object.entries(found).map(([name, steps]) => [
          name, fans.targets.map((_, k) => steps.map((step) => step[k]))]));
        complain("");
      } catch (problem) {
        complain(words("The model cannot read this: {why}.", { why: /** @type {Error} */ (problem).message }));
      }
    }
    picture.show(fans, number, o, bends && rows.length ? columns.map((column) => ({
      ...column, values: rows.slice(-fans.horizon).map((row) => row[column.feature]),
    })) : []);
    here.textContent = picture.inWords();
    changed();
    const off = fans.series[number].errors[o];
    error.textContent = !off ? words("There were no earlier steps to compare forecasts with.") : words(
      fans.held_out ? "{target}: off by ± {own} on average in the held-out part, {steps}; {simple}: ± {other}."
        : "{target}: off by ± {own} on average in earlier steps, {steps}; {simple}: ± {other}.",
      { target: fans.targets[o], own: quantity(off.own, fans.units[o]), other: quantity(off.other, fans.units[o]), simple: off.counted ? words("the value of {n} steps ago", { n: off.steps }) : words(off.simple), steps: fans.horizon > 1 ? words("1 to {n} steps ahead", { n: fans.horizon }) : words("1 step ahead") });
  }

  series.addEventListener("change", begin);
  target.addEventListener("change", compute);
  again.addEventListener("click", begin);
  const notes = [
    bends && words("Keys on the chart: left and right choose a step, up and down bend what is known ahead there, Page Up and Page Down choose a column."),
    calibration(),
    fans.n_series > fans.series.length && words("The first {n} of {all} series are here.", { n: fans.series.length, all: fans.n_series }),
  ];
  /** What the intervals rest on. */
  function calibration() {
    const [first, last] = fans.counts;
    const n = fans.horizon;
    if (!fans.levels.length) return "";
    if (!first) return fans.held_out ? words("No intervals: the held-out steps are too few to judge earlier forecasts.") : words("No intervals: the steps of the data are too few to judge earlier forecasts.");
    const from = n === 1 ? words("Intervals from {first} earlier forecasts", { first })
      : first === last ? words("Intervals from {first} earlier forecasts of each step ahead", { first })
        : words("Intervals from {first} earlier forecasts 1 step ahead and {last} {n} steps ahead", { first, last, n });
    return fans.held_out ? words("{from}, of held-out steps.", { from }) : words("{from}, of steps that may include training rows.", { from });
  }

  const tools = h("div", { class: "fan-tools" }, ofSeries, ofTarget, again);
  Object.assign(tools.style, { display: "flex", flexWrap: "wrap", gap: "0.6rem", alignItems: "center" });
  if (height) Object.assign(canvas.style, { display: "block", width: "100%", height, touchAction: "pan-y", cursor: "crosshair" });
  const paragraphs = notes.flatMap((text) => (text ? [h("p", { class: "help note" }, text)] : []));
  place.append(tools, error, canvas, here, ...assumed, ...paragraphs);
  begin();
  return { picture, canvas, compute, now: () => ({ rows, target: Number(target.value) }) };
}
