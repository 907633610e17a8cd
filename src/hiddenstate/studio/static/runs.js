// All runs in a table: sorted, searched, filtered, and chosen for comparison.

import { get } from "./api.js";
import { fill, h, say } from "../../web/dom.js";
import { JOBS } from "./jobs.js";
import { optionSet } from "./option_names.js";
import { stream } from "./stream.js";
import { language, t } from "./words.js";
import { short } from "../../web/numbers.js";

const PAGE = 50;
const MOST = 100; // runs that are compared at once
const LIVE = 2000; // milliseconds between two looks at rows of running runs

const STATUSES = ["running", "done", "interrupted", "stopped", "failed", "diverged"];

/** What is remembered while another page is shown. */
const kept = { search: "", job: "", status: "", sort: "started", descending: true, offset: 0 };

/** The runs that are chosen, by id: their names. @type {Map<string, string>} */
const chosen = new Map();

/** @type {[string, string, string][]} name to sort by, words, class */
const COLUMNS = [
  ["name", "Run", "c-name"], ["job", "Job", "c-job"], ["data", "Data", "c-data"], ["score", "Score", "c-score"],
  ["steps", "Steps", "c-steps"], ["started", "Started", "c-started"], ["seconds", "Time", "c-time"],
];

/**
 * A duration in words.
 * @param {number|null} seconds
 */
export const duration = (seconds) => (seconds === null || seconds === undefined ? "" : seconds < 60 ? `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  : seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`);

const own = language === "en" ? null : await import("./result.js");

/** The interval of a score in words. @param {any} row @returns {string} */
export const intervalOf = (row) => (own ? own.intervalOf(row.within) : row.interval_text);

/**
 * The score of a run and what is reached without a network, with a bar.
 * @param {any} row
 */
export function scoreOf(row) {
  if (row.score === null) return [h("span", { class: "note" }, "–")];
  const final = row.baseline !== null;
  const { worse, targets } = row;
  const title = own && targets.length ? own.targetsOf(targets) : row.words || [t(row.title), intervalOf(row)].filter(Boolean).join(", ");
  const parts = [h("span", { class: `figure${worse ? " worse" : ""}`, title }, own ? own.scoresOf(row) : row.score_text)];
  if (!final) return [...parts, h("span", { class: "versus" }, t(row.metric === "loss" ? "loss so far" : row.title))];
  const [size, other] = row.sizes || [row.score, row.baseline];
  const most = row.is_share ? 1 : Math.max(size, other) || 1;
  const [bar, mark] = [h("i", {}), h("b", {})];
  bar.style.width = `${(100 * size) / most}%`;
  mark.style.left = `${(100 * other) / most}%`;
  return [...parts, h("span", { class: "versus", title: t("without a network") }, h("span", { class: "unseen" }, t("without a network"), " "), own && targets.length === 1 ? own.versusOf(targets[0]) : row.baseline_text),
    h("span", { class: `meter${worse ? " worse" : row.tie ? " even" : ""}`, "aria-hidden": "true" }, bar, mark)];
}

/**
 * Shows the page; returns what ends it.
 * @param {HTMLElement} main
 */
export async function runsPage(main) {
  document.title = `${t("Runs")} · hiddenstate`;
  /** @type {any[]} */ let rows = [];
  let total = -1;
  let asking = /** @type {AbortController|null} */ (null);
  let typing = 0;
  let soon = 0;
  /** @type {Map<string, {element: any, was: string, cells: any[], box: any}>} */ const shown = new Map();

  const search = h("input", { type: "search", value: kept.search, placeholder: t("Search: names, data, lr=0.01"), "aria-label": t("Search in runs"), oninput: () => {
    clearTimeout(typing);
    typing = window.setTimeout(() => change({ search: search.value }), 120);
  } });
  const filter = (/** @type {"job"|"status"} */ name, /** @type {string[]} */ values, /** @type {string} */ every) => {
    const element = h("select", { "aria-label": every, onchange: () => change({ [name]: element.value }) },
      h("option", { value: "" }, every), values.map((value) => h("option", { value, selected: kept[name] === value }, t(value))));
    return element;
  };
  const compare = h("a", { class: "button main", role: "link" });
  const none = h("button", { type: "button", class: "quiet", onclick: () => { chosen.clear(); marked(); } }, t("Choose none"));
  const all = h("input", { type: "checkbox", "aria-label": t("Choose all runs on this page"), onchange: () => {
    for (const row of rows) {
      if (all.checked && (chosen.size < MOST || chosen.has(row.id))) chosen.set(row.id, row.name);
      else chosen.delete(row.id);
    }
    marked();
  } });
  const heads = COLUMNS.map(([name, words, kind]) => h("th", { scope: "col", class: kind, "data-sort": name },
    h("button", { type: "button", onclick: () => change(kept.sort === name ? { descending: !kept.descending } : { sort: name, descending: !["name", "job", "data"].includes(name) }) }, t(words), h("span", { class: "arrow", "aria-hidden": "true" }))));
  const body = h("tbody", {});
  const table = h("table", { class: "listed" }, h("caption", { class: "unseen" }, t("Runs, each with its score beside what is reached without a network")),
    h("thead", {}, h("tr", {}, h("th", { class: "pick" }, all), heads, h("th", { scope: "col", class: "c-options" }, t("Options")))), body);
  const place = h("span", { role: "status" });
  const back = h("button", { type: "button", onclick: () => turn(-1) }, t("Newer"));
  const on = h("button", { type: "button", onclick: () => turn(1) }, t("Older"));
  const fresh = h("button", { type: "button", class: "fresh", hidden: true, onclick: () => load({ offset: kept.offset }) }, t("The list has changed: show it"));
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const blank = h("div", { class: "blank-page", hidden: true });
  const pager = h("div", { class: "pager" }, place, h("span", { class: "row" }, back, on));
  const tools = h("div", { class: "tools-bar", role: "search" }, search, filter("job", Object.keys(JOBS), t("Every job")), filter("status", STATUSES, t("Every status")), fresh, h("span", { class: "chosen row" }, none, compare));
  main.replaceChildren(h("h1", {}, t("Runs")), tools, problem, h("div", { class: "sheet" }, table), blank, pager);

  /** @param {Partial<typeof kept>} values */
  function change(values) {
    Object.assign(kept, { offset: 0 }, values);
    load();
  }

  /** @param {number} way */
  function turn(way) {
    change({ offset: Math.max(kept.offset + way * PAGE, 0) });
    table.scrollIntoView({ block: "nearest" });
  }

  /**
   * Reads the rows; with `quiet`, those that are shown stay where they are.
   * @param {{offset?: number, quiet?: boolean}} [how]
   */
  async function load({ quiet = false } = {}) {
    if (asking) asking.abort();
    const own = (asking = new AbortController());
    const query = new URLSearchParams({ search: kept.search, job: kept.job, status: kept.status, sort: kept.sort, descending: kept.descending ? "1" : "0", offset: String(kept.offset), limit: String(PAGE) });
    try {
      const answer = await get(`/api/runs?${query}`, own.signal);
      if (own.signal.aborted) return;
      problem.hidden = true;
      if (quiet && moved(answer.rows)) {
        const now = new Map(answer.rows.map((/** @type {any} */ row) => [row.id, row]));
        rows = rows.map((row) => now.get(row.id) || row);
        fresh.hidden = false;
      } else {
        rows = answer.rows;
        fresh.hidden = true;
      }
      total = answer.total;
      draw();
      if (!quiet) say(t("{n} runs", { n: short(total) }));
    } catch (error) {
      if (own.signal.aborted) return;
      problem.textContent = /** @type {Error} */ (error).message;
      problem.hidden = false;
    }
    if (asking === own) asking = null;
  }

  /** Whether rows would move under the eyes or the focus of the reader. @param {any[]} next */
  function moved(next) {
    const same = next.length === rows.length && next.every((row, at) => row.id === rows[at].id);
    const reading = window.scrollY > 60 || body.contains(document.activeElement);
    return !same && reading && rows.length > 0;
  }

  function draw() {
    for (const head of heads) {
      const own = head.dataset.sort === kept.sort;
      if (own) head.setAttribute("aria-sort", kept.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
    const varied = varying(rows);
    for (const id of [...shown.keys()]) if (!rows.some((row) => row.id === id)) shown.delete(id);
    const elements = rows.map((row) => rowOf(row, varied));
    if (elements.length !== body.children.length || elements.some((element, at) => body.children[at] !== element)) fill(body, elements);
    place.textContent = total ? t("{from} to {to} of {total}", { from: short(kept.offset + 1), to: short(kept.offset + rows.length), total: short(total) }) : "";
    pager.hidden = total <= PAGE && kept.offset === 0;
    back.disabled = kept.offset === 0;
    on.disabled = kept.offset + PAGE >= total;
    const byTime = kept.sort === "started" && kept.descending;
    back.textContent = byTime ? t("Newer") : t("Previous");
    on.textContent = byTime ? t("Older") : t("Next");
    const any = kept.search || kept.job || kept.status;
    table.hidden = !rows.length;
    blank.hidden = rows.length > 0;
    tools.hidden = !rows.length && !any;
    if (!rows.length) {
      fill(blank, h("h2", {}, any ? t("No run is like that") : t("No runs yet")),
        h("p", {}, any ? t("All words must be in the name, the data or the options of a run, such as lr=0.01.") : t("Each training makes a run: its settings, its curves, and what the network looked like on the way. They appear here, to be watched, compared and taken away.")),
        any ? h("button", { type: "button", onclick: () => { search.value = ""; for (const select of tools.querySelectorAll("select")) select.value = ""; change({ search: "", job: "", status: "" }); } }, t("Show all runs")) : h("a", { class: "button main", href: "#/" }, t("Train the first one")));
    }
    marked();
  }

  /** @param {any} row @param {Set<string>} varied */
  function rowOf(row, varied) {
    const options = Object.entries(row.options).filter(([name]) => name !== "data").sort(([a], [b]) => Number(varied.has(`${row.job} ${b}`)) - Number(varied.has(`${row.job} ${a}`)));
    const words = options.map(([name, value]) => optionSet(name, value));
    const now = JSON.stringify([row, words]);
    let own = shown.get(row.id);
    if (!own) {
      const box = h("input", { type: "checkbox", "aria-label": t("Choose {name}", { name: row.name }), onchange: () => {
        if (!box.checked) chosen.delete(row.id);
        else if (chosen.size < MOST) chosen.set(row.id, row.name);
        marked();
      } });
      const link = h("a", { href: `#/run/${row.id}` }, h("bdi", {}, row.name));
      const status = h("span", {});
      const cells = [...COLUMNS.slice(1), ["options", "", "c-options"]].map(([, , kind]) => h("td", { class: kind }));
      own = { element: h("tr", {}, h("td", { class: "pick" }, box), h("th", { scope: "row" }, h("div", { class: "named" }, link, status)), cells), was: "", cells: [status, ...cells], box };
      shown.set(row.id, own);
    }
    if (own.was === now) return own.element;
    own.was = now;
    const [status, job, data, score, steps, started, time, others] = own.cells;
    status.className = row.status === "done" ? "" : `status ${row.status}`;
    status.textContent = row.status === "done" ? "" : t(row.status);
    job.textContent = t(row.job);
    fill(data, h("bdi", { title: row.data }, row.data));
    fill(score, scoreOf(row));
    steps.textContent = short(row.steps);
    started.textContent = row.started;
    time.textContent = duration(row.seconds);
    fill(others, h("span", { title: words.join(", ") }, words.join(", ")));
    return own.element;
  }

  /** Shows what is chosen. */
  function marked() {
    for (const [id, { box, element }] of shown) {
      box.checked = chosen.has(id);
      box.disabled = !box.checked && chosen.size >= MOST;
      element.classList.toggle("chosen", box.checked);
    }
    const here = rows.filter((row) => chosen.has(row.id)).length;
    all.checked = here > 0 && here === rows.length;
    all.indeterminate = here > 0 && here < rows.length;
    none.hidden = !chosen.size;
    compare.textContent = chosen.size > 1 ? t("Compare {n}", { n: chosen.size }) : t("Choose two to compare");
    if (chosen.size > 1) compare.setAttribute("href", `#/compare/${[...chosen.keys()].join(",")}`);
    else compare.removeAttribute("href");
    compare.setAttribute("aria-disabled", String(chosen.size < 2));
  }

  const onRuns = () => {
    clearTimeout(soon);
    soon = window.setTimeout(() => { if (!asking) load({ quiet: true }); }, 200);
  };
  stream.addEventListener("runs", onRuns);
  const live = window.setInterval(() => {
    if (!document.hidden && !asking && rows.some((row) => row.status === "running")) load({ quiet: true });
  }, LIVE);
  await load();
  return () => {
    stream.removeEventListener("runs", onRuns);
    clearTimeout(typing);
    clearTimeout(soon);
    clearInterval(live);
    if (asking) asking.abort();
  };
}

/**
 * The options that differ between rows of the same job, as "job option".
 * @param {any[]} rows
 */
function varying(rows) {
  /** @type {Map<string, Set<string>>} */ const values = new Map();
  /** @type {Map<string, number>} */ const counts = new Map();
  /** @type {Map<string, number>} */ const jobs = new Map();
  for (const row of rows) {
    jobs.set(row.job, (jobs.get(row.job) || 0) + 1);
    for (const [name, value] of Object.entries(row.options)) {
      const key = `${row.job} ${name}`;
      counts.set(key, (counts.get(key) || 0) + 1);
      values.set(key, (values.get(key) || new Set()).add(String(value)));
    }
  }
  return new Set([...values].filter(([key, set]) => set.size > 1 || counts.get(key) !== jobs.get(key.split(" ")[0])).map(([key]) => key));
}
