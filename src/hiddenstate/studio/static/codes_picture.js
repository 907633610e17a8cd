// The codes in their space: points that move as the codes form, and a point that is moved by hand.

import { Cloud, ends, middleOf } from "./cloud.js";
import { fill, h, say } from "./dom.js";
import { classColors } from "./theme.js";
import { Moving, mixed, momentOf } from "./easing.js";
import { Picture } from "./picture.js";
import { t } from "./words.js";
import { dress } from "../../web/shapes.js";
import { isCalm } from "../../web/colors.js";
import { short } from "../../web/numbers.js";

const MOST = 2000; // codes that are drawn, the first ones

/** The picture of the codes, its legend and what moves in it. */
export class CodesPicture {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./code_probe.js").Probe} probe
   */
  constructor(store, probe) {
    this.store = store;
    this.probe = probe;
    /** @type {Cloud|null} */ this.cloud = null;
    this.picture = new Picture({
      title: t("Codes: rows that are alike come together"),
      caption: t("Each point is a row, pressed into the numbers of its code. Drag to turn, click a point to look at its row, drag the ring to see what other codes decode to. Keys: arrows turn or move, + and - zoom, N and P choose a row, D changes what dragging does, Home resets."),
      empty: t("The codes appear with the first snapshot, in a tangle that training unfolds."),
      name: "cloud",
      draw: (_, width, height) => this.draw(width, height),
      onkey: (key, event) => this.key(key, event),
    });
    this.moving = new Moving(() => this.picture.paint());
    this.walks = false; // whether dragging moves the ring
    this.legend = h("div", { class: "legend", role: "group", "aria-label": t("Classes that are shown") });
    this.mode = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.changeMode() }, t("Decode by dragging"));
    this.turning = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.rotate() }, t("Rotate"));
    this.axes = h("span", { class: "axes" });
    this.picture.tools.append(this.axes, this.turning, this.mode);
    this.picture.element.append(this.legend);
    this.pointers();
  }

  /** @param {number} width @param {number} height */
  draw(width, height) {
    const { cloud } = this;
    if (!cloud || !width || !height) return;
    const [live, low, high] = ["code", "low", "high"].map((name) => this.moving.get(name));
    if (!live || !low || !high) return;
    cloud.live = live;
    cloud.low = low;
    cloud.high = high;
    this.probe.follow(cloud);
    cloud.paint();
  }

  /** Takes the codes of the moment. */
  update() {
    const moment = momentOf(this.store);
    const code = moment && moment.before.code;
    if (!moment || !code) return;
    const [all, size] = code.shape;
    const points = Math.min(all, MOST);
    if (!this.cloud || this.cloud.data.points !== points || this.cloud.size !== size) this.begin(points, size, all);
    const live = /** @type {Float64Array} */ (mixed(moment, "code", 0, points * size));
    for (let i = 0; i < live.length; i += 1) if (!Number.isFinite(live[i])) live[i] = 0;
    const { snapshots } = this.store;
    const last = this.store.arrays(snapshots[snapshots.length - 1]);
    const [low, high] = ends([live, last && last.code ? /** @type {any} */ (last.code.data).subarray(0, points * size) : live], size);
    const first = !this.picture.ready;
    this.moving.set("low", low, first);
    this.moving.set("high", high, first);
    this.moving.set("code", live, first);
    if (first) {
      this.picture.setReady(true);
      this.probe.choose(0);
    }
    this.picture.describe(t("{n} codes of {size} numbers after update {step}. {what}", { n: points, size, step: moment.step, what: this.probe.words() }));
    this.picture.paint();
  }

  /**
   * @param {number} points
   * @param {number} size
   * @param {number} all
   */
  begin(points, size, all) {
    const { fixed, details } = this.store;
    const label = fixed.code_label;
    /** @type {string[]} */
    const names = label && details.shown.classes.length ? details.shown.classes.map(String) : [];
    const classes = names.length ? Array.from(label.data.subarray(0, points), (kind) => Math.min(Number(kind), names.length - 1)) : null;
    const cloud = (this.cloud = new Cloud(this.picture.canvas, points, size, classes, names));
    this.probe.begin(points, size, names, classes);
    this.picture.note.textContent = all > points ? t("the first {n} of {all} codes are drawn", { n: short(points), all: short(all) }) : "";
    this.turning.hidden = !cloud.deep;
    this.walks = !cloud.deep;
    this.mode.hidden = !cloud.deep;
    this.picture.canvas.classList.toggle("walks", this.walks);
    fill(this.axes);
    if (size > 3) {
      cloud.use.forEach((which, axis) => {
        const select = h("select", { "aria-label": t("number on axis {n}", { n: axis + 1 }), onchange: () => {
          cloud.use[axis] = Number(select.value);
          this.picture.paint();
        } }, Array.from({ length: size }, (_, n) => h("option", { value: n }, String(n + 1))));
        select.value = String(which);
        this.axes.append(select);
      });
    }
    this.begun(names, classes);
  }

  /**
   * Makes the legend, which filters.
   * @param {string[]} names
   * @param {number[]|null} classes
   */
  begun(names, classes) {
    const cloud = /** @type {Cloud} */ (this.cloud);
    const counts = names.map(() => 0);
    for (const kind of classes || []) counts[kind] += 1;
    /** @type {{button: any, dot: HTMLElement, kind: number}[]} */
    const buttons = [];
    const filter = () => {
      const wanted = new Set(buttons.filter(({ button }) => button.getAttribute("aria-pressed") === "true").map(({ kind }) => kind));
      cloud.shown.forEach((_, row) => { cloud.shown[row] = classes && wanted.has(classes[row]) ? 1 : 0; });
      this.picture.paint();
    };
    names.forEach((name, kind) => {
      if (!counts[kind]) return;
      const dot = h("i");
      const button = h("button", { type: "button", "aria-pressed": "true", title: name, onclick: () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
        filter();
      } }, dot, h("bdi", {}, name), h("small", {}, String(counts[kind])));
      buttons.push({ button, dot, kind });
    });
    const all = (/** @type {boolean} */ on) => {
      for (const { button } of buttons) button.setAttribute("aria-pressed", String(on));
      filter();
    };
    fill(this.legend, buttons.length > 1 && [...buttons.map(({ button }) => button),
      h("button", { type: "button", onclick: () => all(true) }, t("all")), h("button", { type: "button", onclick: () => all(false) }, t("none"))]);
    this.legend.hidden = buttons.length < 2;
    const color = () => {
      const colors = classColors(Math.max(names.length, 1));
      for (const { dot, kind } of buttons) dress(dot, cloud.lettered() ? 0 : kind, colors[kind]);
    };
    document.addEventListener("theme", color);
    color();
  }

  changeMode() {
    this.walks = !this.walks;
    this.mode.setAttribute("aria-pressed", String(this.walks));
    this.picture.canvas.classList.toggle("walks", this.walks);
    say(this.walks ? t("Dragging and arrow keys move the code.") : t("Dragging and arrow keys turn the codes."));
  }

  /** Turns by itself while its button is pressed. */
  rotate() {
    const on = this.turning.getAttribute("aria-pressed") !== "true";
    this.turning.setAttribute("aria-pressed", String(on));
    let before = performance.now();
    const move = (/** @type {number} */ now) => {
      if (!this.cloud || this.turning.getAttribute("aria-pressed") !== "true" || !this.turning.isConnected) return;
      this.cloud.turn += (Math.max(now - before, 0) / 1000) * 0.35;
      before = now;
      this.picture.paint();
      requestAnimationFrame(move);
    };
    if (on && !isCalm()) requestAnimationFrame(move);
  }

  /** Dragging turns, or moves the ring; two fingers or the wheel zoom; a click chooses. */
  pointers() {
    const { canvas } = this.picture;
    /** @type {Map<number, [number, number]>} */
    const down = new Map();
    let [moved, ring, apart] = [0, false, 0];
    const at = (/** @type {PointerEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      return /** @type {[number, number]} */ ([event.clientX - box.left, event.clientY - box.top]);
    };
    const spread = () => {
      const [a, b] = [...down.values()];
      return Math.hypot(a[0] - b[0], a[1] - b[1]);
    };
    const move = (/** @type {number} */ x, /** @type {number} */ y) => {
      const { cloud, probe } = this;
      if (cloud && probe.code) probe.go(cloud.codeAt(x, y, probe.code));
      this.picture.paint();
    };
    canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      const { cloud } = this;
      if (event.button || !cloud) return;
      canvas.setPointerCapture(event.pointerId);
      const [x, y] = at(event);
      down.set(event.pointerId, [x, y]);
      if (down.size === 2) apart = spread();
      moved = 0;
      ring = false;
      cloud.hovered = -1;
      if (cloud.probe) {
        const [u, v] = cloud.place(cloud.share(cloud.probe));
        ring = this.walks || Math.hypot(u - x, v - y) < (event.pointerType === "touch" ? 26 : 15);
      }
    });
    canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      const { cloud } = this;
      if (!cloud) return;
      const [x, y] = at(event);
      const from = down.get(event.pointerId);
      if (!from) {
        this.hover(event.pointerType === "mouse" ? cloud.rowAt(x, y) : -1);
        return;
      }
      down.set(event.pointerId, [x, y]);
      moved += Math.abs(x - from[0]) + Math.abs(y - from[1]);
      if (down.size > 1) {
        cloud.scale(spread() / (apart || 1));
        apart = spread();
        this.picture.paint();
      } else if (ring && moved > 3) {
        move(x, y);
      } else if (!ring) {
        cloud.drag(x - from[0], y - from[1]);
        this.picture.paint();
      }
    });
    canvas.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
      const { cloud, probe } = this;
      const known = down.delete(event.pointerId);
      if (!cloud || !known || down.size) return;
      const [x, y] = at(event);
      if (moved < 4) {
        const row = cloud.rowAt(x, y);
        if (row >= 0) probe.choose(row);
        else {
          const nearest = this.nearest(x, y);
          const start = nearest < 0 || Math.hypot(cloud.places[3 * nearest] - x, cloud.places[3 * nearest + 1] - y) > 90
            ? middleOf(cloud) : cloud.live.subarray(nearest * cloud.size, (nearest + 1) * cloud.size);
          probe.go(cloud.codeAt(x, y, start));
        }
        this.picture.paint();
      }
      if (ring || moved < 4) probe.tell();
    });
    for (const name of ["pointercancel", "pointerleave"]) {
      canvas.addEventListener(name, (/** @type {PointerEvent} */ event) => { down.delete(event.pointerId); this.hover(-1); });
    }
    canvas.addEventListener("wheel", (/** @type {WheelEvent} */ event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return; // the wheel scrolls the page
      event.preventDefault();
      if (this.cloud) this.cloud.scale(Math.exp(-event.deltaY * 0.0015));
      this.picture.paint();
    }, { passive: false });
  }

  /** @param {number} x @param {number} y */
  nearest(x, y) {
    const { places, shown } = /** @type {Cloud} */ (this.cloud);
    let [best, least] = [-1, Infinity];
    for (let row = 0; row < shown.length; row += 1) {
      const away = shown[row] ? Math.hypot(places[3 * row] - x, places[3 * row + 1] - y) : Infinity;
      if (away < least) [best, least] = [row, away];
    }
    return best;
  }

  /** @param {number} row */
  hover(row) {
    const { cloud } = this;
    if (!cloud || cloud.hovered === row) return;
    cloud.hovered = row;
    if (row >= 0) this.picture.note.textContent = `${this.probe.nameOf(row)}: ${this.probe.inWords(cloud.live, row * cloud.size)}`;
    this.picture.paint();
  }

  /** @param {string} key @param {KeyboardEvent} event */
  key(key, event) {
    const { cloud, probe } = this;
    if (!cloud) return false;
    const ways = /** @type {Record<string, number[]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] });
    const way = ways[key];
    if (way && this.walks && probe.code) {
      const point = cloud.share(probe.code);
      const [x, y] = cloud.place(point);
      const far = event.shiftKey ? 2 : 10;
      probe.go(cloud.codeAt(x + way[0] * far, y + way[1] * far, probe.code));
      probe.tell();
    } else if (way) cloud.drag(way[0] * 14, way[1] * 14);
    else if (key === "+" || key === "=") cloud.scale(1.2);
    else if (key === "-") cloud.scale(1 / 1.2);
    else if (key === "Home") cloud.home();
    else if (key.toLowerCase() === "d" && cloud.deep) this.changeMode();
    else if (key.toLowerCase() === "n" || key.toLowerCase() === "p") {
      const step = key.toLowerCase() === "n" ? 1 : -1;
      const { points } = cloud.data;
      let row = Math.max(probe.row, step > 0 ? -1 : 0);
      for (let tries = 0; tries < points; tries += 1) {
        row = (row + step + points) % points;
        if (cloud.shown[row]) break;
      }
      probe.choose(row);
      probe.tell();
    } else return false;
    this.picture.paint();
    return true;
  }
}
