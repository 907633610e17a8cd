"""Figures of a regressor: what it follows, how far off it is, and the state that carries it."""

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
    heat,
    legend,
    log_scale,
    new_figure,
    place,
    rule,
    write,
)
from hiddenstate.views.figures.thumbnails import features_drawn

Array = NDArray[Any]

TRACKED_WHOLE, TRACKED_ENDS = 200, 30
"""Windows drawn in one panel at the most; of more, how many of the first and of the last."""

LATE = 1e6
"""Times from which few are written at an axis: they are long."""

RECENT = 10
"""Windows the error is averaged over."""


def signals(
    time: Array,
    inputs: Array,
    targets: Array,
    named: tuple[str, str] = ("input", "target"),
    figure: FigureBase | None = None,
) -> FigureBase:
    """Input (T, I) and target (T, O) before training: the target in red, the input in blue."""
    figure, now = figure or new_figure(6.4, 3.2), style.now()
    heading(figure, "Input and target", "what comes in, and what is to come out")
    axes = add_axes(figure, place(figure, top=KEYED)[0])
    for values, color, label, how in (
        (inputs, now.prediction, named[0], "--"),
        (targets, now.target, named[1], "-"),
    ):
        _draw_signal(axes, time, values, color, style.plain(label), ls=how, lw=1.6)
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
    figure: FigureBase | None = None,
) -> FigureBase:
    """Target in red and prediction in blue against time; of long runs both ends.

    Parameters
    ----------
    time : ndarray (K, T)
    target, prediction : ndarray (K, T, O), or (K, O) for an answer a window
    while_learning : bool
        Whether each window was predicted just before it was learnt from, or all as the net stands.
    """
    figure, now = figure or new_figure(10, 3.1), style.now()
    parts = [slice(None)]
    if len(time) > TRACKED_WHOLE:
        parts = [slice(TRACKED_ENDS), slice(-TRACKED_ENDS, None)]
    when = "before it is learnt from" if while_learning else "by the net as it stands"
    note = f"each window predicted {when}"
    if len(parts) > 1:
        note = f"the first and the last {TRACKED_ENDS} of {len(time):,} windows; {note}"
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
    target: Array, prediction: Array, unit: str = "window", figure: FigureBase | None = None
) -> FigureBase:
    """Squared error of each window (K, T, O) or (K, O) on a log axis, and its recent mean."""
    figure, now = figure or new_figure(6.4, 3.2), style.now()
    squares = (np.asarray(target, float) - np.asarray(prediction, float)) ** 2
    squares = squares.reshape(len(squares), -1)
    known = np.isfinite(squares)
    n = known.sum(axis=1)
    mean = np.where(n > 0, np.where(known, squares, 0).sum(axis=1) / np.maximum(n, 1), np.nan)
    recent = [
        np.nanmean(mean[max(0, k - RECENT + 1) : k + 1]) if n[k] else np.nan
        for k in range(len(mean))
    ]
    told = f"of each {unit}, log scale"
    if len(mean) and np.isfinite(recent[-1]):
        told += f"; mean of the last {min(RECENT, len(mean))}: {recent[-1]:.3g}"
    heading(figure, "Squared error", told)
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
        label=f"a {unit}",
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
    time: Array, carried: Array, reset: Array | None = None, figure: FigureBase | None = None
) -> FigureBase:
    """The hidden state h_t (P, H) over time (P,) as a heat map, a line a unit.

    With `reset` (P, H), the same steps with every window begun from a zero state, under it.
    """
    figure = figure or new_figure(7.4, 3.0 if reset is None else 4.2)
    panels = [("h_t", carried)] if reset is None else [("carried", carried), ("reset", reset)]
    note = "a line a unit, left to right the time"
    if reset is not None:
        note = "carried from window to window; and, below, begun from zero in each"
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
    _scale(add_axes(figure, grid[:, 1]), high)
    return figure


def _scale(axes: Axes, high: float) -> None:
    """What the colours of a heat map mean."""
    shades = np.linspace(high, -high, 101)[:, None]
    heat(axes, np.array([0, 1]), np.linspace(-high, high, 102), shades, high)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([-high, 0, high], [f"{high:.2g}", "0", f"\N{MINUS SIGN}{high:.2g}"])


def portrait(
    carried: Array, reset: Array | None = None, figure: FigureBase | None = None
) -> FigureBase:
    """The path of h_t (P, H) in the plane of its first two principal components.

    The components are those of the carried states; `reset` (P, H), where each window began from
    a zero state, is laid into the same plane. Each axis says what share of the variance it holds.
    """
    figure, now = figure or new_figure(5.2, 5.0), style.now()
    carried = np.asarray(carried, float)  # in float32 a mean may overflow
    kept = np.isfinite(carried).all(axis=1)
    plane, share = principal_plane(carried[kept])
    mean = carried[kept].mean(axis=0) if kept.any() else np.zeros(carried.shape[1])
    heading(
        figure,
        "The path of h_t",
        "along its two principal components; a point a step, with shares of variance",
    )
    axes = add_axes(figure, place(figure, top=KEYED)[0])
    _draw_path(axes, (carried[kept] - mean) @ plane.T, "h_t" if reset is None else "carried")
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
    axes.set_xlabel(f"first component, {share[0]:.0%}")
    axes.set_ylabel(f"second component, {share[1]:.0%}")
    axes.margins(0.08)
    axes.set_aspect("equal", "datalim")
    rule(axes, "both")
    legend(axes)
    return figure


def principal_plane(states: Array) -> tuple[Array, Array]:
    """The first two principal axes (2, H) of states (P, H), and their shares of variance (2,).

    An axis has no sign of its own: its largest number is made positive. Where there is no second
    axis, it and its share are 0.
    """
    H = states.shape[1]
    plane, share = np.zeros((2, H)), np.zeros(2)
    if len(states) > 1:
        states = np.asarray(states, float)
        centred = states - states.mean(axis=0)
        _, spread, axes = np.linalg.svd(centred, full_matrices=False)
        n = min(2, len(axes))
        plane[:n] = axes[:n] * np.sign(
            np.take_along_axis(axes[:n], np.abs(axes[:n]).argmax(axis=1)[:, None], axis=1)
        )
        total = float((spread**2).sum())
        share[:n] = spread[:n] ** 2 / total if total else 0
    return plane, share


def _draw_path(axes: Axes, path: Array, name: str) -> None:
    """A path (P, 2), and where it ends."""
    now = style.now()
    axes.plot(*path.T, color=now.carried, lw=0.9, marker="o", ms=3, mew=0, label=name)
    if len(path):
        axes.plot(*path[-1], ls="", marker="o", ms=8, mfc="none", mec=now.ink, zorder=4)
        write(axes, "end", path[-1], (6, 5), ha="left", va="bottom", color=now.ink)


def _draw_signal(
    axes: Axes, time: Array, values: Array, color: str, label: str, **how: Any
) -> None:
    """Values (T, O) against time, only some where there are many, under one name."""
    values = values.reshape(len(values), -1)
    chosen = features_drawn(values.shape[1])
    marker = "o" if len(time) == 1 else ""
    lines = axes.plot(time, values[:, chosen], color=color, marker=marker, ms=4, **how)
    if lines:
        lines[0].set_label(label)


def _write_out(axes: Axes, time: Array) -> None:
    """Late times in full at the axis, and so few of them."""
    if time.size and np.nanmax(np.abs(time)) >= LATE:
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.ticklabel_format(axis="x", style="plain")


def _edges(time: Array) -> Array:
    """Edges (P + 1,) of the steps at `time` (P,), halfway between them."""
    if len(time) < 2:
        at = float(time[0]) if len(time) else 0.0
        return np.array([at - 0.5, at + 0.5])
    middle = (time[1:] + time[:-1]) / 2
    return np.concatenate([[2 * time[0] - middle[0]], middle, [2 * time[-1] - middle[-1]]])
