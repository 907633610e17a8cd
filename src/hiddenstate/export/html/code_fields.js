// Codes of a few quantities: bars with names, and a slider for each.

import { h } from "../../web/dom.js";
import { penOf } from "../../web/pen.js";
import { drawRow } from "../../web/row_picture.js";
import { short } from "../../web/numbers.js";
import { change, decodedCanvas, middleRow, own, shares, startNumbers } from "./codes.js";
import { VIEW, byId } from "./page.js";

const fields = VIEW.columns.map((name, i) => {
  const slider = h("input", { type: "range", min: VIEW.low[i], max: VIEW.high[i], step: (VIEW.high[i] - VIEW.low[i]) / 500 || 1,
    oninput: () => change((own ? own.row : middleRow()).map((value, place) => (place === i ? Number(slider.value) : value))) });
  const output = h("output");
  byId("fields").append(h("label", { class: "field" }, h("bdi", {}, name), slider, output));
  return { slider, output };
});
const bytes = (row) => shares(row).map((share) => 255 * share);

startNumbers("The bars are the row that was encoded, the marks what is decoded.", (values, [,, wide, tall]) => {
  drawRow(penOf(decodedCanvas), [0, 0, wide, Math.min(tall, 40 * values.length)], bytes(own ? own.row : values), own && bytes(values), {
    quantities: true, channels: values.length, names: VIEW.columns, texts: Array.from(values, short) });
}, () => {
  if (own) fields.forEach(({ slider, output }, i) => { [slider.value, output.textContent] = [own.row[i], short(own.row[i])]; });
});
