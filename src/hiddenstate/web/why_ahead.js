// Which values of a series a forecast comes from.

import { nearerPath, withMoved } from "./ahead.js";
import { add } from "./gradients.js";
import { meanOf } from "./net.js";
import { undoneTraced } from "./step_gradients.js";
import { explained, netsTraced, zerosLike } from "./why.js";

/** @import { Program } from "./net.js" */
/** @import { Explained, Rows } from "./why.js" */

/**
 * What explains the forecast of a target, `place` steps after the next one, of the prepared end of a
 * series.
 * @param {Program} program
 * @param {number} place
 * @param {number} chosen
 * @returns {Explained}
 */
export const forecastExplained = (program, place, chosen) => function* explain(x) {
  const { horizon, window, n_features, n_moved } = program;
  /** @param {number} end */
  const firstOf = (end) => Math.max(0, end - window);
  const end = x.length - horizon + 1 + place;
  const rows = x.slice(firstOf(end), end);
  const at = rows.length - 1;
  const nearer = nearerPath(program, place);
  if (!nearer) {
    const [value, back] = yield* explained(program, chosen)(rows);
    return [value, function* whole() {
      const own = zerosLike(x);
      (yield* back()).forEach((d, t) => add(own[firstOf(end) + t], d));
      return own;
    }];
  }
  const newest = x.slice(firstOf(x.length));
  const last = withMoved(program, newest, rows);
  const [outputs, through] = yield* netsTraced(program, rows, at);
  const [added, addedBack] = undoneTraced(nearer.after, meanOf(outputs), rows, at);
  const [y, back] = undoneTraced(nearer.before, added.map((value, o) => value * nearer.shares[o]), last, last.length - 1);
  return [y[chosen], function* whole() {
    const [own, ofRows, ofLast] = [x, rows, last].map(zerosLike);
    const d = back(y.map((_, o) => Number(o === chosen)), ofLast).map((value, o) => value * nearer.shares[o]);
    const each = addedBack(d, ofRows).map((value) => value / outputs.length);
    yield* through(outputs.map(() => each), ofRows);
    const end_ = ofLast[ofLast.length - 1];
    for (let i = n_features - n_moved; i < n_features; i += 1) {
      ofRows[at][i] += end_[i];
      end_[i] = 0;
    }
    ofRows.forEach((slope, t) => add(own[firstOf(end) + t], slope));
    ofLast.forEach((slope, t) => add(own[firstOf(x.length) + t], slope));
    return own;
  }];
};
