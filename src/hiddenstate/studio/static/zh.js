import { CODES } from "./zh_codes.js";

export const CHINESE = { ...CODES };
