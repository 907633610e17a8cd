"""Figures of a classifier: what it takes rows for, and when it makes up its mind."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.gridspec import SubplotSpec
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hiddenstate.views import style
from hiddenstate.views.figures.cells import (
    Cells,
    draw_cells,
    features_drawn,
    fitting,
    size_of,
)
from hiddenstate.views.figures.layout import (
    Box,
    add_axes,
    heading,
    heat,
    inches,
    new_figure,
    part_of,
    place,
    write,
    write_at,
)
from hiddenstate.views.figures.shared import DRAWN_AT_MOST

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
    figure = figure or new_figure(max(1.1 * min(len(rows), 10), 3), 1.0 + 1.5 * -(-len(rows) // 10))
    right = [a == b for a, b in zip(real, predicted, strict=True)][: len(rows)]
    heading(figure, "Predictions", f"{sum(right)} of {len(rows)} right; underneath, what they are")
    below = [f"is {style.plain(label, 9)}" for label in real]
    _judged(figure, rows, right, predicted, below, picture)
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
    figure = figure or new_figure(max(1.1 * min(len(rows), 10), 3), 1.0 + 1.6 * -(-len(rows) // 10))
    right = [a == b for a, b in zip(real, taken, strict=True)][: len(rows)]
    note = "surest of a wrong answer; underneath, the truth and the chance it was given"
    heading(figure, "Worst errors", note if len(rows) else "none of the rows tested is wrong")
    below = [
        f"is {style.plain(label, 9)}\n{percent(p)}" for label, p in zip(real, chance, strict=True)
    ]
    _judged(figure, rows, right, taken, below, picture)
    return figure


def percent(share: float) -> str:
    """A share in percent, as short as tells it."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1g}%" if share else "0%"


def _judged(
    figure: FigureBase,
    rows: Array,
    right: Sequence[bool],
    taken: Sequence[str],
    below: Sequence[str],
    picture: tuple[int, int] | None,
) -> Cells:
    """Rows with a mark and what they are taken for above, and a text below."""
    now = style.now()
    width, height = inches(figure)
    lines = 1 + max((text.count("\n") for text in below), default=0)
    room = 0.15 * lines + 0.2  # inches a cell's texts take
    bottom = 0.05 + 0.15 * lines
    grid = place(figure, left=0.12, right=0.12, top=0.76, bottom=bottom)
    free = width - 0.24, max(height - 0.76 - bottom, 0.2)
    columns, gap = fitting(len(rows), size_of(picture), *free, room)
    axes = add_axes(figure, grid[0], ticks=False)
    frames = [now.faint if good else now.wrong for good in right]
    cells = draw_cells(axes, rows, picture, columns, gap, frames)
    marks = [RIGHT_MARK if good else WRONG_MARK for good in right]
    said = [f"{mark} {style.plain(name, 9)}" for mark, name in zip(marks, taken, strict=False)]
    colors = [now.right if good else now.wrong for good in right]
    write_at(axes, cells.above, said, colors, style.TEXT_POINTS, bold=True, up=9)
    for line in range(lines):
        told = [text.split("\n")[line] for text in below[: len(rows)]]
        write_at(axes, cells.below, told, now.muted, up=-9 - 10.5 * line)
    return cells


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
    longest = max((len(name) for name in shown), default=1)
    room = min(0.34 + 0.075 * longest, 1.1)
    turned = longest > 3
    grid = place(figure, left=room + 0.14, bottom=0.42 if not turned else room + 0.14, right=0.12)
    axes = add_axes(figure, grid[0])
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
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    if C <= NAMED:
        size = style.SMALL_POINTS if C <= 20 else 5.5
        axes.set_xticks(range(C), shown, fontsize=size, rotation=90 if turned else 0)
        axes.set_yticks(range(C), shown, fontsize=size)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


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


def decision(
    rows: Array,
    read: Array,
    chances: Array | None,
    states: Array,
    truth: Sequence[int] | Array,
    names: Sequence[str],
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """When a classifier decided: what it reads, what it then thinks, and what its state then is.

    Of a picture the rows run down the page, and level with each of them stand the class
    probabilities after it and the hidden state h_t; of a signal time runs across, with both
    underneath. A line marks where the final answer came to lead for good.

    Parameters
    ----------
    rows : ndarray (D, T, I)
        Rows shorter than T end in NaN.
    read : ndarray (P,)
        How many steps were read, in order.
    chances : ndarray (D, P, C) or None
    states : ndarray (D, P, H)
    truth : sequence of int (D,)
        Class numbers.
    names : sequence of str
        Labels of the classes.
    """
    D = min(len(rows), len(states))
    figure = figure or new_figure(*((8.6, 4.4) if D <= 1 else (11.2, 3.2 * -(-D // 2) + 0.6)))
    unit = "row" if picture else "step"
    heading(
        figure, "When did it decide?",
        f"what is read, what it thinks after each {unit}, and h_t; "
        "dashed: from here on its answer stays",
    )  # fmt: skip
    across = 1 if D <= 1 else 2
    blocks = place(
        figure, -(-max(D, 1) // across), across,
        left=0.55, right=0.15, bottom=0.42, top=0.8, gap=(0.6, 0.7),
    )  # fmt: skip
    high = max(1.0, float(np.abs(states[np.isfinite(states)]).max(initial=0)))
    for number in range(D):
        block = blocks[number // across, number % across]
        chance = None if chances is None else chances[number]
        decided = _Decided(
            rows[number], read, chance, states[number], int(truth[number]), names, high, picture
        )
        decided.draw(figure, block)
    return figure


class _Decided:
    """One row's decision, cut to the row's own steps."""

    def __init__(
        self, row: Array, read: Array, chances: Array | None, states: Array, truth: int,
        names: Sequence[str], high: float, picture: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        known = np.flatnonzero(np.isfinite(row).any(axis=1))
        self.row = row[: known[-1] + 1 if len(known) else 1]
        n = max(1, int(np.searchsorted(read, len(self.row), side="right")))
        self.edges = np.concatenate([[0], read[:n]]).astype(float)
        self.states, self.truth, self.names, self.high = states[:n], truth, names, high
        self.down = picture is not None and len(self.row) == picture[0]
        self.chances = None if chances is None else chances[:n]
        self.chosen: int | None = None
        if self.chances is not None:
            best = self.chances.argmax(axis=1)
            self.chosen = int(best[-1])
            others = np.flatnonzero(best != best[-1])
            self.since = int(others[-1]) + 1 if len(others) else 0

    @property
    def told(self) -> tuple[str, str]:
        """What came of it, and the colour to say it in."""
        now, is_ = style.now(), style.plain(self.names[self.truth], 10)
        if self.chosen is None:
            return f"is {is_}", now.ink
        right = self.chosen == self.truth
        mark, color = (RIGHT_MARK, now.right) if right else (WRONG_MARK, now.wrong)
        taken = style.plain(self.names[self.chosen], 10)
        when = int(self.edges[self.since]) + 1
        said = f"{mark} {taken}, from {'row' if self.down else 'step'} {when} on"
        return (said if right else f"{said} (is {is_})"), color

    def draw(self, figure: FigureBase, block: SubplotSpec) -> None:
        """The three panels in a part of a grid, their steps level with each other."""
        seen, thought, held = (add_axes(figure, box) for box in self._boxes(figure, block))
        text, color = self.told
        write(
            seen, text, (0, 1), (0, 5), ha="left", va="bottom", size=style.TEXT_POINTS,
            bold=True, color=color, within="axes fraction",
        )  # fmt: skip
        self._draw_row(seen)
        self._draw_chances(thought)
        self._draw_states(held)
        for axes in (seen, thought, held):
            self._align(axes, first=axes is seen, last=axes is held)

    def _boxes(self, figure: FigureBase, block: SubplotSpec) -> list[Box]:
        """Where the panels lie: side by side with a picture, else under each other."""
        box = block.get_position(part_of(figure))
        wide, high = inches(figure)
        width, height = box.width * wide, box.height * high
        if not self.down:
            parts = [0.36 * height, 0.36 * height, 0.28 * height - 0.2]
            tops = [height, height - parts[0] - 0.1, parts[2]]
            return [
                (box.x0, box.y0 + (top - part) / high, box.width, part / high)
                for top, part in zip(tops, parts, strict=True)
            ]
        rows, columns = self.row.shape
        gap, side = 0.28, min(height * columns / rows, 0.42 * width)
        tall = min(height, max(side * rows / columns, 0.5 * height))
        rest = width - side - 2 * gap
        sizes = [side, 0.56 * rest, 0.44 * rest]
        starts = [0, side + gap, side + 2 * gap + sizes[1]]
        return [
            (box.x0 + start / wide, box.y1 - tall / high, size / wide, tall / high)
            for start, size in zip(starts, sizes, strict=True)
        ]

    def _align(self, axes: Axes, first: bool, last: bool) -> None:
        """The same steps on the same level in every panel, and the line where it decided."""
        now, end = style.now(), len(self.row)
        if self.down:
            axes.set_ylim(end, 0)
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.tick_params(left=first, labelleft=first)
            if first:
                axes.set_ylabel("rows read")
        else:
            axes.set_xlim(0, end)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.tick_params(bottom=last, labelbottom=last)
            axes.yaxis.set_label_coords(-0.34 / axes.bbox.width * part_of(axes.figure).dpi, 0.5)
            if last:
                axes.set_xlabel("steps read")
        if self.chosen is not None and self.since:
            line = axes.axhline if self.down else axes.axvline
            line(self.edges[self.since], color=now.ink, lw=1.2, ls=(0, (4, 2)))

    def _draw_row(self, axes: Axes) -> None:
        T, n_features = self.row.shape
        if self.down:
            axes.imshow(
                self.row, cmap=style.ink_map(), vmin=0, vmax=1, extent=(0, n_features, T, 0),
                aspect="auto", interpolation="nearest",
            )  # fmt: skip
            axes.set_xticks([])
            axes.spines[:].set_visible(True)
            axes.spines[:].set_color(style.now().faint)
            return
        chosen = features_drawn(n_features)
        colors = style.class_colors(len(chosen)) if len(chosen) > 1 else [style.now().ink]
        marker = "o" if T == 1 else ""
        for color, feature in zip(colors, chosen, strict=True):
            axes.plot(np.arange(T) + 0.5, self.row[:, feature], color=color, lw=1, marker=marker)
        axes.set_ylabel("input")
        axes.yaxis.set_major_locator(MaxNLocator(3))

    def _draw_chances(self, axes: Axes) -> None:
        """Areas that sum to 1; the truth's is the first, so that its edge reads on the axis."""
        if self.chances is None:
            axes.set_axis_off()
            write(axes, "too many classes", (0.5, 0.5), within="axes fraction")
            return
        C, now = self.chances.shape[1], style.now()
        order = [self.truth, *(c for c in range(C) if c != self.truth)]
        edges = np.cumsum(self.chances[:, order], axis=1, dtype=float)
        edges = np.concatenate([np.zeros((len(edges), 1)), edges / edges[:, -1:]], axis=1)
        at = np.concatenate([[0], (self.edges[1:] + self.edges[:-1]) / 2, [self.edges[-1]]])
        edges = np.concatenate([edges[:1], edges, edges[-1:]])
        colors = style.class_colors(C)[order]
        colors[1:] = style.faded(colors[1:], 0.72)
        fill = axes.fill_betweenx if self.down else axes.fill_between
        for number, color in enumerate(colors):
            fill(at, edges[:, number], edges[:, number + 1], color=color, lw=0)
        edge = (edges[:, 1], at) if self.down else (at, edges[:, 1])
        axes.plot(*edge, color=now.ink, lw=1.4)
        self._name_areas(axes, at, edges, order, colors)
        if self.down:
            axes.set(xlim=(0, 1), xlabel="probability")
            axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        else:
            axes.set(ylim=(0, 1), ylabel="probability")
            axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])

    def _name_areas(
        self, axes: Axes, at: Array, edges: Array, order: list[int], colors: Array
    ) -> None:
        """Each class's name where its area is widest, if it fits there."""
        points, texts, ink = [], [], []
        for number, class_ in enumerate(order):
            size = edges[:, number + 1] - edges[:, number]
            if size.max() < 0.13:
                continue
            widest = np.flatnonzero(size >= 0.97 * size.max())
            where = widest[len(widest) // 2]
            middle = (edges[where, number] + edges[where, number + 1]) / 2
            points.append((middle, at[where]) if self.down else (at[where], middle))
            texts.append(style.plain(self.names[class_], 8))
            ink.append(style.readable_on(colors[number]))
        if points:
            write_at(axes, np.array(points), texts, ink, style.TEXT_POINTS, bold=True)

    def _draw_states(self, axes: Axes) -> None:
        n_units = self.states.shape[1]
        units = np.arange(n_units + 1)
        if self.down:
            heat(axes, units, self.edges, self.states, self.high)
            axes.set_xticks([])
            axes.set_xlabel(f"h_t, {n_units} unit" + "s" * (n_units != 1), labelpad=15)
        else:
            heat(axes, self.edges, units, self.states.T, self.high)
            axes.set_yticks([])
            axes.set_ylabel("h_t")
