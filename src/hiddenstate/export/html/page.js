// What the scripts of every page read: its model, what it shows of the run, and its elements.

import { isDark, startTheme } from "../../web/colors.js";
import { h } from "../../web/dom.js";
import { Model } from "../../web/net.js";
import { unpacked } from "../../web/packed.js";
import { packedRows } from "../../web/rows.js";

/** @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("model-data").textContent);
export const VIEW = DATA.view;
export const ABOUT = DATA.about;
export const WHY = DATA.why;
export const model = new Model(unpacked(DATA.program));
export const PROGRAM = model.program;

startTheme(byId("theme"));

/** @type {(id: string, event: string, act: (event: any) => void) => void} */
export const on = (id, event, act) => byId(id).addEventListener(event, act);

export const classColor = (place) => {
  const colors = VIEW.colors[isDark() ? "dark" : "light"];
  return colors[place % colors.length];
};

export function complain(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

export function fillSelect(select, names) {
  select.replaceChildren(...names.map((name, place) => new Option(name, place)));
}

// Writes names and values into a list of them.
export function fillList(id, pairs) {
  byId(id).replaceChildren(...pairs.flat().map((text, place) => h(place % 2 ? "dd" : "dt", {}, text)));
}

export const rowsOfRun = () => packedRows(VIEW.rows);
