// What can be taken away from a run: its report, film and figures, exports, commands and options.

import { get, post } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { processes, stream } from "./stream.js";
import { t } from "./words.js";
import { copy } from "./copy.js";

/** @type {[string, string, string][]} command, title, what it makes */
const MAKES = [
  ["report", "Report", "One HTML page with every figure, the results and the settings, and a model card"],
  ["figures", "Figures", "Pictures of the run for a paper or a slide"],
  ["film", "Film", "The training as a film, to be shown anywhere"],
  ["verify", "Verify", "Checks the files of the run, and that resuming it is exact"],
];

/** @type {Record<string, string>} */
const WEIGHTS = { float32: "float32, as trained", float16: "float16, half the size", int8: "int8, a quarter of the size" };

/** @param {number} bytes */
const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : bytes >= 1000 ? `${Math.round(bytes / 1000)} kB` : `${bytes} B`);

/** @param {string} text @param {string} name */
function copied(text, name) {
  return h("div", { class: "lines" }, h("pre", { tabindex: "0", "aria-label": name }, h("code", {}, text)),
    h("button", { type: "button", class: "quiet", "aria-label": t("Copy: {name}", { name }), onclick: () => copy(text) }, t("Copy")));
}

/**
 * Starts a command about the run, and shows how it stands until it has ended; returns what it then is.
 * @param {import("./store.js").Store} store
 * @param {object} body
 * @param {HTMLElement} place
 * @param {HTMLButtonElement} button
 * @param {(command: string) => void} show
 */
export async function start(store, body, place, button, show) {
  button.disabled = true;
  /** @type {any} */ let process = null;
  const begun = Date.now();
  let timer = 0;
  try {
    process = await post(`/api/runs/${store.id}/command`, body);
    show(process.command);
    const words = h("span", {});
    fill(place, h("p", { class: "note" }, words, " ", h("button", { type: "button", class: "quiet", onclick: () => post(`/api/processes/${process.id}/stop`).catch(() => {}) }, t("Stop"))), copied(process.command, t("the command")));
    const tick = () => { words.textContent = t("running for {seconds} s", { seconds: Math.round((Date.now() - begun) / 1000) }); };
    tick();
    timer = window.setInterval(tick, 1000);
    const { id } = process;
    while (process.code === null) {
      await ended(id);
      process = await get(`/api/processes/${id}`);
    }
    result(place, process);
  } catch (error) {
    fill(place, h("p", { class: "wrong", role: "alert" }, /** @type {Error} */ (error).message));
  }
  window.clearInterval(timer);
  button.disabled = false;
  return process;
}

/** Waits until a command has ended, or a while. @param {number} id */
function ended(id) {
  return new Promise((go) => {
    const done = () => {
      window.clearTimeout(timer);
      stream.removeEventListener("processes", look);
      go(null);
    };
    const look = () => { if (processes.some((each) => each.id === id && each.code !== null)) done(); };
    const timer = window.setTimeout(done, 2000);
    stream.addEventListener("processes", look);
  });
}

/** @param {HTMLElement} place @param {any} process */
function result(place, process) {
  const { code, line, output, files: own, command } = process;
  if (code !== 0) {
    const why = line.replace(/^error: /, "") || (code < 0 ? t("it was stopped") : t("it ended with the code {code}", { code }));
    fill(place, h("p", { class: "wrong", role: "alert" }, why), copied(command, t("the command")));
    return;
  }
  const text = command.includes("--json") ? "" : output.trim();
  fill(place, own.length
    ? h("ul", { class: "files" }, own.map((/** @type {any} */ file) => h("li", {}, h("a", { href: `/api/download/${file.id}`, download: file.name.split("/").pop() }, h("bdi", {}, file.name)), " ", h("small", {}, size(file.size)))))
    : h("pre", { tabindex: "0", "aria-label": t("what it printed") }, text || t("done")), copied(command, t("the command")));
}

/** @param {import("./store.js").Store} store @param {(command: string) => void} show @param {(why: string) => void} fail */
function files(store, show, fail) {
  const rows = MAKES.map(([command, title, meaning]) => {
    const place = h("div", { class: "outcome", role: "status" });
    const button = h("button", { type: "button", onclick: () => { fail(""); start(store, { command }, place, button, show); } }, t(title));
    return h("li", {}, button, h("p", {}, t(meaning)), place);
  });
  return h("section", {}, h("h3", {}, t("Make files of it")), h("ul", { class: "makes" }, rows));
}

/** @param {import("./store.js").Store} store @param {(command: string) => void} show @param {(why: string) => void} fail */
function exports_(store, show, fail) {
  const place = h("div", { class: "outcome", role: "status" });
  const form = h("form", { onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    fail("");
    const data = new FormData(form);
    const [to, layout] = String(data.get("to")).split(" "), weights = data.get("weights");
    start(store, { command: "export", options: { to, ...(weights && { weights }), ...(layout && { layout }) } }, place, button, show);
  } });
  const button = h("button", { class: "main" }, t("Export"));
  const inIntegers = store.details.options.some((/** @type {any} */ { name, value }) => name === "quantize" && value); // which has its own numbers
  const none = h("p", { class: "note" }, t("There is a model to export once the run is done."));
  form.append(
    h("fieldset", {}, h("legend", {}, t("to")), Object.entries(store.details.exports).map(([target, meaning], number) => h("label", {},
      h("input", { type: "radio", name: "to", value: target, checked: number === 0 }), h("code", {}, target), h("span", {}, t(meaning))))),
    h("div", { class: "row" }, inIntegers ? null : h("label", {}, t("numbers"), " ", h("select", { name: "weights" }, Object.entries(WEIGHTS).map(([value, name]) => h("option", { value }, t(name))))), button),
    place);
  const update = () => {
    form.hidden = !store.state.has_model;
    none.hidden = !form.hidden;
  };
  store.addEventListener("news", update);
  update();
  return h("section", {}, h("h3", {}, t("Export the model")), none, form);
}

/** @param {import("./store.js").Store} store */
function again(store) {
  const { command, uses, python } = store.details;
  return h("section", {}, h("h3", {}, t("Make it again, and use it")),
    h("p", {}, t("The command that trains this run again")), command ? copied(command, t("the command that trains it again")) : h("p", { class: "note" }, t("It was trained from arrays in Python, which no command can load.")),
    uses.map((/** @type {any} */ use) => [h("p", {}, t(use.title)), copied(use.command, t(use.title))]),
    python ? [h("p", {}, t("Lines of Python")), copied(python, t("Lines of Python"))] : null);
}

/** @param {import("./store.js").Store} store */
function options(store) {
  /** @type {any[]} */
  const all = store.details.options;
  const word = (/** @type {any} */ value) => (value === null ? "–" : value === true ? t("yes") : value === false ? t("no") : String(value));
  const differs = all.filter((option) => option.value !== option.default);
  const same = all.filter((option) => option.value === option.default);
  const table = (/** @type {any[]} */ rows, /** @type {boolean} */ changed) => h("table", { class: "options" },
    h("thead", {}, h("tr", {}, [t("option"), t("value"), changed ? t("default") : "", t("meaning")].filter(Boolean).map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((option) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, option.flag)),
      h("td", {}, changed ? h("b", {}, h("bdi", {}, word(option.value))) : h("bdi", {}, word(option.value))), changed ? h("td", {}, word(option.default)) : null, h("td", {}, option.help)))));
  return h("section", {}, h("h3", {}, t("Options")), differs.length ? table(differs, true) : h("p", { class: "note" }, t("Every option has its default.")),
    h("details", {}, h("summary", {}, t("{n} options with their defaults", { n: same.length })), table(same, false)));
}

/**
 * Makes all of it.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} show shows a command
 * @param {(why: string) => void} fail shows a problem
 */
export const takings = (store, show, fail) => [files(store, show, fail), exports_(store, show, fail), again(store), options(store)];
