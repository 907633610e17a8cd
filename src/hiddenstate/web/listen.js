// Plays a sound while what reads it moves along.

import { hertzOf } from "./framing.js";

/** @import { TimeBar } from "./timebar.js" */

/** @type {AudioContext | null} */
let output = null;

/**
 * Makes a button play a sound, with which a time bar moves from its place on; anything else that moves
 * the bar ends it.
 * @param {HTMLElement} button
 * @param {TimeBar} player its moments are steps of the sound
 * @param {() => Promise<{ samples: ArrayLike<number>, rate: number } | null>} soundOf
 * @param {(problem: string) => void} tell gets what is wrong, or nothing
 */
export function listenWith(button, player, soundOf, tell) {
  let turn = -1;
  button.addEventListener("click", async () => {
    tell("");
    if (player.playing && player.turn === turn) {
      player.stop();
      return;
    }
    player.stop();
    try {
      output ||= new AudioContext();
      const context = output;
      await context.resume();
      const sound = await soundOf();
      if (!sound || !sound.samples.length) return;
      const { samples, rate } = sound;
      const buffer = context.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(Float32Array.from(samples), 0);
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(context.destination);
      const from = player.at >= player.count ? 0 : player.at / player.count;
      const begun = context.currentTime;
      turn = player.run(true);
      const own = turn;
      source.start(0, from * buffer.duration);
      const move = () => {
        if (player.turn !== own) {
          source.stop();
          return;
        }
        const share = from + (context.currentTime - begun) / buffer.duration;
        if (share >= 1) {
          player.stop();
          player.go(player.count);
          return;
        }
        if (Math.floor(share * player.count) !== player.at) player.go(share * player.count);
        requestAnimationFrame(move);
      };
      move();
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  });
}

/**
 * Returns samples that sound like the levels of bands: a tone in the middle of each.
 * @param {ArrayLike<number>[]} series
 * @param {import("./framing.js").Framing} framing
 */
export function tonesOf(series, framing) {
  const { frame, rate, bands } = framing;
  const bounds = hertzOf(framing);
  const samples = new Float32Array(series.length * frame);
  for (let band = 0; band < bands; band += 1) {
    const turn = (Math.PI * (bounds[band] + bounds[band + 1])) / rate;
    const sizes = series.map((step) => 10 ** (step[band] / 20));
    if (Math.max(...sizes) < 1e-3) continue;
    for (let at = 0; at < samples.length; at += 1) {
      const place = Math.max(at / frame - 0.5, 0);
      const [t, share] = [Math.floor(place), place % 1];
      const size = sizes[t] + (sizes[Math.min(t + 1, sizes.length - 1)] - sizes[t]) * share;
      samples[at] += size * Math.sin(turn * at + band * band);
    }
  }
  let most = 1;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return samples.map((sample) => sample / most);
}

/**
 * Begins to record from a microphone; returns what ends it and returns the sound.
 * @param {number} rate
 * @returns {Promise<() => Promise<import("./sound.js").Sound>>}
 */
export async function record(rate) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const media = new MediaRecorder(stream);
  /** @type {Blob[]} */
  const parts = [];
  media.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const ended = new Promise((done) => { media.addEventListener("stop", done); });
  media.start();
  return async () => {
    media.stop();
    await ended;
    for (const track of stream.getTracks()) track.stop();
    const buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await new Blob(parts).arrayBuffer());
    return { samples: [Float64Array.from(buffer.getChannelData(0))], rate, exact: false };
  };
}
