// The page of one run: what is learnt, its curves, its time, and what can be done with it.

import { folds } from "./away.js";
import { copy } from "./copy.js";
import { learningCurves } from "./curves.js";
import { h } from "../../web/dom.js";
import { JOBS } from "./jobs.js";
import { Player } from "./player.js";
import { Store } from "./store.js";
import { styled } from "./style.js";
import { language, speak, t, teller } from "./words.js";
import { percent, short } from "../../web/numbers.js";

/** The scripts and the texts of pages, by what a job answers. @type {Record<string, "classify"|"regress"|"autoencode">} */
const PAGES = { classes: "classify", targets: "regress", codes: "autoencode" };

/**
 * Loads the scripts, the style and the texts of the pages of a job.
 * @param {string} job
 */
export function prepare(job) {
  const page = PAGES[JOBS[job]];
  return Promise.all([import(`./${page}.js`), styled(page === "classify" ? page : "codes"), speak(page)]);
}

/**
 * Shows a run; returns what ends the page.
 * @param {HTMLElement} main
 * @param {string} address its id, and perhaps that of the run whose curves are behind its own
 */
export async function runPage(main, address) {
  const [id, ghost] = address.split("?ghost=");
  const store = new Store(id);
  try {
    return await shownRun(main, store, ghost);
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * @param {HTMLElement} main
 * @param {Store} store
 * @param {string} [ghost]
 */
async function shownRun(main, store, ghost) {
  await store.open();
  const { details } = store;
  const scripts = prepare(details.job);
  document.title = `${details.name} · hiddenstate`;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const command = h("code", { tabindex: "0" });
  const copied = h("button", { type: "button", class: "quiet", onclick: () => copy(command.textContent) }, t("Copy"));
  const shown = h("p", { class: "command" }, h("span", {}, "$ "), command, copied);
  const show = (/** @type {string} */ text) => { command.textContent = text; };
  const fail = async (/** @type {string} */ why) => {
    problem.textContent = why;
    problem.hidden = !why;
    const own = why && (await teller())(why);
    if (problem.textContent === why) problem.textContent = own;
  };
  show(details.command || t("trained from Python"));
  store.addEventListener("problem", (event) => fail(/** @type {CustomEvent} */ (event).detail));

  if (details.problems.length) fail(details.problems.join(" "));
  const status = h("span", { class: "status" });
  const score = h("p", { class: "score" });
  const words = h("p", { class: "words" });
  const [who, hands] = [h("div", {}), h("div", {})];
  const told = language === "en" ? null : (await import("./result.js")).resultOf;
  if (details.answer.beside.length) import("./layers.js").then(({ layers }) => who.replaceWith(layers(store)));
  const head = h("header", { class: "head" },
    h("div", {}, h("p", { class: "kind" }, `${t(details.job)} · `, h("bdi", {}, details.data.name)),
      h("h1", {}, h("bdi", {}, details.name), " ", status)),
    h("div", { class: "result" }, score, words, who),
    hands);
  let held = false;
  /** Brings the buttons of a run that is not done. */
  async function hold() {
    if (held || store.done) return;
    held = true;
    const { controls } = await import("./controls.js");
    hands.replaceWith(controls(store, (text) => { if (!store.done) show(text); fail(""); }, fail));
  }

  function update() {
    const { state } = store;
    const word = state.status === "running" && state.paused ? "paused" : state.status;
    if (status.textContent !== t(word)) {
      status.textContent = t(word);
      status.className = `status ${word}`;
      if (store.done) show(details.command || t("trained from Python")); // not the request that ended it
      if (store.state.why) fail(store.state.why);
    }
    const { results, headline, baseline, targets } = store.details;
    const main = results.find((/** @type {any} */ each) => each.name === headline) || results[0];
    if (store.done && targets.length && store.live) { // each target in its own unit
      const [first, ...others] = targets;
      score.textContent = first.value;
      words.textContent = told ? told(store.details, main) : [first.rest, ...others.slice(0, 3).map((/** @type {any} */ each) => each.words), baseline.words].filter(Boolean).join(". ");
      words.classList.toggle("worse", baseline.worse);
    } else if (store.done && main && store.live) {
      score.textContent = main.text;
      words.textContent = told ? told(store.details, main) : [t(main.title), main.interval, baseline.words].filter(Boolean).join(". ");
      words.classList.toggle("worse", baseline.worse);
    } else {
      const last = store.line;
      const key = last && ("test_accuracy" in last ? "test_accuracy" : "test_mse" in last ? "test_mse" : "mean_loss");
      score.textContent = !last ? "–" : key === "test_accuracy" ? percent(last[key]) : short(last[key]);
      words.textContent = !last ? "" : { test_accuracy: t("of the test rows looked at are right"), test_mse: t("mean squared error on test rows"), mean_loss: t("loss") }[/** @type {string} */ (key)] || "";
      words.classList.remove("worse");
    }
  }
  store.addEventListener("news", update);
  store.addEventListener("news", hold);
  store.addEventListener("moment", update);
  update();
  await hold();

  /** Promises nothing in the empty pictures of a run that ended before its first snapshot. */
  function close() {
    if (store.running || store.snapshots.length) return;
    for (const blank of main.querySelectorAll(".desk .blank")) blank.textContent = t("This run ended before there was anything to show here.");
  }

  const panels = h("div", { class: `panels ${PAGES[details.answers]}` });
  const learning = learningCurves(store);
  if (ghost) import("./ghost.js").then(({ haunt }) => haunt(store, ghost, learning));
  const curves = h("div", { class: "side" }, learning.map((picture) => picture.element));
  const player = new Player(store);
  const leaks = h("ul", { class: "leaks", hidden: !details.leaks.length }, details.leaks.map((/** @type {string} */ text) => h("li", {}, text)));
  main.replaceChildren(head, problem, leaks, shown, h("div", { class: "desk" }, panels, curves), player.element);
  const [{ panelsOf }] = await scripts;
  player.element.before(...folds(store, show, fail));
  await panelsOf(store, panels);
  store.addEventListener("news", close);
  close();

  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, canvas, button, a, summary")) return;
    if (event.key === " ") { event.preventDefault(); player.toggle(); }
  };
  document.addEventListener("keydown", keys);
  return () => {
    document.removeEventListener("keydown", keys);
    player.stop();
    store.close();
  };
}
