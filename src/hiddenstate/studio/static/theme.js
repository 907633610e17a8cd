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

/**
 * The colors of classes, which hold for the color-blind up to ten; more have their own hues.
 * @param {number} n
 */
export function classColors(n) {
  const own = palette[isDark() ? "dark" : "light"];
  if (n <= own.length) return own.slice(0, n);
  return Array.from({ length: n }, (_, kind) => `oklch(${isDark() ? 0.74 : 0.58} 0.15 ${(360 * kind * 0.618034) % 360})`);
}
