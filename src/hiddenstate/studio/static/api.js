// Talks to the studio's server.

import { t, teller } from "./words.js";

const secret = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=hiddenstate]")).content;

/** What the server answered instead of what was asked for: one line for the reader, and as `why` in its own words. */
export class Problem extends Error {
  /** @param {string} message @param {string} [why] @param {Record<string, any>[]} [fixes] options that would help, by name */
  constructor(message, why = message, fixes = []) {
    super(message);
    this.why = why;
    this.fixes = fixes;
  }
}

/**
 * @param {Response} response
 */
async function checked(response) {
  if (response.ok) return response;
  const text = await response.text();
  let [why, fixes] = [text.trim(), undefined];
  try {
    ({ error: why = why, fixes } = JSON.parse(text));
  } catch { /* a refusal is plain text */ }
  throw new Problem((await teller())(why) || `${response.status}`, why, fixes);
}

/**
 * Fetches; a server that is gone is a problem in words.
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(t("The studio has ended: start `hiddenstate studio` again. Runs go on without it."));
  }
  return checked(response);
}

/**
 * Returns what a path answers in JSON.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export const get = async (path, signal) => (await request(path, { signal })).json();

/**
 * Asks the server to do something; returns its answer.
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>}
 */
export async function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-Hiddenstate": secret };
  return (await request(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

/**
 * Sends a file; returns the path that it has on the server's side.
 * @param {File} file
 * @returns {Promise<{path: string, bytes: number}>}
 */
export async function upload(file) {
  const name = file.name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/\.\.+/g, ".").slice(-80).replace(/^[._-]+|[._-]+$/g, "") || "file";
  const headers = { "Content-Type": "application/octet-stream", "X-Hiddenstate": secret };
  return (await request(`/api/upload/${name}`, { method: "POST", headers, body: file })).json();
}

/** @typedef {{data: Float32Array|Float64Array|Int32Array|Uint8Array|Float64Array, shape: number[]}} NamedArray */

const KINDS = {
  F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array,
};

/**
 * Returns the arrays of a file in the safetensors format, by name; of bytes, fractions of 255.
 * @param {ArrayBuffer} buffer
 * @returns {Record<string, NamedArray>}
 */
export function readArrays(buffer) {
  const view = new DataView(buffer);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @type {Record<string, NamedArray>} */
  const arrays = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: [from, to] } = entry;
    const bytes = buffer.slice(8 + length + from, 8 + length + to);
    if (dtype === "I64") {
      arrays[name] = { data: Float64Array.from(new BigInt64Array(bytes), Number), shape };
    } else {
      arrays[name] = { data: new (/** @type {any} */ (KINDS)[dtype])(bytes), shape };
    }
  }
  return arrays;
}

/** Returns the arrays that a path answers. @param {string} path */
export const arraysAt = async (path) => readArrays(await (await request(path)).arrayBuffer());

/**
 * Returns arrays of a run: "static", "final", or those after a number of updates.
 * @param {string} run
 * @param {string|number} which
 */
export const getArrays = (run, which) => arraysAt(`/api/runs/${run}/arrays/${which}`);
