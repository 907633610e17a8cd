// "Why?": a button, and in words what an answer comes from.

import { fill, h, say } from "../../web/dom.js";
import { clamp, percent } from "../../web/numbers.js";
import { packedRows } from "../../web/rows.js";
import { whyOf } from "../../web/why.js";
import { spanOf } from "../../web/why_picture.js";
import { WHY, byId } from "./page.js";

const LOOKING = "Looking for what mattered …";
const SLICE = 8; // milliseconds of a frame that are computed
const ROUGH = 4; // segments of the path for the first answer
const REST = 250; // that a moment is looked at before it is explained
const MEAN = WHY ? packedRows({ ...WHY.mean, shape: [1, ...WHY.mean.shape] })[0].map((step) => step.map((value) => value / WHY.parts)) : [];
const BASELINE = WHY && WHY.name === "mean" ? "the mean of the training rows" : "a row of zeros";

// Runs a generator a little in each frame; returns what stops it.
function inSlices(steps, ended) {
  let going = true;
  const go = () => {
    const begun = performance.now();
    while (going) {
      const { done, value } = steps.next();
      if (done) {
        going = false;
        ended(value);
      }
      if (performance.now() - begun > SLICE) break;
    }
    if (going) requestAnimationFrame(go);
  };
  requestAnimationFrame(go);
  return () => { going = false; };
}

// Writes numbers with so many digits that their sum is seen.
function signedAlike(values) {
  const digits = Math.min(Math.max(4 - Math.ceil(Math.log10(Math.max(...values.map(Math.abs), 1e-9))), 0), 9);
  return values.map((value) => `${value < 0 ? "−" : "+"}${Number(Math.abs(value).toFixed(digits)).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`);
}

/**
 * Starts the button. `asked()` returns what is explained at the moment ({ program, rows, chosen, explain,
 * subject, unit, first, word, columns, at, ways, words }), or a text that says why nothing is.
 */
export function startWhy(help, asked, draw) {
  const [button, text] = [byId("why"), byId("why-text")];
  byId("why-row").hidden = !WHY;
  byId("why-help").textContent = help;
  let [on, key, timer, question] = [false, [], 0, null];
  let stop = () => {};
  const state = { found: null, look, ask };

  function begin() {
    stop();
    question = asked();
    if (typeof question === "string") {
      fill(text, question);
      return;
    }
    const { program, rows, chosen, explain } = question;
    fill(text, LOOKING);
    const find = (few) => { stop = inSlices(whyOf(program, rows, MEAN, chosen, explain, few), (found) => {
      state.found = { ...found, first: question.first };
      const words = (question.words || inWords)(found, question);
      fill(text, h("span", { class: "legend", "aria-hidden": "true" }, h("i", { class: "toward" }), question.ways[0], h("i", { class: "against" }), question.ways[1]), words);
      draw();
      if (few) find();
      else say(words);
    }); };
    find(ROUGH);
  }

  // Forgets what was found when what is asked has changed.
  function look(...now) {
    const other = now.length !== key.length || now.some((each, place) => each !== key[place]);
    key = now;
    if (!on || !other) return;
    stop();
    state.found = null;
    fill(text, LOOKING);
    clearTimeout(timer);
    timer = setTimeout(begin, REST);
  }

  function ask(wanted = true) {
    on = wanted;
    stop();
    clearTimeout(timer);
    state.found = null;
    button.setAttribute("aria-pressed", String(on));
    text.hidden = !on;
    if (on) begin();
    draw();
  }

  button.addEventListener("click", () => ask(!on));
  return state;
}

/**
 * Lets a moment be touched below the input: `hidden()` is the box under it, with time to the right, and
 * `ask(step, y)` is called with the step, of `count()`.
 */
export function touched(canvas, hidden, count, ask) {
  canvas.addEventListener("click", ({ offsetX, offsetY }) => {
    const [x, y, wide] = hidden();
    if (offsetY >= y) ask(clamp(Math.ceil(((offsetX - x) / wide) * count()), 1, count()), offsetY);
  });
}

// What was found, as a sentence or two.
export function inWords({ shares, value, base, gradients }, { subject, unit, word, columns, first = 0, at, ways }) {
  const where = (sign) => {
    const joined = !columns || shares.every((step) => step.every((share) => share === step[0]));
    const span = spanOf(shares, sign, joined);
    if (!span) return "nothing";
    const [from, to] = [span.from, span.to].map((step) => (at ? at(step, span.channel) : step + first + 1));
    const steps = at ? [from, ...(from === to ? [] : [to])].join(" to ") : from === to ? `${word} ${from}` : `${word}s ${from} to ${to}`;
    return !joined && columns.length > 1 ? `${columns[span.channel]}, ${steps}` : steps;
  };
  const parts = [`${subject}. ${ways[0]} most: ${where(1)}. ${ways[1]} most: ${where(-1)}.`];
  if (gradients < 1) parts.push(`By occlusion${gradients ? ` and, with a share of ${percent(gradients, 0)}, by gradients` : ""}: each span of the row in turn is replaced by ${BASELINE}.`);
  else {
    const sums = [1, -1].map((sign) => shares.reduce((sum, step) => sum + step.reduce((a, share) => a + (sign * share > 0 ? share : 0), 0), 0));
    const [from, up, down, to] = signedAlike([base, ...sums, value]);
    parts.push(`${unit}: ${from.replace("+", "")} for ${BASELINE}, ${up} and ${down} make ${to.replace("+", "")}.`);
  }
  return parts.join(" ");
}
