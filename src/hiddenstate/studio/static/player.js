// The time of a run: a slider over all updates, which plays, and follows a run that is training.

import { h, say } from "./dom.js";
import { t } from "./words.js";
import { isCalm } from "../../web/colors.js";
import { short } from "../../web/numbers.js";

const SECONDS = 12; // how long a whole run plays

export class Player {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.playing = false;
    this.word = "";
    this.button = h("button", { type: "button", class: "round", onclick: () => this.toggle() });
    this.range = h("input", { type: "range", min: 0, step: 1, "aria-label": t("Moment of the run, in updates"), oninput: () => this._moved() });
    this.words = h("output", { class: "moment" });
    this.follow = h("button", { type: "button", class: "follow", onclick: () => { this.stop(); store.follow(); } });
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    this.element = h("div", { class: "player", role: "group", "aria-label": t("Time") },
      this.button, h("div", { class: "track" }, this.marks, this.range), this.words, this.follow);
    store.addEventListener("news", () => this.update());
    store.addEventListener("moment", () => this.update());
    this.update();
  }

  _moved() {
    const step = Number(this.range.value); // stopping sets it to the moment that is shown
    this.stop();
    this.store.show(step);
    say(this.words.textContent);
  }

  /** Plays from the moment shown, or from the start if it is the last. */
  toggle() {
    if (this.playing) {
      this.stop();
      return;
    }
    const { store } = this;
    this.playing = true;
    const from = store.step >= store.newest ? 0 : store.step;
    const begun = performance.now();
    const token = (this.token = {});
    const move = (/** @type {number} */ now) => {
      if (!this.playing || this.token !== token) return;
      const step = from + (Math.max(now - begun, 0) / (1000 * SECONDS)) * store.newest;
      if (step >= store.newest) {
        this.stop();
        store.show(store.newest);
        return;
      }
      store.show(step);
      requestAnimationFrame(move);
    };
    if (isCalm()) store.show(store.newest);
    else requestAnimationFrame(move);
    this.update();
  }

  stop() {
    this.playing = false;
    this.update();
  }

  update() {
    const { store } = this;
    /** @type {string} */
    const word = this.playing ? t("Pause") : t("Play");
    if (this.word !== word) {
      this.word = word;
      this.button.setAttribute("aria-label", word);
      this.button.classList.toggle("playing", this.playing);
    }
    this.range.max = store.end;
    this.range.value = Math.floor(store.step);
    const { line } = store;
    const epoch = line ? line.epoch + 1 : 0;
    const text = t("update {step} of {end}", { step: short(Math.floor(store.step)), end: short(store.end) })
      + (epoch > 1 || (store.logged.length && store.logged[store.logged.length - 1].epoch > 0) ? t(", epoch {epoch}", { epoch }) : "");
    if (this.words.textContent !== text) {
      this.words.textContent = text;
      this.range.setAttribute("aria-valuetext", text);
    }
    this.range.style.setProperty("--read", `${(100 * Math.min(store.step / store.end, 1)).toFixed(2)}%`);
    this.marks.style.setProperty("--made", `${(100 * Math.min(store.newest / store.end, 1)).toFixed(2)}%`);
    this.follow.hidden = store.live && !store.running;
    this.follow.classList.toggle("on", store.live);
    this.follow.textContent = store.running ? (store.live ? t("live") : t("go live")) : t("to the end");
    this.follow.disabled = store.live;
  }
}
