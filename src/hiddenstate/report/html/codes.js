// Controls of the plot: pointer, keys, classes, search and time. All data is inert JSON.

import { RowViewer } from "./rows.js";
import { Space } from "../../web/code_space.js";
import { isDark } from "../../web/colors.js";
import { TimeBar } from "../../web/timebar.js";
import { dress } from "../../web/shapes.js";

(() => {
  /** @type {(id: string) => any} */
  const part = (id) => document.getElementById(id);
  const data = JSON.parse(part("codes-data").textContent);
  const canvas = part("plot-canvas");
  part("plot").hidden = false;
  part("figure-codes").hidden = true; // the plot replaces this picture
  const space = new Space(canvas, data);
  const viewer = new RowViewer((name) => part(`plot-${name}`), data);
  let due = false;

  function repaint() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      space.paint();
    });
  }

  function update() {
    const row = space.hovered >= 0 ? space.hovered : space.chosen;
    const code = row < 0 ? [] : space.code(row).slice(0, data.axes);
    viewer.show(row, code.map((share, axis) => space.number(axis, share, 3)));
    repaint();
  }

  function choose(row) {
    space.chosen = row;
    space.hovered = -1;
    update();
  }

  // Selects the next row, or the previous, that is shown and, after a search, matches.
  function walk(way) {
    const fits = (row) => space.shown[row] && (!space.matches || space.matches.has(row));
    let row = space.chosen < 0 && way < 0 ? 0 : space.chosen;
    for (let n = 0; n < data.points; n += 1) {
      row = (row + way + data.points) % data.points;
      if (fits(row)) return choose(row);
    }
    return undefined;
  }

  // Pointer: dragging rotates, a click selects, hovering over a code shows its row.
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let from = null;
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    from = at(event);
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    if (from) {
      moved += Math.abs(x - from[0]) + Math.abs(y - from[1]);
      canvas.classList.add("turning");
      space.drag(x - from[0], y - from[1]);
      from = [x, y];
      repaint();
      return;
    }
    const row = space.rowAt(x, y);
    if (row !== space.hovered) {
      space.hovered = row;
      update();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = at(event);
    if (from && moved < 4) choose(space.rowAt(x, y));
    from = null;
    canvas.classList.remove("turning");
  });
  canvas.addEventListener("pointercancel", () => {
    from = null;
    canvas.classList.remove("turning");
  });
  canvas.addEventListener("pointerleave", () => {
    if (space.hovered < 0) return;
    space.hovered = -1;
    update();
  });
  // The wheel scrolls the page unless the plot has the focus.
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    space.scale(Math.exp(-event.deltaY * 0.0015));
    repaint();
  }, { passive: false });

  const keys = {
    ArrowLeft: () => space.drag(-14, 0),
    ArrowRight: () => space.drag(14, 0),
    ArrowUp: () => space.drag(0, -14),
    ArrowDown: () => space.drag(0, 14),
    "+": () => space.scale(1.2),
    "=": () => space.scale(1.2),
    "-": () => space.scale(1 / 1.2),
    Home: () => space.home(),
    n: () => walk(1),
    p: () => walk(-1),
    Escape: () => choose(-1),
  };
  canvas.addEventListener("keydown", (event) => {
    const act = keys[event.key] || keys[event.key.toLowerCase()];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    repaint();
  });
  const press = (id, act) => part(id).addEventListener("click", () => {
    act();
    repaint();
  });
  press("plot-in", keys["+"]);
  press("plot-out", keys["-"]);
  press("plot-home", keys.Home);
  press("plot-next", keys.n);
  press("plot-back", keys.p);

  // Classes: one button each, with the colour and the number of codes.
  const buttons = data.names.map((name, kind) => {
    const button = document.createElement("button");
    const dot = document.createElement("i");
    const label = document.createElement("bdi");
    const count = document.createElement("small");
    label.textContent = name;
    count.textContent = data.classes.filter((each) => each === kind).length;
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(dot, label, count);
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(pressed));
      filter();
    });
    return { button, dot, used: count.textContent !== "0" };
  });
  const shownButtons = buttons.filter(({ used }) => used).map(({ button }) => button);
  if (shownButtons.length > 1) {
    for (const [text, pressed] of [["all", "true"], ["none", "false"]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", () => {
        for (const other of buttons) other.button.setAttribute("aria-pressed", pressed);
        filter();
      });
      shownButtons.push(button);
    }
  }
  part("plot-classes").append(...shownButtons);
  part("plot-classes").hidden = shownButtons.length < 2;

  function filter() {
    const wanted = buttons.map(({ button }) => button.getAttribute("aria-pressed") === "true");
    for (let row = 0; row < data.points; row += 1) {
      space.shown[row] = !data.classes || wanted[data.classes[row]] ? 1 : 0;
    }
    if (space.chosen >= 0 && !space.shown[space.chosen]) choose(-1);
    repaint();
  }

  function applyTheme() {
    const colors = data.colors[isDark() ? "dark" : "light"];
    buttons.forEach(({ dot }, kind) => dress(dot, space.lettered() ? 0 : kind, colors[kind]));
    viewer.again();
    repaint();
  }

  // Search: a label, else the number of a row, else part of a label; #7 is only row 7.
  part("plot-search").addEventListener("input", (event) => {
    const query = event.target.value.trim().toLowerCase();
    const label = (row) => (data.classes ? data.names[data.classes[row]].toLowerCase() : "");
    const tests = [
      (row) => label(row) === query,
      (row) => [`${viewer.number(row)}`, `#${viewer.number(row)}`].includes(query),
      (row) => label(row).includes(query),
    ];
    const all = Array.from({ length: data.points }, (_, row) => row);
    const matches = tests.map((fits) => all.filter(fits)).find((rows) => rows.length) || [];
    space.matches = query ? new Set(matches) : null;
    const plural = matches.length === 1 ? "" : "s";
    part("plot-found").textContent = query ? `${matches.length} row${plural} found` : "";
    choose(query && matches.length ? matches[0] : -1);
  });
  part("plot-search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") walk(event.shiftKey ? -1 : 1);
  });

  const time = new TimeBar((name) => part(`plot-${name}`), data, (moment) => {
    space.moment = moment;
    update();
  });

  // Rotation goes on by itself while its button is pressed.
  const turning = part("plot-turn");
  turning.hidden = !space.deep;
  let before = 0;

  function rotate(now) {
    if (turning.getAttribute("aria-pressed") !== "true") return;
    space.turn += (Math.max(now - before, 0) / 1000) * 0.35;
    before = now;
    repaint();
    requestAnimationFrame(rotate);
  }

  turning.addEventListener("click", () => {
    const on = turning.getAttribute("aria-pressed") !== "true";
    turning.setAttribute("aria-pressed", String(on));
    before = performance.now();
    if (on) requestAnimationFrame(rotate);
  });

  if ("ResizeObserver" in window) new ResizeObserver(repaint).observe(canvas);
  canvas.addEventListener("focus", () => {
    if (space.chosen < 0 && canvas.matches(":focus-visible")) walk(1);
  });
  if (data.left_out) {
    const all = (data.points + data.left_out).toLocaleString("en");
    const note = ` The first ${data.points.toLocaleString("en")} of ${all} codes are drawn.`;
    part("plot-help").append(note);
  }
  document.addEventListener("theme", applyTheme);
  applyTheme();
  time.settle();
})();
