import { h } from "./dom.js";
export function takeAway() { return h("div", {}); }
