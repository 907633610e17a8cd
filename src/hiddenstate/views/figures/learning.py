"""Draws the figures that every job has: example rows and learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.lanes import write_sides
from hiddenstate.views.figures.layout import (
    KEYED,
    LETTER,
    REGULAR,
    add_axes,
    align_names,
    fitting_label,
    heading,
    inches,
    legend,
    new_figure,
    on_page,
    part_of,
    place,
    rule,
    warn,
    write,
    write_at,
)
from hiddenstate.views.figures.numbers import log_scale
from hiddenstate.views.figures.thumbnails import (
    WIDEST,
    draw_thumbnails,
    figure_size,
    fit_cells,
    foot,
    gutter,
)
from hiddenstate.views.limits import Limits, Span, limits_of
from hiddenstate.views.row_form import RowForm, as_drawn, form_of_rows

MAX_ROWS = 20
"""Rows that a figure draws side by side."""

LEGEND = 24
"""Letters that have space where the legend of losses is."""

Event = Mapping[str, Any]

SCORES = ("test_accuracy", "test_mse")
"""Keys of the test scores in logged events."""


def examples(
    rows: Array,
    labels: Sequence[str] | None,
    picture: tuple[int, ...] | None = None,
    figure: Figure | None = None,
    form: RowForm | None = None,
) -> Figure:
    """Draw the first `MAX_ROWS` of rows (N, ...) as the network reads them, under their labels.

    `form` is what a row is; by default `rows` and `picture` tell it.
    """
    rows, form = rows[:MAX_ROWS], form or form_of_rows(rows, picture)
    names = [*labels][: len(rows)] if labels is not None else []
    words = as_drawn(rows.shape[1]) if form.has_time else ""
    side = 1.6 if len(rows) == 1 else 2.4
    if figure is None:
        wide, high = figure_size(len(rows), form, side, 5, 0.92, 0.3, names)
        if len(rows) == 1:  # there is space for the whole of its name
            longest = LETTER * style.TEXT_POINTS * max(map(style.letters, names), default=0)
            wide = on_page(max(wide, gutter(form) + min(longest, WIDEST) + 0.36))
        figure = new_figure(wide, high)
    if len(rows) == 1:
        heading(figure, "Example row", words or "as the network reads it")
    else:
        heading(figure, "Example rows", words or "as the network reads them")
    left, bottom = 0.12 + gutter(form, figure), 0.12 + foot(form)
    axes = add_axes(
        figure, place(figure, left=left, right=0.12, bottom=bottom, top=0.78)[0], ticks=False
    )
    width, height = inches(figure)
    free = width - left - 0.12, height - 0.78 - bottom
    fit = fit_cells(len(rows), form, *free, 0.25, names)
    cells = draw_thumbnails(axes, rows[: fit.n], form, fit)
    if len(rows) == len(names) == 1:
        letter, room = LETTER * style.TEXT_POINTS, width - 0.24  # over the names of channels too
        name = style.cut(style.plain(names[0], 10**6), int(room / letter))
        at = (float(cells.corners[0, 0]), float(cells.corners[0, 1]))
        back = 72 * min(max(letter * style.letters(name) - free[0], 0.0), left - 0.12)
        bold: dict[str, Any] = {"size": style.TEXT_POINTS, "bold": True, "ha": "left"}
        write(axes, name, at, (-back, 9), color=style.now().ink, **bold)
    elif names:
        short = style.shortened(names, fit.letters)[: fit.n]
        write_at(axes, cells.above, short, style.now().ink, style.TEXT_POINTS, bold=True, up=9)
    write_sides(axes, form, cells, left - 0.12)
    return figure


def learning(
    history: Sequence[Event],
    unit: str = "step",
    valid: Sequence[Event] = (),
    baselines: Mapping[str, tuple[float, str]] | None = None,
    figure: Figure | None = None,
    *,
    kept: int | None = None,
    evaluated: str = "the test rows",
    results: Mapping[str, Any] | None = None,
    warning: str = "",
    share: str = "",
    limits: Limits | None = None,
    worse: bool = True,
    by_target: Sequence[str] = (),
    alone: str = "",
) -> Figure:
    """Draw the loss against updates, and below it the test score if it was logged.

    Parameters
    ----------
    history : sequence of dict
        Logged events with step (from 0), loss, mean_loss, and optionally test_accuracy or
        test_mse.
    unit : str, default "step"
        Name of an update.
    valid : sequence of dict, optional
        Evaluations on the validation rows, with step and valid_loss.
    baselines : dict, optional
        For "loss", "valid_loss", "test_accuracy" or "test_mse": a value that needs no network on
        the same rows, and its name.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    kept : int, optional
        Updates after which the weights were best; a line marks them.
    evaluated : str
        The test rows that the logged scores are computed on.
    results : dict, optional
        The results at the end of the run.
    worse : bool, default True
        Whether the warning is that the network is worse.
    by_target : sequence of str, optional
        The scores of each target at the end, instead of those in `results`.
    alone : str, optional
        Whose the logged scores are, if the network is not the model: "the network alone".
    warning : str, optional
        A sentence under the note.
    share : str, optional
        What the network adds to a method that stands beside it, for the note.
    limits : Limits, optional
        The ends of the axes; by default those of what is drawn.
    """
    figure, levels = figure or new_figure(6.4, 4.2), baselines or {}
    last = max([event["step"] + 1 for event in (*history, *valid)], default=1)
    if limits is None:
        drawn = {key: value for key, (value, _) in levels.items()}
        lines = [{"event": "log"} | dict(event) for event in (*history, *valid)]
        limits = limits_of(last, lines, drawn, [])
    last = max(last, limits.end)
    scores = [key for key in SCORES if any(key in event for event in history)]
    whose = f"{evaluated} by {alone}" if alone else evaluated
    note = _latest(history, scores, unit, whose, results or {}, share, by_target)
    heading(figure, "Learning curves", note)
    top = KEYED + warn(figure, warning, worse=worse)
    grid = place(figure, 1 + len(scores), heights=[1.5] + [1.0] * len(scores), top=top, left=0.66)
    axes = add_axes(figure, grid[0])
    _draw_loss(axes, history, unit, valid, levels, limits.curves["loss"])
    places = [axes]
    for number, key in enumerate(scores):
        places.append(add_axes(figure, grid[number + 1], sharex=axes))
        _draw_score(places[-1], history, key, levels.get(key), limits.curves[key])
        if alone:
            _name_layers(places[-1], alone, (results or {}).get(key))
    for one in places:
        rule(one)
        one.tick_params(labelbottom=one is places[-1])
    places[-1].set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(-0.02 * last, 1.02 * last)
    align_names(places)
    if kept is not None:
        _mark_kept(places, kept, last, "kept" if results else "best so far", unit)
    return figure


def _latest(
    history: Sequence[Event],
    scores: Sequence[str],
    unit: str,
    evaluated: str,
    results: Mapping[str, Any],
    share: str,
    by_target: Sequence[str],
) -> str:
    """Return the latest loss and scores as a note, each with the rows it is computed on."""
    if not history:
        return f"no {unit} logged yet"
    end = [f"{_written(key, results[key])} on all test rows" for key in SCORES if key in results]
    end = list(by_target) or end
    note = f"{unit} {history[-1]['step'] + 1:,}: mean loss {history[-1]['mean_loss']:.4g}"
    for key in scores:
        value = next((event[key] for event in reversed(history) if key in event), None)
        if value is not None:
            note += f", {_written(key, value)} on {evaluated}"
    return "; ".join([f"at the end {text}" for text in end] + [share] * bool(share) + [note])


def _written(key: str, value: float) -> str:
    return f"accuracy {value:.2%}" if key == "test_accuracy" else f"error {value:.4g}"


def _mark_kept(places: Sequence[Axes], kept: int, last: int, word: str, unit: str) -> None:
    """Draw a line after `kept` updates, and name it in the first of the axes."""
    for axes in places:
        axes.axvline(kept, color=style.now().ink, lw=0.9)
    right = kept < last / 2
    write(
        places[0],
        f"{word}: {unit} {kept:,}",
        (kept, 1),
        (3 if right else -3, -2),
        ha="left" if right else "right",
        va="top",
        color=style.now().ink,
        within=places[0].get_xaxis_transform(),
    ).set_bbox({"facecolor": style.now().ground, "linewidth": 0, "alpha": 0.8, "pad": 1.0})


def _draw_loss(
    axes: Axes,
    history: Sequence[Event],
    unit: str,
    valid: Sequence[Event],
    levels: Mapping[str, tuple[float, str]],
    span: Span,
) -> None:
    now = style.now()
    steps = [event["step"] + 1 for event in history]
    losses = np.array([event["loss"] for event in history], float)
    means = np.array([event["mean_loss"] for event in history], float)
    marker = "o" if len(steps) < 12 else ""
    axes.plot(steps, losses, color=now.batch, lw=1, marker=marker, ms=3, label=f"this {unit}")
    axes.plot(steps, means, color=now.train, lw=1.8, marker=marker, ms=4, label="mean")
    points = np.array([[e["step"] + 1, e["valid_loss"]] for e in valid], float).reshape(-1, 2)
    if len(points):
        axes.plot(*points.T, color=now.valid, lw=1.4, ls="--", marker="s", ms=3, label="validation")
    fitting_label(axes, *([] if len(points) else ["training loss"]), "loss")
    axes.set_ylim(span.low, span.high)
    if span.log:
        log_scale(axes)
    if "loss" in levels:
        draw_baseline(axes, *levels["loss"], len(means) > 0 and means[-1] > levels["loss"][0])
    if "valid_loss" in levels and len(points):
        value, name = levels["valid_loss"]
        draw_baseline(axes, value, name, points[-1, 1] > value, now.valid, left=True)
    if len(steps):
        legend(axes)


def _draw_score(
    axes: Axes,
    history: Sequence[Event],
    key: str,
    baseline: tuple[float, str] | None,
    span: Span,
) -> None:
    now = style.now()
    points = [(event["step"] + 1, event[key]) for event in history if key in event]
    marker = "o" if len(points) < 30 else ""
    inside = key != "test_accuracy"  # whose line may lie on the end of the axis
    axes.plot(
        *zip(*points, strict=True), color=now.test, lw=1.8, marker=marker, ms=3, clip_on=inside
    )
    name = key.removeprefix("test_").replace("mse", "error")
    fitting_label(axes, f"test {name}", name)
    axes.set_ylim(span.low, span.high)
    if baseline:
        draw_baseline(axes, *baseline, points[-1][1] > baseline[0])


def _name_layers(axes: Axes, alone: str, model: float | None) -> None:
    """Name whose scores the line has, and mark that of the model at the end."""
    axes.lines[0].set_label(alone)
    if model is not None:
        axes.axhline(model, color=style.now().ink, lw=1.2, ls="--", label="the model at the end")
    legend(axes)


def draw_baseline(
    axes: Axes,
    value: float,
    name: str,
    under: bool = False,
    color: str = "",
    left: bool = False,
) -> None:
    """Draw a dotted line at `value`, with `name` at one end of it, above or `under` it.

    The name is also under a line at the top of narrow axes, where it would meet the legend.
    """
    now = style.now()
    axes.axhline(value, color=color or now.baseline, lw=1.2, ls=":")
    axes.get_ylim()  # matplotlib now computes the limits of the axes

    number = f": {value:.3g}"
    wide = axes.bbox.width / part_of(axes.figure).dpi / (REGULAR * style.SMALL_POINTS)
    if style.letters(name + number) > wide:
        name = name.partition(",")[0]  # without the rows
    line, height = axes.transData.transform((0, value))[1], style.SMALL_POINTS / 72
    height *= part_of(axes.figure).dpi
    meets = style.letters(name + number) + LEGEND > wide
    under = under or (meets and axes.bbox.y1 - line < 1.5 * height)
    under = under and line - axes.bbox.y0 > 2 * height
    text = write(
        axes,
        style.cut(name, int(wide) - len(number)) + number,
        (0 if left else 1, value),
        (2 if left else 0, -3 if under else 2),
        ha="left" if left else "right",
        va="top" if under else "bottom",
        color=color or now.baseline,
        within=axes.get_yaxis_transform(),
    )
    text.set_bbox({"facecolor": now.ground, "linewidth": 0, "alpha": 0.8, "pad": 1.0})
