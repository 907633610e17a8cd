// How sounds are cut into steps: the bounds of their bands, and their samples as bytes.

/**
 * How sounds are cut: samples of a frame, and its frequency bands, 0 if its samples are read.
 * @typedef {{ channels: number, rate: number, frame: number, bands: number }} Framing
 */

/**
 * Returns the bounds of bands among the frequencies of a frame: equally wide on the mel scale, each
 * with a frequency at least.
 * @param {Framing} framing
 */
export function edgesOf({ rate, frame, bands }) {
  const [top, n] = [rate / 2, Math.floor(frame / 2) + 1];
  let before = 0;
  return Array.from({ length: bands + 1 }, (_, band) => {
    const edge = Math.round(((700 * Math.expm1((Math.log1p(top / 700) * band) / bands)) / top) * n);
    before = Math.max(before, edge - band, 0);
    return Math.min(before + band, n - bands + band);
  });
}

/** Returns the bounds of bands in Hz. @param {Framing} framing */
export const hertzOf = (framing) => edgesOf(framing).map((edge) => (edge * framing.rate) / framing.frame);

/** The samples from -1 to 1 that bytes stand for: those of `mu_law` in `data/framing`. */
const SAMPLES = Float32Array.from({ length: 256 }, (_, byte) => {
  const share = (byte - 128) / 127;
  return (Math.sign(share) * Math.expm1(Math.abs(share) * Math.log(256))) / 255;
});

/** Returns the samples that bytes stand for. @param {ArrayLike<number>} bytes */
export const fromBytes = (bytes) => Float32Array.from(bytes, (byte) => SAMPLES[byte]);
