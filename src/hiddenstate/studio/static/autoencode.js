// What an autoencoder learns: its codes, its reconstructions, and what lies between them.

import { decodings, reconstructions } from "./codes.js";
import { Form } from "./code_rows.js";
import { CodesPicture } from "./codes_picture.js";
import { Probe } from "./code_probe.js";
import { fill, h } from "../../web/dom.js";
import { onceThere } from "./easing.js";
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
    const rebuilt = fixed.original && fixed.original.shape[0] ? reconstructions(store, form, probe) : null;
    const decoded = decodings(store, form, probe);
    fill(main, h("div", { class: "wide space" }, codes.picture.element, probe.element),
      rebuilt && rebuilt.picture.element, decoded.pictures.map((picture) => picture.element));
    return () => { for (const each of [codes, rebuilt, decoded]) if (each) each.update(); };
  });
}
