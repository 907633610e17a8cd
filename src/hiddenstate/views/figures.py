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
from numpy.typing import NDArray

Array = NDArray[Any]

TARGET, PREDICTION = "tab:red", "tab:blue"
RIGHT, WRONG = "tab:blue", "tab:red"
TEXT_POINTS = 9


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
    axes[0].plot(steps, losses, color="0.7", linewidth=1, label=f"of the {unit}")
    means = [event["mean_loss"] for event in history]
    axes[0].plot(steps, means, color=PREDICTION, label="mean since the last line")
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
    """Rows (N, ...) with the predicted label over the real one; blue right, red wrong."""
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
    for values, color, label in ((targets, TARGET, named[1]), (inputs, PREDICTION, named[0])):
        lines = axes.plot(time, values, color=color)
        lines[0].set_label(label)
    axes.set_xlabel("time")
    axes.legend(frameon=False, loc="best")
    _tidy(axes)
    return figure


def tracking(
    time: Array, target: Array, prediction: Array, figure: FigureBase | None = None
) -> FigureBase:
    """Target in red and prediction in blue against absolute time.

    Parameters
    ----------
    time : ndarray (K, T)
    target, prediction : ndarray (K, T, O), or (K, O) for an answer a window
    """
    figure = figure or _figure(10, 3)
    axes = figure.subplots()
    when = time if target.ndim == 3 else time[:, -1]
    for values, color, label in (
        (target, TARGET, "target"),
        (prediction, PREDICTION, "prediction"),
    ):
        lines = axes.plot(when.reshape(-1), values.reshape(when.size, -1), color=color, lw=1)
        lines[0].set_label(label)
    axes.set_xlabel("time")
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.2), ncols=2)
    axes.margins(x=0.01)
    _tidy(axes)
    return figure


def reconstructions(
    originals: Array,
    rebuilt: Array,
    picture: tuple[int, int] | None = None,
    figure: FigureBase | None = None,
) -> FigureBase:
    """Originals (N, F) over their reconstructions (N, F)."""
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

    The axes fit the codes. Of longer codes the first three numbers are drawn, shorter ones
    lie in the plane or on a line.

    Parameters
    ----------
    values : ndarray (N, Z)
    labels : ndarray (N,) or None
        Class number of each code; without them codes are points.
    names : sequence of str
        Label of each class number.
    """
    figure = figure or _figure(7, 6)
    axes: Any = figure.add_subplot(projection="3d")
    missing = max(3 - values.shape[1], 0)
    points = np.pad(values[:, :3], ((0, 0), (0, missing)))
    if labels is None:
        axes.scatter(*points.T, color=PREDICTION)
    else:
        colors = colormaps["rainbow"](np.linspace(0, 1, max(len(names), 2)))
        for point, label in zip(points, labels, strict=True):
            axes.text(
                *point,
                names[int(label)],
                color=_readable_on(colors[int(label)]),
                backgroundcolor=colors[int(label)],
                fontsize=TEXT_POINTS,
                bbox={"facecolor": colors[int(label)], "linewidth": 0, "pad": 1.5},
            )
    for number, set_limits in enumerate((axes.set_xlim, axes.set_ylim, axes.set_zlim)):
        low, high = points[:, number].min(), points[:, number].max()
        room = 0.02 * (high - low) or 1.0
        set_limits(low - room, high + room)
    axes.set_box_aspect(None, zoom=1.1)
    for number, name_axis in enumerate((axes.set_xlabel, axes.set_ylabel, axes.set_zlabel)):
        name_axis(f"code {number + 1}" if number < values.shape[1] else "")
    return figure


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
