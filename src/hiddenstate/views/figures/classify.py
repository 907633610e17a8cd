"""Figures of a classifier: what it takes rows for, and when it makes up its mind."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hiddenstate.views import style
from hiddenstate.views.figures.cells import (
    Cells,
    columns_that_fit,
    draw_cells,
    features_drawn,
    size_of,
)
from hiddenstate.views.figures.layout import (
    add_axes,
    heading,
    inches,
    new_figure,
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
    now, (h, w) = style.now(), size_of(picture)
    width, height = inches(figure)
    lines = 1 + max((text.count("\n") for text in below), default=0)
    text_room = 0.18 * lines + 0.26  # inches a cell's texts take
    grid = place(figure, left=0.12, right=0.12, top=0.8, bottom=0.05 + 0.17 * lines)
    n = len(rows)
    free = width - 0.3, max(height - 0.85, 0.4)
    columns = columns_that_fit(n, (1.6 * h, 1.1 * w), *free)
    scale = free[0] / (max(columns, 1) * 1.1 * w)
    axes = add_axes(figure, grid[0])
    gap = min(max(text_room / max(scale * h, 0.01), 0.3), 1.5)
    frames = [now.faint if good else now.wrong for good in right]
    cells = draw_cells(axes, rows, picture, columns, (gap, 0.1), frames)
    for number, good in enumerate(right):
        color = now.right if good else now.wrong
        mark = RIGHT_MARK if good else WRONG_MARK
        write(
            axes, f"{mark} {style.plain(taken[number], 9)}", cells.above(number), (0, 3),
            va="bottom", size=style.TEXT_POINTS, bold=True, color=color,
        )  # fmt: skip
        write(axes, below[number], cells.below(number), (0, -3), va="top")
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
    if figure is None:
        figure = new_figure(*((8.6, 4.3) if D <= 1 else (11.2, 3.0 * -(-D // 2) + 0.6)))
    heading(
        figure, "When did it decide?",
        "read, then class probabilities, then the hidden state h_t; the line: decided for good",
    )  # fmt: skip
    across = 1 if D <= 1 else 2
    blocks = place(
        figure, -(-max(D, 1) // across), across,
        left=0.45, right=0.15, bottom=0.42, top=0.85, gap=(0.5, 0.55),
    )  # fmt: skip
    high = max(1.0, float(np.abs(states[np.isfinite(states)]).max(initial=0)))
    for number in range(D):
        chance = None if chances is None else chances[number]
        _Decided(rows[number], read, chance, states[number], int(truth[number]), names, high).draw(
            figure, blocks[number // across, number % across], picture, large=D == 1
        )
    return figure


class _Decided:
    """One row's decision, cut to the row's own steps."""

    def __init__(
        self, row: Array, read: Array, chances: Array | None, states: Array, truth: int,
        names: Sequence[str], high: float,
    ) -> None:  # fmt: skip
        known = np.flatnonzero(np.isfinite(row).any(axis=1))
        self.row = row[: known[-1] + 1 if len(known) else 1]
        n = max(1, int(np.searchsorted(read, len(self.row), side="right")))
        self.edges = np.concatenate([[0], read[:n]]).astype(float)
        self.states, self.truth, self.names, self.high = states[:n], truth, names, high
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
        said = f"{mark} {taken}, from step {when} on"
        return (said if right else f"{said} (is {is_})"), color

    def draw(
        self, figure: FigureBase, block: Any, picture: tuple[int, int] | None, large: bool
    ) -> None:
        """The three panels in a part of a grid."""
        down = picture is not None and len(self.row) == picture[0]
        box = block.get_position(figure)
        wide, high = inches(figure)
        width, height = box.width * wide, box.height * high
        if down:
            assert picture
            of_picture = min(height * picture[1] / picture[0] / width, 0.4)
            rest = 1 - of_picture
            sizes = [of_picture, 0.55 * rest, 0.45 * rest]
            inner = block.subgridspec(1, 3, width_ratios=sizes, wspace=0.3 / width * 3)
        else:
            inner = block.subgridspec(3, 1, height_ratios=[1, 1, 0.8], hspace=0.08)
        seen, thought, held = (add_axes(figure, inner[n]) for n in range(3))
        text, color = self.told
        write(
            seen, text, (0, 1), (0, 5), ha="left", va="bottom", size=style.TEXT_POINTS,
            bold=True, color=color, within="axes fraction",
        )  # fmt: skip
        self._draw_row(seen, down)
        self._draw_chances(thought, down)
        self._draw_states(held, down)
        for axes in (seen, thought, held):
            self._align(axes, down, first=axes is seen, last=axes is held)
        if large:
            self._say(thought, held, down)

    def _align(self, axes: Axes, down: bool, first: bool, last: bool) -> None:
        """The same steps on the same level in every panel, and the line where it decided."""
        now, end = style.now(), len(self.row)
        if down:
            axes.set_ylim(end, 0)
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
            axes.tick_params(left=first, labelleft=first)
            if first:
                axes.set_ylabel("rows read")
        else:
            axes.set_xlim(0, end)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.tick_params(bottom=last, labelbottom=last)
            if last:
                axes.set_xlabel("steps read")
        if self.chosen is not None and self.since:
            line = axes.axhline if down else axes.axvline
            line(self.edges[self.since], color=now.ink, lw=1.1, ls=(0, (4, 2)))

    def _draw_row(self, axes: Axes, down: bool) -> None:
        T, n_features = self.row.shape
        if down:
            axes.imshow(
                self.row, cmap=style.ink_map(), vmin=0, vmax=1, extent=(0, n_features, T, 0),
                aspect="equal", interpolation="nearest",
            )  # fmt: skip
            axes.set_anchor("E")
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

    def _draw_chances(self, axes: Axes, down: bool) -> None:
        """Probabilities as areas that sum to 1; the truth's is first, its edge reads on the axis."""
        if self.chances is None:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "too many classes", transform=axes.transAxes, ha="center",
                      color=style.now().muted)  # fmt: skip
            return
        C = self.chances.shape[1]
        order = [self.truth, *(c for c in range(C) if c != self.truth)]
        edges = np.cumsum(self.chances[:, order], axis=1)
        edges = np.concatenate([np.zeros((len(edges), 1)), edges / edges[:, -1:]], axis=1)
        at = np.concatenate([[0], (self.edges[1:] + self.edges[:-1]) / 2, [self.edges[-1]]])
        edges = np.concatenate([edges[:1], edges, edges[-1:]])
        fill = axes.fill_betweenx if down else axes.fill_between
        colors = style.class_colors(C)
        for place_, number in enumerate(order):
            fill(at, edges[:, place_], edges[:, place_ + 1], color=colors[number], lw=0,
                 alpha=1.0 if number == self.truth else 0.75)  # fmt: skip
        edge = (edges[:, 1], at) if down else (at, edges[:, 1])
        axes.plot(*edge, color=style.now().ink, lw=1.4)
        self._name_areas(axes, at, edges, order, colors, down)
        limit, ticks, label = (
            (axes.set_xlim, axes.set_xticks, axes.set_xlabel)
            if down
            else (axes.set_ylim, axes.set_yticks, axes.set_ylabel)
        )
        limit(0, 1)
        ticks([0, 0.5, 1], ["0", "0.5", "1"])
        label("probability")

    def _name_areas(
        self, axes: Axes, at: Array, edges: Array, order: list[int], colors: Array, down: bool
    ) -> None:
        """Each class's name where its area is widest, if it fits there."""
        points, texts, ink = [], [], []
        for place_, number in enumerate(order):
            size = edges[1:-1, place_ + 1] - edges[1:-1, place_]
            where = int(np.argmax(size)) + 1
            if size.max() < 0.12:
                continue
            middle = (edges[where, place_] + edges[where, place_ + 1]) / 2
            points.append((middle, at[where]) if down else (at[where], middle))
            texts.append(style.plain(self.names[number], 8))
            ink.append(style.readable_on(colors[number]))
        if points:
            write_at(axes, np.array(points), texts, ink, style.TEXT_POINTS, bold=True)

    def _draw_states(self, axes: Axes, down: bool) -> None:
        H = self.states.shape[1]
        units = np.arange(H + 1)
        across = (units, self.edges) if down else (self.edges, units)
        values = self.states if down else self.states.T
        axes.pcolormesh(
            *across, values, cmap=style.signed_map(), vmin=-self.high, vmax=self.high,
            rasterized=True,
        )  # fmt: skip
        if down:
            axes.set_xticks([])
            axes.set_xlabel(f"h_t, {H} unit" + "s" * (H != 1))
        else:
            axes.set_yticks([])
            axes.set_ylabel(f"h_t ({H})")

    def _say(self, thought: Axes, held: Axes, down: bool) -> None:
        """What the panels of a large drawing show, above them."""
        if not down:
            return
        for axes, text in ((thought, "what it thinks"), (held, "what it keeps")):
            write(axes, text, (0, 1), (0, 5), ha="left", va="bottom", within="axes fraction")
