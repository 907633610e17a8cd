// Takes rows that a reader pastes, drops or opens.

import { h } from "./dom.js";
import { t } from "./words.js";

/**
 * Makes the place for rows, folded.
 * @param {string} what says what a line is
 * @param {(text: string) => string|Promise<string>} take uses a text; returns what it found, throws what is wrong
 * @param {HTMLDetailsElement} [element] with its title
 */
export function given(what, take, element = h("details", { class: "given" }, h("summary", {}, t("Paste or drop your own")))) {
  const told = h("p", { class: "note", role: "status" });
  const use = async (/** @type {string} */ text) => {
    try {
      told.textContent = await take(text);
      told.classList.remove("bad");
    } catch (error) {
      told.textContent = t("That cannot be read: {why}.", { why: /** @type {Error} */ (error).message });
      told.classList.add("bad");
    }
  };
  const open = (/** @type {File|undefined} */ file) => {
    if (file && file.size > 2e7) told.textContent = t("That file is over 20 MB.");
    else if (file) file.text().then(use, () => { told.textContent = t("It cannot be opened."); });
  };
  const paste = h("textarea", { rows: 3, spellcheck: "false", "aria-label": what });
  const file = h("input", { type: "file", class: "unseen", accept: ".csv,.tsv,.txt,text/csv,text/plain", onchange: () => { open(file.files[0]); file.value = ""; } });
  element.append(h("p", { class: "note" }, what), paste,
    h("div", { class: "row" }, h("button", { type: "button", onclick: () => use(paste.value) }, t("Use")),
      h("label", { class: "button" }, t("Open a file"), file)), told);
  return {
    element,
    /** Lets rows be dropped on an element. @param {HTMLElement} onto */
    droppable(onto) {
      onto.addEventListener("dragover", (event) => event.preventDefault());
      onto.addEventListener("drop", (event) => {
        event.preventDefault();
        element.open = true;
        const { dataTransfer } = event;
        if (dataTransfer && dataTransfer.files.length) open(dataTransfer.files[0]);
        else if (dataTransfer) use(dataTransfer.getData("text/plain"));
      });
    },
  };
}
