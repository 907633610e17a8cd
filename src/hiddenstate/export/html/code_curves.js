// Codes of long rows: a curve that a reader bends.

import { colorOf } from "../../web/colors.js";
import { h, say } from "../../web/dom.js";
import { frame, penOf } from "../../web/pen.js";
import { Bender, drawLane } from "../../web/signal.js";
import { change, decodedCanvas, drawSoon, own, shares, startNumbers } from "./codes.js";
import { VIEW, byId } from "./page.js";

/** @type {number[][]} the row that is bent, as shares of the ranges of its numbers */
let bent = [];
const bender = new Bender(decodedCanvas, h("select"), {
  program: /** @type {any} */ ({ steps: [] }), channels: { columns: ["share of its range"], low: [0], high: [1] }, say, draw: drawSoon,
  lanes: () => [{ box: [0, 0, decodedCanvas.clientWidth, decodedCanvas.clientHeight], channel: 0, range: [0, 1] }],
  series: () => /** @type {any} */ (bent.length ? bent : bent = shares(own.row).map((share) => [share])),
  words: () => byId("row-facts").textContent,
  changed: (done) => {
    change(bent.map(([share], i) => VIEW.low[i] + share * (VIEW.high[i] - VIEW.low[i])));
    if (done) bent = [];
  },
});
decodedCanvas.tabIndex = 0;

startNumbers("The thick line is decoded, the thin one the row that was encoded: draw over it to change it.", (values, box) => {
  const pen = penOf(decodedCanvas);
  frame(pen, box);
  if (own) drawLane(pen, box, shares(own.row), [0, 1], colorOf("ink"), { width: 1.2 });
  drawLane(pen, box, shares(values), [0, 1], colorOf("prediction"), { width: 2.5 });
  bender.mark(pen);
}, () => {});
