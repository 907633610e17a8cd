// The buttons of a run that trains: pause, go on, one step, another rate, snapshot, finish.

import { post } from "./api.js";
import { h } from "../../web/dom.js";
import { t } from "./words.js";
import { short } from "../../web/numbers.js";

/**
 * Makes the buttons. Each request is shown as the command that sends it from a terminal.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} tell shows a command
 * @param {(why: string) => void} fail shows a problem
 */
export function controls(store, tell, fail) {
  const ask = async (/** @type {string} */ what, /** @type {any} */ value = undefined) => {
    try {
      const body = value === undefined ? { do: what } : { do: what, value };
      tell((await post(`/api/runs/${store.id}/request`, body)).command);
    } catch (error) {
      fail(/** @type {Error} */ (error).message);
    }
  };
  const pause = h("button", { type: "button", onclick: () => ask(store.state.paused ? "go" : "pause") });
  const step = h("button", { type: "button", onclick: () => ask("step"), title: t("Make one update, then pause") }, t("One step"));
  const rate = h("input", { type: "text", inputmode: "decimal", size: 8, "aria-label": t("Learning rate"), title: t("Learning rate: type another one and press Enter") });
  const form = h("form", { class: "rate", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); ask("lr", rate.value); rate.blur(); } },
    h("span", {}, t("rate")), rate);
  const snapshot = h("button", { type: "button", onclick: () => ask("snapshot"), title: t("Keep this moment for the time slider") }, t("Snapshot"));
  const finish = h("button", { type: "button", onclick: () => ask("stop"), title: t("End now, with the best weights so far") }, t("Finish"));
  const resume = h("button", { type: "button", class: "main", onclick: async () => {
    try {
      tell((await post(`/api/runs/${store.id}/command`, { command: "resume" })).command);
    } catch (error) {
      fail(/** @type {Error} */ (error).message);
    }
  } }, t("Resume"));
  const running = h("div", { class: "row" }, pause, step, form, snapshot, finish);
  const element = h("div", { class: "controls", role: "group", "aria-label": t("Training") }, running, resume);

  function update() {
    const word = store.state.paused ? t("Go on") : t("Pause");
    if (pause.textContent !== word) pause.textContent = word;
    running.hidden = !store.running;
    resume.hidden = !["interrupted", "stopped", "failed"].includes(store.state.status);
    const line = store.logged[store.logged.length - 1];
    if (line && document.activeElement !== rate) rate.value = short(line.lr);
  }
  store.addEventListener("news", update);
  update();
  return element;
}
