// The frame of the page: what stands above each page, and which page is shown.

import { get } from "./api.js";
import { fill, h } from "../../web/dom.js";
import { JOBS } from "./jobs.js";
import { changeTheme, setPalette, themeWord } from "./theme.js";
import { listen, stream } from "./stream.js";
import { styled } from "./style.js";
import { changeLanguage, language, speak, t } from "./words.js";

/** @type {any} what the server says of itself */
let studio = null;
let ending = () => {};
let turn = 0;

const main = h("main", { id: "main", tabindex: "-1" });
const theme = h("button", { type: "button", class: "quiet", onclick: changeTheme }, themeWord());
document.addEventListener("theme", () => { theme.textContent = themeWord(); });
const offline = h("p", { class: "offline", role: "status", hidden: true }, t("The studio does not answer; what you see stands still. Runs go on without it."));
const links = {
  home: h("a", { href: "#/" }, t("Home")),
  runs: h("a", { href: "#/runs" }, t("Runs")),
};

document.body.prepend(
  h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => { event.preventDefault(); main.focus(); } }, t("Skip to the page")),
  h("div", { class: "top", role: "banner" },
    h("a", { class: "brand", href: "#/" }, "hidden", h("b", {}, "state")),
    h("nav", { "aria-label": t("Pages") }, links.home, links.runs),
    h("button", { type: "button", class: "quiet", lang: language === "zh" ? "en" : "zh-Hans", onclick: changeLanguage }, language === "zh" ? "English" : "中文"),
    theme),
  offline, main);
stream.addEventListener("online", (event) => { offline.hidden = /** @type {CustomEvent} */ (event).detail; });

let going = Promise.resolve();

/** Shows the page that the address names, after the one that is being made: pages never mix. */
function go() {
  turn += 1;
  const own = turn;
  going = going.then(() => (own === turn ? change(own) : undefined));
}

/**
 * Ends the page that is shown, and makes another: #/, #/runs, #/compare/A,B, #/run/NAME or
 * #/run/NAME?ghost=OTHER, with the curves of another run behind its own.
 * @param {number} own
 */
async function change(own) {
  ending();
  ending = () => {};
  const [, page = "", rest = ""] = window.location.hash.split("/");
  for (const [name, link] of Object.entries(links)) {
    const here = name === (page === "" ? "home" : "runs");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.className = page || "home";
  try {
    if (!studio) {
      studio = await get("/api/studio");
      setPalette(studio.colors);
      Object.assign(JOBS, studio.jobs);
      const { run, data } = studio.start;
      if (run && window.location.hash === "") { window.location.replace(`#/run/${run}`); return; }
      if (data && window.location.hash === "") studio.data = data;
    }
    if (page !== "run") listen();
    const end = await shown(page, decodeURIComponent(rest));
    if (own === turn) {
      ending = end || (() => {});
      if (turn > 1) window.scrollTo(0, 0);
    } else if (end) end();
  } catch (error) {
    if (own !== turn) return;
    fill(main, h("section", { class: "lost" }, h("h1", {}, t("This page cannot be shown")),
      h("p", {}, /** @type {Error} */ (error).message), h("p", {}, h("a", { href: "#/runs" }, t("All runs")))));
  }
}

/**
 * @param {string} page
 * @param {string} rest
 */
async function shown(page, rest) {
  if (page === "run") return (await import("./run.js")).runPage(main, rest);
  const style = styled("home");
  const script = page === "runs" ? import("./runs.js") : page === "compare" ? import("./compare.js") : import("./home.js");
  await Promise.all([script, style, speak("home")]);
  if (page === "runs") return (await import("./runs.js")).runsPage(main);
  if (page === "compare") return (await import("./compare.js")).comparePage(main, rest.split(","));
  return (await import("./home.js")).homePage(main, studio);
}

window.addEventListener("hashchange", go);
go();
