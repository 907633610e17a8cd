// Takes rows that a reader pastes, drops or opens.

import { h } from "../../web/dom.js";
import { reasonOf, speak, t } from "./words.js";
import { takeText } from "../../web/text_input.js";

await speak("rows");

/**
 * Fills a fold with a place for rows, which can be dropped on an element too.
 * @param {string} what says what a line is
 * @param {(text: string) => string|Promise<string>} take uses a text; returns what it found, throws what is wrong
 * @param {import("./store.js").Store} store which knows how files of the run are encoded
 * @param {HTMLElement} onto
 * @param {HTMLDetailsElement} [element] with its title
 */
export function given(what, take, store, onto, element = h("details", { class: "given" }, h("summary", {}, t("Paste or drop your own")))) {
  const told = h("p", { class: "note", role: "status" });
  const [paste, use] = [h("textarea", { rows: 3, spellcheck: "false", "aria-label": what }), h("button", { type: "button" }, t("Use"))];
  paste.addEventListener("paste", () => setTimeout(() => use.click()));
  const file = h("input", { type: "file", class: "unseen", accept: ".csv,.tsv,.txt,text/csv,text/plain" });
  element.append(h("p", { class: "note" }, what), paste, h("div", { class: "row" }, use, h("label", { class: "button" }, t("Open a file"), file)), told);
  takeText({ paste, use, file, onto }, async (text) => { told.textContent = await take(text); }, (why) => {
    told.textContent = why && t("That cannot be read: {why}.", { why: reasonOf(why) });
    told.classList.toggle("bad", why !== null);
    element.open = element.open || why !== null;
  }, () => store.written().then(({ encoding }) => encoding));
  return element;
}
