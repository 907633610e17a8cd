"""Figures that every job has: the example, and how learning goes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    KEYED,
    add_axes,
    heading,
    inches,
    legend,
    log_scale,
    new_figure,
    part_of,
    place,
    rule,
    write,
    write_at,
)
from hiddenstate.views.figures.thumbnails import draw_cells, fitting, sheet, size_of

Array = NDArray[Any]

DRAWN_AT_MOST = 20
"""Rows drawn side by side, however many there are."""

Event = Mapping[str, Any]

SCORES = {"test_accuracy": "accuracy on test rows", "test_mse": "squared error on test rows"}


def examples(
    rows: Array,
    labels: Sequence[str] | None,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Rows (N, ...) as the net gets them, each under its label; the first `DRAWN_AT_MOST`."""
    rows = rows[:DRAWN_AT_MOST]
    figure = figure or new_figure(*sheet(len(rows), size_of(picture), 2.4, 5, 0.92, 0.3))
    heading(figure, "One row" if len(rows) == 1 else "Some rows", "as the net gets them")
    axes = add_axes(
        figure, place(figure, left=0.12, right=0.12, bottom=0.12, top=0.78)[0], ticks=False
    )
    width, height = inches(figure)
    columns, gap, letters = fitting(len(rows), size_of(picture), width - 0.24, height - 0.9, 0.25)
    cells = draw_cells(axes, rows, picture, columns, gap)
    if labels is not None:
        names = [style.plain(label, letters) for label in labels[: len(rows)]]
        write_at(axes, cells.above, names, style.now().ink, style.TEXT_POINTS, bold=True, up=9)
    return figure


def learning(
    history: Sequence[Event],
    unit: str = "step",
    valid: Sequence[Event] = (),
    baselines: Mapping[str, tuple[float, str]] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Loss against updates made, and under it the test figure where one was logged.

    Parameters
    ----------
    history : sequence of dict
        Logged events: step, from 0, loss, mean_loss, perhaps test_accuracy or test_mse.
    unit : str
        What a step is called.
    valid : sequence of dict
        Looks at the validation rows: step, valid_loss.
    baselines : dict, optional
        Of "loss", "test_accuracy" or "test_mse": what is reached without a net, and its name.
    """
    figure, known = figure or new_figure(6.4, 4.2), baselines or {}
    scores = [key for key in SCORES if any(key in event for event in history)]
    heading(figure, "Learning", _where(history, scores, unit))
    grid = place(figure, 1 + len(scores), heights=[1.5] + [1.0] * len(scores), top=KEYED)
    axes = add_axes(figure, grid[0])
    _draw_loss(axes, history, unit, valid, known.get("loss"))
    places = [axes]
    for number, key in enumerate(scores):
        places.append(add_axes(figure, grid[number + 1], sharex=axes))
        _draw_score(places[-1], history, key, known.get(key))
    for one in places:
        rule(one)
        one.yaxis.set_label_coords(-0.46 / max(inches(figure)[0] - 0.75, 1), 0.5)
        one.tick_params(labelbottom=one is places[-1])
    places[-1].set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    last = max([event["step"] + 1 for event in (*history, *valid)], default=1)
    axes.set_xlim(-0.02 * last, 1.02 * last)
    return figure


def _where(history: Sequence[Event], scores: Sequence[str], unit: str) -> str:
    """Where learning stands, in words."""
    if not history:
        return f"no {unit} is logged yet"
    said = f"{unit} {history[-1]['step'] + 1:,}: mean loss {history[-1]['mean_loss']:.4g}"
    for key in scores:
        value = next((event[key] for event in reversed(history) if key in event), None)
        if value is not None:
            name = "accuracy" if key == "test_accuracy" else "test error"
            said += f", {name} {value:.4g}"
    return said


def _draw_loss(
    axes: Axes,
    history: Sequence[Event],
    unit: str,
    valid: Sequence[Event],
    baseline: tuple[float, str] | None,
) -> None:
    now = style.now()
    steps = [event["step"] + 1 for event in history]
    losses = np.array([event["loss"] for event in history], float)
    means = np.array([event["mean_loss"] for event in history], float)
    marker = "o" if len(steps) < 12 else ""
    axes.plot(steps, losses, color=now.batch, lw=1, marker=marker, ms=3, label=f"of a {unit}")
    axes.plot(steps, means, color=now.train, lw=1.8, marker=marker, ms=4, label="mean")
    looks = np.array([[e["step"] + 1, e["valid_loss"]] for e in valid], float).reshape(-1, 2)
    if len(looks):
        axes.plot(*looks.T, color=now.valid, lw=1.4, ls="--", marker="s", ms=3, label="validation")
    axes.set_ylabel("training loss")
    values = np.concatenate([losses, looks[:, 1]])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 20 * values.min():
        log_scale(axes)
    elif len(values) and values.min() >= 0:
        axes.set_ylim(bottom=0)
    if baseline:
        draw_baseline(axes, *baseline, len(means) > 0 and means[-1] > baseline[0])
    if len(steps):
        legend(axes)


def _draw_score(
    axes: Axes, history: Sequence[Event], key: str, baseline: tuple[float, str] | None
) -> None:
    now = style.now()
    points = [(event["step"] + 1, event[key]) for event in history if key in event]
    marker = "o" if len(points) < 30 else ""
    axes.plot(*zip(*points, strict=True), color=now.test, lw=1.8, marker=marker, ms=3)
    axes.set_ylabel("test accuracy" if key == "test_accuracy" else "test error")
    axes.set_ylim(0, 1 if key == "test_accuracy" else None)
    if baseline:
        draw_baseline(axes, *baseline, points[-1][1] > baseline[0])


def draw_baseline(axes: Axes, value: float, name: str, under: bool = False) -> None:
    """A dotted line at `value`, called `name` at its right end: above it, or `under` it if there
    is room."""
    now = style.now()
    axes.axhline(value, color=now.baseline, lw=1.2, ls=":")
    axes.get_ylim()  # settles what the axes show
    room = axes.transData.transform((0, value))[1] - axes.bbox.y0
    under = under and room > 2 * style.SMALL_POINTS / 72 * part_of(axes.figure).dpi
    text = write(
        axes,
        f"{name}: {value:.3g}",
        (1, value),
        (0, -3 if under else 2),
        ha="right",
        va="top" if under else "bottom",
        color=now.baseline,
        within=axes.get_yaxis_transform(),
    )
    text.set_bbox({"facecolor": now.ground, "linewidth": 0, "alpha": 0.8, "pad": 1.0})
