// What `inspect` found in data, drawn: a row of each class, balance, lengths, gaps, columns, warnings.

import { h } from "../../web/dom.js";
import { classColors } from "./theme.js";
import { JOBS } from "./jobs.js";
import { optionSet } from "./option_names.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { fitted, paintPixels, spot, write } from "../../web/pen.js";
import { drawLane } from "../../web/signal.js";
import { colorOf } from "../../web/colors.js";
import { percent, short } from "../../web/numbers.js";

const MOST_LISTED = 20;
const NAMES = 84; // pixels for the names of channels

/**
 * Bars with names and numbers, as a list.
 * @param {{name: string, share: number, text: string, color?: string}[]} rows
 * @param {number} [more] rows that are not listed
 */
export function bars(rows, more = 0) {
  return h("ul", { class: "shares" }, rows.map((row) => {
    const bar = h("i", { "aria-hidden": "true" });
    bar.style.width = `${(100 * row.share).toFixed(2)}%`;
    if (row.color) bar.style.background = row.color;
    return h("li", {}, h("bdi", { title: row.name }, row.name), h("span", { class: "bar" }, bar), h("span", { class: "number" }, row.text));
  }), more > 0 ? h("li", { class: "more" }, t("and {n} more", { n: short(more) })) : null);
}

/**
 * Draws the first rows of the classes.
 * @param {any} found
 */
export function rowsDrawn(found) {
  const { samples } = found;
  const kind = samples.length ? samples[0].kind : "";
  const colors = classColors(Math.max(samples.length, 1));
  /** @type {number[][]} the range of each channel, in all rows that are drawn */
  const ranges = [];
  if (kind === "series") {
    for (let channel = 0; channel < samples[0].channels.length; channel += 1) {
      const values = samples.flatMap((/** @type {any} */ row) => row.values[channel] || []).filter((/** @type {any} */ value) => value !== null);
      ranges.push(values.length ? [Math.min(...values), Math.max(...values)] : [0, 1]);
    }
  }
  const perLine = (/** @type {number} */ width) => Math.max(1, Math.min(samples.length, Math.floor(width / (kind === "picture" ? 110 : 240))));
  const one = kind === "series" ? (samples.length > 1 ? 40 : 56) * Math.max(ranges.length, 1.6) + 44 : kind === "picture" ? 160 : 24 * (samples[0] ? samples[0].channels.length : 0) + 44;
  const picture = new Picture({
    title: samples.length > 1 ? (found.classes && Object.keys(found.classes).length > samples.length ? t("A row of the first {n} classes", { n: samples.length }) : t("A row of each class")) : kind === "series" && !samples[0].label && found.n_train > 1 && samples[0].steps === found.n_train ? t("All rows, in the order of the file") : kind === "series" && found.n_train > 1 && found.steps_max !== null ? t("The first of {n} series", { n: short(found.n_train) }) : t("The first row"),
    caption: t("As they are in the file, before anything is scaled. The ranges are the same for all classes, so that they can be compared."),
    empty: t("There is no row to draw."),
    name: "rows-drawn",
    draw: (pen, width) => {
      const across = perLine(width);
      const wide = width / across;
      samples.forEach((/** @type {any} */ sample, /** @type {number} */ place) => {
        const [x, y] = [(place % across) * wide, Math.floor(place / across) * one];
        pen.textBaseline = "alphabetic";
        if (sample.label !== null) {
          pen.font = "600 13px system-ui, sans-serif";
          pen.textAlign = "left";
          const dot = kind === "picture" || samples.length < 2 ? 0 : 16;
          if (dot) {
            spot(pen, x + 5, y + 8.5, 4.5, colors[place]);
          }
          pen.fillStyle = colorOf("ink");
          pen.fillText(fitted(pen, sample.label, wide - 20 - dot), x + dot, y + 13);
        }
        if (sample.kind === "series") series(pen, sample, [x, y + 22, wide - 16, one - 40], samples.length > 1 ? colors[place] : colorOf("prediction"));
        else if (sample.kind === "picture") pixels(pen, sample, [x, y + 22, wide - 16, one - 34]);
        else quantities(pen, sample, [x, y + 26, wide - 16, one - 44], samples.length > 1 ? colors[place] : colorOf("prediction"));
      });
    },
  });

  /** @param {CanvasRenderingContext2D} pen @param {any} sample @param {number[]} box @param {string} stroke */
  function series(pen, sample, [x, y, wide, tall], stroke) {
    const n = sample.values.length;
    const named = sample.channels.some(Boolean) && wide > 180;
    const left = named ? NAMES : 0;
    const each = tall / n;
    sample.values.forEach((/** @type {any[]} */ values, /** @type {number} */ channel) => {
      const top = y + channel * each;
      pen.strokeStyle = colorOf("faint");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x + left, Math.round(top + each) - 0.5);
      pen.lineTo(x + wide, Math.round(top + each) - 0.5);
      pen.stroke();
      if (named) {
        write(pen, sample.channels[channel], x, top + each / 2 + 4, colorOf("muted"), "left", 11.5, NAMES - 10);
      }
      drawLane(/** @type {any} */ (pen), [x + left, top + 2, wide - left, each - 4], values.map((value) => (value === null ? NaN : value)), ranges[channel], stroke, { width: 1.5 });
      values.forEach((value, at) => { // gaps are marked below the line
        if (value !== null) return;
        pen.fillStyle = colorOf("wrong");
        pen.fillRect(x + left + ((at + 0.5) / values.length) * (wide - left) - 1, top + each - 4, 2, 3);
      });
    });
    const more = sample.n_channels - n;
    const words = t("{n} steps", { n: short(sample.steps) }) + (more > 0 ? t(", {n} more channels", { n: short(more) }) : "");
    write(pen, words, x + left, y + tall + 13, colorOf("muted"), "left", 11.5);
  }

  /** @param {CanvasRenderingContext2D} pen @param {any} sample @param {number[]} box */
  function pixels(pen, sample, [x, y, wide, tall]) {
    const [height, width] = sample.shape;
    const small = document.createElement("canvas");
    paintPixels(small, sample.in_color ? [height, width, 3] : sample.shape, sample.values);
    const scale = Math.min(wide / width, tall / height);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, x, y, width * scale, height * scale);
    pen.strokeStyle = colorOf("faint");
    pen.lineWidth = 1;
    pen.strokeRect(x + 0.5, y + 0.5, width * scale - 1, height * scale - 1);
  }

  /** @param {CanvasRenderingContext2D} pen @param {any} sample @param {number[]} box @param {string} fill */
  function quantities(pen, sample, [x, y, wide, tall], fill) {
    const each = tall / sample.values.length;
    const left = NAMES + 8;
    sample.values.forEach((/** @type {number|null} */ value, /** @type {number} */ place) => {
      const middle = y + (place + 0.5) * each;
      write(pen, sample.channels[place], x, middle + 4, colorOf("muted"), "left", 12, NAMES);
      pen.fillStyle = colorOf("faint");
      pen.fillRect(x + left, middle - 3, wide - left - 64, 6);
      const [low, high] = [sample.low[place], sample.high[place]];
      if (value === null) return;
      const share = high > low ? (value - low) / (high - low) : 0.5;
      pen.fillStyle = fill;
      pen.fillRect(x + left, middle - 3, Math.max(share * (wide - left - 64), 2), 6);
      write(pen, short(value), x + wide, middle + 4, colorOf("ink"), "right", 12);
    });
    const more = sample.n_channels - sample.values.length;
    if (more > 0) write(pen, t("and {n} more", { n: short(more) }), x, y + tall + 14, colorOf("muted"), "left", 11.5);
  }

  const fit = () => {
    const across = perLine(picture.frame.clientWidth || 600);
    picture.frame.style.minHeight = `${Math.ceil(samples.length / across) * one}px`;
  };
  new ResizeObserver(fit).observe(picture.frame);
  fit();
  picture.setReady(samples.length > 0);
  picture.describe(samples.map((/** @type {any} */ sample) => {
    const what = sample.kind === "series" ? t("{n} steps of {channels}", { n: sample.steps, channels: sample.channels.filter(Boolean).join(", ") || t("one channel") })
      : sample.kind === "picture" ? t("a picture of {shape} pixels", { shape: sample.shape.join(" × ") })
        : sample.channels.map((/** @type {string} */ name, /** @type {number} */ place) => `${name} ${short(sample.values[place])}`).join(", ");
    return sample.label === null ? what : `${sample.label}: ${what}`;
  }).join(". "));
  return picture.element;
}

/** What a button says that applies options. @param {Record<string, any>} options */
export const fixWords = (options) => t("Apply: {options}", { options: Object.entries(options).map(([name, value]) => optionSet(name, value)).join(", ") });

/** @param {string} title @param {...any} content */
const block = (title, ...content) => h("section", { class: "block" }, h("h3", {}, title), ...content);

/**
 * The facts in a line: rows, steps, features, size.
 * @param {any} found
 */
export function factsOf(found) {
  const rows = found.picture ? t("{n} pictures", { n: short(found.n_train) }) : found.steps_max !== null ? t("{n} series", { n: short(found.n_train) }) : t("{n} rows", { n: short(found.n_train) });
  const width = found.picture ? t("{shape} pixels", { shape: found.picture.slice(0, 2).join(" × ") })
    : found.steps_max !== null ? (found.n_features === 1 ? t("1 channel") : t("{n} channels", { n: short(found.n_features) })) : t("{n} columns", { n: short(found.n_features) });
  const steps = found.picture || found.steps_max === null ? "" : found.steps_min < found.steps_max
    ? t("{low} to {high} steps", { low: short(found.steps_min), high: short(found.steps_max) }) : t("{n} steps", { n: short(found.steps_max) });
  const size = found.n_bytes >= 2 ** 20 ? `${(found.n_bytes / 2 ** 20).toFixed(1)} MiB` : `${Math.ceil(found.n_bytes / 1024)} KiB`;
  return [rows + (found.n_test ? t(", {n} for testing", { n: short(found.n_test) }) : ""), steps, width, size].filter(Boolean);
}

/**
 * Everything that was found, except the jobs.
 * @param {any} found
 * @param {(options: Record<string, any>) => void} fix applies options
 * @param {Record<string, any>} known options that say how data is read, by name
 * @param {(text: string) => string} said says a sentence of the server
 */
export function findingsOf(found, fix, known, said) {
  const parts = [rowsDrawn(found)];
  if (found.warnings.length) {
    parts.push(block(t("Worth a look"), h("ul", { class: "warnings" }, found.warnings.map((/** @type {string} */ text, /** @type {number} */ place) => {
      const options = fixOf(found.fixes[place], known);
      return h("li", {}, h("span", {}, said(text)), options && h("button", { type: "button", onclick: () => fix(options) }, fixWords(options)));
    }))));
  }
  if (found.reading) {
    const { layout, reason, n_columns: n } = found.reading;
    const wide = layout === "wide";
    parts.push(block(t("How a row is read"), h("p", {}, wide ? t("Each row is a series of {n} steps, because {reason}.", { n, reason }) : t("Each row is {n} quantities, because {reason}.", { n, reason })),
      h("p", {}, h("button", { type: "button", onclick: () => fix({ layout: wide ? "features" : "wide" }) }, wide ? t("Read {n} quantities instead", { n }) : t("Read {n} steps instead", { n })))));
  }
  const classes = found.classes && found.fits.some((/** @type {any} */ fit) => JOBS[fit.job] === "classes" && !fit.why_not) ? Object.entries(found.classes) : [];
  if (classes.length) {
    const total = classes.reduce((sum, [, n]) => sum + n, 0);
    const most = Math.max(...classes.map(([, n]) => n));
    const shown = classes.length > MOST_LISTED ? [...classes].sort((a, b) => b[1] - a[1]).slice(0, MOST_LISTED) : classes;
    const colors = classColors(Math.max(Math.min(classes.length, found.samples.length), 1));
    parts.push(block(t("{n} classes", { n: short(classes.length) }), bars(shown.map(([name, n], place) => ({
      name, share: n / most, text: `${short(n)} · ${percent(n / total, 1)}`, color: classes.length === found.samples.length ? colors[place] : undefined,
    })), classes.length - shown.length)));
  }
  if (found.targets) {
    parts.push(block(t("Targets"), h("table", { class: "plain" }, h("thead", {}, h("tr", {}, [t("name"), t("least"), t("mean"), t("most")].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, Object.entries(found.targets).slice(0, MOST_LISTED).map(([name, values]) => h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, name)), values.map((/** @type {number} */ value) => h("td", {}, short(value)))))))));
  }
  if (found.lengths) {
    const most = Math.max(...found.lengths);
    const columns = h("div", { class: "columns", role: "img", "aria-label": t("Lengths: {low} to {high} steps, median {middle}", { low: found.steps_min, high: found.steps_max, middle: found.steps_median }) }, found.lengths.map((/** @type {number} */ n) => {
      const bar = h("i", {});
      bar.style.height = `${Math.max((100 * n) / most, n ? 3 : 0)}%`;
      return bar;
    }));
    parts.push(block(t("Lengths differ"), columns, h("p", { class: "ends" }, h("span", {}, short(found.steps_min)), h("span", {}, t("median {n} steps", { n: short(found.steps_median) })), h("span", {}, short(found.steps_max)))));
  }
  const gaps = Object.entries(found.missing_by || {});
  if (gaps.length || found.infinite) {
    parts.push(block(t("{n} values are missing", { n: short(found.missing) }), bars(gaps.slice(0, 8).map(([name, share]) => ({ name, share, text: percent(share, 1), color: "var(--wrong)" })), gaps.length - 8),
      found.infinite ? h("p", { class: "note" }, t("{n} values are infinite.", { n: short(found.infinite) })) : null));
  }
  if (found.constant.length) parts.push(block(t("Columns that never change"), h("p", {}, found.constant.slice(0, 12).map((/** @type {string} */ name, /** @type {number} */ place) => [place ? ", " : "", h("bdi", {}, name)]))));
  if (found.table.length) parts.push(columnTable(found, said));
  return parts;
}

/** What a column is used for. @param {string} role */
const roleWords = (role) => (role === "id" ? t("name of the series") : t(role));

/** @param {any} found @param {(text: string) => string} said */
function columnTable(found, said) {
  const body = h("tbody", {}, found.table.slice(0, 100).map((/** @type {any} */ each) => h("tr", {},
    h("th", { scope: "row" }, h("bdi", {}, each.name)), h("td", {}, t(each.kind)),
    h("td", { class: "used-as" }, h("span", { class: `role ${each.role === "input" ? "" : each.role.startsWith("left out") ? "out" : "used"}` }, each.role.startsWith("left out") ? said(each.role) : each.role.split(", ").map(roleWords).join(", "))),
    h("td", {}, each.missing ? short(each.missing) : ""), h("td", { class: "examples" }, each.examples.map((/** @type {string} */ example, /** @type {number} */ place) => [place ? ", " : "", h("bdi", {}, example)])))));
  const table = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("Columns") },
    h("table", { class: "plain" }, h("caption", { class: "unseen" }, t("Columns of the file, and what each is used for")),
      h("thead", {}, h("tr", {}, [t("name"), t("holds"), t("used as"), t("missing"), t("examples")].map((name) => h("th", { scope: "col" }, name)))), body));
  return block(t("{n} columns in the file", { n: short(found.n_table) }),
    found.n_table > MOST_LISTED ? h("details", {}, h("summary", {}, t("Columns of the file, and what each is used for")), table) : table,
    found.n_table > 100 ? h("p", { class: "note" }, t("and {n} more", { n: short(found.n_table - 100) })) : null);
}

/**
 * The options that a warning or an error offers, as a form has them; null if none, or not all are known.
 * @param {Record<string, any>|null|undefined} fix
 * @param {Record<string, any>} known
 */
export const fixOf = (fix, known) => (fix && Object.keys(fix).every((name) => known[name])
  ? Object.fromEntries(Object.entries(fix).map(([name, value]) => [name, typeof value === "boolean" ? value : String(value)])) : null);
