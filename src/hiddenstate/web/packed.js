// Reads arrays that a page or a server stores as text.

/** @typedef {{ dtype: string, shape: number[], base64: string }} Packed */

/**
 * Returns what a program was packed to: lists and objects, with matrices.
 * @param {any} value
 * @returns {any}
 */
export function unpacked(value) {
  if (Array.isArray(value)) return value.map(unpacked);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) return { shape: value.shape, data: numbersOf(value) };
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, unpacked(each)]));
}

/**
 * Returns the numbers of an array.
 * @param {Packed} packed
 */
export function numbersOf({ dtype, base64 }) {
  const text = atob(base64);
  const size = Number(dtype[2]);
  const bytes = new DataView(new ArrayBuffer(text.length));
  for (let at = 0; at < text.length; at += 1) bytes.setUint8(at, text.charCodeAt(at));
  const numbers = new Float64Array(text.length / size);
  for (let place = 0, at = 0; place < numbers.length; place += 1, at += size) {
    if (size === 4) numbers[place] = bytes.getFloat32(at, true);
    else if (size === 2) numbers[place] = halfOf(bytes.getUint16(at, true));
    else numbers[place] = size === 8 ? bytes.getFloat64(at, true) : bytes.getUint8(at);
  }
  return numbers;
}

// The value of a float16 from its bits: sign, 5 bits of the power of 2, 10 of the fraction.
const POWERS = Array.from({ length: 32 }, (_, power) => 2 ** (power - 15));

/** @param {number} bits */
function halfOf(bits) {
  const power = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = power ? POWERS[power] * (1 + fraction) : POWERS[1] * fraction;
  return bits >> 15 ? -size : size;
}
