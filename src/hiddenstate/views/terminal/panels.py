"""What the panels of every job share: titles, axes, pictures, the learning curves."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import printable
from hiddenstate.views.terminal import shapes
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip, width_of
from hiddenstate.views.terminal.colors import BLUE, DEFAULT, GREY, ORANGE, Depth
from hiddenstate.views.timeline import Moment, Timeline

Array = NDArray[Any]

LOG_RATIO = 20
"""Greatest over least value of a curve from which on its axis is logarithmic."""

MOST_IN_LINES = 3
"""Lines that rows stand in at the most."""

LABEL = 10
"""Columns a label under a picture gets where they are free."""

SMALL_PICTURE = 28
"""Pixels up to which a smaller picture is enlarged."""

BRIGHTER = 1.5
"""How much brighter a reduced picture is made at the most."""

NARROW = 24
"""Columns below which a signal's first feature alone is drawn."""

MOST_LINES = 3
"""Features of a signal that are drawn."""


@dataclass
class Look:
    """What the person at the keyboard chose to see.

    Parameters
    ----------
    row : int
        Which shown row the panels of one row show.
    plane : int
        Which two numbers of a code are the axes.
    """

    row: int = 0
    plane: int = 0


Draw = Callable[[Canvas, Timeline, Moment, Look], None]


def titled(canvas: Canvas, title: str, note: str = "") -> Canvas:
    """Write a panel's title, and a note at its right end; return the room under them."""
    end = canvas.text(0, 0, clip(title, canvas.width), mark=BOLD) + 1
    begin = canvas.width
    if note and end + width_of(note) + 1 <= canvas.width:
        begin = canvas.right(0, note, GREY) - 1
    canvas.text(end, 0, "─" * max(begin - end, 0), GREY)
    return canvas.part(0, 1, canvas.width, canvas.height - 1)


def short(value: float) -> str:
    """A number in few characters."""
    return f"{value:.3g}" if abs(value) < 1e5 else f"{value:.0e}"


def ends_of(first: float, last: float) -> tuple[str, str]:
    """The least and greatest of an axis, in as many decimals as its hundredths need."""
    span = abs(last - first)
    if not 1e-4 < span < 1e12 or max(abs(first), abs(last)) >= 1e12:
        return short(first), short(last)
    decimals = max(0, 2 - math.floor(math.log10(span)))
    one, other = (f"{v:,.{decimals}f}" for v in (first, last))
    while decimals and one[-1] == other[-1] == "0":
        one, other, decimals = one[:-1], other[:-1], decimals - 1
    return one.rstrip("."), other.rstrip(".")


def label(timeline: Timeline, number: Any) -> str:
    """The class label of a class number, fit for a terminal."""
    classes = timeline.facts.get("classes") or []
    known = 0 <= int(number) < len(classes)
    return printable(classes[int(number)] if known else number, 40)


def class_names(timeline: Timeline, n: int) -> list[str]:
    """The labels of the class numbers below `n`."""
    return [label(timeline, number) for number in range(n)]


def letters(names: Sequence[str]) -> list[str]:
    """A character for each name: its first where they all differ, else a, b, c, ..."""
    firsts = [name[:1] or "?" for name in names]
    if len(set(firsts)) == len(names) and all(width_of(first) == 1 for first in firsts):
        return firsts
    alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return [alphabet[n % len(alphabet)] for n in range(len(names))]


def axes(
    canvas: Canvas, span: tuple[float, ...], ends: tuple[str, str] = ("", ""), log: bool = False
) -> Canvas:
    """Write the ends of both axes; return the room for the curves.

    `span` holds the least and greatest x and y as drawn; with `log` y are logarithms to base 10.
    """
    low, high = _told_apart(*(10**v if log else v for v in span[2:4]))
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


def _told_apart(low: float, high: float) -> tuple[str, str]:
    """Two numbers in as few figures as tell them apart, two at the least."""
    for figures in range(2, 7):
        one, other = (f"{v:.{max(figures, 3 if abs(v) >= 100 else 2)}g}" for v in (low, high))
        if one != other:
            break
    return one, other


def span_of(x: Sequence[Array], y: Sequence[Array]) -> tuple[float, float, float, float]:
    """The least and greatest finite x and y; a width of 1 where there is none."""
    ends: list[float] = []
    for values in (x, y):
        whole = np.concatenate([np.ravel(v).astype(float) for v in values]) if values else x
        sound = np.asarray(whole)[np.isfinite(whole)]
        low, high = (float(sound.min()), float(sound.max())) if len(sound) else (0.0, 1.0)
        if low == high:
            low, high = low - 0.5, high + 0.5
        ends += [low, high]
    return ends[0], ends[1], ends[2], ends[3]


def fitted(picture: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """Columns and rows of cells for a picture (h, w) in a room of `width` by `height` cells."""
    h, w = picture
    largest = max(1.0, SMALL_PICTURE / max(h, w))
    share = min(width / w, 2 * height / h, largest)
    return max(1, round(w * share)), max(1, round(h * share / 2))


def draw_row(canvas: Canvas, row: Array, picture: tuple[int, int] | None) -> None:
    """A row in the whole canvas: as the picture it is, or its first features as curves."""
    if picture:
        shapes.image(canvas, _crisp(row.reshape(picture), canvas))
        return
    lines = row.reshape(len(row), -1)[:, : MOST_LINES if canvas.width >= NARROW else 1]
    steps = np.arange(len(lines))
    sound = np.flatnonzero(np.isfinite(lines).any(axis=1))
    span = span_of([steps[sound]], [lines])
    for values, ink in zip(lines.T, (BLUE, ORANGE, GREY), strict=False):
        shapes.graph(canvas, steps, values, span, ink)


def _crisp(pixels: Array, canvas: Canvas) -> Array:
    """Pixels averaged to the canvas's, as bright at their brightest as before, 1 at the most."""
    small = shapes.resized(pixels, 2 * canvas.height, canvas.width)
    before, after = float(pixels.max(initial=0.0)), float(small.max(initial=0.0))
    if not after > 0:
        return small
    return small * min(before / after, BRIGHTER) / max(before, 1.0)


def units(states: Array, n: int) -> Array:
    """Of hidden states (P, H) at most `n` units, evenly chosen: a mean of units means nothing."""
    size = states.shape[1]
    if size <= n:
        return states
    return states[:, np.linspace(0, size - 1, max(n, 1)).round().astype(int)]


def pixels(canvas: Canvas) -> int:
    """Lines of pixels of a canvas: two a cell where there are colours."""
    return canvas.height * (2 if canvas.depth >= Depth.INDEXED else 1)


def signed_words(canvas: Canvas, n: int) -> str:
    """How many hidden units, and how -1 and +1 look."""
    colors = "blue -1, orange +1" if canvas.depth >= Depth.INDEXED else "blank -1, full +1"
    return f"{n} hidden units, {colors}"


def gallery(
    canvas: Canvas,
    rows: Array,
    picture: tuple[int, int] | None,
    foot: int,
    draw: Callable[[Canvas, int, int], None],
) -> None:
    """Rows side by side, as many as fit, in lines as make them large; each over `foot` of text.

    `draw` is given the canvas of a row and its text, the row's number, and how many of the
    canvas's rows are the picture's.
    """
    shown, per, lines = max(
        (_lines(canvas, len(rows), k, foot, picture) for k in range(1, MOST_IN_LINES + 1)),
        key=lambda choice: choice[0],
    )
    whole = canvas.height // lines
    each, height = (canvas.width + 1) // per - 1, whole - foot - (lines > 1)
    if not shown:
        return
    w, h = fitted(picture, each, height) if picture else (each, height)
    wide = max(w, min(each, LABEL)) if foot else w
    for number in range(min(len(rows), per * lines)):
        line, place = divmod(number, per)
        x = place * (canvas.width - wide) // max(per - 1, 1)
        draw(canvas.part(x, line * whole, wide, h + foot), number, h)


def _lines(
    canvas: Canvas, n: int, lines: int, foot: int, picture: tuple[int, int] | None
) -> tuple[int, int, int]:
    """How many cells `n` rows fill in so many lines, how many stand in a line, and the lines."""
    thinnest = 6 if picture is None else max(4, min(8, picture[1]))
    per = max(min(-(-n // lines), (canvas.width + 1) // (thinnest + 1)), 1)
    width = (canvas.width + 1) // per - 1
    height = canvas.height // lines - foot - (lines > 1)
    if height < 1 or width < 1 or not n:
        return 0, per, lines
    w, h = fitted(picture, width, height) if picture else (min(width, NARROW), min(height, 6))
    return w * h * min(n, per * lines), per, lines


def waiting(canvas: Canvas, what: str) -> None:
    """Say that something is yet to come."""
    canvas.text(0, 0, clip(what, canvas.width), GREY if canvas.depth else DEFAULT)
