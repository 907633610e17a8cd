"""Draws rows that a classifier has named: predictions and worst errors."""

from collections.abc import Sequence

from matplotlib.figure import Figure, FigureBase

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.lanes import write_sides
from hiddenstate.views.figures.layout import (
    LEAST,
    add_axes,
    heading,
    inches,
    new_figure,
    part_of,
    place,
    write_at,
)
from hiddenstate.views.figures.learning import MAX_ROWS
from hiddenstate.views.figures.numbers import percent
from hiddenstate.views.figures.thumbnails import (
    draw_thumbnails,
    figure_size,
    fit_cells,
    foot,
    gutter,
)
from hiddenstate.views.row_form import RowForm, form_of_rows

TOP, NOTE = 0.76, 0.26
"""Inches above the rows, and those of them for a note."""

RIGHT_MARK, WRONG_MARK = "✓", "✗"


def predictions(
    rows: Array,
    real: Sequence[str],
    predicted: Sequence[str],
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
    which: str = "",
) -> Figure:
    """Draw the first of rows (N, ...) under their predicted labels, over the true ones.

    At most `MAX_ROWS` are drawn, and as many as have space for their labels. A correct prediction
    is blue with a tick; a wrong one is red with a cross and a frame. `which` is written after the
    count: which rows these are, or what predicts.
    """
    judged = _Judged(rows, real, predicted, None, form or form_of_rows(rows, picture))
    figure = figure or judged.new_figure()
    n, n_right = judged.draw(figure)
    note = f"{n_right} of {n} correct{f', {which}' if which else ''}; below, the true label"
    heading(figure, "Predictions", note if judged.noted else "")
    return figure


def worst(
    rows: Array,
    real: Sequence[str],
    taken: Sequence[str],
    chance: Array,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw wrongly classified rows under their predicted labels, or the least certain right ones.

    Parameters
    ----------
    rows : ndarray (K, ...)
    real, taken : sequence of str (K,)
        True and predicted labels.
    chance : ndarray (K,)
        Predicted probabilities of the true labels.
    picture : tuple of int, optional
        Height and width of the picture that a row is, and 3 if it is in colour.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by `rows` and `picture`.
    """
    judged = _Judged(rows, real, taken, chance, form or form_of_rows(rows, picture))
    figure = figure or judged.new_figure()
    judged.draw(figure)
    note = "lowest probability of the true label first; below, this label and its probability"
    title = "Worst errors"
    if not len(rows):
        note = "no evaluated row is wrong"
    elif all(judged.right):
        title, note = "Least certain rows", f"no evaluated row is wrong; {note}"
    heading(figure, title, note if judged.noted else "")
    return figure


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
        self.noted = True

    def new_figure(self) -> Figure:
        """Return a figure for all rows."""
        around, text = 0.83 + 0.15 * self.lines, 0.28 + 0.15 * self.lines
        size = figure_size(len(self.rows), self.form, 1.0, 10, around, text, self.names)
        return new_figure(*size)

    def draw(self, figure: FigureBase) -> tuple[int, int]:
        """Draw the rows; return how many are drawn, and how many of them are right."""
        now, form = style.now(), self.form
        height = inches(figure)[1]
        left = 0.12 + gutter(form, figure)
        bottom = 0.05 + 0.15 * self.lines + foot(form)
        # A low figure has space for the rows and their labels, not for a note.
        self.noted = TOP + bottom <= (1 - LEAST) * height
        top = TOP if self.noted else TOP - NOTE
        timed = top + bottom <= (1 - LEAST) * height
        bottom -= 0.0 if timed else foot(form)
        part = place(figure, left=left, right=0.12, top=top, bottom=bottom)[0]
        axes = add_axes(figure, part, ticks=False)
        free = axes.bbox.width / part_of(figure).dpi, axes.bbox.height / part_of(figure).dpi
        fit = fit_cells(len(self.rows), form, *free, 0.15 * self.lines + 0.28, names=self.names)
        n, letters = fit.n, fit.letters - 2
        right = self.right[:n]
        frames = [now.faint if good else now.wrong for good in right]
        cells = draw_thumbnails(axes, self.rows[:n], form, fit, frames)
        marks = [RIGHT_MARK if good else WRONG_MARK for good in right]
        names = style.shortened([*self.taken, *self.real], letters)
        taken, real = names[: len(self.taken)], names[len(self.taken) :]
        titles = [f"{mark} {name}" for mark, name in zip(marks, taken[:n], strict=True)]
        colors = [now.right if good else now.wrong for good in right]
        write_at(axes, cells.above, titles, colors, style.TEXT_POINTS, bold=True, up=9)
        write_at(axes, cells.below, [f"is {name}" for name in real[:n]], now.muted, up=-9)
        if self.chance is not None:
            percents = [percent(float(p)) for p in self.chance[:n]]
            write_at(axes, cells.below, percents, now.muted, up=-19.5)
        write_sides(axes, form, cells, left - 0.12, 10.5 * self.lines + 3, ends=timed)
        return n, sum(right)
