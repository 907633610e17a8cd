// The look of the page: light or dark, as the system has it until the reader chooses.

import { t } from "./words.js";
import { isDark } from "../../web/colors.js";

const root = document.documentElement;
const kept = localStorage.getItem("hiddenstate-theme");
if (kept) root.dataset.theme = kept;

const tell = () => document.dispatchEvent(new Event("theme"));
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);

/** Changes between light and dark. */
export function changeTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  localStorage.setItem("hiddenstate-theme", root.dataset.theme);
  tell();
}

/** The word for what the button does. */
export const themeWord = () => (isDark() ? t("Light") : t("Dark"));

/** @type {{light: string[], dark: string[]}} */
let palette = { light: [], dark: [] };

/** @param {{light: string[], dark: string[]}} colors */
export function setPalette(colors) { palette = colors; }

/** The colors of classes, which the color-blind can tell apart up to twenty; more repeat them. @param {number} n */
export function classColors(n) {
  const own = palette[isDark() ? "dark" : "light"];
  return Array.from({ length: n }, (_, kind) => own[kind % own.length]);
}
