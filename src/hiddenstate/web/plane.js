// The plane in which states vary most.

/**
 * Returns the mean and two principal axes of states, continuing those of before.
 * @param {ArrayLike<number>} states (n * H)
 * @param {number} H
 * @param {Float64Array[]} before
 */
export function planeOf(states, H, before) {
  const n = states.length / H;
  const mean = new Float64Array(H);
  for (let at = 0; at < states.length; at += 1) mean[at % H] += states[at] / n;
  /** @type {Float64Array[]} */
  const axes = [];
  for (let k = 0; k < Math.min(2, H); k += 1) {
    let axis = before[k] && before[k].length === H ? before[k].slice() : Float64Array.from({ length: H }, (_, i) => Math.cos(i + k));
    for (let round = 0; round < 40; round += 1) {
      const next = new Float64Array(H);
      for (let row = 0; row < n; row += 1) {
        let along = 0;
        for (let i = 0; i < H; i += 1) along += (states[row * H + i] - mean[i]) * axis[i];
        for (let i = 0; i < H; i += 1) next[i] += along * (states[row * H + i] - mean[i]);
      }
      for (const other of axes) {
        const along = next.reduce((sum, value, i) => sum + value * other[i], 0);
        other.forEach((value, i) => { next[i] -= along * value; });
      }
      const length = Math.hypot(...next) || 1;
      axis = next.map((value) => value / length);
    }
    axes.push(axis);
  }
  return { mean, axes };
}

/**
 * Returns where a state is in a plane.
 * @param {ArrayLike<number>} states
 * @param {number} at
 * @param {ArrayLike<number>} mean (H)
 * @param {ArrayLike<number>[]} axes
 */
export function pointIn(states, at, mean, axes) {
  const H = mean.length;
  return axes.map((axis) => {
    let along = 0;
    for (let i = 0; i < H; i += 1) along += (states[at * H + i] - mean[i]) * axis[i];
    return along;
  });
}
