// Answers of a model for a file of new rows, as `predict` and `forecast` give them.

import { get, upload } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { start } from "./downloads.js";
import { language, speak, t } from "./words.js";
import { short } from "../../web/numbers.js";
import { linesOf } from "../../web/table.js";

const [BYTES, ROWS, COLUMNS] = [2 ** 17, 100, 14]; // of a file of answers that are shown

/**
 * Makes the form that answers new rows, and the place of the answers.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} show shows a command
 * @param {(why: string) => void} fail shows a problem
 */
export function newRows(store, show, fail) {
  const value = (/** @type {string} */ name) => (store.details.options.find((/** @type {any} */ each) => each.name === name) || {}).value;
  const ahead = Boolean(value("horizon"));
  const place = h("div", { class: "outcome", role: "status" });
  const answers = h("div", { class: "answers-shown" });
  const button = h("button", { class: "main" }, ahead ? t("Forecast") : t("Answer"));
  const data = fileField("data", ahead ? t("series to forecast; without a file, those of the run") : t("file or folder of new rows, with the columns of the training data"));
  const future = value("future") ? fileField("future", t("what is known of the steps to forecast; without a file, the last rows of the data")) : null;
  const more = ahead ? h("label", {}, t("steps ahead"), " ", h("input", { type: "number", name: "horizon", min: 1, max: 10000, value: value("horizon") }))
    : store.details.answers === "classes" ? h("label", {}, h("input", { type: "checkbox", name: "proba", checked: true }), " ", t("with the probability of each class")) : null;
  const form = h("form", { onsubmit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    fail("");
    fill(answers);
    const given = new FormData(form);
    const options = Object.fromEntries([...given].filter(([, each]) => each).map(([name, each]) => [name, name === "horizon" ? Number(each) : name === "proba" ? true : String(each)]));
    const process = await start(store, { command: ahead ? "forecast" : "predict", options }, place, button, show);
    if (!process || !process.files.length) return;
    const [table, drawn] = process.files;
    fill(answers, drawn ? await fanOf(drawn) : null, await tableOf(table));
  } }, data.element, future && future.element, h("div", { class: "row" }, more, button), place);
  form.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
  form.addEventListener("drop", async (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const file = event.dataTransfer && event.dataTransfer.files[0];
    if (file && await (future && future.element.contains(/** @type {Node} */ (event.target)) ? future : data).take(file)) form.requestSubmit();
  });
  const none = h("p", { class: "note" }, t("There is a model that answers once the run is done."));
  const update = () => {
    form.hidden = !store.state.has_model;
    none.hidden = !form.hidden;
  };
  store.addEventListener("news", update);
  update();
  return h("section", { class: "new-rows" }, none, form, answers);

  /** Makes the field of a path, with a button that sends a file. @param {string} name @param {string} words */
  function fileField(name, words) {
    const path = h("input", { type: "text", name, autocomplete: "off", spellcheck: "false", placeholder: "new.csv", required: !ahead });
    const note = h("span", { class: "note", role: "status" });
    const chooser = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => { if (chooser.files[0]) take(chooser.files[0]); chooser.value = ""; } });
    /** @param {File} file */
    async function take(file) {
      note.textContent = t("Copying {name}…", { name: file.name });
      try {
        path.value = (await upload(file)).path;
        note.textContent = "";
        return true;
      } catch (error) {
        note.textContent = /** @type {Error} */ (error).message;
        return false;
      }
    }
    const element = h("div", { class: "file-field" }, h("label", {}, words, path),
      h("button", { type: "button", onclick: () => chooser.click() }, t("Choose a file")), chooser, note);
    return { element, take };
  }
}

/** Shows the forecasts of a file as fans. @param {{id: string}} file */
async function fanOf(file) {
  await speak("forecast");
  const { forecastPanel } = await import("../../web/forecast_panel.js");
  const place = h("div", { class: "forecast" });
  forecastPanel(place, { fans: await get(`/api/download/${file.id}`) }, { words: t, height: "22rem" });
  return place;
}

/** Writes the name of a column of answers in the language of the page. @param {string} name */
function heading(name) {
  const own = /** @type {Record<string, string>} */ ({ row: t("row"), series: t("series"), step: t("step"), time: t("time"), ahead: t("ahead"), method: t("method") });
  const [, of, end, level] = /^(.*)_(lower|upper)_([\d.]+)$/.exec(name) || [];
  if (!of || language === "en") return own[name] || name;
  return end === "lower" ? t("{name}, lower end of {level} %", { name: of, level }) : t("{name}, upper end of {level} %", { name: of, level });
}

/** Shows the first answers of a file. @param {{id: string}} file */
async function tableOf(file) {
  const text = await beginning(`/api/download/${file.id}`);
  const [head, ...rows] = linesOf(text.replace(/\n[^\n]*$/, ""), ",").map(({ cells }) => cells);
  const at = head.indexOf("step"); // of rows without time, all are 0
  const kept = [...head.keys()].filter((place) => place !== at || rows.some((row) => row[at] !== "0"));
  const cells = (/** @type {string[]} */ row) => kept.slice(0, COLUMNS).map((place) => row[place]);
  const hidden = kept.length - cells(head).length;
  return h("div", {}, h("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": t("Answers") }, h("table", { class: "options" },
    h("thead", {}, h("tr", {}, cells(head).map((name) => h("th", { scope: "col" }, h("bdi", {}, heading(name)))))),
    h("tbody", {}, rows.slice(0, ROWS).map((row) => h("tr", {}, cells(row).map((cell) => h("td", {}, h("bdi", {}, isLong(cell) ? short(Number(cell)) : cell === "direct" ? t("direct") : cell === "recursive" ? t("recursive") : cell)))))))),
  rows.length > ROWS || hidden ? h("p", { class: "note" }, rows.length > ROWS ? t("The first {n} answers; all are in the file.", { n: ROWS }) : "", hidden ? ` ${t("{n} more columns are in the file.", { n: hidden })}` : "") : null);
}

/** Whether a cell is a number with more digits than a reader wants. @param {string} cell */
const isLong = (cell) => cell.includes(".") && cell.length > 7 && Number.isFinite(Number(cell));

/** Returns the beginning of a text file, which may be long. @param {string} address */
async function beginning(address) {
  const response = await fetch(address);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  reader.cancel();
  return text;
}
