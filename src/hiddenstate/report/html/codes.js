// The plot of codes: search, time, and the row of a code. All data is inert JSON.

import { RowViewer } from "./rows.js";
import { CUBE } from "../../web/code_cube.js";
import { CodePlot, fillLegend, turnsWith } from "../../web/code_plot.js";
import { Space } from "../../web/code_space.js";
import { isDark } from "../../web/colors.js";
import { unpack } from "../../web/bytes.js";
import { eachFrame, redrawWith } from "../../web/pen.js";
import { trainingBar } from "./training_bar.js";

(() => {
  /** @type {(id: string) => any} */
  const part = (id) => document.getElementById(id);
  const data = JSON.parse(part("codes-data").textContent);
  const canvas = part("plot-canvas");
  part("plot").hidden = false;
  part("figure-codes").hidden = true; // the plot replaces this picture
  const space = new Space(canvas, {
    points: data.points, size: data.axes, classes: data.classes, names: data.names,
    colors: () => data.colors[isDark() ? "dark" : "light"], word: (number) => `code ${number}`,
  }, CUBE);
  const viewer = new RowViewer((name) => part(`plot-${name}`), data);
  const codes = unpack(data.codes, Uint16Array);
  const repaint = eachFrame(() => space.paint());

  // Shows the codes of a moment, which may be between two; those of the last one are within the axes.
  function show(moment) {
    const early = Math.floor(moment);
    const late = Math.min(early + 1, data.steps.length - 1);
    const mix = (values) => values[0] + (values[1] - values[0]) * (moment - early);
    const ends = (of) => Float64Array.from(of[early], (value, axis) => mix([value, of[late][axis]]));
    [space.low, space.high] = [ends(data.from), ends(data.to)];
    const n = data.points * data.axes;
    space.live = Float64Array.from({ length: n }, (_, place) => {
      const [low, high] = [data.low, data.high].map((of) => of[place % data.axes]);
      return low + (mix([codes[early * n + place], codes[late * n + place]]) / 65535) * (high - low);
    });
    update();
  }

  function update() {
    const row = space.hovered >= 0 ? space.hovered : space.chosen;
    const code = row < 0 ? [] : space.live.slice(row * data.axes, (row + 1) * data.axes);
    viewer.show(row, Array.from(code, (value) => String(Number(value.toPrecision(3)))));
    repaint();
  }

  function choose(row) {
    space.chosen = row;
    space.hovered = -1;
    update();
  }

  const plot = new CodePlot(canvas, { paint: repaint, choose, hover: update });
  plot.space = space;
  for (const [name, key] of [["in", "+"], ["out", "-"], ["home", "Home"], ["next", "n"], ["back", "p"]]) {
    part(`plot-${name}`).addEventListener("click", () => {
      plot.key(key);
      repaint();
    });
  }
  const color = fillLegend(part("plot-classes"), space, ["all", "none"], () => {
    if (space.chosen >= 0 && !space.shown[space.chosen]) choose(-1);
    repaint();
  });

  // Search: a label, else the number of a row, else part of a label; #7 is only row 7.
  part("plot-search").addEventListener("input", (event) => {
    const query = event.target.value.trim().toLowerCase();
    const label = (row) => (data.classes ? data.names[data.classes[row]].toLowerCase() : "");
    const tests = [
      (row) => label(row) === query,
      (row) => [`${viewer.number(row)}`, `#${viewer.number(row)}`].includes(query),
      (row) => label(row).includes(query),
    ];
    const all = Array.from({ length: data.points }, (_, row) => row);
    const matches = tests.map((fits) => all.filter(fits)).find((rows) => rows.length) || [];
    space.matches = query ? new Set(matches) : null;
    const plural = matches.length === 1 ? "" : "s";
    part("plot-found").textContent = query ? `${matches.length} row${plural} found` : "";
    choose(query && matches.length ? matches[0] : -1);
  });
  part("plot-search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") plot.step(event.shiftKey ? -1 : 1);
  });

  part("plot-turn").hidden = !space.cube;
  turnsWith(plot, part("plot-turn"));
  canvas.addEventListener("focus", () => {
    if (space.chosen < 0 && canvas.matches(":focus-visible")) plot.step(1);
  });
  if (data.left_out) {
    const all = (data.points + data.left_out).toLocaleString("en");
    const note = ` The first ${data.points.toLocaleString("en")} of ${all} codes are drawn.`;
    part("plot-help").append(note);
  }
  const recolor = () => {
    color();
    viewer.again();
    repaint();
  };
  redrawWith(recolor, canvas);
  recolor();
  trainingBar((name) => part(`plot-${name}`), data, show);
})();
