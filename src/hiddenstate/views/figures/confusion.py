"""Draws the confusion matrix with recall and precision, and orders its classes by similarity."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    HEADED,
    REGULAR,
    Box,
    add_axes,
    heading,
    inches,
    new_figure,
    write,
    write_at,
)
from hiddenstate.views.figures.numbers import percent

COUNTED = 20
"""Number of classes up to which the counts are written."""

NAMED = 40
"""Number of classes up to which their names are written."""

SERIATED = 6
"""Number of classes above which names without an order are sorted by similarity."""

SIDE, LARGEST = 0.42, 7.0
"""Inches of a class, and of the whole matrix at most, on a figure of its own."""

NONE = "\N{EN DASH}"
"""Stands for the score of a class without rows."""

RECALL, PRECISION = 0.62, 0.24
"""Inches at the right and below for recall and precision."""

FLAT = 0.14
"""Inches below for names that are not turned."""

SMALL = 3.2
"""Inches of the shorter side up to which recall and precision are left out."""

LONGEST_NAME = 2.2
"""Inches that names may take, and at most a third of the figure."""


def confusion(
    counts: Array,
    names: Sequence[str],
    order: Sequence[int] | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw a confusion matrix (C, C), true classes down, predicted classes across.

    Colours are shares of the true class: blue for correct rows, red for errors, on a scale that
    does not depend on the matrix. At the right is the recall of each class, below its precision.

    Parameters
    ----------
    counts : ndarray (C, C)
    names : sequence of str (C,)
    order : sequence of int (C,), optional
        Class numbers from top to bottom; by default as they are numbered.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    """
    C = len(counts)
    if order is not None:
        counts, names = counts[np.ix_(order, order)], [names[number] for number in order]
    total, right = int(counts.sum()), int(np.trace(counts))
    if figure is None:
        side = min(max(2.4, SIDE * C), LARGEST)
        room = min(_width(names), LONGEST_NAME)
        flat = _width(names) < 0.95 * (side - 0.25) / max(C, 1)  # as of the names in _Plan
        high = (FLAT if flat else room) + side + PRECISION + HEADED + 0.62
        figure = new_figure(room + side + RECALL + 0.55, high)
    note = f"{right:,} of {total:,} correct ({percent(right / total)})" if total else "no rows yet"
    heading(figure, "Confusion matrix", f"{note}; true classes down; shares of the true class")
    plan = _Plan(figure, names)
    axes = add_axes(figure, plan.matrix)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colors = _colors(share)
    axes.imshow(colors, extent=(-0.5, C - 0.5, C - 0.5, -0.5), interpolation="nearest")
    axes.spines[:].set_visible(False)
    axes.set(xticks=[], yticks=[])
    if C <= COUNTED:
        _write_counts(axes, counts, colors, 72 * plan.side / C)
    plan.name_sides(axes)
    plan.score_sides(axes, counts)
    return figure


def similarity_order(counts: Array) -> list[int]:
    """Return the classes of a confusion matrix (C, C) in an order that keeps similar ones near.

    Pairs that are confused most often, by shares of both, become neighbours first; each class has
    at most two (the greedy heuristic for a travelling salesman's path). Other classes keep their
    order.
    """
    C = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    near = share + share.T
    pairs = sorted((-near[a, b], a, b) for a in range(C) for b in range(a + 1, C) if near[a, b] > 0)
    chains = {number: [number] for number in range(C)}  # by each class in it
    for _, a, b in pairs:
        one, other = chains[a], chains[b]
        if one is other or a not in (one[0], one[-1]) or b not in (other[0], other[-1]):
            continue
        joined = (one if one[-1] == a else one[::-1]) + (other if other[0] == b else other[::-1])
        for number in joined:
            chains[number] = joined
    whole = {
        id(chain): chain if chain[0] <= chain[-1] else chain[::-1] for chain in chains.values()
    }
    return [number for chain in whole.values() for number in chain]


def has_order(names: Sequence[str]) -> bool:
    """Whether class names have an order of their own: all begin or end with a digit."""
    return all(name[:1].isdigit() or name[-1:].isdigit() for name in names)


def _colors(share: Array) -> Array:
    """Return the colours (C, C, 4) of shares: square roots, so that rare errors are visible."""
    now, on_diagonal = style.now(), np.eye(len(share), dtype=bool)
    colors = np.asarray(style.toward(now.wrong)(0.9 * np.sqrt(np.where(on_diagonal, 0, share))))
    colors[on_diagonal] = style.toward(now.right)(0.85 * np.diagonal(share))
    return colors


def _width(names: Sequence[str], points: float = style.SMALL_POINTS) -> float:
    """Return the inches that the longest of some names takes."""
    letters = max((style.letters(style.plain(name, 60)) for name in names), default=1)
    return REGULAR * points * letters


class _Plan:
    """Where the matrix, names and scores stand on a figure, in inches.

    Parameters
    ----------
    figure : FigureBase
    names : sequence of str (C,)
    """

    def __init__(self, figure: FigureBase, names: Sequence[str]) -> None:
        self.width, self.height = inches(figure)
        C = len(names)
        smaller = min(self.width, self.height)
        most = min(LONGEST_NAME, smaller / (3 if smaller > SMALL else 4))
        room = min(_width(names), most) if C <= NAMED else 0.0
        self.shown = style.shortened(names, 1.01 * room / (REGULAR * style.SMALL_POINTS))
        self.room = min(_width(self.shown), room)
        scored = smaller > SMALL
        self.top = HEADED + 0.12 * scored  # for the word above the recalls
        self.recall, self.precision = (RECALL, PRECISION) if scored else (0.08, 0.05)
        self.left = max(self.room, _width(["precision, %"])) if scored else self.room
        for turned in (False, True):  # names below lie flat if they fit
            below = self.room if turned else FLAT
            self._fit(below + 0.36)
            longest = _width(self.shown)
            if not turned and longest < 0.95 * self.side / max(C, 1):
                break
        self.turned, self.scored = turned, scored
        self.points = min(style.SMALL_POINTS, 0.85 * 72 * self.side / max(C, 1))

    def _fit(self, bottom: float) -> None:
        left = max(self.left, self.room + 0.28) + 0.08
        free = self.width - left - self.recall, self.height - self.top - bottom - self.precision
        self.side = max(min(free), 0.3 * min(self.width, self.height))
        x, y = min(left, self.width - self.side), self.height - self.top - self.side
        self.matrix: Box = (
            x / self.width,
            max(y, 0) / self.height,
            self.side / self.width,
            self.side / self.height,
        )

    def name_sides(self, axes: Axes) -> None:
        """Write the names at the left and below, and what the sides are."""
        C, muted = len(self.shown), style.now().muted
        down = 72 * self.precision if self.scored else 0.0
        if self.room and self.points >= 4:
            for number, name in enumerate(self.shown):
                write(axes, name, (-0.5, number), (-4, 0), ha="right", size=self.points)
                text = write(
                    axes, name, (number, C - 0.5), (0, -down - 4), va="top", size=self.points
                )
                text.set_rotation(90 if self.turned else 0)
        below = 72 * (self.room if self.turned else FLAT) + down + 8
        write(axes, "predicted", (0.5, 0), (0, -below), va="top", within="axes fraction")
        text = write(
            axes, "true", (0, 0.5), (-72 * self.room - 8, 0), ha="right", within="axes fraction"
        )
        text.set_rotation(90)
        text.set_color(muted)

    def score_sides(self, axes: Axes, counts: Array) -> None:
        """Draw recall as bars at the right, and write precision below."""
        if not self.scored:
            return
        C, now = len(counts), style.now()
        n_true, n_taken, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
        unit = C / self.side  # data per inch
        left, wide = C - 0.5 + 0.06 * unit, (RECALL - 0.1) * unit
        recall = hits / np.maximum(n_true, 1)
        lines, tall = np.arange(C), 0.8
        axes.barh(lines, wide, tall, left, color=now.faint, clip_on=False, lw=0)
        axes.barh(
            lines, wide * recall, tall, left, color=now.right, alpha=0.45, clip_on=False, lw=0
        )
        axes.set(xlim=(-0.5, C - 0.5), ylim=(C - 0.5, -0.5))
        write(axes, "recall", (left + wide / 2, -0.5), (0, 3), va="bottom")
        if self.points < 5:
            return
        texts = [percent(r) if n else NONE for r, n in zip(recall, n_true, strict=True)]
        middle = np.column_stack([np.full(C, left + wide / 2), lines])
        write_at(axes, middle, texts, now.ink, self.points)
        texts = [percent(h / n) if n else NONE for h, n in zip(hits, n_taken, strict=True)]
        gap = 1.2  # letters between neighbours; a percent sign is as wide as one and a half
        letters = max(len(text) + 0.5 * text.count("%") for text in texts) + gap
        fits = letters * REGULAR * self.points < self.side / C
        points = self.points
        if not fits:
            texts = [text.rstrip("%") for text in texts]
            longest = max(map(len, texts)) + gap
            points = min(points, self.side / C / (REGULAR * longest))
        if points < 5:
            return
        place = np.column_stack([lines, np.full(C, C - 0.5)])
        write_at(axes, place, texts, now.ink, points, up=-36 * PRECISION - 1)
        write(
            axes,
            "precision" if fits else "precision, %",
            (-0.5, C - 0.5),
            (-4, -36 * PRECISION - 1),
            ha="right",
        )


def _write_counts(axes: Axes, counts: Array, colors: Array, side: float) -> None:
    """Write the counts on cells that are `side` points wide."""
    line, column = np.nonzero(counts)
    texts = [f"{counts[i, j]}" for i, j in zip(line, column, strict=True)]
    longest = max((len(text) for text in texts), default=1)
    size = min(style.SMALL_POINTS, 1.3 * side / max(longest, 2))
    if size >= 3:
        ink = [style.readable_on(colors[i, j]) for i, j in zip(line, column, strict=True)]
        write_at(axes, np.column_stack([column, line]), texts, ink, round(size * 2) / 2)
