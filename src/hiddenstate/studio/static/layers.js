// What answers in a run, and the switch between the model and its network alone.

import { h } from "../../web/dom.js";
import { speak, t } from "./words.js";
import { percent } from "../../web/numbers.js";

await speak("layers");

/**
 * Returns what answers at the end in words, with the switch.
 * @param {import("./store.js").Store} store
 */
export function layers(store) {
  const words = h("span", {});
  const buttons = [t("the model"), t("the network alone")].map((text, place) => h("button", {
    type: "button", class: "quiet", onclick: () => { store.alone = place === 1; store.dispatchEvent(new Event("moment")); },
  }, text));
  const group = h("span", { role: "group", "aria-label": t("Whose answers are shown") }, buttons);
  const element = h("p", { class: "layers" }, words, " ", group);
  const update = () => {
    const { layer, details: { answer, answers } } = store;
    const ended = layer !== "" && store.state.final;
    element.hidden = layer === "";
    const part = !answer.share ? t("the network has no share in it") : answers === "classes" ? t("{share} of it is by the network", { share: percent(answer.share) }) : t("the network adds to it");
    const before = answers === "classes" ? t("The network alone, before {beside} may join at the end.", { beside: answer.beside.map((/** @type {string} */ each) => t(each)).join(", ") })
      : t("All of the output of the network is added to the linear path; the end gives it a share.");
    const old = store.layered || layer === "model" ? "" : t("This run has pictures of the network alone.");
    words.textContent = ended ? `${t("Answered by {who}; {part}. ", { who: t(answer.who), part })}${old}` : before;
    group.hidden = !ended || !store.layered;
    buttons.forEach((button, place) => {
      button.setAttribute("aria-pressed", String(layer === ["model", "network"][place]));
      button.disabled = store.step < store.newest;
    });
  };
  store.addEventListener("moment", update);
  store.addEventListener("news", update);
  update();
  return element;
}
