// What every job needs: the model, its colours, and charts.

const DATA = JSON.parse(document.getElementById("model-data").textContent);
const VIEW = DATA.view;
const ABOUT = DATA.about;
const model = new Model(unpacked(DATA.program));
const PROGRAM = model.program;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

const byId = (id) => document.getElementById(id);
const colorOf = (role) => getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();
const classColor = (place) => {
  const colors = VIEW.colors[isDark() ? "dark" : "light"];
  return colors[place % colors.length];
};
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const short = (value) => (Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3)
  ? value.toExponential(2) : String(Number(value.toPrecision(4))));
const percent = (share) => `${share >= 0.9995 ? 100 : (100 * share).toFixed(share > 0.1 ? 0 : 1)} %`;

function say(text) {
  byId("spoken").textContent = text;
}

function complain(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

// Calls `draw` once before the next frame, however often it is asked for.
function eachFrame(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

// Draws anew when the theme changes, or the size of a canvas.
function redrawWith(draw, canvas) {
  new ResizeObserver(eachFrame(draw)).observe(canvas);
  document.addEventListener("theme", draw);
}

// Returns the rows of the run, each a list of steps, without the gaps after its end.
function rowsOfRun() {
  if (!VIEW.rows) return [];
  const { shape } = VIEW.rows;
  const values = numbersOf(VIEW.rows);
  const width = shape[shape.length - 1];
  const length = shape.length === 3 ? shape[1] : 1;
  return Array.from({ length: shape[0] }, (_, row) => {
    const steps = Array.from({ length }, (__, t) => {
      const from = (row * length + t) * width;
      return values.slice(from, from + width);
    });
    while (steps.length > 1 && steps[steps.length - 1].every(Number.isNaN)) steps.pop();
    return steps;
  });
}

const mixed = (from, to, share) => from.map((part, i) => part + (to[i] - part) * share);

// Paints a table of numbers from -1 to 1: blue below 0, red above it, or from 0 to 1 in blue alone.
function heat(pen, [x, y, wide, tall], rows, columns, valueAt) {
  if (!rows || !columns) return;
  const cells = document.createElement("canvas");
  cells.width = columns;
  cells.height = rows;
  const own = cells.getContext("2d");
  const image = own.createImageData(columns, rows);
  const [paper, low, high] = ["paper", "prediction", "target"].map((role) => rgb(colorOf(role)));
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = clamp(valueAt(row, column), -1, 1) || 0;
      const color = mixed(paper, value < 0 ? low : high, Math.abs(value));
      image.data.set([...color, 255], 4 * (row * columns + column));
    }
  }
  own.putImageData(image, 0, 0);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(cells, x, y, wide, tall);
}

// Draws a line through points, lifting the pen at what is not a number.
function line(pen, points, color, width = 1.5, dash = []) {
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.beginPath();
  let down = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) down = false;
    else if (down) pen.lineTo(x, y);
    else {
      pen.moveTo(x, y);
      down = true;
    }
  }
  pen.stroke();
  pen.setLineDash([]);
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

function write(pen, text, x, y, color, align = "left", size = 12) {
  pen.font = `${size}px ${FONT}`;
  pen.textAlign = align;
  pen.fillStyle = color;
  pen.fillText(text, x, y);
}

// Writes a text on a ground of its own.
function tag(pen, text, x, y, color, align = "left") {
  pen.font = `12px ${FONT}`;
  const wide = pen.measureText(text).width;
  pen.fillStyle = colorOf("ground");
  pen.fillRect((align === "right" ? x - wide : x) - 3, y - 11, wide + 6, 15);
  write(pen, text, x, y, color, align);
}

function frame(pen, [x, y, wide, tall]) {
  pen.strokeStyle = colorOf("faint");
  pen.lineWidth = 1;
  pen.strokeRect(x + 0.5, y + 0.5, wide - 1, tall - 1);
}

// The largest absolute value of states, at least a quarter; those of relu have no bound.
function greatest(states) {
  let most = 0.25;
  for (const state of states) for (const value of state) most = Math.max(most, Math.abs(value));
  return most;
}
