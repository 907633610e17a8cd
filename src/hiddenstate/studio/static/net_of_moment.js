// The net of the moment that is shown, as far as it is here.

import { t } from "./words.js";

const APART = 600; // milliseconds between two nets while time moves

export class Nets {
  /**
   * @param {import("./store.js").Store} store
   * @param {() => void} changed called when there is another net
   */
  constructor(store, changed) {
    this.store = store;
    this.changed = changed;
    /** @type {import("../../web/net.js").Model|null} */ this.model = null;
    /** @type {string|number|null} updates after which the net had these weights, or "final" */ this.step = null;
    this.asked = 0;
    this.waiting = 0;
    this.problem = "";
    store.addEventListener("moment", () => this.look());
    this.look();
  }

  /** Asks for the net of the moment, unless it is here: not more often than can be seen. */
  look() {
    const which = this.store.netAt;
    if (which === null || which === this.step || this.waiting) return;
    const wait = Math.max(this.asked + APART - performance.now(), 0);
    this.waiting = window.setTimeout(async () => {
      this.asked = performance.now();
      try {
        const net = await this.store.net();
        this.problem = "";
        if (net && net.step !== this.step) {
          this.model = net.model;
          this.step = net.step;
          this.changed();
        }
      } catch (error) {
        this.problem = /** @type {Error} */ (error).message;
        this.changed();
        return;
      } finally {
        this.waiting = 0;
      }
      this.look();
    }, wait);
  }

  /** Says of which update the weights are. */
  words() {
    if (this.problem) return this.problem;
    if (this.step === null) return t("the weights come with the first snapshot");
    return this.step === "final" ? t("with the weights of the end") : t("with the weights after update {step}", { step: this.step });
  }
}
