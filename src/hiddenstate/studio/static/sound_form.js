// Sounds: the rows of a run that are heard, drawn as spectrograms below their waves.

import { h } from "../../web/dom.js";
import { getArrays } from "./api.js";
import { RowForm } from "./rows.js";
import { speak, t } from "./words.js";
import { penOf } from "../../web/pen.js";
import { levelRange } from "../../web/numbers.js";
import { fromBytes } from "../../web/framing.js";
import { drawBands, drawSound, soundBoxes } from "../../web/spectrogram.js";
import { TimeBar } from "../../web/timebar.js";

await speak("sounds");

export class SoundForm extends RowForm {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    super(store);
    this.store = store;
    /** @type {import("../../web/framing.js").Framing} */ this.sound = store.details.shown.sound;
    this.range = levelRange(this.view.low, this.view.high);
    this.waveEnds = store.fixed.wave_ends || null;
    /** @type {Promise<Record<string, import("./api.js").NamedArray>>|null} */ this.waves = null;
  }

  /** What steps are called, from one up to another. @param {number} from @param {number} to */
  span = (from, to) => `${this.seconds(from)} – ${this.seconds(to)}`;

  /** The seconds of so many steps. @param {number} steps */
  seconds(steps) { return `${((steps * this.sound.frame) / this.sound.rate).toFixed(2)} s`; }

  /** @param {number} step @param {number} [all] */
  decided(step, all) {
    return all ? t("decided after {step} of {all}", { step: this.seconds(step), all: this.seconds(all) }) : t("decided after {step}", { step: this.seconds(step) });
  }

  /** @param {number} at @param {number} count */
  place(at, count) { return t("{at} of {count}", { at: this.seconds(at), count: this.seconds(count) }); }

  /** @param {number} row */
  name(row) { return t("Sound {row}: {label}", { row: row + 1, label: this.classes[this.labels[row]] }); }

  /**
   * Returns the ends of the wave of a row that is shown, if the run has it.
   * @param {number} row
   * @param {number} length steps of it
   */
  ends(row, length) {
    if (!this.waveEnds || row >= this.waveEnds.shape[0]) return null;
    const parts = this.waveEnds.shape[1];
    const first = 2 * row * parts;
    return fromBytes(this.waveEnds.data.subarray(first, first + 2 * Math.max(1, Math.round((parts * length) / this.steps))));
  }

  /**
   * Returns the samples of a row that is shown; null if the run does not have them.
   * @param {number} row
   * @param {number} length
   */
  async samples(row, length) {
    this.waves ||= getArrays(this.store.id, "waves");
    const { wave } = await this.waves;
    if (!wave || row >= wave.shape[0]) return null;
    return fromBytes(wave.data.subarray(row * wave.shape[1], row * wave.shape[1] + length * this.sound.frame));
  }

  /**
   * Draws a sound as far as it is read.
   * @param {CanvasRenderingContext2D} pen
   * @param {import("../../web/pen.js").Box} box
   * @param {ArrayLike<number>[]} series
   * @param {ArrayLike<number>|null} ends
   * @param {number} read
   */
  drawRead(pen, box, series, ends, read) {
    drawSound(pen, box, { framing: this.sound, series, range: this.range, ends }, read);
  }

  /**
   * Returns the box of the spectrogram of each channel in that of a reading.
   * @param {import("../../web/pen.js").Box} box
   * @param {import("./reading.js").Trace} trace
   */
  bandBoxes(box, { ends = null }) { return soundBoxes(box, { framing: this.sound, series: [], range: this.range, ends }).bands; }

  /** @param {CanvasRenderingContext2D} pen @param {import("../../web/pen.js").Box} box @param {ArrayLike<number>} flat */
  draw(pen, box, flat) {
    drawBands(pen, box, { framing: this.sound, series: this.series(flat), range: this.range, ends: null }, 0, 1);
  }

  /** @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} flat */
  paint(canvas, flat) { this.draw(penOf(canvas), [0, 0, canvas.clientWidth, canvas.clientHeight], flat); }

  /**
   * Makes a button that plays the row of a reading, which moves along.
   * @param {import("./reading.js").Reading} reading
   * @param {() => number} row
   */
  listener(reading, row) {
    const button = h("button", { type: "button", class: "listen" }, t("Listen"));
    const bar = new TimeBar({ button: h("button"), slider: h("input"), text: h("output"), seconds: () => 0, words: { at: String, play: "", pause: "" }, show: (at) => {
      reading.read = at >= bar.count ? Infinity : at;
      reading.picture.paint();
    } });
    button.addEventListener("click", async () => {
      const { listenWith } = await import("../../web/listen.js");
      listenWith(button, bar, async () => {
        const { length } = /** @type {import("./reading.js").Trace} */ (reading.trace);
        bar.set(length);
        return { samples: await this.heard(row(), length, this.series(this.flat(row()))), rate: this.sound.rate };
      }, (why) => { if (why) reading.picture.note.textContent = t("This browser cannot play it: {why}", { why }); });
      button.click();
    }, { once: true });
    return { element: button, stop: () => bar.stop() };
  }

  /**
   * Returns what is heard of a row: its samples, or tones of its bands.
   * @param {number} row
   * @param {number} length
   * @param {ArrayLike<number>[]} series
   */
  async heard(row, length, series) {
    const { tonesOf } = await import("../../web/listen.js");
    return (await this.samples(row, length)) || tonesOf(series, this.sound);
  }
}
