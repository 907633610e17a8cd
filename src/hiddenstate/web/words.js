// Texts with values, which a page may show in another language.

/** @typedef {(text: string, values?: Record<string, any>) => string} Words */

/** @type {Words} */
export const plainly = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));

/** Why something that a reader gives cannot be read: a text, and its values. */
export class Refusal extends Error {
  /** @param {string} text @param {Record<string, any>} [values] */
  constructor(text, values = {}) {
    super(plainly(text, values));
    this.text = text;
    this.values = values;
  }
}
