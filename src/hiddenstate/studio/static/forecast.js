// The forecast of the series of a run: history, held-out part, and the fan into the future.

import { get } from "./api.js";
import { h } from "../../web/dom.js";
import { linked, placeOf } from "./crosshair.js";
import { touched } from "./on_demand.js";
import { panel } from "./picture.js";
import { speak, t, teller } from "./words.js";
import { forecastPanel } from "../../web/forecast_panel.js";
import { unpacked } from "../../web/packed.js";

/**
 * Returns the picture of the forecast of a run; what is known ahead bends it.
 * @param {import("./store.js").Store} store
 */
export async function forecastOfRun(store) {
  await speak("forecast");
  const place = h("div", { class: "forecast" });
  const { element, note } = panel("wide", t("What comes next"),
    t("The history of a series, what was forecast of its held-out part, and the forecast with its intervals. Drag what is known ahead, and the forecast bends."), place);
  const found = await get(`/api/runs/${store.id}/forecast`);
  if (!found.forecast) {
    note.textContent = (await teller())(found.why);
    return element;
  }
  /** @type {(rows: Float64Array[], sizes: number[]) => import("../../web/ahead.js").Forecast | null} */
  let answer = () => null; // until something is touched
  const whose = h("p", { class: "note" });
  const update = () => { whose.textContent = store.layer === "network" ? t("The forecast is that of the model, not of the network alone.") : ""; };
  store.addEventListener("moment", update);
  update();
  element.append(whose);
  /** @type {import("./why.js").FanLamp|null} */ let lamp = null;
  const point = linked(store, (time) => {
    const { picture } = shown;
    picture.at = placeOf(picture.clock, time);
    if (picture.at !== null && picture.at < picture.first) picture.at = null;
    picture.soon();
    return picture.at === null ? "" : picture.inWords();
  });
  const shown = forecastPanel(place, found.forecast, {
    behind: (pen, picture) => lamp && lamp.draw(pen, picture), changed: () => lamp && lamp.dark(),
    moved: (time, keyed) => point(time, keyed ? shown.picture.inWords() : ""),
    asked: async (step) => {
      const { FanLamp } = await import("./why.js");
      lamp = lamp || new FanLamp(store, shown, found.forecast);
      lamp.ask(step);
    },
    answer: found.program ? (rows, sizes) => answer(rows, sizes) : null, words: t, complain: (why) => { note.textContent = why; }, height: "24rem" });
  if (found.program) touched(async () => {
    const [{ forecastOf }, { Model }] = await Promise.all([import("../../web/ahead.js"), import("../../web/net.js")]);
    for (const script of found.scripts) await import(`../../web/${script}.js`);
    const model = new Model(unpacked(found.program));
    answer = (rows, sizes) => forecastOf(model, rows, sizes);
    shown.compute();
  });
  return element;
}
