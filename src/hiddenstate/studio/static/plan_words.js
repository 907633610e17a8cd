// What a job will learn from the data, and what is held out, in sentences; and names of options for readers
// who do not know its terms.

import { percent, short } from "../../web/numbers.js";
import { JOBS } from "./jobs.js";
import { optionName } from "./option_names.js";
import { t } from "./words.js";

const HOUR = 3600e3;

/** Distances of times in milliseconds, with the next one, and several, in words. @type {[number, number, () => string, () => string][]} */
const UNITS = [
  [HOUR, HOUR, () => t("the next hour"), () => t("hours")], [24 * HOUR, 24 * HOUR, () => t("the next day"), () => t("days")],
  [7 * 24 * HOUR, 7 * 24 * HOUR, () => t("the next week"), () => t("weeks")], [28 * 24 * HOUR, 31 * 24 * HOUR, () => t("the next month"), () => t("months")],
];

/** The words of an option. @param {string} name @param {string} units steps in words @returns {string} */
export function labelOf(name, units) {
  return ({
    label: t("column of the answer, a class"), target: t("column to predict"), id: t("column that names the series"), time: t("column of the time"),
    horizon: t("how many {units} ahead", { units }), future: t("columns that are known ahead"), window: t("steps that are read"), cell: t("kind of network"),
    hidden_size: t("numbers that it remembers"), layers: t("layers"), epochs: t("times through the data"), lr: t("learning rate"), members: t("networks that vote"),
    seed: t("seed of chance"), code_size: t("numbers in a code"), encoder_sizes: t("sizes on the way to the code"), batch_size: t("rows at once"),
    color: t("in colour"), image_size: t("pixels of a side"),
  })[name] || optionName(name);
}

/**
 * The moments of dates, in milliseconds; NaN of those whose day and month cannot be told apart.
 * @param {string[]} texts
 */
function momentsOf(texts) {
  const parts = texts.map((text) => /^(\d{1,2})([./-])(\d{1,2})[./-](\d{4})(.*)$/.exec(text));
  if (!parts.every(Boolean)) return texts.map((text) => Date.parse(text));
  const found = /** @type {RegExpExecArray[]} */ (parts);
  const dayFirst = found.some(([, first, mark]) => mark === "." || Number(first) > 12);
  const monthFirst = !dayFirst && found.some(([, , , second]) => Number(second) > 12);
  return found.map(([, first, , second, year, rest]) => (dayFirst ? Date.parse(`${year}-${second.padStart(2, "0")}-${first.padStart(2, "0")}${rest}`)
    : monthFirst ? Date.parse(`${year}-${first.padStart(2, "0")}-${second.padStart(2, "0")}${rest}`) : NaN));
}

/**
 * The next step and several steps in words: days if the first times are a day apart.
 * @param {any} found what inspect says
 * @returns {[string, string]}
 */
export function stepWords(found) {
  const time = found.table.find((/** @type {any} */ each) => each.role.split(", ").includes("time"));
  const [first, second, third] = time ? momentsOf(time.examples) : [];
  const unit = time && time.kind === "date" && UNITS.find(([low, high]) => [second - first, third - second].every((apart) => apart >= low && apart <= high));
  return unit ? [unit[2](), unit[3]()] : [t("the next step"), t("steps")];
}

/**
 * What will be learned, and what is kept for the test.
 * @param {import("./form.js").FormState} state
 * @param {any[]} options
 * @returns {string[]} sentences
 */
export function planOf({ job, found, fit, recipe, own }, options) {
  const value = (/** @type {string} */ name) => {
    for (const each of [own, fit, recipe]) if (each[name] !== undefined && each[name] !== null && each[name] !== "") return each[name];
    const option = options.find((each) => each.name === name);
    return option ? option.default : null;
  };
  const named = (/** @type {string} */ role) => found.table.filter((/** @type {any} */ each) => each.role.split(", ").includes(role)).map((/** @type {any} */ each) => each.name).join(", ");
  const [one, many] = stepWords(found);
  const ahead = Number(value("horizon")) || 0;
  const [series, target, future] = [value("id") || named("id"), value("target") || named("target"), value("future")];
  const answers = JOBS[job];
  /** @type {string[]} */ const words = [];
  if (answers === "targets" && ahead && target) {
    const next = ahead === 1 ? one : t("the next {n} {units}", { n: short(ahead), units: many });
    const facts = { target, next, window: short(Number(value("window"))), units: many, series };
    words.push(series ? t("From the last {window} {units} of each {series}, it learns to predict {target} of {next}.", facts)
      : t("From the last {window} {units}, it learns to predict {target} of {next}.", facts));
    if (future) words.push(t("What {names} will be then is known, and is read too.", { names: String(future).replaceAll(",", ", ") }));
  } else if (answers === "targets") words.push(t("From the other columns, it learns to predict {target}.", { target: target || t("the target") }));
  else if (answers === "classes") {
    const label = value("label") || named("label");
    words.push(label ? t("From the other columns, it learns to tell {label}.", { label }) : t("From its values, it learns to tell the class."));
  } else words.push(Number(value("code_size")) === 1 ? t("It learns to press each row into one number, and to rebuild it from that.")
    : t("It learns to press each row into {n} numbers, and to rebuild it from them.", { n: value("code_size") }));
  const share = { share: percent(Number(value("test_fraction")), 0), units: many, series };
  if (value("test") || found.n_test) words.push(t("It never learns from the rows for the test, which the data has."));
  else if (Number(value("test_fraction")) <= 0) words.push(t("Nothing is kept for a test."));
  else if (answers === "targets" && ahead && value("split") !== "random") {
    words.push(series ? t("The last {share} of the {units} of each {series} are kept for the test: it never learns from them.", share)
      : t("The last {share} of the {units} are kept for the test: it never learns from them.", share));
  } else {
    const rows = found.picture ? t("the pictures") : found.steps_max === null ? t("the rows") : t("all series");
    words.push(t("{share} of {rows} are kept for the test: it never learns from them.", { ...share, rows }));
  }
  return words;
}
