// The languages of the page: English texts are the keys of the others.

const chosen = localStorage.getItem("hiddenstate-language");

/** The language of the page: "en" or "zh". */
export const language = chosen || (navigator.language.startsWith("zh") ? "zh" : "en");

/** @type {Record<string, string>} the texts of another language than English, as far as they are needed */
const own = language === "zh" ? { ...(await import("./zh_frame.js")).TEXTS } : {};

/**
 * Loads the texts of some pages, if they are in another language than English.
 * @param {"home"|"classify"|"regress"|"autoencode"|"away"|"memory"|"layers"|"forecast"|"fields"|"result"|"sounds"|"why"|"points"|"own"|"options"|"rows"} pages
 */
export async function speak(pages) {
  if (language === "zh") Object.assign(own, (await import(`./zh_${pages}.js`)).TEXTS);
}

document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";

/**
 * Returns a text in the language of the page, with `{name}` replaced by values.
 * @param {string} text
 * @param {Record<string, any>} [values]
 */
export function t(text, values = {}) {
  return (own[text] || text).replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

/** Says why something cannot be read. @param {Error & {text?: string, values?: Record<string, any>}} error */
export const reasonOf = ({ message, text = message, values }) => t(text, values);

/** Returns what says a sentence of the server in the language of the page. @returns {Promise<(text: string) => string>} */
export const teller = async () => (language === "zh" ? (await import("./told.js")).told : (text) => text);

/** Changes the language, and draws the page anew. */
export function changeLanguage() {
  localStorage.setItem("hiddenstate-language", language === "zh" ? "en" : "zh");
  window.location.reload();
}
