// What a regression learns: its predictions, its hidden state, and its answer to another input.

import { fill, h } from "../../web/dom.js";
import { onceThere } from "./easing.js";
import { later, memoryOf } from "./on_demand.js";
import { picturesOf } from "./picture.js";
import { Held, Windows } from "./series.js";
import { States } from "./states.js";
import { Streams } from "./streams.js";
import { t } from "./words.js";

/**
 * Shows the pictures of a run, once its facts are here.
 * @param {import("./store.js").Store} store
 * @param {HTMLElement} main
 */
export async function panelsOf(store, main) {
  fill(main, h("section", { class: "wide soon" }, h("p", {}, t("The rows of the run appear here in a moment."))));
  onceThere(store, () => {
    const states = new States(store);
    const pictures = picturesOf(store, {
      tracking: () => new Windows(store), held_out: () => new Held(store),
      hidden: () => ({ element: states.units.element, update: () => states.update() }), portrait: () => states.portrait,
      streams: () => new Streams(store, states), memory: () => memoryOf(store),
    });
    const bending = later("wide bend", t("Bend the input, and see its answer"), async (replace) => {
      const { BentInput } = await import("./bending.js");
      replace(new BentInput(store).picture.element);
    });
    const option = store.details.options.find((/** @type {any} */ each) => each.name === "horizon");
    fill(main, pictures.elements, bending.element);
    let forecasts = Boolean(option && option.value && store.details.data.source === "file");
    return () => {
      pictures.update();
      if (!forecasts || !store.state.has_model) return; // a run that is watched has its model at its end
      forecasts = false;
      main.prepend(later("wide", t("What comes next"), async (replace) => {
        const { forecastOfRun } = await import("./forecast.js");
        replace(await forecastOfRun(store));
      }).element);
    };
  });
}
