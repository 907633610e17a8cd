"""Draws what the probabilities of a classifier are worth, and how they form during training."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hiddenstate.metrics.curves import BINS, Calibration, Curves, expected_calibration_error
from hiddenstate.metrics.intervals import wilson
from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.confusion import NONE
from hiddenstate.views.figures.layout import (
    REGULAR,
    add_axes,
    heading,
    inches,
    name_axes,
    new_figure,
    on_page,
    place,
    rule,
    shade,
    write,
    write_at,
)
from hiddenstate.views.figures.numbers import percent

STACKED = 5.0
"""Width of a figure in inches up to which ROC and precision-recall stand below each other."""

CURVES = 4
"""Classes that have a curve of their own, the hardest ones; the others are averaged."""

LINE = 0.19
"""Height in inches of a line of a legend."""

DASHES = ("-", "--", "-.", ":")
"""Line styles of the curves, so that colour is not their only sign."""

PANEL = 1.5
"""Least width in inches of the panel of a class."""

LAST = 0.02
"""Share of the time axis that the scores at the end take at least."""

PANELS = 12
"""Number of classes up to which each has a panel of its own for its rows over training."""


def calibration(bins: Calibration, figure: Figure | None = None) -> Figure:
    """Draw how often predictions are correct against their probability, and how many there are.

    A net that is right as often as it says lies on the diagonal; below it, it is too certain. Each
    point has the 95 % interval of its share, and an area that grows with its rows.
    """
    figure, now = figure or new_figure(4.6, 4.6), style.now()
    error = expected_calibration_error(bins)
    note = "no rows yet" if np.isnan(error) else f"expected calibration error {error:.3f}"
    heading(figure, "Calibration", f"{note}; below the diagonal, it is too certain")
    grid = place(figure, 2, heights=[3, 1], gap=(0, 0.14))
    axes = add_axes(figure, grid[0])
    used = bins.rows > 0
    confidence, accuracy = bins.confidence[used], bins.accuracy[used]
    axes.plot([0, 1], [0, 1], color=now.baseline, lw=1.2, ls=":")
    axes.add_collection(
        LineCollection(
            [
                [(x, end) for end in wilson(y, n)]
                for x, y, n in zip(confidence, accuracy, bins.rows[used].tolist(), strict=True)
            ],
            colors=[now.train],
            linewidths=1.4,
        )
    )
    axes.plot(confidence, accuracy, color=now.train, lw=0.8, alpha=0.5)
    sizes = 8 + 52 * bins.rows[used] / max(bins.rows.max(), 1)
    axes.scatter(confidence, accuracy, sizes, color=now.train, zorder=3)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    name_axes(axes, y="correct")
    axes.tick_params(labelbottom=False)
    rule(axes, "both")
    counts = add_axes(figure, grid[1])
    places = (np.arange(BINS) + 0.5) / BINS
    counts.bar(places, bins.rows, 0.9 / BINS, color=now.batch)
    counts.set_xlim(0, 1.02)
    name_axes(counts, "probability of the predicted class", "rows")
    counts.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    for one in (axes, counts):
        one.yaxis.set_label_coords(-0.42 / max(inches(figure)[0] - 0.75, 1), 0.5)
    return figure


def curves(values: Curves, names: Sequence[str], figure: Figure | None = None) -> Figure:
    """Draw ROC and precision-recall curves of each class against the rest.

    Of more than `CURVES` classes the ones with the smallest ROC areas are drawn, and the mean of
    the others.
    """
    width, now = on_page(8.6), style.now()
    listed = min(len(names), CURVES + 1)
    listing = LINE * (listed + 1) + 0.1  # inches below each pair of axes, where no curve is
    figure = figure or new_figure(width, listing + 4.2 if width > STACKED else 2 * listing + 6.0)
    stacked = inches(figure)[0] <= STACKED
    present = np.flatnonzero(np.isfinite(values.roc_area))
    hardest = present[np.argsort(values.roc_area[present], kind="stable")]
    if len(hardest) == 2:  # the curves of two classes mirror each other
        hardest = np.sort(hardest)
    shown, rest = hardest[:CURVES], hardest[CURVES:]
    note = "each class against the rest"
    if len(rest):
        note += f"; the {CURVES} with the smallest ROC areas, and the mean of the others"
    heading(figure, "ROC and precision-recall", note)
    rows, columns = (2, 1) if stacked else (1, 2)
    grid = place(figure, rows, columns, bottom=0.5 + listing, gap=(0.6, 0.7 + listing))
    x = np.linspace(0, 1, values.roc.shape[1])
    colors = dict(enumerate(style.class_colors(max(len(names), 1))))
    if len(names) > len(now.classes):  # colours repeat
        colors = dict(zip(shown, style.class_colors(CURVES), strict=False))
    for column, (lines, scores, labels) in enumerate(
        (
            (values.roc, values.roc_area, ("false positive rate", "true positive rate")),
            (values.precision, values.average_precision, ("recall", "precision")),
        )
    ):
        axes = add_axes(figure, grid[column])
        named = []
        if len(rest):
            text = f"mean of {len(rest)} others  {scores[rest].mean():.3f}"
            named += axes.plot(x, lines[rest].mean(axis=0), color=now.muted, lw=2.4, label=text)
        letters = int(0.8 * axes.bbox.width / figure.dpi / (REGULAR * style.SMALL_POINTS)) - 8
        short = style.shortened([names[number] for number in shown], max(letters, 3))
        for number, dash, name in zip(shown, DASHES, short, strict=False):
            text = f"{name}  {scores[number]:.3f}"
            named += axes.plot(x, lines[number], color=colors[number], ls=dash, lw=1.6, label=text)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        name_axes(axes, *labels)
        rule(axes, "both")
        title = "area under the curve" if column == 0 else "average precision"
        axes.legend(
            handles=named,
            title=title,
            title_fontsize=style.SMALL_POINTS,
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(0, -0.45 * figure.dpi / axes.bbox.height),
            borderaxespad=0,
            labelcolor=now.ink,
            handlelength=2.2,
        )
    return figure


def recall(
    steps: Array,
    counts: Array,
    names: Sequence[str],
    order: Sequence[int] | None = None,
    end: int | None = None,
    figure: Figure | None = None,
    final: Array | None = None,
    by: str = "",
) -> Figure:
    """Draw the recall of each class over training as a heat map, one line per class.

    A class without test rows has none.

    Parameters
    ----------
    steps : ndarray (S,)
        Updates made at each evaluation.
    counts : ndarray (S, C, C)
        Confusion matrices.
    names : sequence of str (C,)
    order : sequence of int (C,), optional
        Class numbers from top to bottom; by default as they are numbered.
    end : int, optional
        Updates of the whole run, where the axis ends.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    final : ndarray (C, C), optional
        The confusion matrix of the model, whose recall is written at the end; by default the last
        of `counts`.
    by : str, optional
        What `counts` are of, if it is not the model.
    """
    C, now = len(names), style.now()
    order = list(order or range(C))
    names = [names[number] for number in order]
    share = _recall(counts)[:, order]
    at_end = share[-1] if final is None else _recall(final)[order]
    longest = REGULAR * style.SMALL_POINTS * max(style.letters(name) for name in names)
    room = min(longest, 2.0)
    figure = figure or new_figure(6.0 + room, 1.3 + min(max(0.24 * C, 1.2), 6.0))
    room = min(room, inches(figure)[0] / 3)
    heading(
        figure,
        "Recall of each class",
        f"correct rows after each step, by {by}"
        + "; in numbers, by the model" * (final is not None)
        if by
        else "the share of its evaluated test rows that is correct, after each step",
    )
    axes = add_axes(figure, place(figure, left=room + 0.2, right=0.55)[0])
    # The scores at the end are a column that can be seen.
    edges = np.append(steps, max(steps[-1] + max(1, LAST * steps[-1]), end or 0)).astype(float)
    shade(axes, edges, np.arange(C + 1), share.T, style.toward(now.right), 0.0, 1.0)
    for line in np.flatnonzero(np.isnan(share[-1])).tolist():
        axes.axhspan(line, line + 1, color=now.faint, lw=0)
    axes.set(xlim=(0, edges[-1]), yticks=[], xlabel="step")
    axes.spines["left"].set_visible(False)
    points = min(style.SMALL_POINTS, 0.9 * 72 * axes.bbox.height / figure.dpi / C)
    if points >= 4:
        shown = style.shortened(names, room / (REGULAR * style.SMALL_POINTS))
        for number, name in enumerate(shown):
            write(axes, name, (0, number + 0.5), (-4, 0), ha="right", size=points)
        places = np.column_stack([np.full(C, edges[-1]), np.arange(C) + 0.5])
        texts = [NONE if np.isnan(s) else percent(s) for s in at_end]
        write_at(axes, places, texts, now.ink, points, aside=18)
    return figure


def _recall(counts: Array) -> Array:
    """Return the recall of each class (..., C) of confusion matrices (..., C, C), or NaN."""
    hits, rows = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    return np.where(rows, hits / np.maximum(rows, 1), np.nan)


def dynamics(
    steps: Array,
    chances: Array,
    labels: Array,
    right: Array,
    names: Sequence[str],
    end: int | None = None,
    kept: int | None = None,
    figure: Figure | None = None,
    by: str = "",
) -> Figure:
    """Draw the probability of its true class of each test row over training, a line a row.

    Each class has a panel, up to `PANELS` of them. Rows that are wrong at the last step are red
    and dashed, above the others.

    Parameters
    ----------
    steps : ndarray (S,)
        Updates made at each evaluation.
    chances : ndarray (S, E)
    labels : ndarray (E,) of int
        Class numbers of the rows.
    right : ndarray (E,) of bool
        Whether each row is predicted correctly at the last step, by the model.
    names : sequence of str
    end : int, optional
        Updates of the whole run, where the axis ends.
    kept : int, optional
        The step whose weights were kept.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    by : str, optional
        What the probabilities are of, if it is not the model.
    """
    classes = np.unique(labels)
    groups = [labels == number for number in classes]
    if len(classes) > PANELS:
        groups = [np.ones(len(labels), bool)]
    n = max(len(groups), 1)
    columns = min(n, 4 if n > 3 else 3)
    wide = inches(figure)[0] if figure else on_page(max(2.2 * columns + 0.6, 6.4))
    columns = min(columns, max(1, int(wide / PANEL)))
    lines = -(-n // columns)
    figure = figure or new_figure(wide, 1.1 + 1.35 * lines)
    wrong = int((~right).sum())
    heading(
        figure,
        "Every row over training",
        f"probability of the true class of {len(labels)} test rows"
        + (f" by {by}; red, dashed: {wrong} wrong, as " if by else f"; red, dashed: {wrong} wrong ")
        + ("the model answers" if by else "at this step")
        + ("; vertical line: the weights that were kept" if kept is not None else ""),
    )
    grid = place(figure, lines, columns, top=0.82, gap=(0.3, 0.34))
    first: Axes | None = None
    whole = len(classes) > PANELS
    for number, rows in enumerate(groups):
        line, column = divmod(number, columns)
        axes = add_axes(figure, grid[line, column], sharex=first, sharey=first)
        first = first or axes
        _draw_rows(
            axes, steps, chances[:, rows], right[rows], None if whole else classes[number], names
        )
        if kept is not None:
            axes.axvline(kept, color=style.now().ink, lw=1)
        below = number + columns >= n
        axes.tick_params(labelbottom=below, labelleft=column == 0)
        if below:
            axes.set_xlabel("step")
    if first is not None:
        last = max(int(steps[-1]), end or 0)
        first.set(xlim=(-0.01 * last, 1.01 * last), ylim=(-0.03, 1.03), yticks=[0, 0.5, 1])
        first.set_yticklabels(["0", "½", "1"])
        first.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    return figure


def _draw_rows(
    axes: Axes,
    steps: Array,
    chances: Array,
    right: Array,
    number: int | None,
    names: Sequence[str],
) -> None:
    """Draw the rows of one class, or with no `number` all of them, and how many are correct."""
    now, n = style.now(), len(right)
    # One colour for all classes, which have panels: one of theirs is red, which here means wrong.
    for chosen, line in (
        (right, {"colors": [now.right], "linewidths": 0.9, "alpha": 0.7}),
        (~right, {"colors": [now.wrong], "linewidths": 1.1, "linestyles": "--"}),
    ):
        paths = [np.column_stack([steps, chance]) for chance in chances[:, chosen].T]
        axes.add_collection(LineCollection(paths, zorder=2 + (chosen is not right), **line))
    score = f"{int(right.sum())}/{n}"
    wide = axes.bbox.width / axes.figure.dpi / (REGULAR * style.SMALL_POINTS)
    room = max(int(wide) - len(score) - 1, 3)
    name = "all" if number is None else style.shortened(names, room)[number]
    write(axes, f"{name} {score}", (0, 1), (0, 3), ha="left", va="bottom", within="axes fraction")
    rule(axes)
