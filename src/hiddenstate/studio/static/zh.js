// Chinese texts, by their English ones; each page has its own.

import { CLASSIFY } from "./zh_classify.js";

/** @type {Record<string, string>} */
export const CHINESE = { ...CLASSIFY };
