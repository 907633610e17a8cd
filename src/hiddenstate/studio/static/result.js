// The result of a run in words of another language than English, from its values.

import { speak, t } from "./words.js";
import { percent } from "../../web/numbers.js";

await speak("result");

const OF = { rows: "", groups: t(", {n} groups"), series: t(", {n} series"), blocks: t(", {n} blocks of steps") };

/** @param {any} within the ends of an interval, if there are any @returns {string} */
export function intervalOf(within) {
  if (!within) return "";
  const of = OF[/** @type {keyof typeof OF} */ (within.of)].replace("{n}", within.n);
  return t("95 % interval {low} to {high}{of}", { ...within, of });
}

/** @param {any} target @returns {string} */
function method({ method: name, when, is_loss }) {
  if (!when) return t(name);
  const [n, period] = when;
  const since = t("{n} {period} ago", { n, period: t(period) });
  return is_loss ? t("the quantiles of changes since {since}", { since }) : since;
}

/** The error without a network. @param {any} target @returns {string} */
export const versusOf = (target) => (target.other ? `${method(target)} ${target.other}` : "");

/** @param {any} target its scores @returns {string} */
function targetOf(target) {
  const { name, value, scaled, r2, series, constant, is_loss } = target;
  const [all, n] = [constant === series, series - constant];
  return [is_loss ? t("{name}: quantile loss {value}", { name, value })  : t("{name}: mean absolute error {value}", { name, value }),
    versusOf(target), scaled, r2 && (n > 1 ? t("R2 within series {r2}", { r2 }) : `R2 ${r2}`), n > 1 && t("medians of {n} series", { n }),
    constant > 0 && (all ? t("constant") : t("{n} constant series left out", { n: constant }))].filter(Boolean).join(t("; "));
}

/** The main scores in a row of the list. @param {any} row @returns {string} */
export const scoresOf = ({ more, score_text }) => (more ? [...score_text.split("; ").slice(0, -1), t("{n} more", { n: more })].join("; ") : score_text);

/** @param {any[]} targets their scores */
export const targetsOf = (targets) => targets.map(targetOf).join(t("; "));

/** @param {any} baseline what needs no network @param {number} n the targets @returns {string} */
function baselineOf({ short, text, lower, scaled, worse, tie, words }, n) {
  if (!words) return "";
  const without = scaled ? t("Compared with {short}", { short: t(short) }) : t("Without the network, {short}: {text}", { short: t(short), text });
  const apart = lower !== null && Number.isFinite(lower) ? Math.abs(lower) : null;
  const verdict = tie ? t("no clear difference") : apart === null ? (worse ? t("the answer is worse") : t("the answer is better"))
    : worse ? t("the error is {share} higher", { share: percent(apart, 1) }) : t("the error is {share} lower", { share: percent(apart, 1) });
  const over = scaled && apart !== null && !tie && n > 1 ? t(", in the mean of {n} targets", { n }) : "";
  return `${without}${scaled ? t(", ") : t("; ")}${verdict}${over}`;
}

/**
 * @param {any} details of the run
 * @param {any} main its main result
 */
export function resultOf({ targets, baseline }, main) {
  const scores = targets.length ? targets.slice(0, 4).map(targetOf) : [t(main.title), intervalOf(main.within)];
  return [...scores, baselineOf(baseline, targets.length)].filter(Boolean).join(t(". "));
}
