// Replays the training on the first screen: rows with their probabilities, or a signal.

import { colorOf, isDark } from "../../web/colors.js";
import { trainingBar } from "./training_bar.js";
import { drawBars, drawLanes } from "../../web/shapes.js";
import { unpack } from "../../web/bytes.js";
import { line, paintPixels, penOf } from "../../web/pen.js";

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

    function drawRow(canvas, row) {
      const values = bytes.subarray(row * size, (row + 1) * size);
      if (picture) {
        paintPixels(canvas, picture, values);
        return;
      }
      const pen = penOf(canvas);
      const space = [0, canvas.clientWidth, canvas.clientHeight];
      if (data.quantities) {
        drawBars(pen, space, values, null, [colorOf("prediction"), colorOf("muted"), ""]);
        return;
      }
      const colors = channels > 1 ? data.colors[isDark() ? "dark" : "light"] : [colorOf("ink")];
      pen.lineWidth = 1.4;
      drawLanes(pen, space, values, { channels, length, steps: lengths[row], colors });
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
    const paint = () => { for (const { row, canvas } of cards) drawRow(canvas, row); };
    return { show, paint };
  }

  // A signal: the target under its prediction, on axes that stay the same.
  function signal() {
    const { time, ends, seen, low, high, held, washed } = data;
    const target = unpack(data.target, Uint16Array);
    const numbers = unpack(data.prediction, Uint16Array);
    const between = mixed(numbers, target.length);
    const missing = 65535;
    const canvas = part("live-canvas");
    let now = data.steps.length - 1;

    const when = (moment) => (data.dates ? new Date(1000 * moment).toISOString().slice(0, 10)
      : Number(moment.toPrecision(5)).toString());

    function paint() {
      const pen = penOf(canvas);
      const [wide, tall] = [canvas.clientWidth, canvas.clientHeight];
      const [left, bottom] = [48, 24];
      const end = ends ? Math.round(ends[Math.floor(now)]
        + (ends[Math.min(Math.floor(now) + 1, ends.length - 1)] - ends[Math.floor(now)])
        * (now - Math.floor(now))) : target.length;
      const last = ends ? Math.max(end, seen) : end;
      const first = Math.max(last - seen, 0);
      const span = time[last - 1] - time[first] || 1;
      const at = (place, number) => [
        left + ((time[place] - time[first]) / span) * (wide - left - 8),
        8 + (1 - number / (missing - 1)) * (tall - bottom - 8),
      ];
      pen.font = "12px system-ui, sans-serif";
      const shade = (from, to, name) => {
        pen.fillStyle = colorOf("faint");
        pen.globalAlpha = 0.5;
        pen.fillRect(from, 8, to - from, tall - bottom - 8);
        pen.globalAlpha = 1;
        pen.fillStyle = colorOf("muted");
        pen.textAlign = "left";
        pen.textBaseline = "top";
        pen.fillText(name, from + 6, 12);
      };
      if (held !== null && held < last) shade(at(held, 0)[0], wide - 8, "held out");
      for (const [from, to] of washed) {
        if (to > first && from < last) {
          shade(at(Math.max(from, first), 0)[0], at(Math.min(to, last - 1), 0)[0], "washout");
        }
      }
      pen.fillStyle = colorOf("muted");
      pen.textBaseline = "middle";
      for (const share of [0, 0.25, 0.5, 0.75, 1]) {
        const [, y] = at(first, share * (missing - 1));
        line(pen, [[left, y], [wide - 8, y]], colorOf("faint"), 1);
        pen.textAlign = "right";
        const value = low + share * (high - low);
        pen.fillText(Number(value.toPrecision(2)).toString(), left - 6, y);
      }
      for (const place of [first, last - 1]) {
        pen.textAlign = place === first ? "left" : "right";
        pen.fillText(when(time[place]), at(place, 0)[0], tall - 8);
      }
      pen.textAlign = "center";
      pen.fillText("time", (left + wide) / 2, tall - 8);
      const real = (place) => (target[place] === missing ? null : target[place]);
      const guess = (place) => {
        if (ends) return place < end && numbers[place] !== missing ? numbers[place] : null;
        const early = numbers[Math.floor(now) * target.length + place];
        return early === missing ? null : Math.min(between(place, now), missing - 1);
      };
      const path = (value) => Array.from({ length: last - first }, (_, k) => {
        const number = value(first + k);
        return number === null ? [NaN, NaN] : at(first + k, number);
      });
      line(pen, path(real), colorOf("target"), 3);
      line(pen, path(guess), colorOf("prediction"), 1.8);
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
