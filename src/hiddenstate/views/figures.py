"""Arrays in, matplotlib figures out; one style, no run folder, no screen.

Every function draws on `figure` if given one, a figure or a part of one, else on a new one,
and returns it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

Array = NDArray[Any]

TARGET, PREDICTION = "tab:red", "tab:blue"
RIGHT, WRONG = "tab:blue", "tab:red"
TEXT_POINTS = 9

DRAWN_AT_MOST = 20
"""Rows drawn side by side, however many are predicted or reconstructed."""

TRACKED_WHOLE, TRACKED_ENDS = 200, 30
"""Windows drawn in one panel at the most; of more, how many of the first and of the last."""


def examples(
    rows: Array,
    labels: Sequence[str] | None,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Rows (N, ...) side by side, each titled with its label."""
    figure = figure or _figure(max(2.6 * len(rows), 3), 3.0)
    for place, (row, axes) in enumerate(zip(rows, _row_of_axes(figure, len(rows)), strict=True)):
        _draw_row(axes, row, picture)
        if labels is not None:
            axes.set_title(labels[place])
    return figure


def learning(
    history: Sequence[dict[str, Any]], unit: str = "step", figure: FigureBase | None = None
) -> FigureBase:
    """Loss against step, and below it the test figure where one was logged."""
    figure = figure or _figure(6, 4)
    scores = [key for key in ("test_accuracy", "test_mse") if any(key in e for e in history)]
    axes = figure.subplots(1 + len(scores), 1, sharex=True, squeeze=False)[:, 0]
    steps = [event["step"] for event in history]
    losses = np.array([event["loss"] for event in history], float)
    marker = "." if len(steps) < 20 else ""
    means = [event["mean_loss"] for event in history]
    axes[0].plot(steps, losses, color="0.7", lw=1, marker=marker, label=f"of the {unit}")
    axes[0].plot(steps, means, color=PREDICTION, marker=marker, label="mean since the last line")
    axes[0].set_ylabel("training loss")
    if len(losses) and losses.min() > 0 and losses.max() > 20 * losses.min():
        axes[0].set_yscale("log")
    if len(steps):
        axes[0].legend(frameon=False, fontsize=TEXT_POINTS)
    for place, key in zip(axes[1:], scores, strict=True):
        points = [(event["step"], event[key]) for event in history if key in event]
        place.plot(*zip(*points, strict=True), color=PREDICTION, marker=".")
        place.set_ylabel(key.replace("_", " "))
        if key == "test_accuracy":
            place.set_ylim(0, 1)
    axes[-1].set_xlabel(unit)
    for place in axes:
        _tidy(place)
    return figure


def predictions(
    rows: Array,
    real: Sequence[str],
    predicted: Sequence[str],
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Rows (N, ...) with the predicted label over the real one; blue right, red wrong.

    The first `DRAWN_AT_MOST` are drawn.
    """
    rows = rows[:DRAWN_AT_MOST]
    figure = figure or _figure(max(1.1 * len(rows), 3), 1.9)
    for place, axes in enumerate(_row_of_axes(figure, len(rows))):
        _draw_row(axes, rows[place], picture)
        right = real[place] == predicted[place]
        axes.set_title(predicted[place], color=RIGHT if right else WRONG, fontweight="bold")
        axes.set_xlabel(f"is {real[place]}", fontsize=TEXT_POINTS)
    figure.suptitle("predicted", fontsize=TEXT_POINTS)
    return figure


def signals(
    time: Array, inputs: Array, targets: Array, named: tuple[str, str] = ("input", "target"),
    figure: FigureBase | None = None,
) -> FigureBase:  # fmt: skip
    """Input (T, I) and target (T, O) before training; the target in red, the input in blue."""
    figure = figure or _figure(6, 3)
    axes = figure.subplots()
    for values, color, label in ((inputs, PREDICTION, named[0]), (targets, TARGET, named[1])):
        lines = axes.plot(time, values, color=color)
        lines[0].set_label(label)
    axes.set_xlabel("time")
    axes.legend(frameon=False, loc="best")
    _tidy(axes)
    return figure


def tracking(
    time: Array, target: Array, prediction: Array, figure: FigureBase | None = None
) -> FigureBase:
    """Target in red and prediction in blue against absolute time; of long runs both ends.

    Parameters
    ----------
    time : ndarray (K, T)
    target, prediction : ndarray (K, T, O), or (K, O) for an answer a window
    """
    figure = figure or _figure(10, 3)
    parts = [slice(None)]
    if len(time) > TRACKED_WHOLE:
        parts = [slice(TRACKED_ENDS), slice(-TRACKED_ENDS, None)]
    places = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for place, part in zip(places, parts, strict=True):
        when = time[part] if target.ndim == 3 else time[part, -1]
        for values, color, label in (
            (target[part], TARGET, "target"),
            (prediction[part], PREDICTION, "prediction"),
        ):
            lines = place.plot(when.reshape(-1), values.reshape(when.size, -1), color=color, lw=1)
            lines[0].set_label(label)
        place.set_xlabel("time")
        place.margins(x=0.01)
        _tidy(place)
    if len(parts) > 1:
        places[0].set_title(f"first {TRACKED_ENDS} windows", loc="right", fontsize=TEXT_POINTS)
        places[1].set_title(f"last {TRACKED_ENDS} of {len(time):,}", fontsize=TEXT_POINTS)
    places[0].legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.2), ncols=2)
    return figure


def reconstructions(
    originals: Array,
    rebuilt: Array,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Originals (N, F) over their reconstructions (N, F); the first `DRAWN_AT_MOST`."""
    originals, rebuilt = originals[:DRAWN_AT_MOST], rebuilt[:DRAWN_AT_MOST]
    n = len(originals)
    figure = figure or _figure(max(1.4 * n, 3), 3)
    grid = figure.subplots(2, n, squeeze=False)
    for name, rows, line in zip(("original", "rebuilt"), (originals, rebuilt), grid, strict=True):
        for row, axes in zip(rows, line, strict=True):
            _draw_row(axes, row, picture)
        line[0].set_ylabel(name)
    return figure


def codes(
    values: Array, labels: Array | None, names: Sequence[str], figure: FigureBase | None = None
) -> FigureBase:
    """Codes (N, Z) in space, each drawn as its label on the label's rainbow colour.

    The axes fit the codes. Of longer codes the first three numbers are drawn; codes of two lie
    in a plane, codes of one along a line, a class a row.

    Parameters
    ----------
    values : ndarray (N, Z)
    labels : ndarray (N,) or None
        Class number of each code; without them codes are points.
    names : sequence of str
        Label of each class number.
    """
    figure = figure or _figure(7, 6)
    shown = values[:, :3]
    if values.shape[1] == 1:  # along a line, a class a row
        rows = np.zeros(len(values)) if labels is None else labels
        shown = np.column_stack([values[:, 0], rows])
    n_axes = shown.shape[1]
    axes: Any = figure.add_subplot(projection="3d" if n_axes == 3 else None)
    if labels is None:
        axes.scatter(*shown.T, color=PREDICTION)
    else:
        _draw_labels(axes, shown, labels, names)
    for number, axis in enumerate("xyz"[:n_axes]):
        low, high = shown[:, number].min(), shown[:, number].max()
        room = (0.02 if n_axes == 3 else 0.05) * (high - low) or 1.0
        getattr(axes, f"set_{axis}lim")(low - room, high + room)
        getattr(axes, f"set_{axis}label")(f"code {number + 1}" if values.shape[1] > number else "")
        getattr(axes, f"{axis}axis").set_major_locator(MaxNLocator(5))
    if n_axes == 3:
        axes.set_box_aspect(None, zoom=0.95)
    else:
        _tidy(axes)
    if values.shape[1] > 3:
        axes.set_title(f"first 3 of {values.shape[1]} numbers", fontsize=TEXT_POINTS)
    return figure


def _draw_labels(axes: Any, points: Array, labels: Array, names: Sequence[str]) -> None:
    """Each point as its label on the label's rainbow colour."""
    colors = colormaps["rainbow"](np.linspace(0, 1, max(len(names), 2)))
    for point, label in zip(points, labels, strict=True):
        color = colors[int(label)]
        axes.text(
            *point,
            names[int(label)],
            color=_readable_on(color),
            fontsize=TEXT_POINTS,
            bbox={"facecolor": color, "linewidth": 0, "pad": 1.5},
        )


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def _row_of_axes(figure: FigureBase, n: int) -> list[Axes]:
    return list(figure.subplots(1, max(n, 1), squeeze=False)[0])[:n]


def _draw_row(axes: Axes, row: Array, picture: tuple[int, int] | None) -> None:
    """A row as the picture it is, or its features as lines."""
    axes.set_xticks([])
    axes.set_yticks([])
    if picture:
        axes.imshow(row.reshape(picture), cmap="gray_r", vmin=0, vmax=1)
    else:
        axes.plot(row if row.ndim == 2 else row.reshape(-1), linewidth=1)


def _readable_on(color: Array) -> str:
    """Black or white, whichever reads better on an RGB colour (Rec. 709 luma weights)."""
    return "black" if float(np.dot(color[:3], (0.2126, 0.7152, 0.0722))) > 0.5 else "white"


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
