// Sounds: reads a WAV file, and cuts it into the steps that a model reads, as `data/framing` does.

import { edgesOf } from "./framing.js";
import { Refusal } from "./words.js";

/** @import { Framing } from "./framing.js" */
/** @typedef {{ samples: Float64Array[], rate: number, exact: boolean }} Sound Samples of each channel; `exact` if they are of more than 32 bits. */

const FORMATS = { PCM: 1, FLOAT: 3, EXTENSIBLE: 0xfffe };
const QUIET = 1e-10; // power that is added before the logarithm
const LARGEST = 20e6; // bytes

/** Whether a file is named as a sound, or said to be one. @param {File} file */
export const isSound = (file) => /\.wave?$/i.test(file.name) || /^audio\//.test(file.type);

/**
 * Reads the samples of a WAV file.
 * @param {ArrayBuffer} buffer
 * @returns {Sound}
 */
export function readWav(buffer) {
  const view = new DataView(buffer);
  const name = (/** @type {number} */ at) => (at + 4 > buffer.byteLength ? "" : String.fromCharCode(...new Uint8Array(buffer, at, 4)));
  if (name(0) !== "RIFF" || name(8) !== "WAVE") throw new Refusal("not a WAV file; convert it: ffmpeg -i IN OUT.wav");
  const cut = () => new Refusal("damaged or cut off; save or copy it again");
  let [form, from, length] = [0, 0, -1];
  for (let at = 12; at + 8 <= buffer.byteLength && length < 0;) {
    const size = view.getUint32(at + 4, true);
    if (at + 8 + size > buffer.byteLength) throw cut();
    if (name(at) === "fmt " && size >= 16) form = at + 8;
    else if (name(at) === "data") [from, length] = [at + 8, size];
    at += 8 + size + (size % 2);
  }
  if (!form || length <= 0) throw cut();
  const [code, channels, bits] = [0, 2, 14].map((place) => view.getUint16(form + place, true));
  const kind = code === FORMATS.EXTENSIBLE ? view.getUint16(form + 24, true) : code;
  const bytes = bits / 8;
  const isKnown = (kind === FORMATS.PCM && [8, 16, 24, 32].includes(bits)) || (kind === FORMATS.FLOAT && [32, 64].includes(bits));
  if (!isKnown || !channels) throw new Refusal("its samples are of a kind that is not read; convert it: ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav");
  /** @type {Record<number, (at: number) => number>} */
  const whole = { 8: (at) => view.getUint8(at) - 128, 16: (at) => view.getInt16(at, true), 32: (at) => view.getInt32(at, true),
    24: (at) => (view.getInt8(at + 2) << 16) | view.getUint16(at, true) };
  const sample = kind === FORMATS.PCM ? (/** @type {number} */ at) => whole[bits](at) / 2 ** (bits - 1)
    : (/** @type {number} */ at) => (bits === 32 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  const n = Math.floor(length / (bytes * channels));
  const samples = Array.from({ length: channels }, (_, channel) => Float64Array.from({ length: n }, (__, at) => sample(from + bytes * (at * channels + channel))));
  return { samples, rate: view.getUint32(form + 4, true), exact: bits === 64 || (bits === 32 && kind === FORMATS.PCM) };
}

/**
 * Reads a WAV file that a reader gives, if a model can read it.
 * @param {Blob & { name?: string }} file
 * @param {Framing} framing
 */
export async function soundOf(file, framing) {
  if (file.size > LARGEST) throw new Refusal("it is over 20 MB");
  const sound = readWav(await file.arrayBuffer());
  const { rate, channels, frame } = framing;
  const [{ length }] = sound.samples;
  const many = (/** @type {number} */ value) => value.toLocaleString("en");
  if (sound.rate !== rate) throw new Refusal("{own} samples a second, expected {rate}; resample it: ffmpeg -i IN.wav -ar {hertz} OUT.wav", { own: many(sound.rate), rate: many(rate), hertz: rate });
  if (sound.samples.length !== channels) throw new Refusal("it has {own} channels, expected {channels}; convert it: ffmpeg -i IN.wav -ac {channels} OUT.wav", { own: sound.samples.length, channels });
  if (length < frame) throw new Refusal("{own} samples, fewer than a frame of {frame}", { own: many(length), frame: many(frame) });
  return { sound, series: stepsOf(sound, framing) };
}

/**
 * Returns the steps of a sound: its samples, or the levels of its bands in decibels.
 * @param {Sound} sound
 * @param {Framing} framing
 * @returns {Float64Array[]}
 */
export function stepsOf({ samples, exact }, framing) {
  const { frame, bands, channels } = framing;
  const kept = exact ? (/** @type {number} */ value) => value : Math.fround;
  const count = Math.floor(samples[0].length / frame);
  const levels = bands ? levelsWith(framing) : null;
  return Array.from({ length: count }, (_, step) => {
    const parts = samples.map((each) => each.subarray(step * frame, (step + 1) * frame));
    if (levels) return Float64Array.from(parts.flatMap((part) => levels(part)), kept);
    return Float64Array.from({ length: frame * channels }, (__, at) => kept(parts[at % channels][Math.floor(at / channels)]));
  });
}

/**
 * Returns what computes the levels of the bands of a frame.
 * @param {Framing} framing
 * @returns {(frame: Float64Array) => number[]}
 */
function levelsWith(framing) {
  const { frame: n, bands } = framing;
  const edges = edgesOf(framing);
  const [cos, sin] = [Math.cos, Math.sin].map((of) => Float64Array.from({ length: n }, (_, at) => of((2 * Math.PI * at) / n)));
  const window = cos.map((value) => 0.5 - 0.5 * value);
  const half = window.reduce((sum, value) => sum + value, 0) / 2;
  const [even, odd] = [new Float64Array(n), new Float64Array(n)];
  // Samples that are as far from the beginning and the end have one cosine, and opposite sines.
  const last = Math.floor((n - 1) / 2);
  /** @param {number} k */
  const power = (k) => {
    let re = even[0] + (n % 2 ? 0 : (k % 2 ? -1 : 1) * even[n / 2]);
    let im = 0;
    for (let t = 1, at = k % n; t <= last; t += 1) {
      re += even[t] * cos[at];
      im += odd[t] * sin[at];
      at += k;
      if (at >= n) at -= n;
    }
    return (re * re + im * im) / (half * half);
  };
  return (frame) => {
    for (let t = 0; t < n; t += 1) even[t] = frame[t] * window[t];
    for (let t = 1; t <= last; t += 1) {
      [even[t], odd[t]] = [even[t] + even[n - t], even[t] - even[n - t]];
    }
    return Array.from({ length: bands }, (_, band) => {
      let sum = 0;
      const end = band + 1 < bands ? edges[band + 1] : Math.floor(n / 2) + 1;
      for (let k = edges[band]; k < end; k += 1) sum += power(k);
      return 10 * Math.log10(sum + QUIET);
    });
  };
}
