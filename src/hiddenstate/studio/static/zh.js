// The Chinese texts of all pages, by their English ones.

import { CLASSIFY } from "./zh_classify.js";
import { CODES } from "./zh_codes.js";
import { FRAME } from "./zh_frame.js";
import { HOME } from "./zh_home.js";

/** @type {Record<string, string>} */
export const CHINESE = { ...FRAME, ...HOME, ...CLASSIFY, ...CODES };
