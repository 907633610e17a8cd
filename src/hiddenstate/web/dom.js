// Makes elements, and says what a screen reader hears.

/** @typedef {Node|string|number|null|undefined|false|Array<any>} Child */

/** Returns nodes of what is there. @param {Child[]} children @returns {Node[]} */
const nodes = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false)
  .map((child) => (child instanceof Node ? child : new Text(String(child))));

/**
 * Makes an element: `h("button", { class: "small", onclick: go }, "Go")`. Names that start with `on`
 * are listeners; a value of `false`, `null` or `undefined` leaves an attribute out.
 * @param {string} kind
 * @param {Record<string, any>} [attributes]
 * @param {...Child} children
 * @returns {any}
 */
export function h(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...nodes(children));
  return made;
}

/** Replaces all children of an element. @param {Element} parent @param {...Child} children */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

let speaking = 0;

/**
 * Says something to a screen reader, a moment later, so that only the last of many is said.
 * @param {string} text
 */
export function say(text) {
  clearTimeout(speaking);
  speaking = window.setTimeout(() => { /** @type {HTMLElement} */ (document.getElementById("spoken")).textContent = text; }, 250);
}
