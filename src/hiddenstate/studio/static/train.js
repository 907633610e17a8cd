// Starts a training command, and the list of the commands that this studio started.

import { Problem, post } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { prepare } from "./run.js";
import { processes, stream } from "./stream.js";
import { t } from "./words.js";

/**
 * Starts the command that trains; returns the run once there is one.
 * @param {{job: string, data?: string, options: Record<string, any>}} what
 * @param {(command: string) => void} tell shows the command
 * @returns {Promise<string>}
 */
export async function train(what, tell) {
  const asked = post("/api/train", what);
  prepare(what.job); // while the command starts
  const { id, command } = await asked;
  tell(command);
  return new Promise((done, failed) => {
    const look = () => {
      const own = processes.find((each) => each.id === id);
      if (!own || (!own.run && own.code === null)) return;
      stream.removeEventListener("processes", look);
      if (own.run) done(own.run);
      else failed(new Problem(own.line.replace(/^error: /, "") || t("The command ended with code {code}.", { code: own.code })));
    };
    stream.addEventListener("processes", look);
    look();
  });
}

/** A command as a shell takes it, where only plain words need no quotes. @param {string} word */
export const quoted = (word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\"'\"'")}'`);

/**
 * The command that trains, as the studio starts it.
 * @param {string} job
 * @param {string|undefined} data
 * @param {Record<string, any>} options
 */
export function commandOf(job, data, options) {
  const words = Object.entries(options).map(([name, value]) => {
    const flag = name.replaceAll("_", "-");
    return value === true ? `--${flag}` : value === false ? `--no-${flag}` : `--${flag}=${value}`;
  });
  return ["hiddenstate", job, ...(data ? [data] : []), ...words].map(quoted).join(" ");
}

/** A list of the commands of this studio, which follows them; `end` ends that. */
export function commandList() {
  const list = h("ol", { class: "commands" });
  const element = h("section", { class: "started", hidden: true }, h("h2", {}, t("Commands of this studio")), list);
  /** @type {Map<number, {item: any, was: string}>} */
  const shown = new Map();
  function update() {
    element.hidden = !processes.some((each) => each.words !== "inspect");
    const rows = processes.filter((each) => each.words !== "inspect").slice(0, 12);
    for (const each of rows) {
      const now = JSON.stringify(each);
      const kept = shown.get(each.id);
      if (kept && kept.was === now) continue;
      const state = each.code === null ? "running" : each.code === 0 ? "done" : "failed";
      const item = kept ? kept.item : h("li", {});
      fill(item, h("code", { tabindex: "0" }, each.command), h("span", { class: `status ${state}` }, t(state)),
        each.run ? h("a", { href: `#/run/${each.run}` }, t("See the run")) : null,
        each.code === null ? h("button", { type: "button", class: "quiet", "aria-label": t("Stop {command}", { command: each.command }), onclick: () => post(`/api/processes/${each.id}/stop`).catch(() => {}) }, t("Stop")) : null,
        each.code && each.line ? h("p", { class: "why" }, each.line) : null);
      shown.set(each.id, { item, was: now });
    }
    const items = rows.map((each) => /** @type {any} */ (shown.get(each.id)).item);
    if (items.length !== list.children.length || items.some((item, place) => list.children[place] !== item)) fill(list, items);
  }
  stream.addEventListener("processes", update);
  update();
  return { element, end: () => stream.removeEventListener("processes", update) };
}
