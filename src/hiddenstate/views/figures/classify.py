"""Figures of a classifier: what it takes rows for, and when it makes up its mind."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    HEADED,
    Box,
    add_axes,
    heading,
    inches,
    new_figure,
    part_of,
    place,
    write_at,
)
from hiddenstate.views.figures.learning import DRAWN_AT_MOST
from hiddenstate.views.figures.thumbnails import draw_cells, fitting, sheet, size_of

Array = NDArray[Any]

RIGHT_MARK, WRONG_MARK = "✓", "✗"

COUNTED = 20
"""Classes up to which a confusion matrix has its counts written in."""

NAMED = 40
"""Classes up to which each line of a confusion matrix is named."""


def predictions(
    rows: Array,
    real: Sequence[str],
    predicted: Sequence[str],
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Rows (N, ...) under what they are taken for and over what they are.

    A tick and blue is right, a cross, red and a frame is wrong. The first `DRAWN_AT_MOST` are
    drawn.
    """
    rows = rows[:DRAWN_AT_MOST]
    figure = figure or new_figure(*sheet(len(rows), size_of(picture), 1.0, 10, 0.98, 0.35))
    right = [a == b for a, b in zip(real, predicted, strict=True)][: len(rows)]
    heading(figure, "Predictions", f"{sum(right)} of {len(rows)} right; underneath, what they are")
    _judged(figure, rows, right, predicted, real, None, picture)
    return figure


def worst(
    rows: Array,
    real: Sequence[str],
    taken: Sequence[str],
    chance: Array,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """The rows (K, ...) the net is furthest wrong on, what it takes each for and what it is, with
    the probability (K,) it gave the truth."""
    rows = rows[:DRAWN_AT_MOST]
    figure = figure or new_figure(*sheet(len(rows), size_of(picture), 1.0, 10, 1.13, 0.5))
    right = [a == b for a, b in zip(real, taken, strict=True)][: len(rows)]
    note = "surest of a wrong answer; underneath, the truth and the chance it was given"
    heading(figure, "Worst errors", note if len(rows) else "none of the rows tested is wrong")
    _judged(figure, rows, right, taken, real, chance, picture)
    return figure


def percent(share: float) -> str:
    """A share in percent, as short as tells it."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1g}%" if share else "0%"


def _judged(
    figure: FigureBase,
    rows: Array,
    right: Sequence[bool],
    taken: Sequence[str],
    real: Sequence[str],
    chance: Array | None,
    picture: tuple[int, int] | None,
) -> None:
    """Rows with a mark and what they are taken for above, and below what they are, and the
    chance that was given if there is one."""
    now, lines = style.now(), 1 if chance is None else 2
    width, height = inches(figure)
    bottom = 0.05 + 0.15 * lines
    part = place(figure, left=0.12, right=0.12, top=0.76, bottom=bottom)[0]
    free = width - 0.24, max(height - 0.76 - bottom, 0.2)
    columns, gap, letters = fitting(len(rows), size_of(picture), *free, 0.15 * lines + 0.2)
    axes = add_axes(figure, part, ticks=False)
    frames = [now.faint if good else now.wrong for good in right]
    cells = draw_cells(axes, rows, picture, columns, gap, frames)
    marks = [RIGHT_MARK if good else WRONG_MARK for good in right]
    said = [
        f"{mark} {style.plain(name, letters - 2)}" for mark, name in zip(marks, taken, strict=False)
    ]
    colors = [now.right if good else now.wrong for good in right]
    write_at(axes, cells.above, said, colors, style.TEXT_POINTS, bold=True, up=9)
    truth = [f"is {style.plain(name, letters - 2)}" for name in real[: len(rows)]]
    write_at(axes, cells.below, truth, now.muted, up=-9)
    if chance is not None:
        given = [percent(float(p)) for p in chance[: len(rows)]]
        write_at(axes, cells.below, given, now.muted, up=-19.5)


def confusion(counts: Array, names: Sequence[str], figure: FigureBase | None = None) -> FigureBase:
    """Counts (C, C) of what rows are, a line each, and what they are taken for.

    The diagonal is what is right, in blue by the share of its line; mistakes are in red, by their
    share on a scale of their own, so that the common ones stand out.
    """
    C, now = len(counts), style.now()
    side = min(max(4.4, 0.34 * C), 8.0)
    figure = figure or new_figure(side + 0.3, side + 0.5)
    total, right = int(counts.sum()), int(np.trace(counts))
    told = f"{right:,} of {total:,} right ({percent(right / total)})" if total else "no rows yet"
    heading(figure, "What is taken for what", f"{told}; a line is what rows are")
    shown = [style.plain(name, 10) for name in names]
    longest = max((style.letters(name) for name in shown), default=1)
    named = C <= NAMED
    turned = named and longest > 3
    room = 0.08 + 0.0082 * style.SMALL_POINTS * (longest if named else 3)
    below = room if turned else 0.2
    axes = add_axes(figure, _square(figure, room + 0.28, below + 0.25))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    on_diagonal = np.eye(C, dtype=bool)
    wrong = np.where(on_diagonal, 0, share)
    most = max(float(wrong.max(initial=0)), 0.02)
    colors = style.toward(now.wrong)(0.8 * wrong / most)
    colors[on_diagonal] = style.toward(now.right)(0.85 * np.diagonal(share))
    axes.imshow(colors, extent=(-0.5, C - 0.5, C - 0.5, -0.5), interpolation="nearest")
    if C <= COUNTED:
        _write_counts(axes, counts, colors)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    box, dpi = axes.bbox, part_of(figure).dpi
    axes.set_xlabel("taken for", va="center")
    axes.set_ylabel("is", va="center")
    axes.xaxis.set_label_coords(0.5, -(below + 0.14) * dpi / box.height)
    axes.yaxis.set_label_coords(-(room + 0.14) * dpi / box.width, 0.5)
    if turned:
        size = style.SMALL_POINTS if C <= 20 else 5.5
        axes.set_xticks(range(C), shown, fontsize=size, rotation=90)
        axes.set_yticks(range(C), shown, fontsize=size)
    elif named:
        _name_sides(axes, shown)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def _square(figure: FigureBase, left: float, bottom: float) -> Box:
    """The largest square that leaves those margins, in inches, and room for a heading."""
    width, height = inches(figure)
    side = max(min(width - left - 0.12, height - bottom - HEADED), 0.3 * min(width, height))
    left = min(left, max(width - side, 0))
    return left / width, 1 - min(HEADED + side, height) / height, side / width, side / height


def _name_sides(axes: Axes, names: Sequence[str]) -> None:
    """Short names at the left and underneath, as two artists instead of many ticks."""
    axes.set_xticks([])
    axes.set_yticks([])
    numbers, edge, color = np.arange(len(names)), len(names) - 0.5, style.now().muted
    size = style.SMALL_POINTS if len(names) <= 20 else 6
    under = np.column_stack([numbers, np.full(len(names), edge)])
    left = np.column_stack([np.full(len(names), -0.5), numbers])
    write_at(axes, under, names, color, size, up=-9)
    write_at(axes, left, names, color, size, aside=-10)


def _write_counts(axes: Axes, counts: Array, colors: Array) -> None:
    C = len(counts)
    box = axes.get_window_extent()
    side = 72 / axes.figure.dpi * min(box.width, box.height) / C  # points
    line, column = np.nonzero(counts)
    texts = [f"{counts[i, j]}" for i, j in zip(line, column, strict=True)]
    longest = max((len(text) for text in texts), default=1)
    size = min(style.SMALL_POINTS, 1.3 * side / max(longest, 2))
    if size >= 3:
        ink = [style.readable_on(colors[i, j]) for i, j in zip(line, column, strict=True)]
        write_at(axes, np.column_stack([column, line]), texts, ink, round(size * 2) / 2)
