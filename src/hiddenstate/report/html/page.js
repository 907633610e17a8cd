import { startTheme } from "../../web/colors.js";

startTheme(/** @type {HTMLElement} */ (document.getElementById("theme")));

// Elements that scroll can be reached with the keyboard, as long as they do scroll.
function reachScrolling() {
  /** @type {NodeListOf<HTMLElement>} */
  const parts = document.querySelectorAll(".scroll");
  for (const part of parts) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  }
}
window.addEventListener("resize", reachScrolling);
document.addEventListener("toggle", reachScrolling, true);
reachScrolling();

// A link to a folded part unfolds it.
function unfold() {
  const part = document.getElementById(location.hash.slice(1));
  if (part instanceof HTMLDetailsElement) part.open = true;
}
window.addEventListener("hashchange", unfold);
unfold();

// The link of the block that is being read is marked.
/** @type {NodeListOf<HTMLAnchorElement>} */
const anchors = document.querySelectorAll("nav a");
const links = new Map([...anchors].map((link) => [link.hash.slice(1), link]));
if ("IntersectionObserver" in window) {
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(entry.target.id);
      if (!entry.isIntersecting) continue;
      for (const other of links.values()) other.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-15% 0px -75% 0px" });
  for (const id of links.keys()) watcher.observe(document.getElementById(id));
}
