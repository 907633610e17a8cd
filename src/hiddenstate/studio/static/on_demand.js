// Parts of a page that are made when a reader comes near them, or touches anything: their scripts are
// loaded then.

import { h } from "../../web/dom.js";
import { momentOf } from "./easing.js";
import { styled } from "./style.js";
import { speak, t } from "./words.js";

const NEAR = "100px"; // from the window
const TOUCHES = ["pointerdown", "keydown", "wheel", "touchstart", "focusin", "dragenter"];

/**
 * Calls `act` once, when anything on the page is touched; returns what calls that off.
 * @param {() => void} act
 */
export function touched(act) {
  const stop = () => { for (const kind of TOUCHES) window.removeEventListener(kind, first, true); };
  function first() {
    stop();
    act();
  }
  for (const kind of TOUCHES) window.addEventListener(kind, first, { capture: true, passive: true });
  return stop;
}

/**
 * Keeps the place of a part of a page until it is near the window, or anything on the page is
 * touched; then makes it, once. What it is made of takes the place.
 * @template T
 * @param {string} name class of the place
 * @param {string} title
 * @param {(replace: (...elements: HTMLElement[]) => void) => Promise<T>} make
 * @returns {{element: HTMLElement, made: () => Promise<T>}} `made` makes it now, if it is not there
 */
export function later(name, title, make) {
  const note = h("p", { class: "note", role: "status" });
  const element = h("section", { class: `coming ${name}` }, h("h2", {}, title), note);
  /** @type {Promise<T>|null} */ let asked = null;
  const made = () => {
    if (!asked) {
      near.disconnect();
      stop();
      asked = make((...elements) => element.replaceWith(...elements));
      asked.catch((error) => { note.textContent = /** @type {Error} */ (error).message; });
    }
    return asked;
  };
  const near = new IntersectionObserver((seen) => { if (seen.some(({ isIntersecting }) => isIntersecting)) made(); }, { rootMargin: NEAR });
  const stop = touched(() => { if (element.isConnected) made(); });
  near.observe(element);
  return { element, made };
}

/** Returns the picture of complex states, whose script is loaded once the net has some. @param {import("./store.js").Store} store */
export function memoryOf(store) {
  const element = h("div", { hidden: true });
  /** @type {Promise<import("./memory.js").Memory>|null} */ let asked = null;
  return { element, update: async () => {
    const moment = momentOf(store);
    if (!asked && moment && (moment.before.eigenvalue || moment.after.eigenvalue)) asked = import("./memory.js").then(({ Memory }) => new Memory(store, element));
    if (asked) (await asked).update();
  } };
}

/** Returns the place of all rows of the data, which are coloured and filtered. @param {import("./store.js").Store} store */
export const allRows = (store) => later("wide points", t("All rows"), async (replace) => {
  const [{ Points }] = await Promise.all([import("./points.js"), styled("points"), speak("points"), speak("autoencode")]);
  replace(new Points(store).element);
}).element;
