// Replays the training on the first screen: rows with their probabilities, or a signal.

import { colorOf } from "../../web/colors.js";
import { h } from "../../web/dom.js";
import { trainingBar } from "./training_bar.js";
import { unpack } from "../../web/bytes.js";
import { paintPixels, penOf } from "../../web/pen.js";
import { RowCards } from "../../web/row_cards.js";
import { drawRow } from "../../web/row_picture.js";
import { drawPlot } from "../../web/series_plot.js";

(() => {
  /** @type {(id: string) => any} */
  const part = (id) => document.getElementById(id);
  const data = JSON.parse(part("live-data").textContent);
  const note = part("live-note");
  part("live").hidden = false;
  /** @type {NodeListOf<HTMLElement>} */
  const figures = document.querySelectorAll(".lead .figure");
  for (const figure of figures) {
    figure.hidden = figure.id !== "figure-held_out"; // it also has the baseline and residuals
  }

  const last = data.steps.length - 1;
  let alone = false; // whether the last moment shows the network alone, which is behind the model

  // Returns a function of place and moment: numbers of the nearest two moments are mixed.
  const mixed = (numbers, size) => (place, moment) => {
    const at = (step) => numbers[(step === last && alone ? last + 1 : step) * size + place];
    const early = Math.floor(moment);
    const before = at(early);
    return before + (at(Math.min(early + 1, last)) - before) * (moment - early);
  };

  // Says whose answers a moment shows, where the model is not the network alone.
  const whose = (moment) => (!data.by ? "" : data.alone && !alone && moment >= last ? ", by the model" : `, by ${data.by}`);

  // Rows: a card each, with the row and its most probable classes, the true one first.
  function rows() {
    const { names, short, truth, picture, length, channels, lengths } = data;
    const bytes = unpack(data.rows, Uint8Array);
    const chances = unpack(data.chances, Uint8Array);
    const chance = mixed(chances, truth.length * names.length);
    const size = picture ? picture.reduce((all, side) => all * side) : length * channels;
    const highest = (row, kind) => {
      let best = 0;
      for (let at = 0; at < data.steps.length; at += 1) {
        best = Math.max(best, chances[(at * truth.length + row) * names.length + kind]);
      }
      return best;
    };

    function paintRow(canvas, row) {
      const values = bytes.subarray(row * size, (row + 1) * size);
      if (picture) {
        paintPixels(canvas, picture, values);
        return;
      }
      drawRow(penOf(canvas), [0, 0, canvas.clientWidth, canvas.clientHeight], values, null, { quantities: data.quantities, channels, color: colorOf(data.quantities ? "prediction" : "ink"), steps: lengths[row] });
    }

    const cards = new RowCards({ classes: names, short, truth, picture: Boolean(picture) });
    cards.name(truth.flatMap((_, row) => names.map((__, kind) => highest(row, kind))));
    for (const { parts } of cards.all) part("live-rows").append(h("li", { class: "card" }, parts));

    const show = (moment) => {
      const right = cards.show(Float64Array.from({ length: truth.length * names.length }, (_, place) => chance(place, moment) / 255));
      note.textContent = `${right} of ${truth.length} ${data.split} rows are right at this moment${whose(moment)}. `
        + "The first bar of each is the probability of its true class.";
    };
    const paint = () => { for (const { row, canvas } of cards.all) paintRow(canvas, row); };
    return { show, paint };
  }

  // A signal: the target under its prediction, on axes that stay the same.
  function signal() {
    const { time, ends, seen, low, high, held, washed, dates } = data;
    const [target, numbers] = [data.target, data.prediction].map((text) => unpack(text, Uint16Array));
    const between = mixed(numbers, target.length);
    const missing = 65535;
    const valueOf = (number) => (number === missing ? NaN : low + (number / (missing - 1)) * (high - low));
    const canvas = part("live-canvas");
    let now = data.steps.length - 1;

    function paint() {
      const early = Math.floor(now);
      const end = ends ? Math.round(ends[early] + (ends[Math.min(early + 1, ends.length - 1)] - ends[early]) * (now - early)) : target.length;
      const last = ends ? Math.max(end, seen) : end;
      const first = Math.max(last - seen, 0);
      const places = Array.from({ length: last - first }, (_, k) => first + k);
      const guess = (place) => {
        if (ends) return place < end ? valueOf(numbers[place]) : NaN;
        const whole = numbers[early * target.length + place] === missing;
        return whole ? NaN : valueOf(Math.min(between(place, now), missing - 1));
      };
      drawPlot(penOf(canvas), canvas.clientWidth, canvas.clientHeight, {
        times: places.map((place) => time[place]), target: places.map((place) => valueOf(target[place])), prediction: places.map(guess),
        from: time[first], to: time[last - 1], low, high, most: 0, gap: Infinity, dates, time: data.clock,
        border: held === null ? undefined : time[held], washed: washed.map(([from, to]) => [time[from], time[Math.min(to, time.length - 1)]]),
      }, null, { held: "held out", washout: "washout", error: "" });
    }

    const show = (moment) => {
      now = moment;
      note.replaceChildren(
        h("span", { class: "key target" }, "target"),
        h("span", { class: "key prediction" }, "prediction"),
        ends ? " Each window is predicted just before the network learns from it."
          : ` Predicted with the weights of this moment${whose(moment)}.`,
      );
      paint();
    };
    return { show, paint };
  }

  const { show, paint } = data.chances ? rows() : signal();
  const buttons = data.alone ? [part("live-model"), part("live-network")] : [];
  let now = last;
  const shown = (moment) => {
    now = moment;
    buttons.forEach((button, place) => {
      button.disabled = moment < last;
      button.setAttribute("aria-pressed", String((alone || moment < last) === (place === 1)));
    });
    show(moment);
  };
  buttons.forEach((button, place) => button.addEventListener("click", () => {
    alone = place === 1;
    shown(now);
  }));
  trainingBar((name) => part(`live-${name}`), data, shown);
  if ("ResizeObserver" in window) new ResizeObserver(paint).observe(part("live"));
  document.addEventListener("theme", paint);
  paint();
})();
