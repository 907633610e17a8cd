// What the scripts of every page read: its model, what it shows of the run, and its elements.

import { isDark, startTheme } from "../../web/colors.js";
import { Model } from "../../web/net.js";
import { numbersOf, unpacked } from "../../web/packed.js";

/** @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("model-data").textContent);
export const VIEW = DATA.view;
export const ABOUT = DATA.about;
export const model = new Model(unpacked(DATA.program));
export const PROGRAM = model.program;

startTheme(byId("theme"));

/** @type {(id: string, event: string, act: (event: any) => void) => void} */
export const on = (id, event, act) => byId(id).addEventListener(event, act);

export const classColor = (place) => {
  const colors = VIEW.colors[isDark() ? "dark" : "light"];
  return colors[place % colors.length];
};

export function say(text) {
  byId("spoken").textContent = text;
}

export function complain(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

export function fillSelect(select, names) {
  select.replaceChildren(...names.map((name, place) => new Option(name, place)));
}

// Writes names and values into a list of them.
export function list(id, pairs) {
  byId(id).replaceChildren(...pairs.flat().map((text, place) => {
    const each = document.createElement(place % 2 ? "dd" : "dt");
    each.textContent = text;
    return each;
  }));
}

// Returns the rows of the run, each a list of steps, without the gaps after its end.
export function rowsOfRun() {
  if (!VIEW.rows) return [];
  const { shape } = VIEW.rows;
  const values = numbersOf(VIEW.rows);
  const width = shape[shape.length - 1];
  const length = shape.length === 3 ? shape[1] : 1;
  return Array.from({ length: shape[0] }, (_, row) => {
    const steps = Array.from({ length }, (__, t) => {
      const from = (row * length + t) * width;
      return values.slice(from, from + width);
    });
    while (steps.length > 1 && steps[steps.length - 1].every(Number.isNaN)) steps.pop();
    return steps;
  });
}
