"""Draws the figures of an autoencoder: reconstructions, codes, and decoded codes."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure, FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.cloud import MARKS, ClassNames, Cloud
from hiddenstate.views.figures.lanes import write_sides
from hiddenstate.views.figures.layout import (
    REGULAR,
    add_axes,
    heading,
    inches,
    new_figure,
    place,
    write,
    write_at,
)
from hiddenstate.views.figures.learning import MAX_ROWS
from hiddenstate.views.figures.thumbnails import (
    draw_thumbnails,
    figure_size,
    fit_cells,
    fixed,
    foot,
    gutter,
    size_of,
)
from hiddenstate.views.limits import Span, code_spans
from hiddenstate.views.row_form import RowForm, form_of_rows

SHORT = 3
"""Length of the longest label up to which codes are drawn as labels, not as points."""

LISTED, NAMED = 20, 18
"""Number of classes up to which points have a legend and are named, and letters of their names."""

WIDE = 4.8
"""Width of a figure in inches from which classes are also listed beside the axes."""


OVER = "faint: the row; over it its reconstruction; filled: the difference"
MARKED = "bar: the row; mark: its reconstruction; filled: the difference"
"""What a reconstruction that is drawn over its row is: of a series, and of quantities."""

CHANGED = "faint: the row; over it the row as augmented once; filled: the difference"
CHANGED_MARK = "bar: the row; mark: the row as augmented once; filled: the difference"
"""The same of augmented rows."""

LEGIBLE = 7
"""Height in points of a channel in a square of decoded rows; of higher squares, some are drawn."""


def reconstructions(
    originals: Array,
    rebuilt: Array,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw the first `MAX_ROWS` of rows (N, F) and their reconstructions (N, F).

    Pictures are above theirs; other rows are under theirs, with the difference filled. `form` is
    what a row is; by default `originals` and `picture` tell it.
    """
    form = form or form_of_rows(originals, picture)
    originals, rebuilt = originals[:MAX_ROWS], rebuilt[:MAX_ROWS]
    figure = figure or _pair_figure(len(originals), form, 0.68)
    note = "originals above, reconstructions below"
    if form.picture is None:
        note = OVER if form.has_time else MARKED
    heading(figure, "Reconstructions", note)
    _pairs(figure, originals, rebuilt, form, [])
    return figure


def augmented(
    rows: Array,
    changed: Array,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw training rows, and what augmentation makes of them, as :func:`reconstructions` does."""
    form = form or form_of_rows(rows, picture)
    rows, changed = rows[:MAX_ROWS], changed[:MAX_ROWS]
    figure = figure or _pair_figure(len(rows), form, 0.68)
    note = "rows above, as augmented once below"
    if form.picture is None:
        note = CHANGED if form.has_time else CHANGED_MARK
    heading(figure, "Augmented rows", note)
    _pairs(figure, rows, changed, form, [], ("row", "changed"))
    return figure


def rebuilt_worst(
    rows: Array,
    rebuilt: Array,
    error: Array,
    labels: Sequence[str] | None,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw rows with large errors and their reconstructions, as :func:`reconstructions` does.

    Parameters
    ----------
    rows, rebuilt : ndarray (K, F)
    error : ndarray (K,)
        Squared errors per scaled number.
    labels : sequence of str, or None
    picture : tuple of int, optional
        Height and width of the picture that a row is, and 3 if it is in colour.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by `rows` and `picture`.
    """
    form = form or form_of_rows(rows, picture)
    rows, rebuilt = rows[:MAX_ROWS], rebuilt[:MAX_ROWS]
    n = len(rows)
    below = [f"{value:.3g}" for value in error[:n]]
    if labels is not None:
        named = style.shortened([*labels][:n], 14)
        below = [f"{name}: {text}" for name, text in zip(named, below, strict=False)]
    figure = figure or _pair_figure(n, form, 0.86, below)
    note = "originals above" if form.picture else OVER if form.has_time else MARKED
    heading(
        figure, "Worst reconstructions", f"under each, the squared error per scaled number; {note}"
    )
    _pairs(figure, rows, rebuilt, form, below)
    return figure


def _pair_figure(n: int, form: RowForm, around: float, below: Sequence[str] = ()) -> Figure:
    """Return a figure for `n` rows and their reconstructions."""
    if form.picture is None:
        return new_figure(*figure_size(n, form, 1.15, 5, around, 0.06 + 0.2 * bool(below), below))
    width, _ = figure_size(n, form, 1.15, n, 0, names=below)
    _, height = figure_size(2, form, 1.15, 1, around, 0.06)
    return new_figure(width + 0.6, height)


def _pairs(
    figure: FigureBase,
    upper: Array,
    lower: Array,
    form: RowForm,
    below: Sequence[str],
    names: tuple[str, str] = ("original", "rebuilt"),
) -> None:
    """Draw rows and their reconstructions, with a text under each pair."""
    if form.picture is None:
        _over(figure, upper, lower, form, below)
        return
    h, _ = form.picture
    left, bottom = 0.7, 0.3 if below else 0.12
    axes = add_axes(figure, place(figure, left=left, right=0.12, bottom=bottom)[0], ticks=False)
    width, height = inches(figure)
    free = width - left - 0.12, max(height - 0.56 - bottom, 0.2)
    pair = replace(form, picture=(2 * h, form.picture[1]))
    fit = fit_cells(len(upper), pair, *free, names=below)
    n = min(fit.n, fit.columns)
    both = np.concatenate([upper[:n], lower.reshape(upper.shape)[:n]])
    cells = draw_thumbnails(axes, both, form, fixed(form, max(n, 1), (0.1, fit.gap[1])))
    for number, name in zip((0, n), names, strict=True):
        if n:
            x, y = cells.corners[number]
            write(axes, name, (x, y + h / 2), (-6, 0), ha="right")
    if below:
        write_at(axes, cells.below[n:], below[:n], style.now().muted, up=-9)


def _over(
    figure: FigureBase, rows: Array, rebuilt: Array, form: RowForm, below: Sequence[str]
) -> None:
    """Draw reconstructions over their rows."""
    text = 0.2 if below else 0.0
    left, bottom = 0.12 + gutter(form, figure), 0.08 + foot(form) + 0.7 * text
    axes = add_axes(figure, place(figure, left=left, right=0.12, bottom=bottom)[0], ticks=False)
    width, height = inches(figure)
    free = width - left - 0.12, max(height - 0.56 - bottom, 0.2)
    fit = fit_cells(len(rows), form, *free, text + 0.06, below)
    cells = draw_thumbnails(axes, rows[: fit.n], form, fit, rebuilt=rebuilt[: fit.n])
    if below:
        write_at(axes, cells.below, below[: fit.n], style.now().muted, up=-9)
    write_sides(axes, form, cells, left - 0.12, 13.5 if below else 0)


def grid(
    rows: Array,
    picture: tuple[int, ...] | None = None,
    like: Array | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw the rows decoded from a square of codes.

    Parameters
    ----------
    rows : ndarray (G*G, F)
        Line by line from the top.
    picture : tuple of int, optional
        Height and width of the picture that a row is, and 3 if it is in colour.
    like : ndarray (N, F), optional
        Rows of the data; `rows` are drawn in the same range and colours.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by the rows and `picture`.
    """
    form = form or form_of_rows(rows if like is None or not len(like) else like, picture)
    side = max(1, math.isqrt(len(rows)))
    names = gutter(form, figure)
    h, w = size_of(form)
    figure = figure or new_figure(5.4 + names, max(5.9 if form.picture else 1.0 + 5.0 * h / w, 3.2))
    if form.picture is None and len(rows):
        most = int(72 * (inches(figure)[1] - 1) / (LEGIBLE * form.n_drawn))
        some = np.linspace(0, side - 1, min(side, max(most, 2))).round().astype(int)
        rows = rows[(side * some[:, None] + some).ravel()]
        side = len(some)
    heading(
        figure,
        "Decoded from a square of codes",
        "along their two principal axes, two standard deviations each way",
    )
    left, bottom = 0.34 + names, 0.34 + foot(form)
    part = place(figure, left=left, right=0.12, bottom=bottom)[0]
    axes = add_axes(figure, part, ticks=False)
    cells = draw_thumbnails(axes, rows, form, fixed(form, side, (0.04, 0.04)))
    write_sides(axes, form, cells, names)
    under = (0, -4 - 72 * foot(form))
    write(axes, "first principal axis  →", (0.5, 0), under, va="top", within="axes fraction")
    axes.annotate(
        "second principal axis  →",
        (0, 0.5),
        (-4 - 72 * names, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        fontsize=style.SMALL_POINTS,
        color=style.now().muted,
    )
    return figure


def walk(
    rows: Array,
    ends: Array | None = None,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw the rows decoded along the straight line between two codes.

    Parameters
    ----------
    rows : ndarray (S, F)
    ends : ndarray (2, F), optional
        The rows of the two codes, drawn in frames at the ends.
    picture : tuple of int, optional
        Height and width of the picture that a row is, and 3 if it is in colour.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    form : RowForm, optional
        What a row is; by default told by `rows` and `picture`.
    """
    form = form or form_of_rows(rows if ends is None or not len(ends) else ends, picture)
    now = style.now()
    shown, frames = rows, [now.faint] * len(rows)
    if ends is not None and len(ends) == 2:
        shown = np.concatenate([ends[:1], rows, ends[1:]])
        frames = [now.target, *frames, now.target]
    n = len(shown)
    figure = figure or new_figure(*figure_size(n, form, 0.85, n, 0.66, 0.06))
    heading(
        figure,
        "A walk between two codes",
        "framed: two rows; between them, rows decoded along the line between their codes",
    )
    width, height = inches(figure)
    left, bottom = 0.12 + gutter(form, figure), 0.1 + foot(form)
    fit = fit_cells(n, form, width - left - 0.12, max(height - 0.56 - bottom, 0.2))
    axes = add_axes(figure, place(figure, left=left, right=0.12, bottom=bottom)[0], ticks=False)
    cells = draw_thumbnails(axes, shown, form, fit, frames)
    write_sides(axes, form, cells, left - 0.12)
    return figure


def codes(
    values: Array,
    labels: Array | None,
    names: Sequence[str],
    rainbow: bool = False,
    figure: Figure | None = None,
    limits: Sequence[Span] = (),
) -> Figure:
    """Draw codes (N, Z) in space, each as its label on the colour of its class.

    Of longer codes the first three numbers are drawn. Codes of two numbers lie in a plane, codes
    of one along a line, with one line per class. If labels are long, codes are points. Codes that
    are not finite are left out.

    Parameters
    ----------
    values : ndarray (N, Z)
    labels : ndarray (N,) or None
        Class number of each code; without them codes are points.
    names : sequence of str
        Label of each class number.
    rainbow : bool
        Whether to use the colours of the classic script.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    limits : sequence of Span, optional
        The ends of the axes of each number; by default those of these codes.
    """
    figure = figure or new_figure(6.4, 5.8)
    N, Z = values.shape
    shown = np.asarray(values[:, :3], float)
    if Z == 1:  # along a line, one line per class
        rows = np.zeros(N) if labels is None else labels
        shown = np.column_stack([values[:, 0], rows])
    note = f"{N:,} rows, {Z} number{'s' * (Z != 1)} each" + (", the first 3 shown" if Z > 3 else "")
    finite = np.isfinite(shown).all(axis=1)
    shown, labels = shown[finite], None if labels is None else labels[finite]
    heading(figure, "Codes", note)
    wide = inches(figure)[0] >= WIDE
    short = style.shortened(names, NAMED if wide else NAMED // 2)
    listed = labels is not None and _are_listed(short)
    beside = listed and wide
    room = REGULAR * style.SMALL_POINTS * max(map(style.letters, short)) + 0.45 if beside else 0.0
    space = shown.shape[1] == 3
    axes: Any
    if space:
        part = place(figure, left=0.0, right=0.2 + room + 0.3 * beside, bottom=0.2, top=0.3)[0]
        axes = figure.add_subplot(part, projection="3d")
    else:
        axes = add_axes(figure, place(figure, right=0.15 + room)[0])
    _draw_codes(axes, shown, labels, short, rainbow)
    if beside:
        _list_classes(axes, short, rainbow)
    spans = list(limits or code_spans([values]))[:3]
    if Z == 1:
        spans.append(Span(-0.5, max(len(names), 1) - 0.5))
    _fit(axes, spans, Z)
    return figure


def _draw_codes(
    axes: Any, shown: Array, labels: Array | None, names: Sequence[str], rainbow: bool
) -> None:
    now = style.now()
    colors = style.class_colors(len(names), rainbow)
    if labels is None or not len(names):
        axes.add_collection(Cloud(axes, shown, None, [], [now.prediction]), autolim=False)
        return
    if max(len(name) for name in names) <= SHORT:
        axes.add_collection(Cloud(axes, shown, labels, names, colors), autolim=False)
        return
    axes.add_collection(Cloud(axes, shown, labels, None, colors), autolim=False)
    if _are_listed(names):
        axes.add_artist(ClassNames(axes, shown, labels, names))


def _are_listed(names: Sequence[str]) -> bool:
    """Whether the names of classes are too long for labels, and few enough for a legend."""
    return max(map(len, names), default=0) > SHORT and len(names) <= LISTED


def _list_classes(axes: Any, names: Sequence[str], rainbow: bool) -> None:
    """Add a legend of the classes beside the axes."""
    marks = [
        Line2D([], [], ls="", marker=MARKS[number % len(MARKS)], ms=5.5, color=color, label=name)
        for number, (name, color) in enumerate(
            zip(names, style.class_colors(len(names), rainbow), strict=True)
        )
    ]
    axes.legend(
        handles=marks,
        loc="upper left",
        bbox_to_anchor=(1.06 if axes.name == "3d" else 1.0, 1.0),
        borderaxespad=0.0,
        handletextpad=0.1,
        labelcolor=style.now().muted,
    )


def _fit(axes: Any, spans: Sequence[Span], n_numbers: int) -> None:
    """Set the ends of the axes, with few ticks."""

    now, space = style.now(), len(spans) == 3
    for number, (axis, span) in enumerate(zip("xyz", spans, strict=False)):
        room = (0.0 if space else 0.03) * (span.high - span.low)
        getattr(axes, f"set_{axis}lim")(span.low - room, span.high + room)
        label = f"code {number + 1}" if n_numbers > number else ""
        getattr(axes, f"set_{axis}label")(label, labelpad=-2 if space else None)
        getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(4))
    if space:
        axes.set_box_aspect(None, zoom=1.04)
        axes.tick_params(pad=-1, labelsize=style.SMALL_POINTS, labelcolor=now.muted)
        for one in (axes.xaxis, axes.yaxis, axes.zaxis):
            one.line.set_color(now.faint)
    elif n_numbers == 1:
        axes.set_yticks([])
