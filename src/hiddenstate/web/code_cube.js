// Three axes of codes in perspective: `turn` rotates about the upright third axis, then `tilt` towards
// the viewer.

import { label } from "./pen.js";

/** @import { Space, Point } from "./code_space.js" */
/** @typedef {(axis: number, a: number, b: number, c: number) => Point} Corner */

const NARROW = 420; // pixels
const EYE = 4.6; // distance of the eye from the centre of the cube

/** @param {Space} space */
const wavesOf = ({ turn, tilt }) => [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)];

/** What a space needs to show three axes. */
export const CUBE = {
  /**
   * Returns the place of a code on the screen: x, y and nearness, 1 in the centre.
   * @param {Space} space
   * @param {Point} code
   */
  place(space, [x, y, z]) {
    const [sine, cosine, rise, level] = wavesOf(space);
    const right = x * cosine - y * sine;
    const back = x * sine + y * cosine;
    const up = z * level + back * rise;
    const near = EYE / (EYE - z * rise + back * level);
    const room = 0.25 * Math.min(space.width, space.height) * space.zoom * near;
    return [space.width / 2 + right * room, 0.47 * space.height - up * room, near];
  },

  /**
   * Moves a point in its plane parallel to the screen to a point of the canvas.
   * @param {Space} space
   * @param {number} x
   * @param {number} y
   * @param {Point} point
   */
  move(space, x, y, point) {
    const [sine, cosine, rise, level] = wavesOf(space);
    const behind = point[0] * sine + point[1] * cosine;
    const depth = behind * level - point[2] * rise;
    const room = 0.25 * Math.min(space.width, space.height) * space.zoom * space.place(point)[2];
    const [right, up] = [(x - space.width / 2) / room, (0.47 * space.height - y) / room];
    const back = up * rise + depth * level;
    point[0] = right * cosine + back * sine;
    point[1] = back * cosine - right * sine;
    point[2] = up * level - depth * rise;
  },

  /** Paints the three walls behind the codes, and the names and numbers of the axes. @param {Space} space */
  paint(space) {
    const behind = [0, 1, 2].map((axis) => {
      /** @type {Point} */
      const at = [0, 0, 0];
      at[axis] = 1;
      return space.place(at)[2] < 1 ? 1 : -1;
    });
    /** @type {Corner} */
    const corner = (axis, a, b, c) => {
      /** @type {Point} */
      const at = [0, 0, 0];
      [at[axis], at[(axis + 1) % 3], at[(axis + 2) % 3]] = [a, b, c];
      return at;
    };
    for (let axis = 0; axis < 3; axis += 1) {
      for (const share of [-1, -0.5, 0, 0.5, 1]) {
        space.stroke(corner(axis, behind[axis], share, -1), corner(axis, behind[axis], share, 1));
        space.stroke(corner(axis, behind[axis], -1, share), corner(axis, behind[axis], 1, share));
      }
    }
    for (let axis = 0; axis < 3; axis += 1) nameAxis(space, axis, corner, behind);
  },
};

/**
 * Names an axis along its outermost edge that touches only one wall.
 * @param {Space} space
 * @param {number} axis
 * @param {Corner} corner
 * @param {number[]} behind
 */
function nameAxis(space, axis, corner, behind) {
  const next = behind[(axis + 1) % 3];
  const last = behind[(axis + 2) % 3];
  /** @param {number[]} edge */
  const outside = ([b, c]) => {
    const [x, y] = space.place(corner(axis, 0, b, c));
    return axis === 2 ? -x : y;
  };
  const [[b, c]] = [[-next, last], [next, -last]].sort((one, other) => outside(other) - outside(one));
  /** @param {number} share @param {number} far */
  const away = (share, far) => space.place(corner(axis, share, b * far, c * far));
  const end = space.width < NARROW ? 0.7 : 0.9; // numbers of two axes at a corner stand apart
  for (const share of [-end, end]) {
    const [x, y] = away(share, 1.1);
    label(space.pen, space.number(axis, share), x, y, space.muted, "center");
  }
  const [x, y] = away(0, 1.22);
  label(space.pen, space.nameOf(axis), Math.min(Math.max(x, 26), space.width - 26), Math.min(y, space.height - 12), space.ink, "center");
}
