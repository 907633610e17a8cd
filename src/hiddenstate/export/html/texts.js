// Takes rows that a reader pastes, drops or opens.

import { ABOUT, byId, complain } from "./page.js";
import { takeText } from "../../web/text_input.js";

export const MOST_STEPS = 5000;

// Calls `take(text)` with what is pasted, opened, or dropped anywhere on the page.
export function takeTexts(what, take) {
  byId("paste-label").textContent = what;
  takeText({ paste: byId("paste"), use: byId("use"), file: byId("file"), onto: document }, take,
    (why) => complain(why ? `That cannot be read: ${why.message}.` : ""), () => ABOUT.encoding);
}
