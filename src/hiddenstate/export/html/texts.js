// Takes rows that a reader pastes, drops or opens.

import { ABOUT, byId, complain } from "./page.js";
import { textOf } from "../../web/table.js";

export const MOST_STEPS = 5000;

// Calls `take(text)` with what is pasted, opened, or dropped anywhere on the page.
export function takeTexts(what, take) {
  byId("paste-label").textContent = what;
  const use = (text) => {
    complain("");
    try {
      take(text); // and complains where the model cannot read it
    } catch (error) {
      complain(`That cannot be read: ${error.message}.`);
    }
  };
  const open = (file) => {
    if (file.size > 2e7) complain("That file is over 20 MB.");
    else textOf(file, ABOUT.encoding).then(use, () => complain(`It cannot be opened, or is not text in ${ABOUT.encoding}.`));
  };
  byId("use").addEventListener("click", () => use(byId("paste").value));
  byId("file").addEventListener("change", () => {
    if (byId("file").files.length) open(byId("file").files[0]);
    byId("file").value = "";
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) open(files[0]);
    else use(event.dataTransfer.getData("text/plain"));
  });
}
