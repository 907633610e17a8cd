// Everything that a page knows of one run, and the moment that it shows.

import { get, getArrays } from "./api.js";
import { listen, stream } from "./stream.js";
import { t } from "./words.js";

/** @typedef {import("../../web/net.js").Model} Model */

const KEPT = 64 * 1024 * 1024; // bytes of arrays that are kept
const MOST_NETS = 40;

/**
 * A run. It sends events: "news" (history, snapshots or status changed), "moment" (another moment is
 * shown), "problem" (detail: a line).
 */
export class Store extends EventTarget {
  /** @param {string} id */
  constructor(id) {
    super();
    this.id = id;
    /** @type {any} facts of the run, as the server has them */
    this.details = null;
    /** @type {Record<string, import("./api.js").NamedArray>} arrays that never change */
    this.fixed = {};
    /** @type {any[]} */ this.events = [];
    /** @type {any[]} logged steps */ this.logged = [];
    /** @type {number[]} updates made after each of them */ this.logSteps = [];
    /** @type {any[]} */ this.validations = [];
    /** @type {any[]} */ this.requests = [];
    /** @type {number[]} updates after which there are snapshots */ this.snapshots = [];
    /** @type {number[]} and weights */ this.weights = [];
    /** @type {any} */ this.state = { status: "running", paused: false };
    /** @type {{name: string, curves: Record<string, [number, number][]>, end: number}|null} another run, whose curves are behind */ this.ghost = null;
    this.alone = false; // whether the end shows what the network alone says, not the model
    this.live = true; // whether the newest moment is shown
    this.step = 0; // updates made at the moment that is shown; between two while it plays
    /** @type {Map<string, {arrays: Record<string, import("./api.js").NamedArray>, bytes: number}>} */
    this._kept = new Map();
    this._bytes = 0;
    this._turn = 0; // counts what was asked for the facts
    this._era = 0; // of the history: what was asked for in an earlier one is not kept
    /** @type {any} */ this._view = null;
    /** @type {Map<string, Promise<any>>} */ this._asked = new Map();
    /** @type {Map<string, any>} */ this._nets = new Map();
    /** @type {(() => void)[]} */ this._undo = [];
  }

  /** Reads the facts of the run, and listens for what is new. */
  async open() {
    this._on("lines", (lines) => this._add(lines));
    this._on("reset", () => this._clear());
    this._on("snapshots", ({ snapshots, weights }) => {
      this.snapshots = snapshots;
      this.weights = weights;
      this._news();
    });
    this._on("run", (state) => {
      const before = this.state;
      this.state = state;
      if (before.status !== state.status || before.final !== state.final) this.refresh();
      this._news();
    });
    this._on("problem", ({ problem }) => this.dispatchEvent(new CustomEvent("problem", { detail: problem })));
    await this.refresh();
    listen(this.id);
  }

  /** Reads the facts anew, after the status has changed. */
  async refresh() {
    this._turn += 1;
    const turn = this._turn;
    try {
      // Both are asked for at once; a run that has just begun has no arrays yet.
      const fixed = Object.keys(this.fixed).length ? null : getArrays(this.id, "static").catch(() => ({}));
      const details = await get(`/api/runs/${this.id}`);
      if (turn !== this._turn) return; // a newer answer is on its way
      if (this.details && (details.key !== this.details.key || details.job !== this.details.job)) {
        window.location.reload(); // another run has this name now
        return;
      }
      this.details = details;
      const { snapshots, weights } = this.details;
      if (!this.snapshots.length) Object.assign(this, { snapshots, weights });
      this.state = { ...this.state, ...this.details };
      if (fixed && Object.keys(details.shown).length) {
        const arrays = await fixed;
        this.fixed = Object.keys(arrays).length ? arrays : await getArrays(this.id, "static").catch(() => ({}));
      }
    } catch (error) {
      if (turn !== this._turn) return;
      this.dispatchEvent(new CustomEvent("problem", { detail: String(/** @type {Error} */ (error).message) }));
      if (!this.details) throw error;
    }
    this._news();
  }

  close() {
    for (const undo of this._undo) undo();
    listen();
  }

  /**
   * @param {string} kind
   * @param {(value: any) => void} act
   */
  _on(kind, act) {
    const listener = (/** @type {any} */ event) => act(event.detail);
    stream.addEventListener(kind, listener);
    this._undo.push(() => stream.removeEventListener(kind, listener));
  }

  /** @param {any[]} lines */
  _add(lines) {
    for (const line of lines) {
      this.events.push(line);
      if (line.event === "log") {
        this.logged.push(line);
        this.logSteps.push(line.step + 1);
      } else if (line.event === "valid") this.validations.push(line);
      else if (line.event === "control") this.requests.push(line);
    }
    this._news();
  }

  _clear() {
    Object.assign(this, { events: [], logged: [], logSteps: [], validations: [], requests: [] });
    this._kept.clear();
    this._nets.clear();
    this._view = null;
    this._bytes = 0;
    this._era += 1;
    this.fixed = {};
    this.refresh();
  }

  _news() {
    // A run that was just started has its names and rows a moment later than its settings.
    if (this.details && !Object.keys(this.fixed).length && this.snapshots.length && !this._again) {
      this._again = true;
      this.refresh().finally(() => { this._again = false; });
    }
    if (this.live) this.step = this.newest;
    this.dispatchEvent(new Event("news"));
    if (this.live) this.dispatchEvent(new Event("moment"));
  }

  /** Updates of the whole run: made once it has ended, planned before. */
  get end() {
    const planned = this.done ? 0 : this.state.total_steps || 0;
    return Math.max(planned, this.newest, 1);
  }

  /** Updates made until now, as far as it is known. */
  get newest() {
    const logged = this.logged.length ? this.logged[this.logged.length - 1].step + 1 : 0;
    const shot = this.snapshots.length ? this.snapshots[this.snapshots.length - 1] : 0;
    const ended = this.events.length ? this.events[this.events.length - 1] : null;
    return Math.max(logged, shot, ended && ended.event === "end" ? ended.step : 0);
  }

  get done() { return this.state.status === "done"; }

  get running() { return this.state.status === "running"; }

  /**
   * Shows another moment.
   * @param {number} step updates made
   */
  show(step) {
    this.step = Math.min(Math.max(step, 0), this.end);
    this.live = this.step >= this.newest;
    this.dispatchEvent(new Event("moment"));
  }

  /** Shows the newest moment, and those that come. */
  follow() {
    this.live = true;
    this.step = this.newest;
    this.dispatchEvent(new Event("moment"));
  }

  /** The last logged line until the moment that is shown. */
  get line() { return this.lineAt(this.step); }

  /** The last logged line until a number of updates. @param {number} step */
  lineAt(step) { return this.logged[lastUntil(this.logSteps, step)]; }

  /**
   * The snapshot that is shown at a moment: the newest one until then.
   * @param {number} [step]
   */
  snapshotAt(step = this.step) {
    const place = lastUntil(this.snapshots, step);
    return place < 0 ? null : this.snapshots[place];
  }

  /**
   * The snapshots before and after a moment, and how far it is between them: codes move evenly.
   * @returns {{before: number, after: number, share: number}|null}
   */
  around(step = this.step) {
    const place = lastUntil(this.snapshots, step);
    if (place < 0) return this.snapshots.length ? { before: this.snapshots[0], after: this.snapshots[0], share: 0 } : null;
    const before = this.snapshots[place];
    const after = this.snapshots[Math.min(place + 1, this.snapshots.length - 1)];
    return { before, after, share: after > before ? Math.min((step - before) / (after - before), 1) : 0 };
  }

  /**
   * Returns the arrays of a snapshot if they are here; else asks for them, and sends "moment" once
   * they are. Of what is asked for while one is on its way only the newest is fetched.
   * @param {string|number|null} which updates made, or "final"
   * @returns {Record<string, import("./api.js").NamedArray>|null}
   */
  arrays(which) {
    if (which === null) return null;
    const key = String(which);
    const kept = this._kept.get(key);
    if (kept) return kept.arrays;
    if (!this._asked.has(key)) {
      this._next = key;
      if (!this._asked.size) this._fetch();
    }
    return null;
  }

  /** The arrays of the moment that is shown, with those of the end at the end. */
  now() {
    const arrays = this.arrays(this.snapshotAt());
    if (this.state.final && this.step >= this.newest) return { ...arrays, ...this.last() };
    return arrays;
  }

  /** The arrays of the end: those of the model, or of the network alone. */
  last() {
    const arrays = this.arrays("final");
    if (!arrays || !this.alone) return arrays;
    const own = Object.keys(arrays).filter((name) => name.startsWith("net_"));
    return { ...arrays, ...Object.fromEntries(own.map((name) => [name.slice(4), arrays[name]])) };
  }

  /** Whether the end has what the network alone says behind the answers of the model. */
  get layered() {
    const { arrays = {} } = this._kept.get("final") || {};
    return Object.keys(arrays).some((name) => name.startsWith("net_"));
  }

  /**
   * Whose answers are shown: "model" or "network", or "" where the network is the model.
   * @returns {""|"model"|"network"}
   */
  get layer() {
    const { answer, answers } = this.details;
    if (!answer.beside.length) return "";
    if (!this.state.final || this.step < this.newest) return "network";
    if (this.layered) return this.alone ? "network" : "model";
    return answers === "targets" ? "model" : "network"; // a classifier of release 0.5 or before
  }

  /** @param {string} key @param {Record<string, import("./api.js").NamedArray>} arrays */
  _keep(key, arrays) {
    const bytes = Object.values(arrays).reduce((sum, { data }) => sum + data.byteLength, 0);
    this._kept.set(key, { arrays, bytes });
    this._bytes += bytes;
  }

  _fetch() {
    const key = this._next;
    if (!key) return;
    this._next = "";
    const era = this._era;
    const asked = getArrays(this.id, key).then((arrays) => {
      if (era !== this._era) return;
      this._keep(key, arrays);
      for (const [old, each] of this._kept) {
        if (this._bytes <= KEPT || old === key) break;
        this._kept.delete(old);
        this._bytes -= each.bytes;
      }
    }, () => { if (era === this._era) this._kept.set(key, { arrays: {}, bytes: 0 }); }).finally(() => {
      this._asked.delete(key);
      this.dispatchEvent(new Event("moment"));
      this._fetch();
    });
    this._asked.set(key, asked);
  }

  /**
   * Waits for the arrays of some snapshots.
   * @param {(string|number)[]} steps
   */
  async all(steps) {
    const missing = steps.filter((step) => !this._kept.has(String(step)));
    await Promise.all(missing.map(async (step) => this._keep(String(step), await getArrays(this.id, step).catch(() => ({})))));
    return steps.map((step) => /** @type {any} */ (this._kept.get(String(step))).arrays);
  }

  /** The weights that are nearest before the moment that is shown; "final" at the end. */
  get netAt() {
    if (this.state.has_model && this.done && this.step >= this.newest) return "final";
    const place = lastUntil(this.weights, this.step);
    if (place < 0) return this.weights.length ? this.weights[0] : this.state.has_model ? "final" : null;
    return this.weights[place];
  }

  /**
   * Returns the net of the moment that is shown: {model, step}, step "final" or updates made; null
   * if there are no weights.
   * @returns {Promise<{model: Model, step: string|number}|null>}
   */
  async net() {
    const which = this.netAt;
    if (which === null) return null;
    const key = String(which);
    if (!this._nets.has(key)) {
      const code = Promise.all([import("../../web/net.js"), import("../../web/packed.js")]);
      const asked = get(`/api/runs/${this.id}/program/${which}`).then(async (program) => {
        const [{ Model }, { unpacked }] = await code;
        for (const script of program.scripts) await import(`../../web/${script}.js`);
        return new Model(unpacked(program));
      });
      asked.catch(() => this._nets.delete(key));
      this._nets.set(key, asked);
      if (this._nets.size > MOST_NETS) this._nets.delete([...this._nets.keys()][0]);
    }
    return { model: await this._nets.get(key), step: which };
  }

  /** How the data of the run were read, for rows that are given. @returns {Promise<import("../../web/table.js").Written>} */
  async written() {
    const view = await this.view();
    if (!view) throw new Error(t("the weights come with the first snapshot"));
    return view.written;
  }

  /** Names, ranges and rows that go with the nets: the "view" of an exported page. @returns {Promise<any>} */
  view() {
    if (!this._view) {
      const which = this.netAt;
      if (which === null) return Promise.resolve(null);
      this._view = get(`/api/runs/${this.id}/view/${which}`);
      this._view.catch(() => { this._view = null; });
    }
    return this._view;
  }
}

/**
 * The place of the last number of a growing list that is not above a value; -1 if all are.
 * @param {number[]} list
 * @param {number} value
 */
export function lastUntil(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
