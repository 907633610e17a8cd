"""Draws rows of data: pictures, series as lanes with a curve each, quantities as bars."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.system.typing import Array
from hiddenstate.views.row_form import RowForm
from hiddenstate.views.spectrogram import frequencies
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip_label, width_of
from hiddenstate.views.terminal.colors import BLUE, CLASSES, GREY, Depth

MAX_LABEL = 18
"""Columns up to which space is made for the label of a row."""

MAX_NAME = 14
"""Columns for the name of a channel."""

NAMED = 50
"""Columns of a panel from which its channels are named."""

LANE_LINES = 3
"""Lines that the lane of a channel can use."""

Lines = list[tuple[int, int]]
"""First line and height of each of some rows of the screen."""


def draw_row(canvas: Canvas, row: Array, form: RowForm, rebuilt: Array | None = None) -> None:
    """Draw a row on the whole canvas, and over one that is no picture its reconstruction."""
    if form.picture:
        panels.draw_picture(canvas, form.pixels(row))
    elif form.is_quantities:
        _draw_bars(canvas, row, form, rebuilt)
    else:
        _draw_lanes(canvas, row, form, rebuilt)


def lanes(form: RowForm, height: int) -> Lines:
    """Return the first line and the height of each channel that fits in `height` lines."""
    n = min(form.n_drawn, height)
    if form.is_quantities:
        return [(line, 1) for line in range(n)]
    edges = np.linspace(0, height, n + 1).round().astype(int).tolist()
    return [(first, last - first) for first, last in pairwise(edges)]


def inks(form: RowForm) -> list[int]:
    """Return the colour of each drawn channel."""
    if form.is_quantities:
        return [GREY] * form.n_drawn
    return [CLASSES[n] if form.n_drawn > 1 else BLUE for n in range(form.n_drawn)]


def _draw_lanes(canvas: Canvas, row: Array, form: RowForm, rebuilt: Array | None) -> None:
    parts = [(form.shares(row), rebuilt is not None)]
    if rebuilt is not None:
        parts.append((form.shares(rebuilt), False))
    span = (0.0, float(max(form.shape[0] - 1, 1)), 0.0, 1.0)
    for lane, (y, height) in enumerate(lanes(form, canvas.height)):
        place = canvas.part(0, y, canvas.width, height)
        for shares, faint in parts:
            values, ink = np.clip(shares[:, lane], 0, 1), GREY if faint else inks(form)[lane]
            shapes.graph(place, np.arange(len(values)), values, span, ink, second=faint)


def _draw_bars(canvas: Canvas, row: Array, form: RowForm, rebuilt: Array | None) -> None:
    """Draw each quantity as a bar from its mean in the middle; a reconstruction as a mark."""
    last = canvas.width - 1
    ends = np.nan_to_num(np.clip(form.shares(row)[0], 0, 1), nan=0.5)
    middle = last // 2
    for y, _ in lanes(form, canvas.height):
        end = round(float(ends[y]) * last)
        first, length = min(middle, end), abs(end - middle) + 1
        canvas.text(first, y, "━" * length, GREY if rebuilt is not None else BLUE)
        canvas.text(middle, y, "│", GREY)
        if rebuilt is not None:
            share = float(np.clip(np.nan_to_num(form.shares(rebuilt)[0, y], nan=0.5), 0, 1))
            canvas.text(round(share * last), y, "█", BLUE)


def gutter(canvas: Canvas, form: RowForm) -> int:
    """Return the columns for the names of channels, with a free one; 0 where they do not fit."""
    names = [] if form.picture else form.labels()
    if not names or canvas.width < NAMED:
        return 0
    return min(max(width_of(name) for name in names), MAX_NAME) + 1


def write_names(canvas: Canvas, form: RowForm, height: int) -> None:
    """Write the name of each channel beside its lane, from the top left of a canvas."""
    names, colors = form.labels(), inks(form)
    for lane, (y, lines) in enumerate(lanes(form, height)):
        if lane < len(names):
            text = clip_label(names[lane], canvas.width - 1)
            canvas.text(0, y + (lines - 1) // 2, text, colors[lane], BOLD * form.has_time)


def write_frequencies(canvas: Canvas, sound: Framing) -> None:
    """Write the names of frequencies beside a spectrogram as high as a canvas."""
    bands, high = sound.bands, canvas.height / sound.channels
    for channel in range(sound.channels):
        for place, name in frequencies(sound, bands / max(high, 1)):
            y = round(high * (channel + 1 - place / bands) - 0.5)
            canvas.text(0, min(y, canvas.height - 1), clip_label(name, canvas.width - 1), GREY)


def note(form: RowForm, text: str = "", height: int | None = None) -> str:
    """Return a panel's note, with what time or scale a row has and how many channels it lacks.

    `height` are the lines of each row, if they may be fewer than its channels.
    """
    timed = form.has_time or form.sound is not None
    scale = " to ".join(form.time_ends()) if timed else ""
    if form.is_quantities:
        scale = "standard deviations around the mean"
    drawn = form.n_drawn if height is None else len(lanes(form, height))
    what = "features" if form.is_quantities else "channels"
    fewer = drawn < form.shape[1] and form.picture is None
    hidden = f"{drawn} of {form.shape[1]} {what}" if fewer else ""
    return ", ".join(part for part in (text, scale, hidden) if part)


def over_note(canvas: Canvas, form: RowForm) -> str:
    """Return how a row and its reconstruction look where one is drawn over the other."""
    if form.is_quantities:
        return "bar: original, block: reconstruction"
    original = "grey" if canvas.depth > Depth.PLAIN else "dashed"
    return note(form, f"original {original}, reconstruction over it")


def gallery(
    canvas: Canvas,
    rows: Array,
    form: RowForm,
    foot: int,
    draw: Callable[[Canvas, int, int], None],
    labels: Sequence[str] = (),
) -> int:
    """Draw as many rows as fit with their labels under them, as :func:`panels.gallery`, with the
    names of their channels; return the lines of each row."""
    least = min(max((width_of(label) for label in labels), default=0) + 3, MAX_LABEL)
    left = gutter(canvas, form)
    body = canvas.part(left, 0, canvas.width - left, canvas.height)
    tallest = 6 if form.picture is None and form.n_drawn == 1 else LANE_LINES * form.n_drawn
    places = panels.gallery(body, rows, form.picture, foot, draw, tallest, least if labels else 0)
    for y, height in places:
        if left:
            write_names(canvas.part(0, y, left, height), form, height)
    return min((height for _, height in places), default=form.n_drawn)


def draw_grid(canvas: Canvas, rows: Array, form: RowForm, width: int = 10) -> None:
    """Draw rows (G*G, F) that are no pictures in a square, as many as are `width` columns wide."""
    side, left = round(len(rows) ** 0.5), gutter(canvas, form)
    lines = form.n_drawn + 1
    across = max(min((canvas.width - left) // (width + 1), side), 1)
    down = max(min((canvas.height + 1) // lines, side), 1)
    columns, height = (canvas.width - left + 1) // across - 1, (canvas.height + 1) // down - 1
    places = [np.linspace(0, side - 1, n).round().astype(int) for n in (down, across)]
    for line, i in enumerate(places[0]):
        y = line * (height + 1)
        if left:
            write_names(canvas.part(0, y, left, height), form, height)
        for column, j in enumerate(places[1]):
            x = left + column * (columns + 1)
            draw_row(canvas.part(x, y, columns, height), rows[i * side + j], form)
