// A forecast, from the present on: one series after another, and what is known ahead, which bends it.

import { ABOUT, PROGRAM, VIEW, byId, complain, fillSelect, model, on } from "./page.js";
import { forecastOf } from "../../web/ahead.js";
import { FanPicture } from "../../web/fan.js";
import { short } from "../../web/numbers.js";
import { packedRows } from "../../web/rows.js";

/** @import { Fans } from "../../web/fan.js" */

const columns = VIEW.forecast.known;
/** @type {Fans} */
const fans = VIEW.forecast.fans;
const picture = new FanPicture({
  canvas: byId("fan"),
  say: (text) => { byId("here").textContent = text; },
  bent: (lane, step, value, done) => {
    if (step >= 0) bend(lane, step, value);
    if (done) byId("again").hidden = false;
  },
});
let series = 0;
/** @type {Float64Array[]} */
let rows = []; // the last steps of the series, as the model reads them

// Returns what is known ahead of each column that can be bent.
const known = () => columns.map((/** @type {any} */ column) => ({
  ...column, values: Array.from({ length: PROGRAM.horizon }, (_, j) => rows[rows.length - PROGRAM.horizon + j][column.feature]),
}));

function begin() {
  series = Number(byId("series").value);
  const end = VIEW.forecast.ends[series];
  [rows] = packedRows({ ...end, shape: [1, ...end.shape] });
  byId("again").hidden = true;
  compute();
}

/** @param {number} lane @param {number} step @param {number} value */
function bend(lane, step, value) {
  rows[rows.length - PROGRAM.horizon + step][columns[lane].feature] = value;
  compute();
}

function compute() {
  const target = Number(byId("target").value);
  try {
    const found = forecastOf(model, rows, VIEW.forecast.sizes[series]);
    const ahead = Object.fromEntries(Object.entries(found).map(([name, steps]) => [name, fans.targets.map((_, o) => steps.map((step) => step[o]))]));
    fans.series[series].ahead = ahead;
    complain("");
  } catch (error) {
    complain(`The model cannot read this: ${/** @type {Error} */ (error).message}.`);
  }
  picture.show(fans, series, target, known());
  const error = fans.series[series].errors[target];
  byId("error").textContent = error
    ? `${fans.targets[target]}: off by ± ${short(error.own)} on average in ${fans.held_out ? "the held-out part" : "earlier steps"}, 1 to ${fans.horizon} steps ahead; ${error.simple}: ± ${short(error.other)}.`
    : "There were no earlier steps to compare forecasts with.";
  byId("here").textContent = picture.inWords();
}

fillSelect(byId("series"), fans.series.map(({ name }) => name));
byId("series-field").hidden = fans.series.length < 2;
fillSelect(byId("target"), fans.targets);
byId("target-field").hidden = fans.targets.length < 2;
on("series", "change", begin);
on("target", "change", compute);
on("again", "click", begin);
byId("fan-help").textContent = `Keys on the chart: left and right choose a step${columns.length ? ", up and down bend what is known ahead there, Page Up and Page Down choose a column" : ""}.`;
byId("fan-note").textContent = [
  fans.note && `${fans.note[0].toUpperCase()}${fans.note.slice(1)}.`,
  fans.n_series > fans.series.length && `The first ${fans.series.length} of ${fans.n_series} series are here.`,
  ABOUT.encodings.length && "The calendar goes on by itself.",
].filter(Boolean).join(" ");
begin();
