"""What the panels of every job share: titles, axes, pictures and the layout of rows."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.system.typing import Array
from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip, width_of
from hiddenstate.views.terminal.colors import DEFAULT, GREY, Depth
from hiddenstate.views.timeline import Moment, Timeline

MAX_LINES_OF_ROWS = 3
"""Lines that rows of data are laid out in."""

LABEL_COLUMNS = 10
"""Columns for a label under a picture, if they are free."""

SMALL_PICTURE = 28
"""Pixels; a picture with fewer on its longer side is enlarged to as many."""

MAX_BRIGHTENING = 1.5
"""Largest factor by which a reduced picture is brightened."""

NARROW = 24
"""Columns that a row that is no picture can use."""


@dataclass
class Selection:
    """What the user has selected with the keyboard.

    Parameters
    ----------
    row : int
        The shown row that the panels of one row draw.
    plane : int
        The pair of code dimensions that are the axes.
    """

    row: int = 0
    plane: int = 0


Draw = Callable[[Canvas, Timeline, Moment, Selection], None]


def by_name(*draws: Draw) -> dict[str, Draw]:
    """Return functions by their names, which are those of the pictures that they draw."""
    return {draw.__name__: draw for draw in draws}


def titled(canvas: Canvas, title: str, note: str = "") -> Canvas:
    """Write a panel's title, and a note at its right end; return the rest of the canvas."""
    end = canvas.text(0, 0, clip(title, canvas.width), mark=BOLD) + 1
    begin = canvas.width
    if note and end + width_of(note) + 1 <= canvas.width:
        begin = canvas.right(0, note, GREY) - 1
    canvas.text(end, 0, "─" * max(begin - end, 0), GREY)
    return canvas.part(0, 1, canvas.width, canvas.height - 1)


def short(value: float) -> str:
    """Format a number in few characters."""
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.0e}"


def axis_ends(first: float, last: float) -> tuple[str, str]:
    """Format the ends of an axis, with the decimals that a hundredth of it needs."""
    span = abs(last - first)
    if not 1e-4 < span < 1e12 or max(abs(first), abs(last)) >= 1e12:
        return short(first), short(last)
    decimals = max(0, 2 - math.floor(math.log10(span)))
    one, other = (f"{v:,.{decimals}f}" for v in (first, last))
    while decimals and one[-1] == other[-1] == "0":
        one, other, decimals = one[:-1], other[:-1], decimals - 1
    return one.rstrip("."), other.rstrip(".")


def label(timeline: Timeline, number: Any) -> str:
    """Return the class label of a class number, short enough for a terminal."""
    return printable(timeline.label(number), 40)


def labels(timeline: Timeline, n: int) -> list[str]:
    """Return the labels of the class numbers below `n`."""
    return [label(timeline, number) for number in range(n)]


def letters(names: Sequence[str]) -> list[str]:
    """Return one character per name: its first if these all differ, else a, b, c, ..."""
    firsts = [name[:1] or "?" for name in names]
    if len(set(firsts)) == len(names) and all(width_of(first) == 1 for first in firsts):
        return firsts
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return [alphabet[n % len(alphabet)] for n in range(len(names))]


def axes(
    canvas: Canvas, span: tuple[float, ...], ends: tuple[str, str] = ("", ""), log: bool = False
) -> Canvas:
    """Write the ends of both axes; return the part of the canvas for the curves.

    Parameters
    ----------
    canvas : Canvas
    span : tuple of float
        Smallest and largest x, smallest and largest y; with `log` logarithms to base 10.
    ends : tuple of str
        Texts at the ends of the x axis.
    log : bool, default False
    """
    low, high = _distinct(*(10**v if log else v for v in span[2:4]))
    below = canvas.height >= 5 and any(ends)
    wide = max(len(low), len(high)) if canvas.width >= 24 and canvas.height >= 2 else 0
    height = canvas.height - below
    if wide:
        canvas.text(wide - len(high), 0, high, GREY)
        canvas.text(wide - len(low), height - 1, low, GREY)
    x = wide + 1 if wide else 0
    if below:
        foot = canvas.part(x, height, canvas.width - x, 1)
        foot.text(0, 0, ends[0], GREY)
        foot.right(0, ends[1], GREY)
    return canvas.part(x, 0, canvas.width - x, height)


def _distinct(low: float, high: float) -> tuple[str, str]:
    """Format two numbers with as few digits as make them differ, and at least two."""
    for figures in range(2, 7):
        one, other = (f"{v:.{max(figures, 3 if abs(v) >= 100 else 2)}g}" for v in (low, high))
        if one != other:
            break
    return one, other


def span_of(x: Sequence[Array], y: Sequence[Array]) -> tuple[float, float, float, float]:
    """Return the smallest and largest finite x and y; an interval of 1 if there is none."""
    ends: list[float] = []
    for values in (x, y):
        whole = np.concatenate([np.ravel(v).astype(float) for v in values]) if values else x
        finite = np.asarray(whole)[np.isfinite(whole)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        if low == high:
            low, high = low - 0.5, high + 0.5
        ends += [low, high]
    return ends[0], ends[1], ends[2], ends[3]


def picture_size(picture: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Return the columns and lines of a picture (h, w) in a space of `width` by `height`."""
    h, w = picture
    largest = max(1.0, SMALL_PICTURE / max(h, w))
    share = min(width / w, 2 * height / h, largest)
    return max(1, round(w * share)), max(1, round(h * share / 2))


def draw_picture(canvas: Canvas, pixels: Array) -> None:
    """Draw pixels (h, w) or (h, w, 3) from 0 to 255, as a form returns them, on all of a canvas."""
    if pixels.ndim == 3:
        shapes.photo(canvas, pixels, 255)
    else:
        shapes.image(canvas, _crisp(pixels / 255, canvas))


def place_of(part: Canvas, picture: tuple[int, int] | None, height: int) -> Canvas:
    """Return the place of a row at the top left of `part`, `height` lines high; a picture keeps its
    proportions."""
    width = picture_size(picture, part.width, height)[0] if picture else part.width
    return part.part(0, 0, width, height)


def _crisp(pixels: Array, canvas: Canvas) -> Array:
    """Average pixels to the canvas, then restore their largest brightness, up to 1."""
    small = shapes.resized(pixels, 2 * canvas.height, canvas.width)
    before, after = float(pixels.max(initial=0.0)), float(small.max(initial=0.0))
    if not after > 0:
        return small
    return small * min(before / after, MAX_BRIGHTENING) / max(before, 1.0)


def units(states: Array, n: int) -> Array:
    """Return at most `n` evenly spaced units of hidden states (P, H); their mean means nothing."""
    size = states.shape[1]
    if size <= n:
        return states
    return states[:, np.linspace(0, size - 1, max(n, 1)).round().astype(int)]


def lines_of_pixels(canvas: Canvas) -> int:
    """Return how many pixels high a canvas is: two a line if there are colours."""
    return canvas.height * (2 if canvas.depth >= Depth.INDEXED else 1)


def largest_unit(states: Array) -> float:
    """Return the end of the scale of hidden units: their largest size, at least 1."""
    return max(1.0, float(np.abs(states[np.isfinite(states)]).max(initial=0)))


def units_note(canvas: Canvas, states: Array) -> str:
    """Return the number of hidden units, and how the ends of their scale look."""
    high = f"{largest_unit(states):.2g}"
    low, full = ("blue", "orange") if canvas.depth >= Depth.INDEXED else ("blank", "full")
    return f"{states.shape[-1]} hidden units, {low} -{high}, {full} +{high}"


def gallery(
    canvas: Canvas,
    rows: Array,
    picture: tuple[int, int] | None,
    foot: int,
    draw: Callable[[Canvas, int, int], None],
    tallest: int = 6,
    least: int = 0,
) -> list[tuple[int, int]]:
    """Draw as many rows side by side as fit, in the number of lines that makes them largest.

    Parameters
    ----------
    canvas : Canvas
    rows : ndarray (N, ...)
    picture : tuple of int or None
        Height and width of the picture that a row is.
    foot : int
        Lines of text under each row.
    draw : callable
        Draws one row; takes its part of the canvas, the number of the row, and the height of the
        picture in that part.
    tallest : int, default 6
        Lines that a row that is no picture can use.
    least : int, default 0
        Columns for the text under a row: as many rows are drawn as have them.

    Returns
    -------
    list of tuple
        The first line and the height of the rows in each line.
    """
    numbers = range(1, MAX_LINES_OF_ROWS + 1)
    shown, per, lines = max(
        (_lines(canvas, len(rows), k, foot, picture, tallest, least) for k in numbers),
        key=lambda choice: choice[0],
    )
    whole = canvas.height // lines
    each, height = (canvas.width + 1) // per - 1, whole - foot - (lines > 1)
    if not shown:
        return []
    w, h = picture_size(picture, each, height) if picture else (each, height)
    wide = max(w, min(each, max(LABEL_COLUMNS, least))) if foot else w
    for number in range(min(len(rows), per * lines)):
        line, place = divmod(number, per)
        x = place * (canvas.width - wide) // max(per - 1, 1)
        draw(canvas.part(x, line * whole, wide, h + foot), number, h)
    return [(line * whole, h) for line in range(-(-min(len(rows), per * lines) // per))]


def _lines(
    canvas: Canvas,
    n: int,
    lines: int,
    foot: int,
    picture: tuple[int, int] | None,
    tallest: int,
    least: int,
) -> tuple[int, int, int]:
    """Return the area that `n` rows fill in that many lines, the rows per line, and the lines."""
    thinnest = max(6 if picture is None else max(4, min(8, picture[1])), min(least, canvas.width))
    per = max(min(-(-n // lines), (canvas.width + 1) // (thinnest + 1)), 1)
    width = (canvas.width + 1) // per - 1
    height = canvas.height // lines - foot - (lines > 1)
    if height < 1 or width < 1 or not n:
        return 0, per, lines
    w, h = (
        picture_size(picture, width, height)
        if picture
        else (min(width, NARROW), min(height, tallest))
    )
    return w * h * min(n, per * lines), per, lines


def placeholder(canvas: Canvas, text: str) -> None:
    """Write what stands in for a drawing that is not possible or not there yet."""
    canvas.text(0, 0, clip(text, canvas.width), GREY if canvas.depth else DEFAULT)
