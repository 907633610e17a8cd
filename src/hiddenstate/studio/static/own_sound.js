// A sound that a reader drops, chooses or draws, as a net reads it.

import { fill, h, say } from "../../web/dom.js";
import { reasonOf, t } from "./words.js";
import { contextOf, eachFrame, penOf } from "../../web/pen.js";
import { boxesBelow } from "../../web/reading_picture.js";
import { listenWith, tonesOf } from "../../web/listen.js";
import { isSound, soundOf } from "../../web/sound.js";
import { endsOf, soundBoxes } from "../../web/spectrogram.js";
import { TonePen } from "../../web/tone_pen.js";

const MOST_STEPS = 5000;

/**
 * Makes the spectrogram to draw on, the sounds that can be chosen, and the place for a file.
 * @param {import("./own_row.js").Touch} touch
 */
export function soundPad(touch) {
  const form = /** @type {import("./sound_form.js").SoundForm} */ (touch.form);
  const { sound: framing, range } = form;
  /** @type {ArrayLike<number>|null} of the wave of what is read */ let ends = null;
  /** @type {(() => Promise<ArrayLike<number>>)|null} samples of what is read */ let heard = null;
  const canvas = h("canvas", { class: "lanes heard", tabindex: "0", role: "img" });
  const which = h("select", { "aria-label": t("Sound that is read"), onchange: () => touch.choose(Number(which.value)) });
  const button = (/** @type {string} */ text, /** @type {() => void} */ onclick) => h("button", { type: "button", onclick }, text);
  const file = h("input", { type: "file", accept: ".wav,.wave", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const listen = h("button", { type: "button", class: "listen" }, t("Listen"));
  touch.tools.append(which, listen, button(t("Undo the drawing"), () => touch.choose(Number(which.value))), button(t("Silence"), () => {
    [ends, heard] = [null, null];
    touch.take(touch.series.map((step) => step.map(() => range[0])), null, "drawn");
    draw();
  }), button(t("Open a .wav"), () => file.click()), file);
  const rate = { rate: framing.rate.toLocaleString("en"), channels: framing.channels };
  touch.input.append(canvas, h("p", { class: "note" }, framing.channels === 1 ? t("{rate} samples a second, one channel", rate) : t("{rate} samples a second, {channels} channels", rate)));
  touch.verdict.after(touch.reading.picture.element);
  touch.which = which;
  /** Returns the box of the sound, with its time above that of the reading below. */
  const boxed = () => {
    const [[x, , wide]] = boxesBelow(contextOf(canvas), canvas.clientWidth, canvas.clientHeight, [1], form.classes);
    return [x, 1, wide, canvas.clientHeight - 2];
  };
  const draw = eachFrame(() => {
    if (!canvas.clientWidth || !touch.series.length) return;
    const pen = penOf(canvas);
    form.drawRead(pen, boxed(), touch.series, ends, Math.min(touch.reading.read, touch.series.length));
    tones.mark(pen);
    canvas.setAttribute("aria-label", t("Sound of {seconds}. The arrow keys choose a place, the space bar draws a tone there, Delete silences it. {answer}", { seconds: form.seconds(touch.series.length), answer: touch.label.textContent }));
  });
  const tones = new TonePen(canvas, { framing, range, series: () => touch.series, draw,
    boxes: () => soundBoxes(boxed(), { framing, series: touch.series, range, ends }).bands,
    changed: (done) => {
      [ends, heard] = [null, null];
      draw();
      touch.player.stop();
      touch.truth = null;
      if (done) touch.read(true);
      else if (!touch.slow) drawnSoon();
    } });
  const drawnSoon = eachFrame(() => touch.read(false, 6));
  touch.drawInput = draw;
  touch.chosen = (place) => {
    const { row, samples, series } = touch.sources[place];
    ends = samples ? endsOf(samples) : form.ends(/** @type {number} */ (row), series.length);
    heard = samples ? async () => samples : () => form.heard(/** @type {number} */ (row), series.length, series);
  };
  const walk = touch.walk.bind(touch);
  touch.walk = (at) => { walk(at); draw(); };
  listenWith(listen, touch.player, async () => ({ samples: heard ? await heard() : tonesOf(touch.series, framing), rate: framing.rate }),
    (why) => touch.complain(why && t("This browser cannot play it: {why}", { why })));
  const open = async (/** @type {File} */ given) => {
    try {
      if (!isSound(given)) throw new Error(t("not a WAV file; convert it: ffmpeg -i IN OUT.wav"));
      const { sound: { samples }, series } = await soundOf(given, framing);
      if (series.length > MOST_STEPS) throw new Error(t("it is longer than {seconds}", { seconds: form.seconds(MOST_STEPS) }));
      const mean = Float32Array.from(samples[0].subarray(0, series.length * framing.frame), (_, at) => samples.reduce((sum, each) => sum + each[at], 0) / samples.length);
      touch.sources = [{ name: given.name, series, truth: null, samples: mean }, ...touch.sources.filter((each) => !each.samples)];
      offer();
      touch.choose(0);
      say(t("{name} is read", { name: given.name }));
    } catch (error) {
      touch.complain(t("{name} cannot be read: {why}", { name: given.name, why: reasonOf(/** @type {Error} */ (error)) }));
    }
  };
  file.addEventListener("change", () => { if (file.files.length) open(file.files[0]); file.value = ""; });
  touch.element.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
  touch.element.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const dropped = event.dataTransfer && event.dataTransfer.files[0];
    if (dropped) open(dropped);
  });
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("theme", draw);
  const offer = () => fill(which, touch.sources.map(({ name }, place) => h("option", { value: place }, name)));
  offer();
  touch.choose(0);
}
