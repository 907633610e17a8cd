// Replays the training on the first screen: rows with their probabilities, or a signal.

import { colorOf, isDark } from "../../web/colors.js";
import { trainingBar } from "./training_bar.js";
import { unpack } from "../../web/bytes.js";
import { paintPixels, penOf } from "../../web/pen.js";
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

  function element(kind, name, text) {
    const made = document.createElement(kind);
    if (name) made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Rows: a card each, with the row and its most probable classes, the true one first.
  function rows() {
    const { names, short, truth, picture, length, channels, lengths } = data;
    const bytes = unpack(data.rows, Uint8Array);
    const chances = unpack(data.chances, Uint8Array);
    const chance = mixed(chances, truth.length * names.length);
    const size = picture ? picture[0] * picture[1] : length * channels;
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
      const colors = channels > 1 ? data.colors[isDark() ? "dark" : "light"] : [colorOf("ink")];
      drawRow(penOf(canvas), [0, 0, canvas.clientWidth, canvas.clientHeight], values, null, { quantities: data.quantities, channels, colors, steps: lengths[row] });
    }

    const cards = truth.map((real, row) => {
      const kinds = names.map((_, kind) => kind).filter((kind) => kind !== real);
      kinds.sort((a, b) => highest(row, b) - highest(row, a));
      const card = element("li", "card");
      const canvas = element("canvas", picture ? "pixels" : "");
      const verdict = element("p", "verdict");
      const side = element("div", "chances");
      side.append(verdict);
      const bars = [real, ...kinds.slice(0, 2)].map((kind) => {
        const bar = element("div", kind === real ? "chance true" : "chance");
        const track = element("span", "track");
        const fill = element("i");
        const name = element("bdi", "", short[kind]);
        name.title = names[kind];
        track.append(fill);
        bar.append(name, track);
        side.append(bar);
        return { kind, fill };
      });
      card.append(canvas, side);
      part("live-rows").append(card);
      return { row, real, canvas, verdict, bars };
    });

    const show = (moment) => {
      let right = 0;
      for (const { row, real, verdict, bars } of cards) {
        const of = names.map((_, kind) => chance(row * names.length + kind, moment) / 255);
        const chosen = of.indexOf(Math.max(...of));
        right += chosen === real ? 1 : 0;
        verdict.textContent = `${chosen === real ? "✓" : "✗"} ${names[chosen]}`;
        verdict.title = names[chosen];
        verdict.classList.toggle("wrong", chosen !== real);
        for (const { kind, fill } of bars) fill.style.width = `${(100 * of[kind]).toFixed(1)}%`;
      }
      note.textContent = `${right} of ${truth.length} ${data.split} rows are right at this moment${whose(moment)}. `
        + "The first bar of each is the probability of its true class.";
    };
    const paint = () => { for (const { row, canvas } of cards) paintRow(canvas, row); };
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
        from: time[first], to: time[last - 1], low, high, most: 0, gap: Infinity, dates, time: dates ? "" : "time",
        border: held === null ? undefined : time[held], washed: washed.map(([from, to]) => [time[from], time[Math.min(to, time.length - 1)]]),
      }, null, { held: "held out", washout: "washout", error: "" });
    }

    const show = (moment) => {
      now = moment;
      note.replaceChildren(
        element("span", "key target", "target"),
        element("span", "key prediction", "prediction"),
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
