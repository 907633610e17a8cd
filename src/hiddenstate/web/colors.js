// The theme: the system decides until a button is pressed; nothing is stored. The colours of a theme
// are variables of the page's style, such as --ink.

/** @param {string} feature */
const prefers = (feature) => window.matchMedia(`(prefers-${feature})`);

/** Returns whether the page is dark. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : prefers("color-scheme: dark").matches;
}

/** Returns whether motion is to be reduced. */
export const isCalm = () => prefers("reduced-motion: reduce").matches;

/**
 * Returns a colour of the theme, such as that of "ink".
 * @param {string} role
 */
export const colorOf = (role) => getComputedStyle(document.documentElement).getPropertyValue(`--${role}`).trim();

/**
 * Lets a button, which is hidden until then, change the theme. The document has an event "theme" after
 * each change, and at the start.
 * @param {HTMLElement} button
 */
export function startTheme(button) {
  const told = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
    document.dispatchEvent(new Event("theme"));
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    told();
  });
  prefers("color-scheme: dark").addEventListener("change", told);
  told();
}

/**
 * Returns red, green and blue of a colour such as #1b1f24.
 * @param {string} color
 */
export function rgb(color) {
  return [1, 3, 5].map((from) => parseInt(color.slice(from, from + 2), 16));
}

/**
 * Returns black or white, the one with more contrast on a colour (WCAG 2).
 * @param {string} color
 */
export function inkOn(color) {
  const [red, green, blue] = rgb(color).map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (light + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}
