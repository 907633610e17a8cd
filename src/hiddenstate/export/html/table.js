// Reads rows that a reader pastes, drops or opens.

const MOST_STEPS = 5000;
const NO_NUMBER = new Set(["", "na", "n/a", "null", "none", "nan"]);

const pointed = (cell) => cell.replaceAll(ABOUT.thousands || "\0", "").replace(ABOUT.decimal, ".");
const isNumber = (cell) => NO_NUMBER.has(cell.toLowerCase()) || Number.isFinite(Number(pointed(cell)));
const numberIn = (cell) => (NO_NUMBER.has(cell.toLowerCase()) ? NaN : Number(pointed(cell)));

// Returns the cells of a line; a cell in quotes may contain the separator.
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

// Returns the numbers that the model reads, NaN where one is missing, and the series of each line.
function readLines(text) {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/).filter((each) => each.trim());
  if (!lines.length) throw new Error("there are no lines");
  const separator = ABOUT.delimiter || ["\t", ";", ","].find((each) => lines[0].includes(each)) || ",";
  const cells = lines.map((each) => cellsOf(each, separator));
  const names = cells[0].every(isNumber) ? null : cells.shift();
  if (!cells.length) throw new Error("there are no numbers");
  let chosen = [...cells[0].keys()];
  if (names && ABOUT.columns) {
    const missing = ABOUT.columns.find((name) => !names.includes(name));
    if (missing !== undefined) throw new Error(`no column ${missing}; there are ${names.join(", ")}`);
    chosen = ABOUT.columns.map((name) => names.indexOf(name));
  } else if (names) {
    chosen = chosen.filter((place) => cells.every((row) => isNumber(row[place] || "")));
  }
  const n = (ABOUT.columns || chosen).length;
  if (!n || chosen.length !== n) throw new Error(`expected ${n} columns`);
  const own = names ? ABOUT.id.map((name) => names.indexOf(name)).filter((place) => place >= 0) : [];
  const ids = cells.map((row) => own.map((place) => row[place]).join(", "));
  return { ids, lines: cells.map((row, number) => Float64Array.from(chosen, (place) => {
    const cell = row[place] === undefined ? "" : row[place];
    if (!isNumber(cell)) throw new Error(`line ${number + 1}: expected a number, found ${cell.slice(0, 40)}`);
    return numberIn(cell);
  })) };
}

// Returns {name, series}: each line one if it is longer than a step; else lines that belong together.
function readSeries(text) {
  const { lines, ids } = readLines(text);
  const n = PROGRAM.n_features;
  const width = lines[0].length;
  if (lines.some((each) => each.length !== width)) throw new Error("lines differ in length");
  if (width < n || width % n) throw new Error(`lines have ${width} numbers, and a step has ${n}`);
  if (width > n) {
    return lines.map((each, number) => ({
      name: `Your series ${number + 1}`,
      series: Array.from({ length: width / n }, (_, t) => each.slice(t * n, (t + 1) * n)),
    }));
  }
  const groups = new Map();
  lines.forEach((each, number) => {
    if (!groups.has(ids[number])) groups.set(ids[number], []);
    groups.get(ids[number]).push(each);
  });
  return [...groups].map(([id, series]) => ({ name: id ? `Your series ${id}` : "Your series", series }));
}

// Calls `take(text)` with what is pasted, opened, or dropped anywhere on the page.
function takeTexts(what, take) {
  byId("paste-label").textContent = what;
  const use = (text) => {
    try {
      take(text);
      complain("");
    } catch (error) {
      complain(`That cannot be read: ${error.message}.`);
    }
  };
  const open = (file) => {
    if (file.size > 2e7) complain("That file is over 20 MB.");
    else file.text().then(use, () => complain("It cannot be opened."));
  };
  byId("use").addEventListener("click", () => use(byId("paste").value));
  byId("file").addEventListener("change", () => {
    if (byId("file").files.length) open(byId("file").files[0]);
    byId("file").value = "";
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) open(files[0]);
    else use(event.dataTransfer.getData("text/plain"));
  });
}

function fillSelect(select, names) {
  select.replaceChildren(...names.map((name, place) => new Option(name, place)));
}
