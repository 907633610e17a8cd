// The folds below a run, each made when it is opened: answers for new rows, and what can be taken away.

import { h } from "../../web/dom.js";
import { styled } from "./style.js";
import { speak, t } from "./words.js";

/**
 * Makes what is below the pictures of a run.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} show shows a command
 * @param {(why: string) => void} fail shows a problem
 * @returns {HTMLElement[]}
 */
export const folds = (store, show, fail) => [
  fold("ask", t("Answer new rows"), t("drop a file of them; look at the answers, and save them"), async () => [(await import("./new_rows.js")).newRows(store, show, fail)]),
  fold("fork", t("Fork it"), t("change an option and train again; these curves stay behind the new ones"), async () => (await import("./fork.js")).forking(store, show)),
  fold("take", t("Take it away"), t("report, film, exports, commands, options"), async () => (await import("./downloads.js")).takings(store, show, fail)),
];

/**
 * @param {string} name
 * @param {string} title
 * @param {string} words
 * @param {() => Promise<HTMLElement[]>} make
 */
function fold(name, title, words, make) {
  const body = h("div", { class: "away-body" });
  const element = h("details", { class: `away ${name}` }, h("summary", {}, h("h2", {}, title), h("span", {}, words)), body);
  element.addEventListener("toggle", async () => {
    await Promise.all([styled("away"), speak("away")]);
    body.append(...await make());
  }, { once: true });
  return element;
}
