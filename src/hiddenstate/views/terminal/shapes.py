"""Draws numbers on a canvas: braille curves, half-block pictures, heat maps, bars."""

import os
from functools import lru_cache

import numpy as np

from hiddenstate.system.typing import Array
from hiddenstate.views.terminal.canvas import SPACE, Canvas
from hiddenstate.views.terminal.colors import DEFAULT, LEVELS, LIGHT, Depth, Scale, is_light

BRAILLE, UPPER_HALF = 0x2800, 0x2580
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of the dots in a braille pattern, line by line (Unicode, Braille Patterns)."""

SHADES = np.array([ord(c) for c in " ░▒▓█"])
TOUCH = 1e-6
"""Overlap with a neighbouring dot or pixel that does not count."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
RISING = " ▁▂▃▄▅▆▇█"

CHARACTERS = " ░▒▓█▀▄" + EIGHTHS + RISING
"""What small pictures are drawn with, except for braille."""


def graph(
    canvas: Canvas,
    x: Array,
    y: Array,
    span: tuple[float, ...],
    ink: int,
    second: bool = False,
) -> None:
    """Draw a curve through points in order of x, with gaps where a number is not finite.

    Parameters
    ----------
    canvas : Canvas
    x, y : ndarray (n,)
    span : tuple of float
        Smallest and largest x, smallest and largest y of the canvas.
    ink : int
    second : bool, default False
        Whether to dash the curve if there are no colours to distinguish it from another.
    """
    columns, rows = 2 * canvas.width, 4 * canvas.height
    if not columns or not rows or not len(x):
        return
    across = scaled(x, span[0], span[1], columns)
    down = (rows - 1) - scaled(y, span[2], span[3], rows)
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    for part in np.split(np.arange(len(x)), np.flatnonzero(~np.isfinite(across + down))):
        part = part[np.isfinite(across[part] + down[part])]
        if not len(part):
            continue
        a, d = across[part], down[part]
        first, last = round(float(a[0])), round(float(a[-1]))
        if last < 0 or first >= columns:
            continue
        edges = np.interp(np.arange(first, last + 2) - 0.5, a, d)
        here = slice(max(first, 0), min(last + 1, columns))
        cut = slice(here.start - first, max(here.stop - first, 0))
        low[here] = np.minimum(low[here], np.minimum(edges[:-1], edges[1:])[cut])
        high[here] = np.maximum(high[here], np.maximum(edges[:-1], edges[1:])[cut])
        place = np.round(a).astype(int)
        inside = (place >= 0) & (place < columns)
        np.minimum.at(low, place[inside], d[inside])
        np.maximum.at(high, place[inside], d[inside])
    # A dot for each line more than touched, so that a slope of one is one dot a column.
    top = np.ceil(low - 0.5 + TOUCH)
    bottom = np.maximum(np.floor(high + 0.5 - TOUCH), top)
    line = np.arange(rows)[:, None]
    drawn = (line >= top) & (line <= bottom) & (high >= low)
    if second and canvas.depth == Depth.PLAIN:
        drawn[:, np.arange(columns) % 4 > 1] = False
    dots(canvas, drawn, ink)


def path(canvas: Canvas, x: Array, y: Array, span: tuple[float, ...], ink: int) -> None:
    """Draw straight lines from point to point in any order; parameters as for :func:`graph`."""
    columns, rows = 2 * canvas.width, 4 * canvas.height
    across = scaled(x, span[0], span[1], columns)
    down = (rows - 1) - scaled(y, span[2], span[3], rows)
    finite = np.isfinite(across + down)
    across, down = across[finite], down[finite]
    if not len(across) or not columns or not rows:
        return
    lengths = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(down)))
    places = np.concatenate([[0.0], np.cumsum(np.maximum(np.ceil(lengths), 1))])
    steps = np.arange(places[-1] + 1)
    a, d = np.interp(steps, places, across), np.interp(steps, places, down)
    scatter(canvas, np.round(a).astype(int), np.round(d).astype(int), ink)


def scatter(canvas: Canvas, across: Array, down: Array, ink: int) -> None:
    """Draw single dots at dot columns `across` and dot lines `down`, both (n,)."""
    bitmap = np.zeros((4 * canvas.height, 2 * canvas.width), bool)
    inside = (across >= 0) & (across < bitmap.shape[1]) & (down >= 0) & (down < bitmap.shape[0])
    bitmap[down[inside], across[inside]] = True
    dots(canvas, bitmap, ink)


def dots(canvas: Canvas, bitmap: Array, ink: int) -> None:
    """Draw dots (4 h, 2 w) over existing ones; a character takes the colour drawn last."""
    h, w = canvas.height, canvas.width
    bits = (bitmap.reshape(h, 4, w, 2) * DOTS[None, :, None, :]).sum(axis=(1, 3))
    before = np.where(canvas.glyph >> 8 == BRAILLE >> 8, canvas.glyph & 255, 0)
    drawn = bits > 0
    canvas.glyph[drawn] = (BRAILLE | bits | before)[drawn]
    canvas.ink[drawn] = ink


def scaled(values: Array, low: float, high: float, n: int) -> Array:
    """Scale values from `low` to `high` to places 0 to n - 1, as floats.

    Values far outside are clipped to places outside; values that are not finite become NaN.
    """
    values = np.asarray(values, float)
    values = np.where(np.isfinite(values), values, np.nan)
    width = high - low
    with np.errstate(over="ignore"):
        places = (values - low) * ((n - 1) / width if width > 0 else 0.0)
    return np.clip(places, -2 * n, 3 * n)


def image(
    canvas: Canvas, values: Array, low: float = 0.0, high: float = 1.0, colors: Scale = LIGHT
) -> None:
    """Draw numbers over the whole canvas, two pixels per character, or shades without colours.

    The numbers are averaged by area to the pixels; NaN stays blank.

    Parameters
    ----------
    canvas : Canvas
    values : ndarray (h, w)
    low, high : float
        The numbers drawn in the first and the last colour.
    colors : Scale
    """
    h, w = canvas.height, canvas.width
    if not h or not w or not values.size:
        return
    pixels = resized(values, 2 * h, w)
    with np.errstate(invalid="ignore"):
        share = np.clip((pixels - low) / ((high - low) or 1.0), 0, 1)
    blank = ~np.isfinite(share)
    share = np.where(blank, 0.0, share)
    if canvas.depth < Depth.INDEXED:
        shade = np.round(share.reshape(h, 2, w).mean(axis=1) * (len(SHADES) - 1)).astype(int)
        canvas.glyph[:] = SHADES[shade]
        canvas.ink[:], canvas.ground[:], canvas.mark[:] = DEFAULT, DEFAULT, 0
        return
    colors = colors.on_light if is_light(os.environ) else colors
    scale = colors.fine if canvas.depth == Depth.TRUE else colors.coarse
    pixels = scale[np.round(share * (LEVELS - 1)).astype(int)]
    _half_blocks(canvas, np.where(blank, DEFAULT, pixels))


def photo(canvas: Canvas, pixels: Array, high: float = 1.0) -> None:
    """Draw red, green and blue (h, w, 3), each from 0 to `high`, as :func:`image` draws numbers."""
    h, w = canvas.height, canvas.width
    if not h or not w or not pixels.size:
        return
    if canvas.depth < Depth.INDEXED:
        image(canvas, pixels.mean(axis=-1), 0.0, high)
        return
    parts = [resized(pixels[..., channel], 2 * h, w) for channel in range(3)]
    red, green, blue = (np.round(255 * np.clip(p / (high or 1.0), 0, 1)).astype(int) for p in parts)
    _half_blocks(canvas, red << 16 | green << 8 | blue)


def _half_blocks(canvas: Canvas, colors: Array) -> None:
    """Draw colours (2 h, w) as two pixels per character."""
    top, bottom = colors[::2], colors[1::2]
    one = top == bottom
    half = (top == DEFAULT) & ~one  # the upper half is blank: the lower one is the foreground
    canvas.glyph[:] = np.where(one, SPACE, np.where(half, UPPER_HALF + 4, UPPER_HALF))
    canvas.ink[:] = np.where(one, DEFAULT, np.where(half, bottom, top))
    canvas.ground[:] = np.where(half, DEFAULT, bottom)
    canvas.mark[:] = 0


def resized(values: Array, rows: int, columns: int) -> Array:
    """Average numbers (h, w) by area to (rows, columns)."""
    values = np.asarray(values, float)
    if values.shape == (rows, columns):
        return values
    if not values.size or not rows or not columns:
        return np.zeros((rows, columns))
    for axis, n in ((0, rows), (1, columns)):  # no matrix product, which would start BLAS threads
        place, share = _areas(values.shape[axis], n)
        parts = values.take(place, axis=axis) * (share[:, :, None] if axis == 0 else share)
        values = parts.sum(axis=axis + 1)
    return values


@lru_cache(maxsize=200)
def _areas(n: int, m: int) -> tuple[Array, Array]:
    """Return which of `n` pixels lie in each of `m` equal parts, and their shares of it.

    Returns
    -------
    place : ndarray (m, k)
    share : ndarray (m, k)
        Each row sums to 1; a part of fewer than `k` pixels repeats the last with a share of 0.
    """
    edges = np.linspace(0, n, m + 1)
    first = np.floor(edges[:-1] + TOUCH).astype(int)
    last = np.maximum(np.ceil(edges[1:] - TOUCH).astype(int) - 1, first)
    place = first[:, None] + np.arange((last - first).max() + 1)
    inside = np.minimum(place, last[:, None])
    covered = np.minimum(edges[1:, None], inside + 1) - np.maximum(edges[:-1, None], inside)
    covered = np.where(place == inside, covered, 0.0)
    return inside, covered / covered.sum(axis=1, keepdims=True)


def bar(canvas: Canvas, x: int, y: int, width: int, share: float, ink: int) -> None:
    """Draw a bar of `share`, 0 to 1, of `width` columns, to an eighth of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8) if np.isfinite(share) else 0
    text = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    canvas.text(x, y, text or ("▏" if share > 0 else ""), ink)


def columns(canvas: Canvas, shares: Array, ink: int) -> None:
    """Draw a bar in each column, `shares` (w,) of the canvas high, to an eighth of a line."""
    eighths = np.round(np.clip(np.nan_to_num(shares), 0, 1) * canvas.height * 8).astype(int)
    levels = np.array([ord(character) for character in RISING])
    for y in range(canvas.height):
        here = np.clip(eighths - 8 * (canvas.height - 1 - y), 0, 8)
        canvas.glyph[y, : len(here)] = levels[here]
        canvas.ink[y, : len(here)] = ink


def sparkline(canvas: Canvas, signal: Array) -> None:
    """Draw a signal (n,) as bars from an eighth to the whole height, with gaps for missing values.

    Each bar is the mean of the finite values in its part of the signal.
    """
    if not canvas.width or not len(signal):
        return
    finite = np.isfinite(signal)
    total = resized(np.where(finite, signal, 0.0)[None], 1, canvas.width)[0]
    share = resized(finite[None], 1, canvas.width)[0]
    means = np.where(share > TOUCH, total / np.maximum(share, TOUCH), np.nan)
    if np.isnan(means).all():
        return
    low, high = np.nanmin(means), np.nanmax(means)
    level = (means - low) / (high - low) if high > low else means * 0 + 0.5
    columns(canvas, np.where(np.isnan(level), 0.0, (1 + 7 * level) / 8), DEFAULT)
