// Reads rows from the text of a table, as `hiddenstate predict` reads them from a .txt file.

import { Refusal } from "./words.js";

/**
 * How the data were written; the JSON beside an export says what each is.
 * @typedef {object} Written
 * @property {string[] | null} columns Names of the columns that the model reads.
 * @property {string[]} id Names of the columns that name a series.
 * @property {string[]} [time] Name of the column that orders the lines.
 * @property {string | null} [dates]
 * @property {string} [every] The step of the times, if steps that are missing were added.
 * @property {boolean} [rows_are_series]
 * @property {number} [n_steps]
 * @property {string} decimal
 * @property {string | null} [thousands]
 * @property {string | null} [delimiter]
 * @property {string} [encoding]
 * @property {{ missing: string }} [preparation]
 */

/** @typedef {{ number: number, cells: string[] }} Line the number of its first line in the text */

const NO_NUMBER = new Set(["", "-", "?", "na", "n/a", "#n/a", "<na>", "null", "none", "nan"]);
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const WORD = /^[-+]?(inf(inity)?|nan)$/i;
const DAY = 86400e6; // microseconds
const TIME = /^(?:(\d{1,4})([-/.])(\d{1,2})(?:\2(\d{1,4}))?(?:(?:T|,?\s+)(?=\d)|$))?(?:(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(?:([ap])\.?m\.?)?\s*(Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)?)?$/i;

// Spaces as in Python: a byte order mark is none, and some control characters are.
const strip = (/** @type {string} */ text) => text.replace(/^(?:[^\S\ufeff]|[\x1c-\x1f\x85])+|(?:[^\S\ufeff]|[\x1c-\x1f\x85])+$/g, "");
const isMissing = (/** @type {string} */ cell) => NO_NUMBER.has(cell.toLowerCase());

/**
 * Returns text on one line, control and direction characters escaped, at most 40 characters long.
 * @param {string} text
 */
function shown(text) {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (sign) => `\\u{${/** @type {number} */ (sign.codePointAt(0)).toString(16)}}`);
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}

const listed = (/** @type {string[]} */ names) => [...names.slice(0, 8).map(shown), ...(names.length > 8 ? ["..."] : [])].join(", ");

/**
 * Returns what reads the number in a cell: NaN for one without a number; null if it is something else.
 * @param {Written} about
 */
function numberReader({ decimal, thousands }) {
  const marks = thousands === "space" ? " \u00a0\u202f" : thousands || "";
  const grouped = marks && new RegExp(`^[-+]?\\d{1,3}([${marks}]\\d{3})+([${decimal}]\\d*)?(e[-+]?\\d+)?$`, "i");
  return (/** @type {string} */ cell) => {
    let text = grouped && grouped.test(cell) ? [...cell].filter((sign) => !marks.includes(sign)).join("") : cell;
    if (decimal === ",") text = text.replace(/[.,]/g, (mark) => (mark === "," ? "." : ","));
    if (NUMBER.test(text)) return Number(text);
    if (WORD.test(text)) return /n$/i.test(text) ? NaN : text[0] === "-" ? -Infinity : Infinity;
    return isMissing(text) ? NaN : null;
  };
}

/**
 * Returns what separates cells: as in the training file, or the usual that the first line has.
 * @param {string} text
 * @param {Written} about
 */
function separatorOf(text, { delimiter, decimal, thousands }) {
  if (delimiter) return { "\\t": "\t", tab: "\t", space: " " }[delimiter] || delimiter;
  const [first = ""] = text.split(/\r\n|\r|\n/).filter(strip);
  const usual = decimal === "," && first.includes(";") ? ";" : ",";
  const bare = first.replace(/(?<=\d),(?=\d)/g, "");
  const found = ["\t", usual, thousands === "space" ? usual : " "].find((each) => strip(first).includes(each)) || usual;
  const other = found === " " || bare.includes(found) ? "" : [";", ",", "|"].find((each) => bare.includes(each));
  if (other) throw new Refusal("columns are separated by '{other}', not by '{found}' as in the training file", { other, found });
  return found;
}

/**
 * Returns the rows of a text; a cell in quotes may contain the separator, and ends of lines.
 * @param {string} text
 * @param {string} separator
 * @returns {Line[]}
 */
export function linesOf(text, separator) {
  const raw = text.split(/\r\n|\r|\n/);
  /** @type {Line[]} */
  const found = [];
  for (let at = 0; at < raw.length; at += 1) {
    if (!strip(raw[at]) && (separator === " " || !raw[at].includes(separator))) continue;
    const number = at + 1;
    const cells = [""];
    let [quoted, fresh] = [false, true];
    for (;;) {
      const line = raw[at];
      for (let i = 0; i < line.length; i += 1) {
        const sign = line[i];
        if (quoted && sign === '"' && line[i + 1] === '"') i += 1;
        else if (quoted ? sign === '"' : fresh && sign === '"') {
          quoted = !quoted;
          fresh = false;
          continue;
        } else if (!quoted && sign === separator) {
          cells.push("");
          fresh = true;
          continue;
        } else if (fresh && sign === " " && separator !== "\t") continue;
        cells[cells.length - 1] += sign;
        fresh = false;
      }
      if (!quoted) break;
      at += 1;
      if (at === raw.length) throw new Refusal("line {line}: a quote is opened but not closed", { line: number });
      cells[cells.length - 1] += "\n";
    }
    found.push({ number, cells: cells.filter((cell) => cell || separator !== " ").map(strip) });
  }
  return found;
}

/**
 * Returns whether the first line has the names of the columns, and is no row as the second.
 * @param {string[]} first
 * @param {string[]} second
 * @param {(cell: string) => number|null} numberIn
 */
function isHeader(first, second, numberIn) {
  const filled = (/** @type {string} */ cell) => numberIn(cell) !== null && !isMissing(cell);
  const countsUp = (/** @type {string[]} */ cells) => {
    const counts = cells.filter(filled);
    return counts.length > 2 && counts.every((cell, place) => /^\d{1,9}$/.test(cell) && (!place || Number(cell) === Number(counts[place - 1]) + 1));
  };
  const texts = [...first.keys()].filter((place) => numberIn(first[place]) === null);
  if (texts.length) {
    return !first.some(filled) || texts.some((place) => filled(second[place] || "")) || (countsUp(first) && !countsUp(second));
  }
  const counting = first[0] ? first : first.slice(1); // of a file whose lines are numbered
  return countsUp(first) && counting.length > 9 && counting[0] === "0";
}

/**
 * Returns where the inputs, the columns that name a series and the time stand in a line.
 * @param {string[]} names
 * @param {boolean} hasNames
 * @param {Written} about
 * @returns {{ inputs: number[], own: number[], clock: number[] }}
 */
function placesOf(names, hasNames, { columns, id, time = [], rows_are_series: flat }) {
  // In a line that is a row, they only name it. Without an id, lines are one series, as those of a stream.
  const [ids, times] = [id, time].map((list) => (flat || !list.some((name) => names.includes(name)) ? [] : list));
  const absent = [...(columns || []), ...ids, ...times].find((name) => !names.includes(name));
  const found = (/** @type {string[]} */ list) => list.map((name) => names.indexOf(name));
  if (columns && absent === undefined) return { inputs: found(columns), own: found(ids), clock: found(times) };
  if (columns && (hasNames || ids.length || times.length)) {
    const values = { name: shown(absent || ""), names: listed(names) };
    throw hasNames ? new Refusal("no column {name}; there are {names}", values) : new Refusal("no column {name}; there are {names}, and no header", values);
  }
  if (!names.every((name) => /^\d+$/.test(name))) {
    throw new Refusal("the columns have names ({names}), and the model was trained on columns without names; remove the header", { names: listed(names) });
  }
  if (columns && columns.length !== names.length) throw new Refusal("expected {n} columns, or a header; found {found}", { n: columns.length, found: names.length });
  return { inputs: [...names.keys()], own: [], clock: [] };
}

/**
 * Returns what kind of time a cell is, and microseconds since its beginning; null if it is none.
 * @param {string} cell
 * @param {string} order
 * @param {boolean} short whether years of two digits are read
 * @returns {[string, number] | null}
 */
function moment(cell, order, short) {
  const parts = TIME.exec(cell);
  if (!parts || !cell) return null;
  const [, first, , middle, last, hour = "0", minute = "0", second = "0", part = "", half, zone] = parts;
  let day = 0;
  if (first !== undefined) {
    const yearFirst = first.length === 4 || order === "ymd";
    if (last === undefined && (parts[5] || first.length !== 4 || middle.length !== 2)) return null;
    let [d, m, y] = yearFirst ? [last || "1", middle, first] : [first, middle, last];
    if (order === "mdy" && !yearFirst) [d, m] = [m, d];
    if (d.length > 2 || m.length > 2 || (y.length !== 4 && !(short && y.length === 2))) return null;
    const date = new Date(0);
    date.setUTCFullYear(Number(y) + (y.length === 4 ? 0 : Number(y) >= 69 ? 1900 : 2000), Number(m) - 1, Number(d));
    if (date.getUTCDate() !== Number(d) || date.getUTCMonth() !== Number(m) - 1) return null;
    day = date.getTime() / 1000;
  }
  const hours = half ? (Number(hour) % 12) + (/p/i.test(half) ? 12 : 0) : Number(hour);
  if (hours > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  let seconds = day + hours * 3600 + Number(minute) * 60 + Number(second);
  if (zone && /[-+]/.test(zone[0])) {
    const [, sign, h, m] = /** @type {RegExpExecArray} */ (/(.)(\d\d):?(\d*)/.exec(zone));
    seconds -= Number(`${sign}1`) * (Number(h) * 3600 + Number(m) * 60);
  }
  return [first === undefined ? "day" : zone ? "zone" : "date", seconds * 1e6 + Number(`${part}000000`.slice(0, 6))];
}

/**
 * Returns the digits of numbers that are dates such as 31122024; none if they are no dates, or begin with
 * the year, and so are in their own order.
 * @param {number[]} numbers
 * @param {string} name
 */
function compactDates(numbers, name) {
  const values = [...new Set(numbers)].sort((a, b) => a - b);
  const most = values[values.length - 1];
  const width = most < 1e6 ? 6 : 8;
  const counts = values.length > 1 && most - values[0] === values.length - 1;
  if (most < 1e4 || most >= 1e8 || counts || !values.every((value) => value >= 0 && value % 1 === 0)) return [];
  const texts = numbers.map((value) => String(value).padStart(width, "0"));
  const form = width === 8 ? /^(19|20|21)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$/ : /^(19|20|21)\d\d(0[1-9]|1[0-2])$/;
  return texts.every((text) => form.test(text)) || (width === 6 && !/date|day/i.test(name)) ? [] : texts;
}

/**
 * Returns numbers in the order of times, and what kind of times they are; null if that is not certain.
 * @param {string[]} cells
 * @param {string} name of their column
 * @param {string | null | undefined} settled the order of day and month
 * @param {(cell: string) => number|null} numberIn
 * @returns {{ clock: number[], kind: string } | null}
 */
function clockOf(cells, name, settled, numberIn) {
  const numbers = /** @type {number[]} */ (cells.map(numberIn));
  const counts = numbers.every((value) => value !== null);
  if (counts && !numbers.every(Number.isFinite)) return null;
  const texts = counts ? compactDates(numbers, name) : cells;
  const orders = counts ? ["dmy", "mdy", "ymd"] : settled ? [settled] : ["dmy", "mdy"];
  /** @type {{ order: string, clock: number[], kind: string }[]} */
  const found = [];
  for (const order of texts.length ? orders : []) {
    const form = order === "ymd" && texts[0].length === 8 ? /^(.{4})(..)/ : /^(..)(..)/;
    const moments = texts.map((text) => moment(counts ? text.replace(form, "$1/$2/") : text, order, counts || Boolean(settled)));
    const [first] = moments;
    const clock = moments.flatMap((each) => (each && first && each[0] === first[0] ? [each[1]] : []));
    if (first && clock.length === cells.length) found.push({ order, clock, kind: first[0] });
  }
  if (!found.length) return counts ? { clock: numbers, kind: "number" } : null;
  if (settled) return found.find(({ order }) => order === settled) || null;
  // Either the day or the month comes first.
  if (found.some(({ clock }) => String(clock) !== String(found[0].clock))) {
    const ranked = (/** @type {number[]} */ values) => String([...values.keys()].sort((a, b) => values[a] - values[b]));
    if (counts && found.every(({ clock }) => ranked(clock) === ranked(numbers))) return { clock: numbers, kind: "number" };
    if (!texts.every((text) => text.slice(0, 5).includes("."))) return null;
  }
  return found[0];
}

/**
 * Returns times of day over midnights, a day later in each series after each; null if that is not certain.
 * @param {number[]} clock
 * @param {string[]} keys the series of each line
 */
function overMidnight(clock, keys) {
  const inFile = [...clock.keys()];
  for (const order of [inFile, inFile.slice().reverse()]) { // or the newest is first
    /** @type {Map<string, [number, number]>} */
    const last = new Map();
    const later = clock.slice();
    const falls = order.some((row) => {
      let [before, days] = last.get(keys[row]) || [clock[row], 0];
      if (before > clock[row] && before - clock[row] <= DAY / 2) return true;
      if (before > clock[row]) days += DAY;
      last.set(keys[row], [clock[row], days]);
      later[row] += days;
      return false;
    });
    if (!falls) return later;
  }
  return null;
}

/**
 * Returns the numbers of the lines, series by series, in the order of the time in column `place`.
 * @param {Line[]} lines
 * @param {string[]} keys the series of each line
 * @param {number} place
 * @param {string[]} names
 * @param {Written} about
 * @param {(cell: string) => number|null} numberIn
 */
function inOrder(lines, keys, place, names, { columns, id, dates, every }, numberIn) {
  const timesIn = (/** @type {number} */ column) => clockOf(lines.map(({ cells }) => cells[column]), names[column], dates, numberIn);
  const times = timesIn(place);
  let clock = times && times.clock;
  if (times && times.kind === "day") {
    const free = [...names.keys()].filter((column) => column !== place && ![...(columns || []), ...id].includes(names[column]));
    const beside = free.map(timesIn).filter((each) => each && each.kind === "date");
    clock = beside.length === 1 ? times.clock.map((time, row) => time + /** @type {any} */ (beside[0]).clock[row]) : overMidnight(times.clock, keys);
  }
  if (!clock) throw new Refusal("the lines cannot be ordered by {column}; expected numbers, or dates like 2020-12-31", { column: shown(names[place]) });
  const values = clock;
  /** @type {Map<string, number>} */
  const rank = new Map();
  for (const key of keys) if (!rank.has(key)) rank.set(key, rank.size);
  const order = [...lines.keys()].sort((a, b) => /** @type {number} */ (rank.get(keys[a])) - /** @type {number} */ (rank.get(keys[b])) || values[a] - values[b]);
  const about = (/** @type {(before: number, now: number) => boolean} */ wrong) => {
    const row = order.find((now, at) => at && keys[now] === keys[order[at - 1]] && wrong(values[order[at - 1]], values[now]));
    return row === undefined ? null : { line: lines[row].number, column: shown(names[place]) };
  };
  const twice = about((before, now) => before === now);
  if (twice) throw new Refusal("line {line}, column {column}: a time occurs twice in a series", twice);
  const kind = times ? times.kind : "number";
  const apart = every ? about((before, now) => !isNext(before, now, kind, every)) : null;
  if (apart) throw new Refusal("line {line}, column {column}: not the {every} after the one before; add a line for each {every} that is missing, with its time alone", { ...apart, every });
  return order;
}

/**
 * Returns whether a time is that of the next step; numbers do not say when they are.
 * @param {number} before
 * @param {number} after
 * @param {string} kind
 * @param {string} every
 */
function isNext(before, after, kind, every) {
  const apart = after - before;
  /** @type {Record<string, number>} */
  const fixed = { minute: 60e6, hour: 3600e6, day: DAY, week: 7 * DAY };
  if (kind === "number") return false;
  if (every in fixed || every.endsWith("min")) return apart === (fixed[every] || 60e6 * Number.parseInt(every, 10));
  const [first, second] = [before, after].map((time) => new Date(Math.floor(time / 1000)));
  if (every === "weekday") return apart === (first.getUTCDay() === 5 ? 3 * DAY : DAY) && second.getUTCDay() % 6 > 0;
  const months = /** @type {Record<string, number>} */ ({ month: 1, quarter: 3, year: 12 })[every];
  return 12 * (second.getUTCFullYear() - first.getUTCFullYear()) + second.getUTCMonth() - first.getUTCMonth() === months;
}

/**
 * Returns the numbers that the model reads, NaN where one is missing, and the series of each line. The
 * lines of a series are in the order of their time.
 * @param {string} text
 * @param {Written} about
 */
export function readLines(text, about) {
  const bare = text.replace(/^\ufeff/, "");
  const numberIn = numberReader(about);
  let lines = linesOf(bare, separatorOf(bare, about));
  if (!lines.length) throw new Refusal("there are no lines");
  const [first, second = { cells: [] }] = lines;
  let names = first.cells.map((_, place) => String(place));
  const hasNames = isHeader(first.cells, second.cells, numberIn);
  if (hasNames) {
    names = first.cells.map((name, place) => name || `Unnamed: ${place}`);
    lines = lines.slice(1);
    const twice = names.find((name, place) => names.indexOf(name) < place);
    if (twice !== undefined) throw new Refusal("line {line}: two columns are named {name}", { line: first.number, name: shown(twice) });
  }
  if (!lines.length) throw new Refusal("there are no numbers");
  const uneven = lines.find(({ cells }) => cells.length !== names.length);
  if (uneven) throw new Refusal("line {line}: expected {n} columns as in the first line, found {found}", { line: uneven.number, n: names.length, found: uneven.cells.length });
  const { inputs, own, clock } = placesOf(names, hasNames, about);
  const at = (/** @type {Line} */ line, /** @type {number} */ place) => ({ line: line.number, column: shown(names[place]) });
  for (const place of [...own, ...clock]) {
    const isText = lines.some(({ cells }) => numberIn(cells[place]) === null);
    const empty = lines.find(({ cells }) => (isText ? !cells[place] : isMissing(cells[place])));
    if (empty) throw own.includes(place) ? new Refusal("line {line}, column {column}: no id", at(empty, place)) : new Refusal("line {line}, column {column}: no time", at(empty, place));
  }
  const ids = lines.map(({ cells }) => own.map((place) => cells[place]));
  const keys = ids.map((each) => JSON.stringify(each));
  const missing = about.preparation && about.preparation.missing;
  const columns = inputs.map((place) => {
    const cells = lines.map((line) => line.cells[place]);
    const values = cells.map(numberIn);
    const truths = values.includes(null) && cells.every((cell) => isMissing(cell) || /^(true|false)$/i.test(cell));
    return values.map((number, row) => {
      const value = truths && number === null ? Number(/^t/i.test(cells[row])) : number;
      if (value === null) {
        const found = { ...at(lines[row], place), found: shown(cells[row]) };
        throw /[.,]\d/.test(cells[row])
          ? new Refusal("line {line}, column {column}: expected a number, found {found}; the decimal mark of the training file is '{mark}'", { ...found, mark: about.decimal })
          : new Refusal("line {line}, column {column}: expected a number, found {found}", found);
      }
      if (!Number.isFinite(value) && (missing === "error" || missing === "drop")) {
        throw new Refusal("line {line}, column {column}: missing or not finite; the model was trained without missing values", at(lines[row], place));
      }
      return value;
    });
  });
  const order = clock.length ? inOrder(lines, keys, clock[0], names, about, numberIn) : [...lines.keys()];
  return {
    ids: order.map((row) => ids[row].join(", ")), keys: order.map((row) => keys[row]),
    lines: order.map((row) => Float64Array.from(columns, (column) => column[row])),
  };
}

/**
 * Returns the text of a file in the encoding of the training file, as Python calls it.
 * @param {Blob} file
 * @param {string} [encoding]
 */
export async function textOf(file, encoding = "utf-8") {
  if (file.size > 2e7) throw new Refusal("it is over 20 MB");
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder(encoding.replace(/^latin[-_]/i, "latin"), { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal("it is not text in {encoding}", { encoding });
  }
}

/**
 * Returns series with their names: each line one if lines are series, or if it is longer than a step of
 * n numbers; else lines that belong together.
 * @param {string} text
 * @param {Written} about
 * @param {number} n
 * @returns {{ name: string, series: Float64Array[] }[]}
 */
export function readSeries(text, about, n) {
  const { lines, ids, keys } = readLines(text, about);
  const width = lines[0].length;
  if (width < n || width % n) throw new Refusal("lines have {width} numbers, and a step has {n}", { width, n });
  if (width > n || (about.rows_are_series && about.n_steps === 1)) {
    return lines.map((each, number) => ({
      name: `Your series ${number + 1}`,
      series: Array.from({ length: width / n }, (_, t) => each.slice(t * n, (t + 1) * n)),
    }));
  }
  /** @type {Map<string, { name: string, series: Float64Array[] }>} */
  const groups = new Map();
  lines.forEach((each, number) => {
    const group = groups.get(keys[number]);
    if (group) group.series.push(each);
    else groups.set(keys[number], { name: ids[number] ? `Your series ${ids[number]}` : "Your series", series: [each] });
  });
  return [...groups.values()];
}
