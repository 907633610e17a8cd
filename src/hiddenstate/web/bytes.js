// Numbers that a page stores as bytes.

/**
 * Unpacks numbers from little-endian bytes in base64.
 * @template T
 * @param {string} text
 * @param {new (bytes: ArrayBuffer) => T} Kind A typed array, such as Uint16Array.
 */
export function unpack(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Kind(bytes.buffer);
}
