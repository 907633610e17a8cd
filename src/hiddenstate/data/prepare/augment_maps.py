"""Smooth curves, and maps of time and of pictures, by which augmented rows are read."""

import numpy as np
from numpy.typing import NDArray

from hiddenstate.system.typing import Array

KNOTS = 6
"""Random numbers that a smooth curve goes through, in straight lines."""

DIGITS = 2.0**20
"""Parts of a step that places are rounded to, so that a row that is not moved stays as it is."""

PART = 0.2
"""Part of a picture by which a smooth map of strength 1 moves it: the distance between two knots,
as in time."""


def _parts(T: int, n: Array) -> Array:
    """Return which part of its row each step (n, T) is, from 0 to 1; 1 after its end.

    Of rows of one length it is (1, T).
    """
    if len(n) and (n == n[0]).all():
        n = n[:1]
    return np.asarray(np.minimum(np.arange(T) / np.maximum(n - 1, 1)[:, None], 1.0))


def _segments(parts: Array) -> tuple[NDArray[np.int64], Array]:
    """Return the knot before each part, and where it is from there to the next."""
    scaled = parts * (KNOTS - 1)
    segment = np.minimum(scaled.astype(np.int64), KNOTS - 2)
    return segment, scaled - segment


def curve_at(T: int, n: Array, knots: Array) -> Array:
    """Return a smooth curve (n, T) through knots (n, KNOTS) over rows of `n` steps."""
    segment, rest = _segments(_parts(T, n))
    return _of_segments(segment, np.diff(knots, axis=1)) * rest + _of_segments(segment, knots)


def mix_rows(
    x: Array, which: Array, share: Array, others: Array, at: Array | None, n: Array, own: Array
) -> None:
    """Add to the rows `which` (m,) of x (n, T, I) a share (m,) of others (m, T, I).

    Parameters
    ----------
    at : ndarray (n, T), optional
        Where x is read in its rows of `n` (n,) steps, and the others at the same parts of theirs,
        of `own` (m,) steps. Without, all are read step by step.
    """
    if at is not None:
        ratio = (own - 1) / np.maximum(n[which] - 1, 1)
        places = np.rint(at[which] * ratio[:, None] * DIGITS) / DIGITS
        others = rows_at(others, np.minimum(places, (own - 1)[:, None]), own)
    part = share[:, None, None].astype(x.dtype)
    x[which] = (1 - part) * x[which] + part * others


def scale_rows(x: Array, which: Array, n: Array, knots: Array, means: Array) -> None:
    """Multiply the distance from the means (I,) in the rows `which` (m,) of x (n, T, I) by 1 and a
    smooth curve through knots (m, KNOTS) over rows of `n` (m,) steps."""
    curve = curve_at(x.shape[1], n, knots).astype(x.dtype)
    x[which] += (x[which] - means.astype(x.dtype)) * curve[..., None]


def standardise(x: Array, n: Array, some: Array) -> None:
    """Give some features (I,) of rows x (n, T, I) mean 0 and deviation 1 in their `n` steps."""
    values = x[..., some].astype(np.float64)
    read = (np.arange(x.shape[1]) < n[:, None])[..., None]
    counts = np.maximum(n, 1)[:, None]
    # Sums step by step: those of numpy depend on the shape of the whole array.
    values = np.where(read, values, 0.0)
    mean = np.cumsum(values, axis=1)[:, -1] / counts
    values = np.where(read, values - mean[:, None], 0.0)
    deviation = np.sqrt(np.cumsum(values**2, axis=1)[:, -1] / counts)
    x[..., some] = values / np.where(deviation > 0, deviation, 1.0)[:, None]


def time_map(
    T: int, n: Array, shift: Array, cut: Array, begin: Array, speed: Array | None
) -> Array:
    """Return where (n, T) the steps of rows are read that are warped, then cropped, then shifted.

    Parameters
    ----------
    T : int
        Steps of the array.
    n : ndarray (n,)
        Steps of each row.
    shift : ndarray (n,)
        Part of the row by which later steps are read.
    cut, begin : ndarray (n,)
        Part of the row that is left out, and of that the part at its begin.
    speed : ndarray (n, 3, KNOTS - 1), optional
        What :func:`parabolas` makes of the speed of time.
    """
    parts = _parts(T, n) + shift[:, None]
    parts = _between(parts, 0.0, 1.0)
    parts *= (1 - cut)[:, None]
    parts += begin[:, None]
    if speed is not None:
        segment, rest = _segments(parts)
        quadratic, linear, constant = np.moveaxis(speed, 1, 0)
        parts = _of_segments(segment, quadratic) * rest
        parts += _of_segments(segment, linear)
        parts *= rest
        parts += _of_segments(segment, constant)
    parts *= (n - 1)[:, None] * DIGITS
    at = np.rint(parts, out=parts)
    at *= 1 / DIGITS
    return _between(at, 0.0, (n - 1.0)[:, None])


def parabolas(speed: Array) -> Array:
    """Return the distance travelled (n, 3, KNOTS - 1) where the speed (n, KNOTS) changes in
    straight lines: the factors of a square, of a line, and what was travelled before."""
    ends = np.cumsum((speed[:, 1:] + speed[:, :-1]) / 2, axis=1)
    begins = np.concatenate([np.zeros((len(ends), 1)), ends[:, :-1]], axis=1)
    total = ends[:, -1:]
    slopes = np.diff(speed, axis=1) / (2 * total)
    return np.stack([slopes, speed[:, :-1] / total, begins / total], axis=1)


def _of_segments(segment: NDArray[np.int64], values: Array) -> Array:
    """Return the value (n, K) of each row at its segments (n, T)."""
    values = np.ascontiguousarray(values)
    first = np.arange(0, values.size, values.shape[1])[:, None]
    return np.asarray(values.take(segment + first))


def _between(values: Array, low: float, high: Array | float) -> Array:
    """Bound values in place, as `numpy.clip` does more slowly."""
    np.maximum(values, low, out=values)
    return np.asarray(np.minimum(values, high, out=values))


def rows_at(x: Array, at: Array, n: Array) -> Array:
    """Return rows x (n, T, I) of `n` steps at places (n, T), between two steps in a straight
    line."""
    before = at.astype(np.int64)
    rest = (at - before).astype(x.dtype)[..., None]
    after = np.minimum(before + 1, (n - 1)[:, None])
    flat, first = x.reshape(-1, x.shape[2]), (np.arange(len(x)) * x.shape[1])[:, None]
    before += first
    after += first
    low, high = flat.take(before, axis=0), flat.take(after, axis=0)
    high -= low
    high *= rest
    return np.asarray(np.add(low, high, out=high))


def pictures_at(x: Array, cos: Array, sin: Array, middle: Array, knots: Array | None) -> Array:
    """Return pictures x (n, H, W) turned, zoomed, shifted and moved by a smooth map.

    Parameters
    ----------
    cos, sin : ndarray (n,)
        Of the angle, times the zoom.
    middle : ndarray (n, 2)
        Where the middle is read, in pixels.
    knots : ndarray (n, 2, KNOTS, KNOTS), optional
        Further shifts at the knots of a grid, in parts of the picture.
    """
    height, width, kind = *x.shape[1:], x.dtype.type
    down = (np.arange(height) - (height - 1) / 2).astype(kind)[:, None]
    right = (np.arange(width) - (width - 1) / 2).astype(kind)
    cos, sin = cos[:, None, None], sin[:, None, None]
    y = cos * down + (sin * right + middle[:, 0, None, None])
    z = cos * right + (middle[:, 1, None, None] - sin * down)
    if knots is not None:
        grid = _between_knots(knots, height, width)
        y += grid[:, 0] * kind(height)
        z += grid[:, 1] * kind(width)
    return _bilinear(x, y, z)


def _between_knots(knots: Array, height: int, width: int) -> Array:
    """Return a grid (n, 2, H, W) through knots (n, 2, KNOTS, KNOTS), bilinear between them."""
    for axis, size in ((2, height), (3, width)):
        segment, rest = _segments(np.arange(size) / max(size - 1, 1))
        low, high = knots.take(segment, axis), knots.take(segment + 1, axis)
        part = rest.astype(knots.dtype)
        knots = low + (high - low) * (part[:, None] if axis == 2 else part)
    return knots


def _bilinear(x: Array, y: Array, z: Array) -> Array:
    """Return pictures x (n, H, W) at rows y and columns z (n, H, W); outside as at the edge."""
    n, height, width = x.shape
    y, z = _between(y, 0, height - 1), _between(z, 0, width - 1)
    top, left = y.astype(np.int32), z.astype(np.int32)
    y -= top
    z -= left
    # A line and a column more, of which nothing counts, so that each pixel has one after it.
    flat = np.zeros((n, height + 1, width + 1), x.dtype)
    flat[:, :height, :width] = x
    flat, place = flat.reshape(-1), top
    place *= width + 1
    place += left
    firsts = np.arange(n) * ((height + 1) * (width + 1))
    place += firsts.astype(np.int32)[:, None, None]
    upper = _straight(flat, place, z)
    place += width + 1
    lower = _straight(flat, place, z)
    lower -= upper
    lower *= y
    upper += lower
    return upper


def _straight(values: Array, place: NDArray[np.int32], rest: Array) -> Array:
    """Return what is at parts `rest` of the way from each place to the next."""
    low, high = values.take(place), values.take(place + 1)
    high -= low
    high *= rest
    high += low
    return np.asarray(high)
