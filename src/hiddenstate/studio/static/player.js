// The time of a run: a slider over all updates, which plays, and follows a run that is training.

import { h, say } from "../../web/dom.js";
import { t } from "./words.js";
import { isCalm } from "../../web/colors.js";
import { short } from "../../web/numbers.js";
import { TimeBar } from "../../web/timebar.js";

const SECONDS = 12; // how long a whole run plays

export class Player extends TimeBar {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    const button = h("button", { type: "button", class: "round" });
    const slider = h("input", { type: "range", min: 0, step: 1, "aria-label": t("Moment of the run, in updates") });
    const text = h("output", { class: "moment" });
    super({
      button, slider, text, between: true, show: (step) => store.show(step), seconds: () => (isCalm() ? 0 : SECONDS),
      words: { at: () => this.words(), play: t("Play"), pause: t("Pause") },
    });
    this.store = store;
    slider.addEventListener("input", () => say(text.textContent));
    this.follow = h("button", { type: "button", class: "follow", onclick: () => { this.stop(); store.follow(); } });
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.element = h("div", { class: "player", role: "group", "aria-label": t("Time") },
      button, h("div", { class: "track" }, this.marks, slider), text, this.follow);
    for (const name of ["news", "moment"]) store.addEventListener(name, () => this.update());
    this.update();
  }

  words() {
    const { line, logged, step, end } = this.store;
    const epoch = line ? line.epoch + 1 : 0;
    return t("update {step} of {end}", { step: short(Math.floor(step)), end: short(end) })
      + (epoch > 1 || (logged.length && logged[logged.length - 1].epoch > 0) ? t(", epoch {epoch}", { epoch }) : "");
  }

  update() {
    const { store, bar: { slider } } = this;
    slider.max = String(store.end);
    this.count = store.newest;
    this.at = store.step;
    this.tell();
    slider.style.setProperty("--read", `${(100 * Math.min(store.step / store.end, 1)).toFixed(2)}%`);
    this.marks.style.setProperty("--made", `${(100 * Math.min(store.newest / store.end, 1)).toFixed(2)}%`);
    this.follow.hidden = store.live && !store.running;
    this.follow.classList.toggle("on", store.live);
    this.follow.textContent = store.running ? (store.live ? t("live") : t("go live")) : t("to the end");
    this.follow.disabled = store.live;
  }
}
