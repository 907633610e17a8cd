// The options of a job as a form: the few that matter, and the rest folded, with a search.

import { get } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { JOBS } from "./jobs.js";
import { labelOf, stepWords } from "./plan_words.js";
import { t } from "./words.js";

/** The options that matter most, in order, by what a job answers; the data decides about some. */
const FIRST = {
  classes: ["label", "id", "time"],
  targets: ["target", "horizon", "id", "time", "future"],
  codes: ["label", "code_size"],
};

/** Options of the network and of its training that are changed most often. */
const NET = {
  classes: ["cell", "hidden_size", "layers", "epochs", "lr", "members", "seed"],
  targets: ["window", "cell", "hidden_size", "epochs", "lr", "members", "seed"],
  codes: ["encoder_sizes", "epochs", "lr", "batch_size", "seed"],
};

/** Options that matter of pictures. */
const PICTURES = ["color", "image_size"];

/** Options that name a column of a table. */
const COLUMNS = ["label", "target", "id", "time", "group", "weight"];

const MOST_BOXES = 12; // columns that are offered one by one

/** @type {Map<string, Promise<any[]>>} */
const asked = new Map();

/**
 * The options of a job, as the server describes them.
 * @param {string} job
 * @returns {Promise<any[]>}
 */
export function optionsOf(job) {
  let options = asked.get(job);
  if (!options) {
    options = get(`/api/options/${job}`);
    options.catch(() => asked.delete(job));
    asked.set(job, options);
  }
  return options;
}

/**
 * @typedef {object} FormState
 * @property {string} job
 * @property {any} found what inspect says, or null for bundled data
 * @property {Record<string, any>} fit options that the data needs
 * @property {Record<string, any>} recipe values that are used where none is set
 * @property {Record<string, any>} own values that the reader set
 */

/**
 * Makes the fields. `changed` is called with the option after each change of `state.own`.
 * @param {FormState} state
 * @param {any[]} options
 * @param {(option: any) => void} changed
 */
export function fieldsOf(state, options, changed) {
  const byName = Object.fromEntries(options.map((option) => [option.name, option]));
  const table = state.found && state.found.table.length ? state.found.table.filter((/** @type {any} */ each) => each.kind !== "nested") : [];
  const of = (/** @type {Record<string, string[]>} */ names) => names[JOBS[state.job]];
  const units = state.found ? stepWords(state.found)[1] : "";
  const first = [...(state.found && state.found.picture ? PICTURES : []), ...of(FIRST)].filter((name) => {
    if (!byName[name]) return false;
    // Names of columns are asked for where the data has columns with names.
    if (["id", "time"].includes(name)) return table.some((/** @type {any} */ each) => each.role.split(", ").includes(name));
    if (["label", "target", "future"].includes(name)) return table.length > 0;
    return name !== "horizon" || state.found !== null;
  });
  const fields = (/** @type {string[]} */ names) => h("div", { class: "fields" }, names.map((name) => field(byName[name], "first")));
  const own = of(NET).filter((name) => byName[name] && (name !== "window" || state.found));
  const net = h("details", { class: "more net", open: !(state.found && state.found.fits) || own.some((name) => name in state.own) }, h("summary", {}, t("The network and its training")), fields(own));
  const rest = h("div", { class: "rest" });
  const folded = h("details", { class: "more all", ontoggle: () => {
    if (!folded.open) return;
    if (!rest.children.length) fill(rest, all());
    folded.scrollIntoView({ block: "start" });
  } },
    h("summary", {}, t("All {n} options", { n: options.length })), rest);
  return h("div", { class: "form" }, first.length ? fields(first) : null, net, folded);

  /** @param {any} option @param {string} where */
  function field(option, where) {
    const id = `${where}-${option.name}`;
    const set = option.name in state.own ? state.own[option.name] : state.fit[option.name];
    const unset = option.name in state.recipe ? plain(state.recipe[option.name]) : option.recipe && state.found ? t("auto") : plain(option.default);
    const change = (/** @type {any} */ value) => {
      if (value === "" && !(option.name in state.fit)) delete state.own[option.name];
      else if (value === "") state.own[option.name] = null;
      else state.own[option.name] = value;
      changed(option);
    };
    let input;
    const several = where === "first" && option.name === "future" ? columnsAhead(id, String(set ?? ""), change) : null;
    if (several) input = several;
    else if (option.kind === "bool") {
      input = select(id, [["", t("{value} (auto)", { value: unset === "true" ? t("yes") : unset === "false" ? t("no") : unset })], ["true", t("yes")], ["false", t("no")]], set === undefined || set === null ? "" : String(set), (value) => change(value === "" ? "" : value === "true"));
    } else if (COLUMNS.includes(option.name) && table.length && (option.kind !== "list" || !String(set ?? "").includes(","))) {
      const role = table.filter((/** @type {any} */ each) => each.role.split(", ").includes(option.name)).map((/** @type {any} */ each) => each.name).join(", ");
      const names = table.map((/** @type {any} */ each) => each.name);
      if (set && !names.includes(set)) names.unshift(set);
      input = select(id, [["", role ? t("{value} (auto)", { value: role }) : "–"], ...names.map((/** @type {string} */ name) => [name, name])], set ?? "", change);
    } else if (option.choices && option.kind !== "list") {
      input = select(id, [["", unset ? t("{value} (auto)", { value: unset }) : "–"], ...option.choices.map((/** @type {string} */ name) => [name, name])], set ?? "", change);
    } else {
      input = h("input", { id, type: "text", inputmode: option.kind === "int" ? "numeric" : option.kind === "float" ? "decimal" : "text", autocomplete: "off", spellcheck: "false", placeholder: unset || "–", value: plain(set), title: option.expected, onchange: (/** @type {any} */ event) => change(event.target.value.trim()) });
    }
    const flag = h("code", {}, option.flag);
    return h("div", { class: `field${option.name in state.own ? " set" : ""}${several ? " several" : ""}`, title: where === "first" ? option.help : undefined },
      h("label", several ? { id: `${id}-label` } : { for: id }, where === "first" ? [labelOf(option.name, units), " ", flag] : flag), input,
      where === "first" ? null : h("p", {}, option.help));
  }

  /** Boxes of the columns that can be known ahead. @param {string} id @param {string} set @param {(value: string) => void} change */
  function columnsAhead(id, set, change) {
    const known = set ? set.split(",") : [];
    const taken = (/** @type {any} */ each) => each.name.includes(",") || each.role.split(", ").some((/** @type {string} */ role) => ["id", "time", "target", "label", "group", "weight"].includes(role));
    const names = table.filter((/** @type {any} */ each) => !taken(each)).map((/** @type {any} */ each) => each.name);
    if (!names.length || names.length > MOST_BOXES) return null;
    return h("div", { role: "group", "aria-labelledby": `${id}-label`, class: "boxes" }, names.map((/** @type {string} */ name, /** @type {number} */ place) => {
      const box = h("input", { type: "checkbox", id: place ? `${id}-${place}` : id, checked: known.includes(name), onchange: () => {
        change([...known.filter((each) => each !== name), ...(box.checked ? [name] : [])].join(","));
      } });
      return h("label", { for: box.id }, box, h("bdi", {}, name));
    }));
  }

  function all() {
    const sections = ["data", "model", "training", "display"].map((section) => {
      const own = options.filter((option) => option.section === section);
      return h("fieldset", { "data-section": section }, h("legend", {}, t(section)), own.map((option) => field(option, "all")));
    });
    const none = h("p", { class: "note", hidden: true }, t("No option has these words."));
    const search = h("input", { type: "search", placeholder: t("Search in options"), "aria-label": t("Search in options"), oninput: () => {
      const words = search.value.toLowerCase().split(/\s+/);
      let n = 0;
      for (const part of sections) {
        let here = 0;
        for (const each of part.querySelectorAll(".field")) {
          each.hidden = !words.every((/** @type {string} */ word) => each.textContent.toLowerCase().includes(word));
          if (!each.hidden) here += 1;
        }
        part.hidden = !here;
        n += here;
      }
      none.hidden = n > 0;
    } });
    return [search, none, ...sections];
  }
}

/** @param {any} value */
const plain = (value) => (value === null || value === undefined ? "" : Array.isArray(value) ? value.join(",") : String(value));

/**
 * @param {string} id
 * @param {[string, string][]} choices
 * @param {string} chosen
 * @param {(value: string) => void} change
 */
function select(id, choices, chosen, change) {
  const element = h("select", { id, onchange: () => change(element.value) }, choices.map(([value, name]) => h("option", { value, selected: value === chosen }, name)));
  return element;
}

/**
 * The options that are sent: those that the data needs, and those that the reader set.
 * @param {{fit: Record<string, any>, own: Record<string, any>}} state
 */
export function chosen({ fit, own }) {
  return Object.fromEntries(Object.entries({ ...fit, ...own }).filter(([, value]) => value !== null && value !== ""));
}
