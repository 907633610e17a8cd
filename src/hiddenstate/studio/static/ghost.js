// The curves of another run behind those of a run: what it was forked from.

import { get } from "./api.js";
import { h } from "../../web/dom.js";
import { optionSet } from "./option_names.js";
import { styled } from "./style.js";
import { t } from "./words.js";

const MOST = 3; // options that are named

/**
 * Draws the curves of another run behind those of a run; nothing if that run is gone.
 * @param {import("./store.js").Store} store
 * @param {string} id of the other run
 * @param {import("./picture.js").Picture[]} pictures
 */
export async function haunt(store, id, pictures) {
  const found = await get(`/api/compare?runs=${store.id},${id}`).catch(() => null);
  const old = found && found.runs[1];
  if (!old) return;
  await styled("ghost");
  const all = Object.entries(found.options).slice(0, MOST);
  const set = (/** @type {number} */ place) => all.map(([name, values]) => ` · ${optionSet(name, values[place])}`).join("");
  const ends = Object.values(old.curves).map((/** @type {any} */ points) => points[points.length - 1][0]);
  store.ghost = { name: old.name, curves: old.curves, end: Math.max(0, ...ends) };
  for (const { element } of pictures) {
    element.append(h("p", { class: "haunted" }, h("span", {}, h("i", {}), t("this run"), set(0)),
      h("span", {}, h("i", { class: "ghost" }), h("a", { href: `#/run/${id}` }, h("bdi", {}, old.name)), set(1))));
  }
  store.dispatchEvent(new Event("moment"));
}
