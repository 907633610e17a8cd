import { h } from "./dom.js";

/** @param {any} store @param {(text: string) => void} show @param {(why: string) => void} fail */
export function takeAway(store, show, fail) { return h("div", {}); }
