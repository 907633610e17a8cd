// Takes text that a reader pastes, drops or opens.

import { textOf } from "./table.js";

/**
 * @param {{ paste: HTMLTextAreaElement, use: HTMLElement, file: HTMLInputElement, onto: EventTarget }} parts
 *   Where it is pasted, the button that uses it, what opens a file, and what files are dropped on.
 * @param {(text: string) => void|Promise<void>} take Throws what is wrong.
 * @param {(problem: Error|null) => void} tell Gets what is wrong, or nothing.
 * @param {() => string|undefined|Promise<string|undefined>} encoding Of files.
 */
export function takeText({ paste, use, file, onto }, take, tell, encoding) {
  /** @param {string | File} given */
  const read = async (given) => {
    tell(null);
    try {
      await take(typeof given === "string" ? given : await textOf(given, await encoding()));
    } catch (error) {
      tell(/** @type {Error} */ (error));
    }
  };
  use.addEventListener("click", () => read(paste.value));
  file.addEventListener("change", () => {
    if (file.files?.length) read(file.files[0]);
    file.value = "";
  });
  onto.addEventListener("dragover", (event) => event.preventDefault());
  onto.addEventListener("drop", (event) => {
    event.preventDefault();
    const { dataTransfer } = /** @type {any} */ (event);
    read(dataTransfer.files[0] || dataTransfer.getData("text/plain"));
  });
}
