"""Numbers as shapes in a canvas: braille curves, half-block pictures, heat maps, bars."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.views.terminal.canvas import SPACE, Canvas
from hiddenstate.views.terminal.colors import DEFAULT, LEVELS, LIGHT, Depth, Scale

Array = NDArray[Any]

BRAILLE, UPPER_HALF = 0x2800, 0x2580
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""Bits of a braille pattern's dots, row by row (Unicode, Braille Patterns)."""

SHADES = np.array([ord(c) for c in " ░▒▓█"])
TOUCH = 1e-6
"""How far a curve or a pixel may reach into another's place without counting there."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
RISING = " ▁▂▃▄▅▆▇█"


def graph(
    canvas: Canvas,
    x: Array,
    y: Array,
    span: tuple[float, ...],
    ink: int,
    second: bool = False,
) -> None:
    """A curve through points whose x never falls; gaps where a number is not finite.

    Parameters
    ----------
    canvas : Canvas
    x, y : ndarray (n,)
    span : tuple of float
        Least and greatest x, least and greatest y of the canvas.
    ink : int
    second : bool
        Beside another curve it is dashed, where no colour tells them apart.
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
    # A dot for each row more than touched, so that a slope of one is one dot a column.
    top = np.ceil(low - 0.5 + TOUCH)
    bottom = np.maximum(np.floor(high + 0.5 - TOUCH), top)
    line = np.arange(rows)[:, None]
    drawn = (line >= top) & (line <= bottom) & (high >= low)
    if second and canvas.depth == Depth.PLAIN:
        drawn[:, np.arange(columns) % 4 > 1] = False
    dots(canvas, drawn, ink)


def path(canvas: Canvas, x: Array, y: Array, span: tuple[float, ...], ink: int) -> None:
    """A line from point to point, wherever they lie; arguments as of :func:`graph`."""
    columns, rows = 2 * canvas.width, 4 * canvas.height
    across = scaled(x, span[0], span[1], columns)
    down = (rows - 1) - scaled(y, span[2], span[3], rows)
    sound = np.isfinite(across + down)
    across, down = across[sound], down[sound]
    if not len(across) or not columns or not rows:
        return
    ways = np.maximum(np.abs(np.diff(across)), np.abs(np.diff(down)))
    places = np.concatenate([[0.0], np.cumsum(np.maximum(np.ceil(ways), 1))])
    steps = np.arange(places[-1] + 1)
    a, d = np.interp(steps, places, across), np.interp(steps, places, down)
    scatter(canvas, np.round(a).astype(int), np.round(d).astype(int), ink)


def scatter(canvas: Canvas, across: Array, down: Array, ink: int) -> None:
    """Single dots at dot columns `across` and dot rows `down` (n,)."""
    bitmap = np.zeros((4 * canvas.height, 2 * canvas.width), bool)
    inside = (across >= 0) & (across < bitmap.shape[1]) & (down >= 0) & (down < bitmap.shape[0])
    bitmap[down[inside], across[inside]] = True
    dots(canvas, bitmap, ink)


def dots(canvas: Canvas, bitmap: Array, ink: int) -> None:
    """Dots (4 h, 2 w) over those that stand there; a cell takes the ink drawn last."""
    h, w = canvas.height, canvas.width
    bits = (bitmap.reshape(h, 4, w, 2) * DOTS[None, :, None, :]).sum(axis=(1, 3))
    before = np.where(canvas.glyph >> 8 == BRAILLE >> 8, canvas.glyph & 255, 0)
    drawn = bits > 0
    canvas.glyph[drawn] = (BRAILLE | bits | before)[drawn]
    canvas.ink[drawn] = ink


def scaled(values: Array, low: float, high: float, n: int) -> Array:
    """Values from `low` to `high` as places 0 to n - 1, floats.

    What lies far outside is put not quite so far outside; what is not finite is NaN.
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
    """Numbers (rows, columns) in the whole canvas, two pixels a cell; shades where no colours.

    They are averaged over each pixel, or repeated, whatever their number; NaN is left blank.

    Parameters
    ----------
    canvas : Canvas
    values : ndarray (rows, columns)
    low, high : float
        What the first and the last colour stand for.
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
    known = colors.fine if canvas.depth == Depth.TRUE else colors.coarse
    found = np.where(blank, DEFAULT, known[np.round(share * (LEVELS - 1)).astype(int)])
    top, bottom = found[::2], found[1::2]
    one = top == bottom
    half = (top == DEFAULT) & ~one  # a blank upper half: the lower one is drawn as ink
    canvas.glyph[:] = np.where(one, SPACE, np.where(half, UPPER_HALF + 4, UPPER_HALF))
    canvas.ink[:] = np.where(one, DEFAULT, np.where(half, bottom, top))
    canvas.ground[:] = np.where(half, DEFAULT, bottom)
    canvas.mark[:] = 0


def resized(values: Array, rows: int, columns: int) -> Array:
    """Numbers (h, w) averaged by area to (rows, columns)."""
    values = np.asarray(values, float)
    if values.shape == (rows, columns):
        return values
    if not values.size or not rows or not columns:
        return np.zeros((rows, columns))
    for axis, n in ((0, rows), (1, columns)):  # no matrix product: it would wake BLAS's threads
        place, share = _areas(values.shape[axis], n)
        parts = values.take(place, axis=axis) * (share[:, :, None] if axis == 0 else share)
        values = parts.sum(axis=axis + 1)
    return values


@lru_cache(maxsize=200)
def _areas(n: int, m: int) -> tuple[Array, Array]:
    """Which of `n` pixels lie in each of `m` of the same whole, and how much of it each is.

    Returns
    -------
    place : ndarray (m, k)
    share : ndarray (m, k)
        Each row sums to 1; what there are fewer than `k` of is repeated with a share of 0.
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
    """A bar over `share`, 0 to 1, of `width` columns, to an eighth of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8) if np.isfinite(share) else 0
    text = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
    canvas.text(x, y, text or ("▏" if share > 0 else ""), ink)


def columns(canvas: Canvas, shares: Array, ink: int) -> None:
    """A rising bar a column, each `shares` (w,) of the canvas high, to an eighth of a row."""
    eighths = np.round(np.clip(np.nan_to_num(shares), 0, 1) * canvas.height * 8).astype(int)
    levels = np.array([ord(character) for character in RISING])
    for y in range(canvas.height):
        here = np.clip(eighths - 8 * (canvas.height - 1 - y), 0, 8)
        canvas.glyph[y, : len(here)] = levels[here]
        canvas.ink[y, : len(here)] = ink
