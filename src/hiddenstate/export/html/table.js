// Reads rows from the text of a table.

/**
 * How the data were written; the JSON beside an export says what each is.
 * @typedef {object} Written
 * @property {string[] | null} columns Names of the columns that the model reads.
 * @property {string[]} id Names of the columns that name a series.
 * @property {string} decimal
 * @property {string | null} [thousands]
 * @property {string | null} [delimiter]
 */

const NO_NUMBER = new Set(["", "na", "n/a", "null", "none", "nan"]);

/**
 * Returns the number in a cell, NaN for one without a number; null if it is something else.
 * @param {string} cell
 * @param {Written} about
 */
function numberIn(cell, { decimal, thousands }) {
  if (NO_NUMBER.has(cell.toLowerCase())) return NaN;
  const number = Number(cell.replaceAll(thousands || "\0", "").replace(decimal, "."));
  return Number.isFinite(number) ? number : null;
}

/**
 * Returns the cells of a line; a cell in quotes may contain the separator.
 * @param {string} line
 * @param {string} separator
 */
function cellsOf(line, separator) {
  const cells = [""];
  let quoted = false;
  for (const sign of line) {
    if (sign === '"') quoted = !quoted;
    else if (sign === separator && !quoted) cells.push("");
    else cells[cells.length - 1] += sign;
  }
  return cells.map((cell) => cell.trim());
}

/**
 * Returns the numbers that the model reads, NaN where one is missing, and the series of each line.
 * @param {string} text
 * @param {Written} about
 */
export function readLines(text, about) {
  const { columns, id, delimiter } = about;
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((each) => each.trim());
  if (!lines.length) throw new Error("there are no lines");
  const separator = delimiter || ["\t", ";", ","].find((each) => lines[0].includes(each)) || ",";
  const cells = lines.map((each) => cellsOf(each, separator));
  /** @param {string} cell */
  const isNumber = (cell = "") => numberIn(cell, about) !== null;
  const names = cells[0].every(isNumber) ? null : cells.shift();
  if (!cells.length) throw new Error("there are no numbers");
  let chosen = [...cells[0].keys()];
  if (names && columns) {
    const missing = columns.find((name) => !names.includes(name));
    if (missing !== undefined) throw new Error(`no column ${missing}; there are ${names.join(", ")}`);
    chosen = columns.map((name) => names.indexOf(name));
  } else if (names) {
    chosen = chosen.filter((place) => cells.every((row) => isNumber(row[place])));
  }
  const n = (columns || chosen).length;
  if (!n || chosen.length !== n) throw new Error(`expected ${n} columns`);
  const own = names ? id.map((name) => names.indexOf(name)).filter((place) => place >= 0) : [];
  const ids = cells.map((row) => own.map((place) => row[place]).join(", "));
  return { ids, lines: cells.map((row, number) => Float64Array.from(chosen, (place) => {
    const cell = row[place] || "";
    const value = numberIn(cell, about);
    if (value === null) throw new Error(`line ${number + 1}: expected a number, found ${cell.slice(0, 40)}`);
    return value;
  })) };
}

/**
 * Returns series with their names: each line one if it is longer than a step of n numbers; else lines
 * that belong together.
 * @param {string} text
 * @param {Written} about
 * @param {number} n
 * @returns {{ name: string, series: Float64Array[] }[]}
 */
export function readSeries(text, about, n) {
  const { lines, ids } = readLines(text, about);
  const width = lines[0].length;
  if (lines.some((each) => each.length !== width)) throw new Error("lines differ in length");
  if (width < n || width % n) throw new Error(`lines have ${width} numbers, and a step has ${n}`);
  if (width > n) {
    return lines.map((each, number) => ({
      name: `Your series ${number + 1}`,
      series: Array.from({ length: width / n }, (_, t) => each.slice(t * n, (t + 1) * n)),
    }));
  }
  /** @type {Map<string, Float64Array[]>} */
  const groups = new Map();
  lines.forEach((each, number) => {
    const group = groups.get(ids[number]);
    if (group) group.push(each);
    else groups.set(ids[number], [each]);
  });
  return [...groups].map(([id, series]) => ({ name: id ? `Your series ${id}` : "Your series", series }));
}
