// What an autoencoder learns: its codes, its reconstructions, and what lies between them.

import { decodings, reconstructions } from "./codes.js";
import { Form } from "./code_rows.js";
import { CodesPicture } from "./codes_picture.js";
import { Probe } from "./code_probe.js";
import { fill, h } from "../../web/dom.js";
import { onceThere } from "./easing.js";
import { allRows } from "./on_demand.js";
import { picturesOf } from "./picture.js";
import { t } from "./words.js";

/**
 * Shows the pictures of a run, once its rows are here.
 * @param {import("./store.js").Store} store
 * @param {HTMLElement} main
 */
export async function panelsOf(store, main) {
  fill(main, h("section", { class: "wide soon" }, h("p", {}, t("The rows of the run appear here in a moment."))));
  onceThere(store, () => {
    const { fixed } = store;
    const rows = fixed.code_row || fixed.original;
    if (!rows || !rows.shape[0]) return null;
    const form = new Form(store, rows);
    const probe = new Probe(store, form, () => codes.picture.paint());
    const codes = new CodesPicture(store, probe);
    const decoded = decodings(store, form, probe);
    const [grid, walk] = decoded.pictures;
    const pictures = picturesOf(store, {
      codes: () => ({ element: h("div", { class: "wide space" }, codes.picture.element, probe.element), update: () => codes.update() }),
      reconstructions: () => reconstructions(store, form, probe),
      grid: () => ({ element: grid.element, update: decoded.update }), walk: () => walk,
    });
    fill(main, pictures.elements, allRows(store));
    return pictures.update;
  });
}
