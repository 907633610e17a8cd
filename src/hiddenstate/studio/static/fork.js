// Another run like a run, with options that the reader changes.

import { h } from "../../web/dom.js";
import { copy } from "./copy.js";
import { chosen, fieldsOf, optionsOf } from "./form.js";
import { styled } from "./style.js";
import { commandOf, train } from "./train.js";
import { speak, t } from "./words.js";

/**
 * Makes the form: the options of the run, and what trains with them.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} show shows a command
 */
export async function forking(store, show) {
  const { job, again, shown } = store.details;
  const [options] = await Promise.all([optionsOf(job), styled("home"), speak("home")]);
  if (!again) return [h("p", { class: "note" }, t("No command trains this run again: its data was an array in Python or standard input."))];
  const what = again.data === null ? { job } : { job, data: again.data };
  /** @type {import("./form.js").FormState} */
  const state = { job, found: again.data === null ? null : { table: [], picture: shown.picture }, fit: again.options, recipe: {}, own: {} };
  const wrong = h("p", { class: "problem", role: "alert", hidden: true });
  const command = h("code", { tabindex: "0" });
  const update = () => { command.textContent = commandOf(job, what.data, chosen(state)); };
  const button = h("button", { type: "submit", class: "main" }, t("Train"));
  const fields = fieldsOf(state, options, update);
  for (const net of fields.querySelectorAll(".net")) net.open = true; // these are what a fork changes
  const form = h("form", { class: "train", onsubmit: async (/** @type {Event} */ event) => {
    event.preventDefault();
    wrong.hidden = button.disabled = true;
    button.textContent = t("Starting…");
    try {
      const run = await train({ ...what, options: chosen(state) }, show);
      if (form.isConnected) window.location.hash = `#/run/${run}?ghost=${store.id}`;
    } catch (error) {
      wrong.textContent = /** @type {Error} */ (error).message;
      wrong.hidden = false;
    }
    button.disabled = false;
    button.textContent = t("Train");
  } }, fields, wrong,
  h("p", { class: "command" }, h("span", {}, "$ "), command, h("button", { type: "button", class: "quiet", onclick: () => copy(command.textContent) }, t("Copy"))),
  h("div", { class: "row" }, button));
  update();
  return [form];
}
