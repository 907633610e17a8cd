// The names of options in the language of the page.

import { speak, t } from "./words.js";

await speak("options");

/** Returns the name of an option to read: "hidden size" of hidden_size. @param {string} name */
export function optionName(name) {
  const flag = `--${name.replaceAll("_", "-")}`;
  const own = t(flag);
  return own === flag ? name.replaceAll("_", " ") : own;
}

/** Says what an option is set to. @param {string} name @param {any} value */
export function optionSet(name, value) {
  const words = optionName(name);
  return value === true ? words : value === false ? t("no {name}", { name: words }) : `${words} ${value ?? "–"}`;
}
