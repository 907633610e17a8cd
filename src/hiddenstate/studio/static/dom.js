// Makes elements.

/**
 * Makes an element: `h("button", { class: "small", onclick: go }, "Go")`. Names that start with `on`
 * are listeners; a value of `false`, `null` or `undefined` leaves an attribute out.
 * @param {string} kind
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false|Array<any>)} children
 * @returns {any}
 */
export function h(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/**
 * Replaces all children of an element.
 * @param {Element} parent
 * @param {...any} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
}

const spoken = h("p", { class: "unseen", "aria-live": "polite" });
document.body.append(spoken);
let speaking = 0;

/**
 * Says something to a screen reader, a moment later, so that only the last of many is said.
 * @param {string} text
 */
export function say(text) {
  clearTimeout(speaking);
  speaking = window.setTimeout(() => { spoken.textContent = text; }, 250);
}
