"""Draws the figures of a classifier: predictions, worst errors, the confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.lanes import write_sides
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
from hiddenstate.views.figures.learning import MAX_ROWS
from hiddenstate.views.figures.thumbnails import (
    draw_thumbnails,
    figure_size,
    fit_cells,
    foot,
    gutter,
    shortened,
)
from hiddenstate.views.row_form import RowForm, form_of_rows

RIGHT_MARK, WRONG_MARK = "✓", "✗"

COUNTED = 20
"""Number of classes up to which a confusion matrix shows its counts."""

NAMED = 40
"""Number of classes up to which a confusion matrix shows their names."""


def predictions(
    rows: Array,
    real: Sequence[str],
    predicted: Sequence[str],
    picture: tuple[int, int] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw the first of rows (N, ...) under their predicted labels, over the true ones.

    At most `MAX_ROWS` are drawn, and as many as have space for their labels. A correct prediction
    is blue with a tick; a wrong one is red with a cross and a frame.
    """
    judged = _Judged(rows, real, predicted, None, form or form_of_rows(rows, picture))
    figure = figure or judged.new_figure()
    n, n_right = judged.draw(figure)
    heading(figure, "Predictions", f"{n_right} of {n} correct; below, the true label")
    return figure


def worst(
    rows: Array,
    real: Sequence[str],
    taken: Sequence[str],
    chance: Array,
    picture: tuple[int, int] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw wrongly classified rows under their predicted labels.

    Parameters
    ----------
    rows : ndarray (K, ...)
    real, taken : sequence of str (K,)
        True and predicted labels.
    chance : ndarray (K,)
        Predicted probabilities of the true labels.
    picture : tuple of int, optional
        Height and width of the picture that a row is.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by `rows` and `picture`.
    """
    judged = _Judged(rows, real, taken, chance, form or form_of_rows(rows, picture))
    figure = figure or judged.new_figure()
    judged.draw(figure)
    note = "lowest probability of the true label first; below, this label and its probability"
    heading(figure, "Worst errors", note if len(rows) else "all test rows are correct")
    return figure


def percent(share: float) -> str:
    """Format a share in percent, in few digits."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1g}%" if share else "0%"


class _Judged:
    """Rows with marks and predicted labels above, true labels and probabilities below."""

    def __init__(
        self,
        rows: Array,
        real: Sequence[str],
        taken: Sequence[str],
        chance: Array | None,
        form: RowForm,
    ) -> None:
        self.rows, self.chance, self.form = rows[:MAX_ROWS], chance, form
        n = len(self.rows)
        self.right = [a == b for a, b in zip(real, taken, strict=True)][:n]
        self.real, self.taken = [*real][:n], [*taken][:n]
        # Two letters of each label are its mark, or "is".
        self.names = [f"{style.plain(name, 100)}___" for name in [*self.real, *self.taken]]
        self.lines = 1 if chance is None else 2

    def new_figure(self) -> Figure:
        """Return a figure for all rows."""
        around, text = 0.83 + 0.15 * self.lines, 0.28 + 0.15 * self.lines
        size = figure_size(len(self.rows), self.form, 1.0, 10, around, text, self.names)
        return new_figure(*size)

    def draw(self, figure: FigureBase) -> tuple[int, int]:
        """Draw the rows; return how many are drawn, and how many of them are right."""
        now, form = style.now(), self.form
        width, height = inches(figure)
        left = 0.12 + gutter(form, figure)
        bottom = 0.05 + 0.15 * self.lines + foot(form)
        part = place(figure, left=left, right=0.12, top=0.76, bottom=bottom)[0]
        free = width - left - 0.12, max(height - 0.76 - bottom, 0.2)
        fit = fit_cells(len(self.rows), form, *free, 0.15 * self.lines + 0.28, names=self.names)
        n, letters = fit.n, fit.letters - 2
        axes = add_axes(figure, part, ticks=False)
        right = self.right[:n]
        frames = [now.faint if good else now.wrong for good in right]
        cells = draw_thumbnails(axes, self.rows[:n], form, fit, frames)
        marks = [RIGHT_MARK if good else WRONG_MARK for good in right]
        names = shortened([*self.taken, *self.real], letters)
        taken, real = names[: len(self.taken)], names[len(self.taken) :]
        titles = [f"{mark} {name}" for mark, name in zip(marks, taken[:n], strict=True)]
        colors = [now.right if good else now.wrong for good in right]
        write_at(axes, cells.above, titles, colors, style.TEXT_POINTS, bold=True, up=9)
        write_at(axes, cells.below, [f"is {name}" for name in real[:n]], now.muted, up=-9)
        if self.chance is not None:
            percents = [percent(float(p)) for p in self.chance[:n]]
            write_at(axes, cells.below, percents, now.muted, up=-19.5)
        write_sides(axes, form, cells, left - 0.12, 10.5 * self.lines + 3)
        return n, sum(right)


def confusion(counts: Array, names: Sequence[str], figure: Figure | None = None) -> Figure:
    """Draw a confusion matrix (C, C), true classes down, predicted classes across.

    Correct counts are blue, errors red, both by their share of the true class. Errors have a
    colour scale of their own, so that the common ones stand out.
    """
    C, now = len(counts), style.now()
    side = min(max(4.4, 0.34 * C), 8.0)
    figure = figure or new_figure(side + 0.3, side + 0.5)
    total, right = int(counts.sum()), int(np.trace(counts))
    note = f"{right:,} of {total:,} correct ({percent(right / total)})" if total else "no rows yet"
    heading(figure, "Confusion matrix", f"{note}; true classes down")
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
    axes.set_xlabel("predicted", va="center")
    axes.set_ylabel("true", va="center")
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
    """Return the largest square with these margins, in inches, under a heading."""
    width, height = inches(figure)
    side = max(min(width - left - 0.12, height - bottom - HEADED), 0.3 * min(width, height))
    left = min(left, max(width - side, 0))
    return left / width, 1 - min(HEADED + side, height) / height, side / width, side / height


def _name_sides(axes: Axes, names: Sequence[str]) -> None:
    """Write short names at the left and below, as two artists instead of many ticks."""

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
