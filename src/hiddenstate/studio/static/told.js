// What the server says, in Chinese: sentences with their values, as far as they are known.

import { TEXTS } from "./zh_server.js";

const plain = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const known = Object.entries(TEXTS).filter(([text]) => text.includes("{")).map(([text, own]) => ({
  own, names: [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
  form: new RegExp(`^${text.split(/\{\w+\}/).map(plain).join("(.+?)")}$`, "s"),
}));

/** Returns a sentence in Chinese, or as it is. @param {string} text @returns {string} */
export function told(text) {
  if (text in TEXTS) return TEXTS[text];
  for (const { own, names, form } of known) {
    const [, ...values] = form.exec(text) || [];
    if (values.length) return own.replace(/\{(\w+)\}/g, (_, name) => (name === "why" ? told(values[names.indexOf(name)]) : values[names.indexOf(name)]));
  }
  return text;
}
