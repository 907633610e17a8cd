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

/**
 * Returns a function that calls `act` once before the next frame, however often it is called.
 * @param {() => void} act
 */
export function eachFrame(act) {
  let due = 0;
  return () => {
    if (!due) due = requestAnimationFrame(() => { due = 0; act(); });
  };
}

/**
 * Returns a color of the style by its role, such as "--ink".
 * @param {string} name
 */
export const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whether the reader asked for less motion. */
export const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Writes a number shortly: 1,234, 0.0123, 1.2e-5.
 * @param {number|null|undefined} value
 */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en");
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  if (size >= 0.001) return String(Number(value.toPrecision(4)));
  return value.toExponential(2);
}

/**
 * Writes a share in percent.
 * @param {number} share
 */
export const percent = (share) => `${(100 * share).toFixed(share > 0.999 || share < 0.1 ? 2 : 1)} %`;
