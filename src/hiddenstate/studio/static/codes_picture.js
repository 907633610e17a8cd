// The codes in their space: points that move as the codes form, and a point that is moved by hand.

import { fill, h, say } from "../../web/dom.js";
import { classColors } from "./theme.js";
import { Moving, mixed, momentOf } from "./easing.js";
import { Picture, framed } from "./picture.js";
import { t } from "./words.js";
import { CUBE } from "../../web/code_cube.js";
import { CodePlot, fillLegend, turnsWith } from "../../web/code_plot.js";
import { Space, ends } from "../../web/code_space.js";
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
    /** @type {Space|null} */ this.cloud = null;
    this.color = () => {};
    this.picture = new Picture({
      ...framed(store, "codes"),
      name: "cloud",
      draw: (_, width, height) => this.draw(width, height),
    });
    this.moving = new Moving(() => this.picture.paint());
    this.legend = h("div", { class: "legend", role: "group", "aria-label": t("Classes that are shown") });
    this.mode = h("button", { type: "button", "aria-pressed": "false", onclick: () => this.changeMode() }, t("Decode by dragging"));
    this.turning = h("button", { type: "button", "aria-pressed": "false" }, t("Rotate"));
    this.axes = h("span", { class: "axes" });
    this.picture.tools.append(this.axes, this.turning, this.mode);
    this.picture.element.append(this.legend);
    this.plot = new CodePlot(this.picture.canvas, {
      paint: this.picture.paint, choose: (row) => probe.choose(row), go: (code) => probe.go(code), done: () => probe.tell(),
      hover: (row) => { if (row >= 0 && this.cloud) this.picture.note.textContent = `${probe.nameOf(row)}: ${probe.inWords(this.cloud.live, row * this.cloud.size)}`; },
      mode: () => { if (this.cloud && this.cloud.cube) this.changeMode(); },
    });
    turnsWith(this.plot, this.turning);
    document.addEventListener("theme", () => this.color());
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
    const cloud = (this.cloud = this.plot.space = new Space(this.picture.canvas, {
      points, size, classes, names, colors: () => classColors(Math.max(names.length, 1)), word: (n) => t("number {n}", { n }),
    }, CUBE));
    this.probe.begin(points, size, names, classes);
    this.picture.note.textContent = all > points ? t("the first {n} of {all} codes are drawn", { n: short(points), all: short(all) }) : "";
    this.turning.hidden = !cloud.cube;
    this.mode.hidden = !cloud.cube;
    this.walk(!cloud.cube);
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
    this.color = fillLegend(this.legend, cloud, [t("all"), t("none")], this.picture.paint);
    this.color();
  }

  /** @param {boolean} walks whether dragging moves the ring */
  walk(walks) {
    this.plot.walks = walks;
    this.picture.canvas.classList.toggle("walks", walks);
  }

  changeMode() {
    this.walk(!this.plot.walks);
    this.mode.setAttribute("aria-pressed", String(this.plot.walks));
    say(this.plot.walks ? t("Dragging and arrow keys move the code.") : t("Dragging and arrow keys turn the codes."));
  }
}
