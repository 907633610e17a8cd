// A forecast, from the present on, and what it rests on.

import { PROGRAM, VIEW, byId, complain, model } from "./page.js";
import { carriedOf, forecastOf } from "../../web/ahead.js";
import { colorOf } from "../../web/colors.js";
import { forecastPanel } from "../../web/forecast_panel.js";
import { line } from "../../web/pen.js";
import { PALE, mostOf, tint } from "../../web/why_picture.js";
import { forecastExplained } from "../../web/why_ahead.js";
import { startWhy } from "./why.js";

const fans = VIEW.forecast.fans;
const known = VIEW.forecast.known;
const horizon = fans.horizon;
const firstMoved = PROGRAM.n_features - PROGRAM.n_moved; // of the columns known ahead, at the time they are for
const COLUMNS = VIEW.columns.map((name, i) => (i < firstMoved ? name : name.replace(` +${horizon}`, "")));
let step = -1; // that is explained: the first forecast one unless another is chosen

const why = startWhy("or touch a point of the forecast, or press Enter there", asked, () => panel && panel.picture.soon());
let panel = null;
panel = forecastPanel(byId("forecast"), VIEW.forecast, { answer: (rows, sizes) => forecastOf(model, rows, sizes), complain, behind: tinted,
  changed: () => panel && looked(), asked: (chosen) => {
    step = chosen;
    why.ask();
  } });
panel.canvas.after(byId("why-row"), byId("why-text"));
looked();

// Looks at the forecast that is there now.
function looked() {
  const { rows, target } = panel.now();
  why.look(panel.picture.fan, target, rows.map((row) => row.join()).join());
}

function asked() {
  const { rows, target } = panel.now();
  const { picture: { fan, sizes: [n, all] } } = panel;
  if (!rows.length) return "The series is too short for a forecast.";
  if (step < n || step >= all) step = n;
  const name = fans.targets[target];
  const kept = model.prepare(carriedOf(PROGRAM, rows));
  const at = (row, channel) => fan.times[n - kept.length + row + (channel < firstMoved ? 0 : horizon)];
  return {
    program: PROGRAM, rows: kept, chosen: target, explain: forecastExplained(PROGRAM, step - n, target), columns: COLUMNS, at,
    subject: `${name}, ${fan.times[step]}`, unit: fan.errors[target] && fan.errors[target].unit ? `In ${fan.errors[target].unit}` : name, ways: ["Raises it", "Lowers it"],
  };
}

// Tints the history, and what is known ahead and drawn, at the time that it is for.
function tinted(pen, picture) {
  if (!why.found) return;
  const { shares } = why.found;
  const { first, sizes: [n] } = picture;
  const sums = Array.from({ length: n }, () => Float64Array.of(0));
  const lanes = picture.known.map(() => new Float64Array(horizon));
  shares.forEach((each, row) => each.forEach((share, i) => {
    const to = n - shares.length + row + (i < firstMoved ? 0 : horizon);
    const lane = known.findIndex(({ feature }) => feature === i);
    if (to >= n && lanes[lane]) lanes[lane][to - n] += share;
    else if (sums[to]) sums[to][0] += share;
  }));
  const most = PALE * Math.max(mostOf(sums), mostOf(lanes));
  const each = picture.x(1) - picture.x(0);
  const [left, top, wide, tall] = picture.plot;
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, wide, picture.canvas.clientHeight);
  pen.clip();
  tint(pen, [picture.x(first) - each / 2, top, (n - first) * each, tall], 1, n - first, (_, t) => sums[first + t][0], most);
  lanes.forEach((lane, number) => {
    const [, y, , high] = picture.box(number);
    tint(pen, [picture.x(n) - each / 2, y, horizon * each, high], 1, horizon, (_, t) => lane[t], most);
  });
  pen.restore();
  line(pen, [[picture.x(step), top], [picture.x(step), top + tall]], colorOf("ink"), 1.5, [4, 4]);
}
