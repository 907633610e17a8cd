// Copies a command.

import { say } from "../../web/dom.js";
import { t } from "./words.js";

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say(t("copied"));
  } catch {
    say(t("select the command and copy it"));
  }
}
