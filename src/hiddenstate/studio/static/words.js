// The languages of the page: English texts are the keys of the others.

import { CHINESE } from "./zh.js";

const chosen = localStorage.getItem("hiddenstate-language");

/** The language of the page: "en" or "zh". */
export const language = chosen || (navigator.language.startsWith("zh") ? "zh" : "en");

document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";

/**
 * Returns a text in the language of the page, with `{name}` replaced by values.
 * @param {string} text
 * @param {Record<string, any>} [values]
 */
export function t(text, values = {}) {
  const own = (language === "zh" && /** @type {Record<string, string>} */ (CHINESE)[text]) || text;
  return own.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/** Changes the language, and draws the page anew. */
export function changeLanguage() {
  localStorage.setItem("hiddenstate-language", language === "zh" ? "en" : "zh");
  window.location.reload();
}
