// What a classify run learns: rows and their probabilities, errors, and how it reads.

import { fill, h } from "../../web/dom.js";
import { allRows, later, memoryOf } from "./on_demand.js";
import { Cards, Worst } from "./cards.js";
import { Confusion } from "./confusion.js";
import { mixed, momentOf, onceThere } from "./easing.js";
import { Reading, Units } from "./reading.js";
import { framed, picturesOf } from "./picture.js";
import { RowForm } from "./rows.js";
import { speak, t } from "./words.js";

const SAMPLES = 8; // snapshots that are looked at for the classes that a row is taken for

/** @param {import("./store.js").Store} store @param {HTMLElement} main */
export async function panelsOf(store, main) {
  fill(main, h("section", { class: "wide waiting" }, t("The rows that it reads appear here with the first snapshot, and what the network makes of them.")));
  /** @type {RowForm|null} */ let heard = null;
  onceThere(store, () => {
    const { sound } = store.details.shown;
    if (!store.fixed.shown) return null;
    if (!sound || !sound.bands) return panels(store, main, new RowForm(store));
    if (heard) return panels(store, main, heard);
    import("./sound_form.js").then(({ SoundForm }) => {
      heard = new SoundForm(store);
      store.dispatchEvent(new Event("news"));
    });
    return null;
  });
}

/** Shows the pictures, and returns what draws them anew. @param {import("./store.js").Store} store @param {HTMLElement} main @param {RowForm} form */
function panels(store, main, form) {
  const { classes } = form;
  const C = classes.length;
  const units = new Units();
  let row = 0;
  const cards = new Cards(form, framed(store, "predictions"), (chosen) => {
    if (chosen < followed()) {
      row = chosen;
      which.value = String(row);
      update();
    } else hand.made().then((touch) => touch.give(chosen), () => {});
  });
  const reading = new Reading({
    ...framed(store, "decision"), form, units,
  });
  const which = h("select", { "aria-label": t("Row that is read"), onchange: () => { row = Number(which.value); if (listener) listener.stop(); update(); } });
  const ask = async (/** @type {any} */ event) => (await import("./why.js")).touched(store, reading, row, event);
  const why = h("button", { type: "button", onclick: ask }, t("Why?"));
  reading.picture.tools.append(which, why);
  /** @type {any} */ const sounds = form.sound ? form : null;
  const listener = sounds && sounds.listener(reading, () => row);
  if (listener) reading.picture.tools.append(listener.element);
  const confusion = new Confusion(classes, framed(store, "confusion"));
  const worst = new Worst(form, framed(store, "worst"));
  const memory = memoryOf(store);
  const hand = later(`wide hand${form.picture ? " drawn" : ""}`, form.picture ? t("Draw one yourself") : form.sound ? t("Give it a sound of your own") : t("Give it a row of your own"), async (replace) => {
    const [{ touchOf }, { UnitView }] = await Promise.all([import("./own_row.js"), import("./unit.js"), speak("own")]);
    const touch = await touchOf(store, form, units);
    replace(touch.element, new UnitView(touch, units).picture.element);
    touch.fetch();
    return touch;
  });
  const { elements } = picturesOf(store, {
    predictions: () => cards, decision: () => reading.picture, memory: () => memory, confusion: () => confusion.picture, worst: () => worst,
  });
  fill(main, elements, hand.element, allRows(store));
  cards.drawRows();

  let sorted = 0;
  const followed = () => which.options.length;

  /** Sorts units by the newest snapshot: again when there are four times as many, and at the end. @param {import("./easing.js").Arrays} arrays */
  function sort({ hidden }) {
    const due = store.done ? Infinity : store.snapshots.length;
    if (!hidden || (sorted && due < 4 * sorted) || sorted === Infinity) return;
    sorted = due;
    units.sort(hidden.data, hidden.shape[2]);
  }

  function update() {
    const newest = store.snapshots[store.snapshots.length - 1];
    if (newest !== undefined && sorted !== Infinity && (store.done || store.live)) {
      const arrays = store.arrays(newest);
      if (arrays) sort(arrays);
    }
    const moment = momentOf(store);
    if (!moment) return;
    why.hidden = !store.state.has_model;
    reading.asked = why.hidden ? null : ask;
    memory.update();
    cards.show(moment);
    worst.show(moment);
    if (C <= 50) confusion.show(moment);
    const { hidden } = moment.before.hidden ? moment.before : moment.after;
    if (!hidden) return;
    const [V, P, H] = hidden.shape;
    if (!which.options.length) {
      which.append(...Array.from({ length: V }, (_, place) => h("option", { value: place }, form.name(place))));
    }
    const flat = form.flat(row);
    const length = form.lengthOf(flat);
    const count = Math.max(1, Math.round((P * length) / form.steps));
    const states = mixed(moment, "hidden", row * P * H, count * H);
    const chances = mixed(moment, "decision", row * P * C, count * C);
    // Of long rows what the model says of their beginnings is not known.
    const own = moment.layer === "model" && !moment.after.net_decision;
    const said = own ? mixed(moment, "probability", row * C, C) : null;
    if (states) reading.show({ flat, length, states, units: H, chances, said, layer: own ? "network" : moment.layer, truth: form.labels[row], key: String(row), ends: sounds && sounds.ends(row, length) });
    cards.mark(row);
  }

  samples();
  return update;

  /** Looks at some snapshots, so that each row has the classes that matter at any moment. */
  async function samples() {
    const steps = store.snapshots;
    if (steps.length < 3) return;
    const chosen = [...new Set(Array.from({ length: SAMPLES }, (_, place) => steps[Math.round((place * (steps.length - 1)) / (SAMPLES - 1))]))];
    for (const arrays of await store.all(chosen)) if (arrays.probability) cards.know(arrays.probability.data);
  }
}
