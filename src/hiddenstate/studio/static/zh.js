// The Chinese texts of all pages, by their English ones.

import { CLASSIFY } from "./zh_classify.js";
import { CODES } from "./zh_codes.js";
import { HOME } from "./zh_home.js";

/** @type {Record<string, string>} */
export const CHINESE = { ...HOME, ...CLASSIFY, ...CODES };
