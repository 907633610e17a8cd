// Moves a plot of codes: by pointer, wheel and keys, by itself, and with a legend that filters.

import { isCalm } from "./colors.js";
import { h } from "./dom.js";
import { dress } from "./shapes.js";

/** @import { Space } from "./code_space.js" */
/**
 * What a page does with what is pointed at.
 * @typedef {object} Acts
 * @property {() => void} paint
 * @property {(row: number) => void} choose gets a row; -1 for none, if there is no ring
 * @property {(row: number) => void} [hover] gets a row, or -1
 * @property {(code: Float64Array) => void} [go] gets any code: there is a ring that can be dragged
 * @property {() => void} [done] called when a code is chosen
 * @property {() => void} [mode] changes what dragging does
 */

const SPEED = 0.35; // radians a second
/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The controls of a canvas, of whatever codes it shows. */
export class CodePlot {
  /** @param {HTMLCanvasElement} canvas @param {Acts} acts */
  constructor(canvas, acts) {
    this.acts = acts;
    /** @type {Space|null} */ this.space = null;
    this.walks = false; // whether dragging and arrow keys move the ring
    /** @type {Map<number, number[]>} pointers that are down */ this.down = new Map();
    this.moved = this.apart = 0;
    this.ring = false; // whether the ring is dragged
    canvas.addEventListener("pointerdown", (event) => this.press(event, canvas));
    canvas.addEventListener("pointermove", (event) => this.move(event, canvas));
    canvas.addEventListener("pointerup", (event) => this.lift(event, canvas));
    for (const name of /** @type {const} */ (["pointercancel", "pointerleave"])) {
      canvas.addEventListener(name, (event) => {
        this.down.delete(event.pointerId);
        this.hover(-1);
      });
    }
    canvas.addEventListener("wheel", (event) => {
      // The wheel scrolls the page unless the plot has the focus.
      if (!this.space || (document.activeElement !== canvas && !event.ctrlKey)) return;
      event.preventDefault();
      this.space.scale(Math.exp(-event.deltaY * 0.0015));
      acts.paint();
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.key(event.key, event.shiftKey)) return;
      event.preventDefault();
      acts.paint();
    });
  }

  spread() {
    const [a, b] = [...this.down.values()];
    return Math.hypot(a[0] - b[0], a[1] - b[1]);
  }

  /** @param {PointerEvent} event @param {HTMLCanvasElement} canvas */
  press(event, canvas) {
    const { space } = this;
    if (event.button || !space) return;
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = placeOf(event, canvas);
    this.down.set(event.pointerId, [x, y]);
    if (this.down.size === 2) this.apart = this.spread();
    this.moved = 0;
    this.ring = false;
    this.hover(-1);
    if (space.probe && this.acts.go) {
      const [u, v] = space.place(space.share(space.probe));
      this.ring = this.walks || Math.hypot(u - x, v - y) < (event.pointerType === "touch" ? 26 : 15);
    }
  }

  /** @param {PointerEvent} event @param {HTMLCanvasElement} canvas */
  move(event, canvas) {
    const { space, acts } = this;
    if (!space) return;
    const [x, y] = placeOf(event, canvas);
    const from = this.down.get(event.pointerId);
    if (!from) {
      this.hover(event.pointerType === "mouse" ? space.rowAt(x, y) : -1);
      return;
    }
    this.down.set(event.pointerId, [x, y]);
    this.moved += Math.abs(x - from[0]) + Math.abs(y - from[1]);
    if (this.down.size > 1) {
      space.scale(this.spread() / (this.apart || 1));
      this.apart = this.spread();
    } else if (!this.ring) space.drag(x - from[0], y - from[1]);
    else if (acts.go && space.probe && this.moved > 3) acts.go(space.codeAt(x, y, space.probe));
    acts.paint();
  }

  /** @param {PointerEvent} event @param {HTMLCanvasElement} canvas */
  lift(event, canvas) {
    const { space, acts } = this;
    if (!this.down.delete(event.pointerId) || this.down.size || !space) return;
    const clicked = this.moved < 4;
    if (clicked) {
      const [x, y] = placeOf(event, canvas);
      const row = space.rowAt(x, y);
      if (acts.go && row < 0) acts.go(space.codeAt(x, y, this.walks && space.probe ? space.probe : space.codeNear(x, y)));
      else acts.choose(row);
      acts.paint();
    }
    if (acts.done && (clicked || this.ring)) acts.done();
  }

  /** @param {number} row */
  hover(row) {
    const { space, acts } = this;
    if (!space || !acts.hover || space.hovered === row) return;
    space.hovered = row;
    acts.hover(row);
    acts.paint();
  }

  /** Does what a key stands for; returns whether it stands for anything. @param {string} key */
  key(key, fine = false) {
    const { space, acts } = this;
    if (!space) return false;
    const way = WAYS[key];
    const letter = key.toLowerCase();
    if (way && this.walks && space.probe && acts.go) {
      const [x, y] = space.place(space.share(space.probe));
      const far = fine ? 2 : 10;
      acts.go(space.codeAt(x + way[0] * far, y + way[1] * far, space.probe));
      if (acts.done) acts.done();
    } else if (way) space.drag(way[0] * 14, way[1] * 14);
    else if (key === "+" || key === "=") space.scale(1.2);
    else if (key === "-") space.scale(1 / 1.2);
    else if (key === "Home") space.home();
    else if (letter === "d" && acts.mode) acts.mode();
    else if (key === "Escape" && !acts.go) acts.choose(-1);
    else if (letter === "n" || letter === "p") return this.step(letter === "n" ? 1 : -1);
    else return false;
    return true;
  }

  /** Chooses the next row, or the previous, that is shown and matches a search. @param {1|-1} way */
  step(way) {
    const { space, acts } = this;
    if (!space) return false;
    const { points } = space.data;
    let row = Math.max(acts.go ? space.row : space.chosen, way > 0 ? -1 : 0);
    for (let tries = 0; tries < points; tries += 1) {
      row = (row + way + points) % points;
      if (space.isFaded(row)) continue;
      space.row = row;
      acts.choose(row);
      if (acts.done) acts.done();
      break;
    }
    return true;
  }
}

/**
 * Lets a button turn the codes by themselves while it is pressed.
 * @param {CodePlot} plot
 * @param {HTMLElement} button
 */
export function turnsWith(plot, button) {
  let before = 0;
  /** @param {number} now */
  const turn = (now) => {
    if (!plot.space || button.getAttribute("aria-pressed") !== "true" || !button.isConnected) return;
    plot.space.turn += (Math.max(now - before, 0) / 1000) * SPEED;
    before = now;
    plot.acts.paint();
    requestAnimationFrame(turn);
  };
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    before = performance.now();
    if (on && !isCalm()) requestAnimationFrame(turn);
  });
}

/** @param {PointerEvent} event @param {HTMLElement} element */
function placeOf(event, element) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/**
 * Fills a place with a button for each class that there is, with its shape, colour and number of
 * codes, which shows or hides its codes; hides the place if there are fewer than two.
 * @param {HTMLElement} place
 * @param {Space} space
 * @param {[all: string, none: string]} words
 * @param {() => void} changed called after a change
 * @returns {() => void} what colours the buttons anew
 */
export function fillLegend(place, space, words, changed) {
  const { names, classes } = space.data;
  const counts = names.map((_, kind) => (classes || []).filter((each) => each === kind).length);
  const made = names.map((name, kind) => {
    const dot = h("i");
    const button = h("button", { title: name, "aria-pressed": "true", onclick: () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      filter();
    } }, dot, h("bdi", {}, name), h("small", {}, counts[kind]));
    return { button, dot };
  });
  const filter = () => {
    const wanted = made.map(({ button }) => button.getAttribute("aria-pressed") === "true");
    for (let row = 0; row < space.data.points; row += 1) space.shown[row] = classes && !wanted[classes[row]] ? 0 : 1;
    changed();
  };
  const buttons = made.filter((_, kind) => counts[kind]).map(({ button }) => button);
  place.hidden = buttons.length < 2;
  words.forEach((word, off) => buttons.push(h("button", { onclick: () => {
    for (const each of made) each.button.setAttribute("aria-pressed", String(!off));
    filter();
  } }, word)));
  for (const button of buttons) button.setAttribute("type", "button");
  place.replaceChildren(...buttons);
  return () => {
    const colors = space.data.colors();
    made.forEach(({ dot }, kind) => dress(dot, space.lettered() ? 0 : kind, colors[kind]));
  };
}
