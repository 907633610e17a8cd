// Runs side by side: curves on the same axes, scores, options that differ, and commands.

import { get } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { drawCurves } from "./curves.js";
import { classColors } from "./theme.js";
import { optionName } from "./option_names.js";
import { Picture } from "./picture.js";
import { copy } from "./copy.js";
import { duration, intervalOf, scoreOf } from "./runs.js";
import { t } from "./words.js";
import { colorOf } from "../../web/colors.js";
import { percent, short } from "../../web/numbers.js";
import { fitted, line } from "../../web/pen.js";

/** @type {number[][]} */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
const GUTTER = 132; // pixels for names at the ends of lines
const LINE = 15;
const FEW = 6; // runs that are the columns of the table of options; more are its rows

/** @type {[string, string, string, boolean][]} figure, title, caption, whether it is a share */
const FIGURES = [
  ["mean_loss", "The loss of the batches", "Mean loss since the logged line before. Losses can be compared between runs of the same job on the same data.", false],
  ["valid_loss", "The loss on validation rows", "After each epoch, on rows that it does not learn from.", false],
  ["test_accuracy", "How many test rows are right", "Measured while it trains, on rows that it never learns from.", true],
  ["test_mse", "The error on test rows", "Measured while it trains, on rows that it never learns from.", false],
];

/**
 * Moves labels apart: each as near to its place as it gets, from the top to the bottom.
 * @param {number[]} places wanted, in any order
 * @param {number} low
 * @param {number} high
 * @param {number} each
 */
export function apart(places, low, high, each) {
  const order = places.map((_, place) => place).sort((a, b) => places[a] - places[b]);
  const found = new Array(places.length).fill(0);
  let above = low - each;
  for (const place of order) {
    above = Math.max(places[place], above + each);
    found[place] = above;
  }
  let below = high + each;
  for (const place of order.reverse()) {
    below = Math.min(found[place], below - each);
    found[place] = below;
  }
  return found;
}

/**
 * Shows the page; returns what ends it.
 * @param {HTMLElement} main
 * @param {string[]} ids
 */
export async function comparePage(main, ids) {
  document.title = `${t("Compare")} · hiddenstate`;
  const { runs, options, same, equal, alike } = await get(`/api/compare?runs=${ids.join(",")}`);
  const n = runs.length;
  /** @type {number|null} */ let picked = null;
  /** @type {((place: number|null) => void)[]} */ const shows = [];
  /** @type {[any, number][]} elements with the color and dash of a run */ const marks = [];
  const dash = (/** @type {number} */ place) => DASHES[place % DASHES.length];

  /** @param {number|null} place */
  function pick(place) {
    if (picked === place) return;
    picked = place;
    for (const show of shows) show(place);
  }

  const pictures = FIGURES.filter(([name]) => runs.some((/** @type {any} */ run) => name in run.curves)).map(([name, title, caption, share]) => curvesOf(name, title, caption, share));
  if (pictures.length % 2) pictures[pictures.length - 1].classList.add("wide");
  const differing = Object.entries(/** @type {Record<string, any[]>} */ (options));
  // A run that is not done, or of another job, has another score: it has no place on the last axis.
  const metric = mostCommon(runs.map((/** @type {any} */ run) => `${run.job} ${run.metric}`));
  const scored = runs.filter((/** @type {any} */ run) => run.score !== null && `${run.job} ${run.metric}` === metric);
  const wide = n > 3 && differing.length > 0 && scored.length > 1 ? (await import("./parallel.js")).parallel({
    names: runs.map((/** @type {any} */ run) => run.name),
    axes: [...differing.slice(0, 11).map(([name, values]) => ({ name: optionName(name), values })),
      { name: t(scored[0].title), values: runs.map((/** @type {any} */ run) => (scored.includes(run) ? run.score : null)), better: scored[0].is_share ? "more" : "less", write: scored[0].is_share ? percent : short }],
    pick,
    open: (place) => { window.location.hash = `#/run/${runs[place].id}`; },
  }) : null;
  if (wide) shows.push(wide.show);
  const rows = h("div", { hidden: true });
  let paintRows = () => {};
  fill(main,
    h("div", { class: "title-line" }, h("h1", {}, n === 1 ? t("One run") : t("{n} runs side by side", { n })), h("a", { class: "button", href: "#/runs" }, t("All runs"))),
      alike ? null : h("p", { class: "note unlike", role: "note" }, t("These runs predict different things or have different data: curves and scores of one say nothing about another.")),
    h("h2", { class: "unseen" }, t("Curves")), h("div", { class: "beside" }, pictures, wide && wide.element, scores(), rows, differing.length ? optionTable() : h("section", {}, h("h2", {}, t("Options that differ")), h("p", {}, t("None: these runs have the same options, and differ by chance alone if their seeds or engines do."))),
      others(), commands()));

  /** @param {string} name @param {string} title @param {string} caption @param {boolean} share */
  function curvesOf(name, title, caption, share) {
    const own = runs.map((/** @type {any} */ run, /** @type {number} */ place) => ({ run, place })).filter((/** @type {any} */ { run }) => name in run.curves);
    const end = Math.max(...own.map((/** @type {any} */ { run }) => run.curves[name].at(-1)[0]));
    const picture = new Picture({
      title: t(title), caption: t(caption), empty: "", name: "curve together",
      draw: (pen, width, height) => {
        const colors = classColors(n);
        const room = width > 480 ? GUTTER : 0;
        const look = (/** @type {number} */ place) => (picked === null ? colors[place] : picked === place ? colors[place] : `color-mix(in srgb, ${colors[place]} 22%, transparent)`);
        const sorted = [...own].sort((a, b) => Number(a.place === picked) - Number(b.place === picked));
        const axes = drawCurves(pen, width - room, height, {
          curves: sorted.map(({ run, place }) => ({ name: run.name, color: look(place), width: place === picked ? 2.8 : n > 20 ? 1.2 : 1.8, dash: dash(place), points: run.curves[name] })),
          end, at: null, log: !share, share,
        });
        if (!axes || !room) return;
        const named = own.length * LINE <= height - 20 ? own : own.filter((/** @type {any} */ { place }) => place === picked);
        const places = apart(named.map((/** @type {any} */ { run }) => axes.y(run.curves[name].at(-1)[1])), 10, height - 22, LINE);
        pen.font = "12px system-ui, sans-serif";
        pen.textAlign = "left";
        pen.textBaseline = "middle";
        named.forEach((/** @type {any} */ { run, place }, /** @type {number} */ at) => {
          const [step, value] = run.curves[name].at(-1);
          const [from, left] = [axes.x(step), width - room + 6];
          line(pen, [[from + 3, axes.y(value)], [left, places[at]]], look(place), 1, [], 0.6);
          pen.fillStyle = colorOf(picked === null || picked === place ? "ink" : "muted");
          pen.fillText(fitted(pen, run.name, room - 14), left + 4, places[at]);
        });
      },
      onkey: (key) => {
        if (!["ArrowUp", "ArrowDown", "Escape"].includes(key)) return false;
        pick(key === "Escape" ? null : Math.min(Math.max((picked ?? (key === "ArrowDown" ? -1 : n)) + (key === "ArrowDown" ? 1 : -1), 0), n - 1));
        return true;
      },
    });
    picture.setReady(true);
    picture.describe(`${t(title)}. ${own.map((/** @type {any} */ { run }) => `${run.name}: ${short(run.curves[name].at(-1)[1])}`).join(", ")}`);
    shows.push((place) => {
      const run = place === null ? null : runs[place];
      picture.note.textContent = run && name in run.curves ? `${run.name}: ${share ? percent(run.curves[name].at(-1)[1]) : short(run.curves[name].at(-1)[1])}` : "";
      picture.paint();
    });
    return picture.element;
  }

  /** Adds the rows that all runs show, once they are here. */
  async function addRows() {
    const found = await (await import("./compare_rows.js")).rowsTogether(runs, named);
    if (!found || !rows.isConnected) return;
    rows.replaceWith(found.element);
    paintRows = found.paint;
    paintRows();
    colorMarks();
  }

  /** The mark of a run: its color and dash. @param {number} place */
  function mark(place) {
    const element = h("i", { class: "mark", "aria-hidden": "true" });
    marks.push([element, place]);
    return element;
  }

  function colorMarks() {
    const colors = classColors(n);
    for (const [element, place] of marks) {
      let at = 0;
      const parts = dash(place).map((long, part) => `${part % 2 ? "transparent" : colors[place]} ${at}px ${(at += long)}px`);
      element.style.background = parts.length ? `repeating-linear-gradient(90deg, ${parts.join(", ")})` : colors[place];
    }
  }

  /** The name of a run, which picks it. @param {any} run @param {number} place */
  function named(run, place) {
    return h("span", { class: "named" }, mark(place), h("a", { href: `#/run/${run.id}`, onfocus: () => pick(place), onblur: () => pick(null) }, h("bdi", {}, run.name)),
      run.status === "done" ? null : h("span", { class: `status ${run.status}` }, t(run.status)));
  }

  function scores() {
    /** @type {Map<string, string>} further results, and their titles */
    const others = new Map();
    for (const run of runs) {
      for (const { name, title, help } of run.results) if (name.startsWith("test_") && name !== run.metric && others.size < 4) others.set(name, t(title || help));
    }
    const rows = runs.map((/** @type {any} */ run, /** @type {number} */ place) => {
      const row = h("tr", { onpointerenter: () => pick(place), onpointerleave: () => pick(null) }, h("th", { scope: "row" }, named(run, place)), h("td", {}, t(run.job)), h("td", {}, h("bdi", { title: run.data }, run.data)),
        h("td", { class: "c-score" }, scoreOf(run), intervalOf(run) ? h("span", { class: "note" }, intervalOf(run)) : null), [...others.keys()].map((name) => h("td", {}, (run.results.find((/** @type {any} */ each) => each.name === name) || {}).text || "")),
        h("td", {}, short(run.steps)), h("td", {}, duration(run.seconds)));
      shows.push((at) => row.classList.toggle("chosen", at === place));
      return row;
    });
    return h("section", { class: "wide" }, h("h2", {}, t("Scores")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Scores") },
      h("table", { class: "plain scores" }, h("caption", { class: "unseen" }, t("Scores, each beside what is reached without a network")),
        h("thead", {}, h("tr", {}, [t("Run"), t("Job"), t("Data"), t("Score"), ...others.values(), t("Steps"), t("Time")].map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows))),
      equal ? h("p", { class: "note" }, t("Best: {best}. Equal to it within the 95 % intervals: {others}.", { best: equal.best, others: equal.others.join(", ") || "–" })) : null);
  }

  function optionTable() {
    const value = (/** @type {any} */ each) => (each === null || each === undefined ? "–" : each === true ? t("yes") : each === false ? t("no") : String(each));
    const head = (/** @type {string} */ name) => h("th", { scope: "row" }, optionName(name));
    const usual = Object.fromEntries(differing.map(([name, values]) => [name, mostCommon(values.map(value))]));
    const cell = (/** @type {string} */ name, /** @type {any} */ each) => h("td", {}, n > 2 && value(each) === usual[name] ? value(each) : h("strong", {}, h("bdi", {}, value(each))));
    const table = n <= FEW
      ? [h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Option")), runs.map((/** @type {any} */ run, /** @type {number} */ place) => h("th", { scope: "col" }, named(run, place))))),
        h("tbody", {}, differing.map(([name, values]) => h("tr", {}, head(name), values.map((each) => cell(name, each)))))]
      : [h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("Run")), differing.map(([name]) => h("th", { scope: "col" }, optionName(name))))),
        h("tbody", {}, runs.map((/** @type {any} */ run, /** @type {number} */ place) => h("tr", { onpointerenter: () => pick(place), onpointerleave: () => pick(null) }, h("th", { scope: "row" }, named(run, place)), differing.map(([name, values]) => cell(name, values[place])))))];
    return h("section", { class: "wide" }, h("h2", {}, t("Options that differ")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Options that differ") },
      h("table", { class: "plain" }, h("caption", { class: "unseen" }, t("Options that differ between the runs")), table)));
  }

  function others() {
    const set = Object.entries(same).filter(([, value]) => value !== null);
    return h("details", { class: "more wide" }, h("summary", {}, t("{n} options are the same", { n: Object.keys(same).length })),
      h("dl", { class: "same" }, set.map(([name, value]) => h("div", {}, h("dt", {}, optionName(name)), h("dd", {}, h("bdi", {}, String(value)))))));
  }

  function commands() {
    return h("details", { class: "more wide", open: n <= FEW }, h("summary", {}, t("Commands that make each again")),
      h("ol", { class: "commands" }, runs.map((/** @type {any} */ run, /** @type {number} */ place) => h("li", {}, mark(place), run.command
        ? [h("code", { tabindex: "0" }, run.command), h("button", { type: "button", class: "quiet", "aria-label": t("Copy the command of {name}", { name: run.name }), onclick: () => copy(run.command) }, t("Copy"))]
        : h("span", { class: "note" }, t("trained from Python"))))));
  }

  colorMarks();
  if (alike && n > 1 && n <= FEW) addRows();
  document.addEventListener("theme", colorMarks);
  const repaint = () => paintRows();
  document.addEventListener("theme", repaint);
  return () => {
    shows.length = 0;
    document.removeEventListener("theme", colorMarks);
    document.removeEventListener("theme", repaint);
  };
}

/** @param {string[]} values */
function mostCommon(values) {
  /** @type {Map<string, number>} */ const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0][0];
}
