// Numbers that go from what they are to what they become, and what a moment of a run is made of.

import { isCalm } from "../../web/colors.js";

const LAG = 110; // milliseconds in which two thirds of the way are gone

/** Numbers by name that go to their goals, a part of the way each frame: nothing jumps. */
export class Moving {
  /** @param {() => void} paint called when numbers have moved */
  constructor(paint) {
    this.paint = paint;
    /** @type {Map<string, Float64Array>} */ this.now = new Map();
    /** @type {Map<string, ArrayLike<number>>} */ this.goals = new Map();
    this.last = 0;
  }

  /**
   * Returns the numbers as they are now.
   * @param {string} name
   */
  get(name) { return this.now.get(name); }

  /**
   * Sets where numbers go; those that were not there, or were others, are there at once.
   * @param {string} name
   * @param {ArrayLike<number>} goal
   * @param {boolean} [jump]
   */
  set(name, goal, jump = false) {
    const now = this.now.get(name);
    this.goals.set(name, goal);
    if (jump || isCalm() || !now || now.length !== goal.length) {
      this.now.set(name, Float64Array.from(goal));
      this.goals.delete(name);
      this.paint();
    } else if (!this.last) {
      this.last = performance.now();
      requestAnimationFrame((time) => this.move(time));
    }
  }

  /** @param {number} time */
  move(time) {
    const share = 1 - Math.exp(-Math.max(time - this.last, 4) / LAG);
    this.last = time;
    for (const [name, goal] of this.goals) {
      const now = /** @type {Float64Array} */ (this.now.get(name));
      let far = 0;
      for (let place = 0; place < now.length; place += 1) {
        const way = goal[place] - now[place];
        if (way > 0.001 || way < -0.001) {
          now[place] += way * share;
          far += 1;
        } else now[place] = goal[place]; // also what is missing, or was
      }
      if (!far) this.goals.delete(name);
    }
    this.paint();
    if (this.goals.size) requestAnimationFrame((next) => this.move(next));
    else this.last = 0;
  }
}

/** @typedef {Record<string, import("./api.js").NamedArray>} Arrays */

/**
 * Begins to show a run once its rows are here: `begin` returns what is called at each moment, or
 * nothing if it is too early.
 * @param {import("./store.js").Store} store
 * @param {() => (() => void)|null} begin
 */
export function onceThere(store, begin) {
  const look = () => {
    const update = store.details.shown.job && Object.keys(store.fixed).length ? begin() : null;
    if (!update) return;
    store.removeEventListener("news", look);
    for (const name of ["news", "moment"]) store.addEventListener(name, update);
    update();
  };
  store.addEventListener("news", look);
  look();
}

/**
 * Returns the arrays of the snapshots before and after the moment that is shown, and how far it is
 * between them; null until the first is here. The last snapshot has the arrays of the end.
 * @param {import("./store.js").Store} store
 * @param {boolean} [final] whether it has
 * @returns {{before: Arrays, after: Arrays, share: number, step: number, layer: string}|null}
 */
export function momentOf(store, final = true) {
  const place = store.around();
  if (!place) return null;
  const last = store.snapshots[store.snapshots.length - 1];
  const arrays = (/** @type {number} */ step) => {
    const own = store.arrays(step);
    if (step !== last || !final || !store.state.final) return own;
    const end = store.last();
    return own && end ? { ...own, ...end } : null;
  };
  const after = arrays(place.after);
  const before = place.before === place.after ? after : arrays(place.before);
  const known = before || after;
  return known ? { before: known, after: after || known, share: before && after ? place.share : 0, step: place.before, layer: store.layer } : null;
}

/**
 * Mixes a part of an array of two snapshots; null if it is not there.
 * @param {{before: Arrays, after: Arrays, share: number}} moment
 * @param {string} name
 * @param {number} [from]
 * @param {number} [count]
 */
export function mixed({ before, after, share }, name, from = 0, count = undefined) {
  const early = before[name] || after[name];
  if (!early) return null;
  const late = after[name] && after[name].data.length === early.data.length ? after[name] : early;
  const n = count === undefined ? early.data.length - from : count;
  const values = new Float64Array(n);
  for (let place = 0; place < n; place += 1) {
    const value = early.data[from + place];
    values[place] = value + (late.data[from + place] - value) * share;
  }
  return values;
}
