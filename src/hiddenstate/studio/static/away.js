// The fold below a run with what can be taken away from it, which is made when it is opened.

import { h } from "./dom.js";
import { styled } from "./style.js";
import { speak, t } from "./words.js";

/**
 * Makes what is below the pictures of a run.
 * @param {import("./store.js").Store} store
 * @param {(command: string) => void} show shows a command
 * @param {(why: string) => void} fail shows a problem
 * @returns {HTMLElement}
 */
export function takeAway(store, show, fail) {
  const body = h("div", { class: "away-body" });
  const element = h("details", { class: "away" }, h("summary", {}, h("h2", {}, t("Take it away")), h("span", {}, t("report, film, exports, commands, options"))), body);
  let made = false;
  element.addEventListener("toggle", async () => {
    if (!element.open || made) return;
    made = true;
    const [{ takings }] = await Promise.all([import("./downloads.js"), styled("away"), speak("away")]);
    body.append(...takings(store, show, fail));
  });
  return element;
}
