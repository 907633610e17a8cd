// The site's own behaviour: themes, search, the models of the first page. Works from the disk too.
"use strict";

const root = document.documentElement;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

/** Dresses the button, and the exported pages that are shown, in the theme. */
function dress() {
  const button = document.getElementById("theme");
  button.hidden = false;
  button.textContent = isDark() ? button.dataset.light : button.dataset.dark;
  for (const frame of document.querySelectorAll("iframe")) {
    try {
      const other = frame.contentDocument?.getElementById("theme");
      const is = frame.contentDocument?.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
      if (other && (is === "dark") !== isDark()) other.click();
    } catch { /* from the disk, a page may not touch another */ }
  }
}

document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it lasts for this page */ }
  dress();
});
dark.addEventListener("change", dress);
for (const frame of document.querySelectorAll("iframe")) frame.addEventListener("load", dress);
dress();

// On narrow pages, and the first one, the list of pages starts folded.
if (document.body.matches(".home") || window.matchMedia("(max-width: 60rem)").matches) document.querySelector(".fold").open = false;
document.querySelector(".pages [aria-current]")?.scrollIntoView({ block: "nearest" });

// Search: sections that have each of the words; those with them in their title come first.
const find = document.getElementById("find");
const found = document.getElementById("found");
const MOST = 12;
const AROUND = 60; // letters shown on each side of a word

/** Loads the index once; a script can be read from the disk, JSON cannot. */
function load() {
  if (load.done) return;
  load.done = true;
  const script = document.createElement("script");
  script.src = find.dataset.index;
  script.addEventListener("load", search);
  document.head.append(script);
}

/** Returns how well a section fits, or 0. */
function fit({ title, text }, words) {
  const [head, body] = [title.toLowerCase(), text.toLowerCase()];
  let sum = 0;
  for (const word of words) {
    const times = body.split(word).length - 1;
    const score = (head === word ? 40 : 0) + (head.includes(word) ? 20 : 0) + Math.min(times, 5);
    if (!score) return 0;
    sum += score;
  }
  return sum;
}

/** Returns a line of a section around the first of the words. */
function line({ text }, words) {
  const at = Math.max(0, Math.min(...words.map((word) => text.toLowerCase().indexOf(word)).filter((each) => each >= 0), text.length));
  const start = at === text.length ? 0 : Math.max(0, at - AROUND);
  return `${start ? "…" : ""}${text.slice(start, start + 2 * AROUND).trim()}…`;
}

function search() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  found.hidden = !words.length || !window.SEARCH;
  if (found.hidden) return;
  const best = window.SEARCH.map((section) => [fit(section, words), section]).filter(([score]) => score)
    .sort(([a], [b]) => b - a).slice(0, MOST);
  found.replaceChildren(...best.map(([, section]) => {
    const [item, link, text] = ["li", "a", "span"].map((name) => document.createElement(name));
    link.href = find.dataset.base.replace(/\/?$/, "/") + section.location;
    link.textContent = section.title;
    text.textContent = line(section, words);
    link.append(text);
    item.append(link);
    return item;
  }));
  if (!best.length) found.append(Object.assign(document.createElement("li"), { textContent: find.dataset.none }));
}

find.addEventListener("focus", load);
find.addEventListener("input", () => { load(); search(); });
document.addEventListener("keydown", (event) => {
  const links = [...found.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (event.key === "/" && !typing) { event.preventDefault(); find.focus(); }
  else if (event.key === "Escape" && !found.hidden) { found.hidden = true; find.focus(); }
  else if (!found.hidden && (at >= 0 || document.activeElement === find) && /^Arrow(Down|Up)$/.test(event.key)) {
    event.preventDefault();
    (links[at + (event.key === "ArrowDown" ? 1 : -1)] || find).focus();
  } else if (event.key === "Enter" && document.activeElement === find && links.length) links[0].click();
});
document.addEventListener("click", (event) => { if (!event.target.closest(".find")) found.hidden = true; });

// The models of the first page.
const tabs = [...document.querySelectorAll("[role=tab]")];
const frame = document.querySelector("#model iframe");

function show(tab) {
  for (const each of tabs) {
    each.setAttribute("aria-selected", String(each === tab));
    each.tabIndex = each === tab ? 0 : -1;
  }
  frame.title = tab.textContent;
  frame.parentElement.setAttribute("aria-labelledby", tab.id);
  frame.src = tab.dataset.page;
}

tabs.forEach((tab, place) => {
  tab.addEventListener("click", () => show(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(place + step + tabs.length) % tabs.length];
    next.focus();
    show(next);
  });
});

// Code can be copied.
if (navigator.clipboard) {
  for (const block of document.querySelectorAll("pre")) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "⧉" });
    button.setAttribute("aria-label", root.lang === "zh" ? "复制" : "Copy");
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent.trimEnd());
      button.textContent = "✓";
      setTimeout(() => { button.textContent = "⧉"; }, 1200);
    });
    block.append(button);
  }
}
