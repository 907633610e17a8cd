// Codes of pictures: what they decode to lies behind them, and a reader draws.

import { colorOf } from "../../web/colors.js";
import { say } from "../../web/dom.js";
import { clamp } from "../../web/numbers.js";
import { addExamples, drawingPad } from "../../web/pad.js";
import { paintPixels } from "../../web/pen.js";
import { decodedCanvas, encode, forget, own, rows, start } from "./codes.js";
import { VIEW, byId, complain, model } from "./page.js";

const SHAPE = VIEW.picture;
const ACROSS = 9; // pictures behind the codes, on each side
const inPixels = (values) => Float64Array.from(values, (value) => clamp(255 * value, 0, 255));
const plane = { key: "", canvas: document.createElement("canvas") };

// Paints what the codes of a plane decode to, in cells; again when it is another one.
function decodedPlane({ low, high, probe, use }) {
  const key = [colorOf("paper"), low, high, use, probe.map((value, axis) => (use.includes(axis) ? 0 : value))].join();
  if (plane.key === key) return plane.canvas;
  const [canvas, small] = [plane.canvas, document.createElement("canvas")];
  [canvas.width, canvas.height] = [SHAPE[1] * ACROSS, SHAPE[0] * ACROSS];
  for (let cell = 0; cell < ACROSS ** 2; cell += 1) {
    const place = [cell % ACROSS, Math.floor(cell / ACROSS)];
    const code = probe.slice();
    use.forEach((which, axis) => {
      const share = (place[axis] + 0.5) / ACROSS;
      code[which] = low[which] + (axis ? 1 - share : share) * (high[which] - low[which]);
    });
    paintPixels(small, SHAPE, inPixels(model.decode(code)));
    canvas.getContext("2d").drawImage(small, place[0] * SHAPE[1], place[1] * SHAPE[0]);
  }
  plane.key = key;
  return canvas;
}

byId("drawing").hidden = byId("pair").hidden = false;
const parts = { canvas: byId("pad"), centre: byId("centre"), light: byId("light"), clear: byId("clear") };
const pad = drawingPad(parts, SHAPE, (values, done) => encode(Float64Array.from(values), done), forget, say, { on: document.body, texts: true, fail: complain });
byId("examples").hidden = !rows.length;
addExamples(byId("choices"), rows, SHAPE, (VIEW.labels || []).map((label) => VIEW.code_classes[label]), (values) => {
  pad.show(values);
  encode(values, true);
});
decodedCanvas.className = "pixels";
decodedCanvas.style.aspectRatio = `${SHAPE[1]} / ${SHAPE[0]}`;
if (rows.length) encode(rows[0], false);
const blank = new Float64Array(SHAPE.reduce((all, side) => all * side));
start({
  behind: decodedPlane,
  decoded: (values) => paintPixels(decodedCanvas, SHAPE, inPixels(values)),
  own: () => {
    paintPixels(byId("seen"), SHAPE, own ? own.row : blank);
    paintPixels(byId("rebuilt"), SHAPE, own ? inPixels(own.reconstruction) : blank);
  },
});
