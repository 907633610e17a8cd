// The styles of the pages: each page loads its own before it is shown.

/** @type {Map<string, Promise<void>>} */
const asked = new Map();

/**
 * Loads a style, once; one that cannot be loaded keeps no page from being shown.
 * @param {string} name
 */
export function styled(name) {
  let loaded = asked.get(name);
  if (!loaded) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`${name}.css`, import.meta.url).href;
    loaded = new Promise((done) => { link.onload = link.onerror = () => done(); });
    asked.set(name, loaded);
    document.head.append(link);
  }
  return loaded;
}
