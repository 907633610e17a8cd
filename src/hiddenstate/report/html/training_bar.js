// The time bar of the training, under its learning curve.

import { TimeBar } from "../../web/timebar.js";

/**
 * Makes the bar of moments of training, of elements of a page; it is at the end.
 * @param {(name: string) => any} find Returns the element "moment" (a slider), "play" (a button),
 *   "step" (a text), "curve" (an SVG of 100 x 20) or "time" (all of it).
 * @param {{ steps: number[], losses: (number | null)[], unit?: string }} times Updates made until each
 *   moment, losses of each, and what steps count, if not updates.
 * @param {(moment: number) => void} show Gets the moment, between two of them while it plays.
 */
export function trainingBar(find, { steps, losses, unit = "update" }, show) {
  const bar = new TimeBar({
    button: find("play"), slider: find("moment"), text: find("step"), show, between: true, seconds: (count) => Math.min(count, 12),
    words: { at: (at) => {
      const [loss, count] = [losses, steps].map((each) => each[Math.round(at)]);
      return `after ${Number(count).toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}${loss === null ? "" : `, mean loss ${Number(loss.toPrecision(3))}`}`;
    }, play: "Play the training", pause: "Pause" },
  });
  find("time").hidden = steps.length < 2;
  drawCurve(find("curve"), losses);
  bar.set(steps.length - 1);
  return bar;
}

/**
 * Draws losses, on a log axis if they are positive.
 * @param {SVGElement} curve
 * @param {(number | null)[]} losses
 */
function drawCurve(curve, losses) {
  const known = losses.filter((loss) => loss !== null);
  const log = known.every((loss) => loss > 0);
  /** @param {number} loss */
  const height = (loss) => (log ? Math.log(loss) : loss);
  const [low, high] = [Math.min(...known.map(height)), Math.max(...known.map(height))];
  const points = losses.map((loss, place) => (loss === null ? "" : [
    (100 * place) / Math.max(losses.length - 1, 1),
    18 - (16 * (height(loss) - low)) / (high - low || 1),
  ].map((number) => number.toFixed(2)).join(",")));
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  line.setAttribute("points", points.filter(Boolean).join(" "));
  curve.append(line);
}
