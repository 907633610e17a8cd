// The first page: own data or bundled data, what is in it, and training on it.

import { get, post, upload } from "./api.js";
import { fill, h, say } from "../../web/dom.js";
import { factsOf, findingsOf, fixOf, fixWords } from "./findings.js";
import { chosen, fieldsOf, optionsOf } from "./form.js";
import { copy } from "./copy.js";
import { tinyPicture } from "./job_pictures.js";
import { JOBS } from "./jobs.js";
import { planOf } from "./plan_words.js";
import { commandList, commandOf, train } from "./train.js";
import { t, teller } from "./words.js";
import { short } from "../../web/numbers.js";

const READY = 700; // milliseconds after which the next command is made ready: the page comes first
/** Options that only say how a file is written: those that an error names are taken. */
const SEPARATORS = ["delimiter", "decimal", "thousands", "encoding"];
const SIDE = 32; // pixels of pictures that are read in one size, if they have as many

/** What is remembered while another page is shown; `fits` are those of data that is read without options. @type {{data: string, found: any, fits: any[], job: string, own: Record<string, any>}} */
const kept = { data: "", found: null, fits: [], job: "", own: {} };

/**
 * Shows the page; returns what ends it.
 * @param {HTMLElement} main
 * @param {any} studio
 */
export async function homePage(main, studio) {
  document.title = "hiddenstate";
  window.setTimeout(() => { if (going) post("/api/ready").catch(() => {}); }, READY); // what trains then starts at once
  let turn = 0; // of what is looked at: the latest wins
  let going = true;
  const commands = commandList();
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const wrong = h("p", { class: "problem", role: "alert", hidden: true });
  const fail = (/** @type {string} */ why, atForm = false) => {
    for (const [element, own] of [[wrong, atForm], [problem, !atForm]]) {
      element.textContent = own ? why : "";
      element.hidden = !own || !why;
    }
    if (why) (atForm ? wrong : problem).scrollIntoView({ block: "nearest" });
  };
  const busy = h("p", { class: "busy", role: "status" });
  const desk = h("div", { class: "bench" });
  const chooser = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => { if (chooser.files[0]) send(chooser.files[0]); chooser.value = ""; } });
  const path = h("input", { type: "text", id: "path", placeholder: t("sensors.csv, or a folder"), autocomplete: "off", spellcheck: "false" });
  const drop = h("section", { class: "drop" },
    h("div", { class: "lead" }, h("h1", {}, t("See what a network learns from your data")),
      h("p", {}, t("Drop a table, an array, sounds or pictures anywhere on this page. It is read on this machine and goes nowhere else."))),
    h("div", { class: "row" }, h("button", { type: "button", class: "main", onclick: () => chooser.click() }, t("Choose a file")),
      h("button", { type: "button", onclick: () => browse("start") }, t("Browse folders")), chooser,
      h("form", { class: "path", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); if (path.value.trim()) look(path.value.trim()); } },
        h("label", { for: "path" }, t("or a path")), path, h("button", { type: "submit" }, t("Look")))));
  const bundled = h("section", { class: "bundled" }, h("h2", {}, t("Or watch one of these learn now")),
    h("div", { class: "starters" }, [
      ["classify", t("Read digits row by row"), t("A recurrent net sees 28 rows of a digit, one after the other, and says which it is. Watch it change its mind.")],
      ["regress", t("Follow a wave"), t("From a sine it learns to draw the cosine: what it keeps in its state is the phase.")],
      ["autoencode", t("Put digits into three numbers"), t("An autoencoder presses each digit through three numbers. Watch ten clouds drift apart in space.")],
    ].map(([job, title, text]) => {
      const button = h("button", { type: "button", class: "main", onclick: () => go({ job, options: {} }, button) }, t("Train"));
      return h("article", { class: "starter" }, tinyPicture(job), h("h3", {}, title), h("p", {}, text),
        h("div", { class: "row" }, button, h("button", { type: "button", class: "quiet", onclick: () => open(job) }, t("Options"))));
    })));
  const steps = h("ol", { class: "lessons" }, [
    [t("Drop data"), t("A table with a column of labels is enough; the studio says how it reads it.")],
    [t("Press Train"), t("The settings follow from the data. Change what you like; the command is always shown.")],
    [t("Watch it learn"), t("Curves, hidden states and codes while they form; pause, rewind, touch.")],
  ].map(([title, text]) => h("li", {}, h("b", {}, title), h("span", {}, text))));
  const note = h("p", { class: "command", hidden: true });
  main.replaceChildren(drop, problem, busy, note, desk, steps, bundled, commands.element);

  /** @param {string} command */
  function tell(command) {
    note.hidden = false;
    fill(note, h("span", {}, "$ "), h("code", { tabindex: "0" }, command), h("button", { type: "button", class: "quiet", onclick: () => copy(command) }, t("Copy")));
  }

  /**
   * Trains, and goes to the run.
   * @param {{job: string, data?: string, options: Record<string, any>}} what
   * @param {any} button
   */
  async function go(what, button) {
    fail("");
    const words = button.textContent;
    button.disabled = true;
    button.textContent = t("Starting…");
    try {
      const run = await train(what, tell);
      if (going) window.location.hash = `#/run/${run}`;
    } catch (error) {
      fail(/** @type {Error} */ (error).message, desk.contains(button));
    }
    button.disabled = false;
    button.textContent = words;
  }

  /** @param {File} file */
  async function send(file) {
    if (file.size > studio.max_upload) {
      fail(t("{name} is larger than {size} MiB: type its path instead.", { name: file.name, size: Math.floor(studio.max_upload / 2 ** 20) }));
      return;
    }
    turn += 1;
    const own = turn;
    fail("");
    busy.textContent = t("Copying {name}…", { name: file.name });
    try {
      const sent = await upload(file);
      if (own === turn) await look(sent.path);
    } catch (error) {
      if (own !== turn) return;
      busy.textContent = "";
      fail(/** @type {Error} */ (error).message);
    }
  }

  /**
   * Looks at data, with the options that the reader set.
   * @param {string} data
   * @param {{job?: string, own?: Record<string, any>}} [how]
   */
  async function look(data, { job = "", own = {} } = {}) {
    turn += 1;
    const now = turn;
    fail("");
    busy.textContent = t("Looking at {name}…", { name: data });
    main.classList.add("looking");
    try {
      let { findings, fits } = await read(data, job, own);
      if (now !== turn || !going) return;
      const fitting = (/** @type {string} */ name) => fits.find((/** @type {any} */ fit) => !fit.why_not && (!name || fit.job === name));
      const best = fitting(job) || fitting("");
      if (best && best.job !== findings.job && isForecast(best)) { // the reading that is shown is that of the job
        kept.fits = fits;
        ({ findings, fits } = await read(data, best.job, own, fits).catch(() => ({ findings, fits })));
        if (now !== turn || !going) return;
      }
      Object.assign(kept, { data, found: { ...findings, fits }, fits, own, job: best ? best.job : "" });
      say(t("{name}: {facts}", { name: findings.name, facts: factsOf(findings).join(", ") }));
      await show();
    } catch (error) {
      if (now !== turn) return;
      const again = Boolean(job && kept.found && kept.data === data);
      if (again) {
        kept.own = own;
        await show();
      }
      const { message, fixes: [fix] = [] } = /** @type {import("./api.js").Problem} */ (error);
      const hint = again ? null : fixOf(fix, await readingOptions());
      if (hint && Object.keys(hint).every((name) => SEPARATORS.includes(name) && !(name in own))) {
        await look(data, { job, own: { ...own, ...hint } });
        return;
      }
      fail(message, again);
      if (hint && hint.image_size) problem.append(h("span", { class: "row" }, sizesOf(data, Math.min(Number(hint.image_size), SIDE)))); // pictures that differ in size
      else if (hint) problem.append(h("span", { class: "row" }, h("button", { type: "button", onclick: () => look(data, { job, own: { ...own, ...hint } }) }, fixWords(hint))));
    } finally {
      if (now === turn) {
        busy.textContent = "";
        main.classList.remove("looking");
      }
    }
  }

  /**
   * What is in data: read for a job with the options that it needs, if they are known.
   * @param {string} data
   * @param {string} job
   * @param {Record<string, any>} own options that the reader set
   * @param {any[]} [fits] of the jobs, where the data is the same
   */
  async function read(data, job, own, fits = data === kept.data ? kept.fits : []) {
    const fit = fits.find((each) => each.job === job && !each.why_not);
    const needed = fit && isForecast(fit) ? fit.options : {};
    const set = { ...needed, ...own };
    const options = Object.keys(set).length ? await optionsOf(job || "autoencode") : [];
    const reading = options.filter((option) => option.reading && set[option.name] !== undefined && set[option.name] !== null).map((option) => [option.name, set[option.name]]);
    const { findings } = await post("/api/inspect", { data, ...(job ? { job } : {}), options: Object.fromEntries(reading) });
    const now = findings.fits.find((/** @type {any} */ each) => each.job === job);
    return { findings, fits: needed === fit?.options && now ? fits.map((each) => (each.job === job ? { ...now, layout: now.why_not ? now.layout : each.layout } : each)) : findings.fits };
  }

  /** The options that say how data is read, by name. @returns {Promise<Record<string, any>>} */
  const readingOptions = async () => Object.fromEntries((await Promise.all(Object.keys(JOBS).map(optionsOf))).flat().filter((option) => option.reading).map((option) => [option.name, option]));

  /** Buttons that read pictures in one size. @param {string} data @param {number} n */
  const sizesOf = (data, n) => [true, false].map((color) => h("button", { type: "button", onclick: () => look(data, { own: { image_size: n, ...(color ? { color } : {}) } }) },
    color ? t("Read them in colour, {n} × {n} pixels", { n }) : t("Read them in grey, {n} × {n} pixels", { n })));

  /** Opens the form of a bundled job. @param {string} job */
  async function open(job) {
    turn += 1;
    Object.assign(kept, { data: "", found: null, fits: [], job, own: {} });
    fail("");
    await show();
    desk.scrollIntoView({ block: "start" });
    const field = desk.querySelector("input, select");
    if (field) field.focus({ preventScroll: true });
  }

  function close() {
    Object.assign(kept, { data: "", found: null, fits: [], job: "", own: {} });
    turn += 1;
    show();
    path.value = "";
    path.focus();
  }

  /** Draws what is known. */
  async function show() {
    const { data, found, job } = kept;
    const some = Boolean(found || job);
    main.classList.toggle("working", some);
    steps.hidden = some;
    bundled.hidden = Boolean(found);
    if (!some) { fill(desk); return; }
    const [options, said] = [job ? await optionsOf(job) : [], await teller()];
    const fit = found && found.fits.find((/** @type {any} */ each) => each.job === job);
    /** @type {import("./form.js").FormState} */
    const state = { job, found, fit: fit ? fit.options : {}, recipe: fit ? fit.recipe : {}, own: kept.own };
    const command = h("code", { tabindex: "0" });
    const plan = h("div", { class: "will" });
    const update = () => {
      command.textContent = commandOf(job, data || undefined, chosen(state));
      if (found && job) fill(plan, planOf(state, options).map((text) => h("p", {}, text)));
    };
    const button = h("button", { type: "submit", class: "main big" }, t("Train"));
    const form = h("form", { class: "train", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      go({ job, ...(data ? { data } : {}), options: chosen(state) }, button);
    } }, job ? [
      plan,
      fieldsOf(state, options, (option) => {
        update();
        if (option.reading && data) look(data, { job, own: state.own });
      }),
      found && found.unread.length ? h("p", { class: "note" }, t("Epochs and batch size follow from all rows; they are set when training reads them.")) : null,
      h("div", { class: "go" }, wrong,
        h("p", { class: "command" }, h("span", {}, "$ "), command, h("button", { type: "button", class: "quiet", onclick: () => copy(command.textContent) }, t("Copy"))),
        h("div", { class: "row" }, button, Object.keys(state.own).length ? h("button", { type: "button", onclick: () => { kept.own = {}; if (data) look(data, { job }); else show(); } }, t("Reset")) : null)),
    ] : null);
    update();
    /** Lets the reader choose the column that a job needs. @param {any} each */
    const remedyOf = ({ job: other, needs: option }) => {
      const names = option ? found.table.filter((/** @type {any} */ column) => !["id", "time"].includes(column.role)).map((/** @type {any} */ column) => column.name) : [];
      if (!names.length) return null;
      const words = option === "label" ? t("Choose the column of labels") : t("Choose the target");
      const choice = h("select", { "aria-label": words, required: true },
        h("option", { value: "" }, words), names.map((/** @type {string} */ name) => h("option", { value: name }, name)));
      return h("form", { class: "row", onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        await look(data, { job: other, own: { ...kept.own, [option]: choice.value } });
        const pressed = /** @type {HTMLElement|null} */ (desk.querySelector(".job[aria-pressed=true]"));
        if (pressed) pressed.focus({ preventScroll: true });
      } }, choice, h("button", { type: "submit" }, t("Look")));
    };
    const jobs = found && h("div", { class: "jobs", role: "group", "aria-label": t("What to train") }, found.fits.map((/** @type {any} */ each, /** @type {number} */ place) => (each.why_not
      ? h("div", { class: "job no" }, h("h3", {}, t(each.job)), h("p", {}, t("does not fit: {why}", { why: said(each.why_not) })), remedyOf(each))
      : h("button", { type: "button", class: "job", "aria-pressed": String(each.job === job), onclick: () => choose(each) },
        h("span", { class: "name" }, t(each.job), place === 0 ? h("span", { class: "status running" }, t("fits best")) : null),
        h("span", {}, jobWords(each.job)), each.job === job ? null : h("span", { class: "layout" }, said(each.layout), each.when ? ` (${each.when})` : "")))));
    const reading = await readingOptions();
    const fix = (/** @type {Record<string, any>} */ more) => look(data, { job, own: { ...kept.own, ...more } });
    const focus = document.activeElement && desk.contains(document.activeElement) ? document.activeElement.id : "";
    const wasOpen = ["net", "all"].filter((name) => desk.querySelector(`details.${name}[open]`));
    fill(desk,
      found ? h("div", { class: "found" },
        h("header", { class: "about-data" }, h("h1", {}, h("bdi", {}, found.name)), h("p", { class: "kind" }, [said(found.kind), ...factsOf(found)].join(" · ")),
          found.unread.length ? h("p", { class: "note" }, found.unread.join("; ")) : null,
          h("button", { type: "button", class: "quiet", onclick: close }, t("Other data"))),
        h("h2", { class: "unseen" }, t("What is in it")), findingsOf(found, fix, reading, said)) : null,
      h("section", { class: "plan" }, h(found ? "h2" : "h1", {}, found ? t("What it can learn") : t("{job} on the bundled data", { job: t(job) })), jobs, form,
        found ? null : h("p", {}, h("button", { type: "button", class: "quiet", onclick: close }, t("Close")))));
    for (const name of wasOpen) {
      const folded = /** @type {any} */ (desk.querySelector(`details.${name}`));
      if (folded) folded.open = true;
    }
    const again = focus && document.getElementById(focus);
    if (again) again.focus({ preventScroll: true });
  }

  /** Shows a job, as it reads the data, without the options that it does not have. @param {any} fit */
  async function choose({ job }) {
    const names = (await optionsOf(job)).map((option) => option.name);
    const own = Object.fromEntries(Object.entries(kept.own).filter(([name]) => names.includes(name)));
    const forecasts = kept.fits.filter((each) => [job, kept.found.job].includes(each.job)).some(isForecast);
    if (forecasts && job !== kept.found.job) await look(kept.data, { job, own });
    else {
      Object.assign(kept, { job, own });
      await show();
    }
    const pressed = /** @type {HTMLElement|null} */ (desk.querySelector(".job[aria-pressed=true]"));
    if (pressed) pressed.focus({ preventScroll: true });
  }

  /** @param {string} folder */
  async function browse(folder) {
    const list = h("ul", { class: "folder" });
    const where = h("p", { class: "kind" });
    const dialog = h("dialog", { class: "browse", "aria-label": t("Browse folders"), onclose: () => dialog.remove() },
      h("div", { class: "row" }, h("h2", {}, t("Browse folders")), h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("Close"))), where, list);
    document.body.append(dialog);
    dialog.showModal();
    const enter = async (/** @type {string} */ number) => {
      try {
        const { path: name, above, entries } = await get(`/api/files/${number}`);
        const pick = (/** @type {string} */ chosenPath) => { dialog.close(); look(chosenPath); };
        fill(where, h("bdi", {}, name === "." ? studio.folder : name), name === "." ? null : h("button", { type: "button", class: "quiet", onclick: () => pick(name) }, t("Take this folder")));
        fill(list, above === null ? null : h("li", {}, h("button", { type: "button", onclick: () => enter(above) }, "‹ ", t("up"))),
          entries.map((/** @type {any} */ entry) => h("li", {}, h("button", { type: "button", onclick: () => (entry.folder ? enter(entry.id) : pick(entry.path)) },
            h("bdi", {}, entry.name, entry.folder ? "/" : ""), entry.folder ? h("span", {}, "›") : h("span", {}, bytes(entry.size))))),
          entries.length ? null : h("li", { class: "note" }, t("Nothing here.")));
        const first = list.querySelector("button");
        if (first) first.focus();
      } catch (error) {
        fill(list, h("li", { class: "problem" }, /** @type {Error} */ (error).message));
      }
    };
    await enter(folder);
  }

  // A file can be dropped anywhere.
  let over = 0;
  const holds = (/** @type {DragEvent} */ event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const listeners = /** @type {[string, (event: any) => void][]} */ ([
    ["dragenter", (event) => { if (holds(event)) { over += 1; document.body.classList.add("over"); } }],
    ["dragover", (event) => { if (holds(event)) event.preventDefault(); }],
    ["dragleave", (event) => { if (holds(event)) { over -= 1; if (over <= 0) document.body.classList.remove("over"); } }],
    ["drop", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      over = 0;
      document.body.classList.remove("over");
      if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
    }],
  ]);
  for (const [name, act] of listeners) document.addEventListener(name, act);

  const named = studio.data;
  studio.data = "";
  if (named) look(named);
  else show();
  setTimeout(() => { import("./run.js"); import("./curves.js"); }, 600); // the page that Train goes to
  return () => {
    going = false;
    turn += 1;
    commands.end();
    document.body.classList.remove("over");
    main.classList.remove("looking", "working");
    for (const [name, act] of listeners) document.removeEventListener(name, act);
  };
}

/** Whether a job reads a table as series of its own. @param {any} fit */
const isForecast = (fit) => Boolean(fit && fit.options.horizon);

/** @param {string} job */
const jobWords = (job) => ({
  classes: t("Tell the class of a series, picture or row"),
  targets: t("Predict numbers, step by step or ahead"),
  codes: t("Find a few numbers that tell rows apart, without labels"),
})[JOBS[job]] || "";

/** @param {number} n */
const bytes = (n) => (n < 1024 ? `${n} B` : n < 2 ** 20 ? `${short(Math.round(n / 1024))} KiB` : `${(n / 2 ** 20).toFixed(1)} MiB`);
