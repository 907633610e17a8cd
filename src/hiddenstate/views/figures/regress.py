"""Draws the figures of a regressor: target and prediction, errors, and the hidden state."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    KEYED,
    add_axes,
    color_scale,
    heading,
    heat,
    legend,
    log_scale,
    name_axes,
    new_figure,
    place,
    rule,
    write,
)
from hiddenstate.views.figures.thumbnails import features_drawn
from hiddenstate.views.limits import principal_plane

TRACKED_WHOLE, TRACKED_ENDS = 200, 30
"""Windows that are drawn in one panel; of more, the number of first and of last ones."""

LATE = 1e6
"""Time from which an axis has few ticks, since their numbers are long."""

RECENT = 10
"""Windows that the mean error is computed over."""


def signals(
    time: Array,
    inputs: Array,
    targets: Array,
    named: tuple[str, str] = ("input", "target"),
    figure: Figure | None = None,
) -> Figure:
    """Draw the input (T, I) in blue and the target (T, O) in red, as they are before training."""
    figure, now = figure or new_figure(6.4, 3.2), style.now()
    heading(figure, "Input and target", "before training")
    axes = add_axes(figure, place(figure, top=KEYED)[0])
    for values, color, label, linestyle in (
        (inputs, now.prediction, named[0], "--"),
        (targets, now.target, named[1], "-"),
    ):
        _draw_signal(axes, time, values, color, style.plain(label), ls=linestyle, lw=1.6)
    axes.set_xlabel("time")
    axes.margins(x=0.01)
    rule(axes)
    legend(axes)
    return figure


def tracking(
    time: Array,
    target: Array,
    prediction: Array,
    while_learning: bool = True,
    figure: Figure | None = None,
    *,
    noun: str = "window",
) -> Figure:
    """Draw target in red and prediction in blue against time; of long runs, both ends.

    Parameters
    ----------
    time : ndarray (K, T)
    target, prediction : ndarray (K, T, O), or (K, O) if a window has one target
    while_learning : bool, default True
        Whether each window was predicted just before the network learned from it, instead of all
        with the same weights.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    noun : str, default "window"
        What is predicted, such as "training window".
    """
    figure, now = figure or new_figure(10, 3.1), style.now()
    parts = [slice(None)]
    if len(time) > TRACKED_WHOLE:
        parts = [slice(TRACKED_ENDS), slice(-TRACKED_ENDS, None)]
    when = "before the network learns from it" if while_learning else "with the current weights"
    note = f"each {noun} predicted {when}"
    if len(parts) > 1:
        note = f"first and last {TRACKED_ENDS} of {len(time):,} {noun}s; {note}"
    heading(figure, "Target and prediction", note)
    grid = place(figure, 1, len(parts), top=KEYED, gap=(0.45, 0))
    places: list[Axes] = []
    for number, part in enumerate(parts):
        axes = add_axes(figure, grid[number], sharey=places[0] if places else None)
        times = time[part] if target.ndim == 3 else time[part, -1]
        for values, color, label, width in (
            (target[part], now.target, "target", 2.2),
            (prediction[part], now.prediction, "prediction", 1.2),
        ):
            flat = values.reshape(times.size, -1)
            _draw_signal(axes, times.reshape(-1), flat, color, label, lw=width)
        axes.set_xlabel("time")
        axes.margins(x=0.01)
        _write_out(axes, times)
        axes.tick_params(labelleft=not number)
        rule(axes)
        places.append(axes)
    legend(places[0])
    return figure


def error(
    target: Array, prediction: Array, unit: str = "window", figure: Figure | None = None
) -> Figure:
    """Draw the squared error of each window (K, T, O) or (K, O) on a log axis, and recent means."""
    figure, now = figure or new_figure(6.4, 3.2), style.now()
    squares = (np.asarray(target, float) - np.asarray(prediction, float)) ** 2
    squares = squares.reshape(len(squares), -1)
    finite = np.isfinite(squares)
    n = finite.sum(axis=1)
    mean = np.where(n > 0, np.where(finite, squares, 0).sum(axis=1) / np.maximum(n, 1), np.nan)
    recent = [
        np.nanmean(mean[max(0, k - RECENT + 1) : k + 1]) if n[k] else np.nan
        for k in range(len(mean))
    ]
    note = f"of each {unit}, log scale"
    if len(mean) and np.isfinite(recent[-1]):
        note += f"; mean of the last {min(RECENT, len(mean))}: {recent[-1]:.3g}"
    heading(figure, "Squared error", note)
    axes = add_axes(figure, place(figure, top=KEYED)[0])
    numbers = np.arange(1, len(mean) + 1)
    floor = np.where(mean > 0, mean, np.nan)
    axes.plot(
        numbers,
        floor,
        ls="",
        marker="o",
        ms=2.8,
        mew=0,
        color=now.muted,
        alpha=0.6,
        label=f"each {unit}",
    )
    label = f"mean of {RECENT}"
    recent_ = np.array(recent, float)
    axes.plot(numbers, np.where(recent_ > 0, recent_, np.nan), color=now.train, lw=1.8, label=label)
    if np.isfinite(floor).any():
        log_scale(axes)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    beside = max(0.5, 0.02 * len(mean))
    axes.set_xlim(1 - beside, max(len(mean), 1) + beside)
    rule(axes)
    legend(axes)
    return figure


def hidden(
    time: Array, carried: Array, reset: Array | None = None, figure: Figure | None = None
) -> Figure:
    """Draw the hidden state h_t (P, H) over time (P,) as a heat map, one line per unit.

    Parameters
    ----------
    time : ndarray (P,)
    carried : ndarray (P, H)
    reset : ndarray (P, H), optional
        The states at the same steps if each window starts from a zero state.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    """
    figure = figure or new_figure(7.4, 3.0 if reset is None else 4.2)
    panels = [("h_t", carried)] if reset is None else [("carried", carried), ("reset", reset)]
    note = "one line per unit, by the time of its response"
    if reset is not None:
        note = "carried from window to window, and reset to zero at the start of each"
    heading(figure, "The hidden state h_t", note)
    high = max(1.0, float(np.abs(carried[np.isfinite(carried)]).max(initial=0)))
    grid = place(figure, len(panels), 2, left=0.4, widths=[40, 1], right=0.4, gap=(0.1, 0.14))
    grows = len(time) < 2 or bool((np.diff(time) > 0).all())
    edges, first = _edges(time if grows else np.arange(len(time))), None
    for number, (name, values) in enumerate(panels):
        axes = add_axes(figure, grid[number, 0], sharex=first)
        first = first or axes
        heat(axes, edges, np.arange(values.shape[1] + 1), values.T, high)
        axes.set_ylabel(name)
        axes.set_yticks([])
        axes.tick_params(labelbottom=number == len(panels) - 1)
    axes.set_xlabel("time" if grows else "step")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if grows:
        _write_out(axes, time)
    color_scale(add_axes(figure, grid[:, 1]), high)
    return figure


def portrait(
    carried: Array,
    reset: Array | None = None,
    figure: Figure | None = None,
    signs: Array | None = None,
) -> Figure:
    """Draw the path of h_t (P, H) in the plane of its first two principal components.

    Parameters
    ----------
    carried : ndarray (P, H)
        The states that the components are computed from.
    reset : ndarray (P, H), optional
        The states at the same steps if each window starts from a zero state; they are projected
        to the same plane.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    signs : ndarray (2, H), optional
        Axes whose signs those of the plane have, as at another moment.
    """
    figure, now = figure or new_figure(5.2, 5.0), style.now()
    carried = np.asarray(carried, float)  # a mean in float32 may overflow
    finite = np.isfinite(carried).all(axis=1)
    plane, share = principal_plane(carried[finite], signs)
    mean = carried[finite].mean(axis=0) if finite.any() else np.zeros(carried.shape[1])
    heading(
        figure,
        "The path of h_t",
        "in the plane of two principal components; one point per step",
    )
    axes = add_axes(figure, place(figure, top=KEYED)[0])
    _draw_path(axes, (carried[finite] - mean) @ plane.T, "h_t" if reset is None else "carried")
    if reset is not None:
        points = (np.asarray(reset, float)[np.isfinite(reset).all(axis=1)] - mean) @ plane.T
        axes.plot(*points.T, ls="", marker="x", ms=4, mew=1.1, color=now.reset, label="reset")
        axes.plot(
            *(-mean @ plane.T),
            ls="",
            marker="s",
            ms=7,
            mew=1.5,
            mfc="none",
            mec=now.reset,
            label="zero",
            zorder=3,
        )
    name_axes(axes, f"first component, {share[0]:.0%}", f"second component, {share[1]:.0%}")
    axes.margins(0.08)
    axes.set_aspect("equal", "datalim")
    rule(axes, "both")
    legend(axes)
    return figure


def _draw_path(axes: Axes, path: Array, name: str) -> None:
    """Draw a path (P, 2), and mark its end."""
    now = style.now()
    axes.plot(*path.T, color=now.carried, lw=0.9, marker="o", ms=3, mew=0, label=name)
    if len(path):
        axes.plot(*path[-1], ls="", marker="o", ms=8, mfc="none", mec=now.ink, zorder=4)
        write(axes, "end", path[-1], (6, 5), ha="left", va="bottom", color=now.ink)


def _draw_signal(
    axes: Axes, time: Array, values: Array, color: str, label: str, **line: Any
) -> None:
    """Draw some of the values (T, O) against time, with one legend entry."""
    values = values.reshape(len(values), -1)
    chosen = features_drawn(values.shape[1])
    marker = "o" if len(time) == 1 else ""
    lines = axes.plot(time, values[:, chosen], color=color, marker=marker, ms=4, **line)
    if lines:
        lines[0].set_label(label)


def _write_out(axes: Axes, time: Array) -> None:
    """Write late times in full at the axis, and so only a few."""
    if time.size and np.nanmax(np.abs(time)) >= LATE:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.ticklabel_format(axis="x", style="plain")


def _edges(time: Array) -> Array:
    """Return the edges (P + 1,) of the steps at `time` (P,), halfway between them."""

    if len(time) < 2:
        at = float(time[0]) if len(time) else 0.0
        return np.array([at - 0.5, at + 0.5])
    middle = (time[1:] + time[:-1]) / 2
    return np.concatenate([[2 * time[0] - middle[0]], middle, [2 * time[-1] - middle[-1]]])
