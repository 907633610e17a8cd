"""Draws the figures of a regressor: input and target, errors, and the hidden state."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    KEYED,
    add_axes,
    align_names,
    color_scale,
    heading,
    heat,
    legend,
    name_axes,
    name_time,
    new_figure,
    place,
    rule,
    write,
)
from hiddenstate.views.figures.numbers import log_scale, write_out
from hiddenstate.views.figures.thumbnails import features_drawn
from hiddenstate.views.limits import Plane, Span, code_spans, plane_of, window_errors

LANE = 0.62
"""Height in inches of each of several inputs and targets."""

RECENT = 10
"""Windows that the mean error is computed over."""


def signals(
    time: Array,
    inputs: Array,
    targets: Array,
    named: tuple[str, str] = ("input", "target"),
    figure: Figure | None = None,
    *,
    names: Sequence[str] = (),
    clock: str = "time",
    series: str = "",
) -> Figure:
    """Draw inputs (T, I) in blue and targets (T, O) in red, as they are before training.

    One input and one target share their axes; several have axes of their own, since their units
    differ.

    Parameters
    ----------
    time : ndarray (T,)
    inputs : ndarray (T, I)
    targets : ndarray (T, O)
    named : tuple of str
        What inputs and targets are called in the legend.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    names : sequence of str, optional
        The names of the inputs, and then of the targets.
    clock : str, default "time"
        What `time` counts.
    series : str, optional
        The name of the series that this is, if there are several.
    """
    inputs, targets = inputs.reshape(len(time), -1), targets.reshape(len(time), -1)
    chosen = features_drawn(inputs.shape[1]), features_drawn(targets.shape[1])
    signal_of = [*inputs[:, chosen[0]].T, *targets[:, chosen[1]].T]
    is_target = np.repeat([False, True], [len(part) for part in chosen])
    n_all = inputs.shape[1] + targets.shape[1]
    together = n_all == 2
    height = 3.2 if together else KEYED + 0.5 + LANE * len(signal_of)
    figure = figure or new_figure(6.4, height, KEYED + 0.5 + 0.7 * LANE * len(signal_of))
    left_out = n_all - len(signal_of)
    note = "before training" + (f"; {left_out} more not drawn" if left_out else "")
    title = f"Input and target: {style.plain(series, 60)}" if series else "Input and target"
    heading(figure, title, note)
    grid = place(figure, 1 if together else len(signal_of), top=KEYED, gap=(0, 0.08))
    known = [*names] if len(names) == n_all else [""] * n_all
    known = [known[number] for number in [*chosen[0], *(inputs.shape[1] + chosen[1])]]
    lanes: list[Axes] = []
    for number, signal in enumerate(signal_of):
        if not (lanes and together):
            lanes.append(add_axes(figure, grid[number], sharex=lanes[0] if lanes else None))
        _draw_lane(lanes[-1], time, signal, named, bool(is_target[number]))
        if not together:
            _name_lane(lanes[-1], known[number])
    for axes in lanes:
        axes.tick_params(labelbottom=axes is lanes[-1])
        axes.margins(x=0.01)
        rule(axes)
    name_time(lanes[-1], clock)
    if not together:  # the legend of the first lane is that of all
        _draw_lane(lanes[0], time[:0], time[:0], named, True)
    legend(lanes[0])
    return figure


def _draw_lane(
    axes: Axes, time: Array, signal: Array, named: tuple[str, str], is_target: bool
) -> None:
    """Draw an input in dashed blue or a target in red, with gaps where steps are missing."""
    now = style.now()
    color, line = (now.target, "-") if is_target else (now.prediction, "--")
    label = style.plain(named[is_target])
    axes.plot(*_apart(time, signal), color=color, label=label, ls=line, lw=1.6)


def _name_lane(axes: Axes, name: str) -> None:
    """Write the name of an input or target into its lane."""
    axes.yaxis.set_major_locator(MaxNLocator(2))
    text = write(
        axes,
        style.plain(name, 30) if name else "",
        (0, 1),
        (3, 0),
        ha="left",
        va="top",
        within="axes fraction",
    )
    text.set_bbox({"facecolor": style.now().ground, "linewidth": 0, "alpha": 0.7, "pad": 0.5})


def _apart(time: Array, values: Array) -> tuple[Array, Array]:
    """Return a signal (T, ...) with gaps where steps are missing."""
    steps = np.diff(np.asarray(time, float))
    usual = float(np.median(steps)) if len(steps) else 0.0
    after = np.flatnonzero(steps > 1.5 * usual) + 1
    return (
        np.insert(np.asarray(time, float), after, np.nan),
        np.insert(np.asarray(values, float), after, np.nan, axis=0),
    )


def error(
    target: Array,
    prediction: Array,
    unit: str = "window",
    figure: Figure | None = None,
    *,
    end: int | None = None,
    span: Span | None = None,
) -> Figure:
    """Draw the squared error of each window (K, T, O) or (K, O) on a log axis, and recent means.

    `end` is the number of windows at the end of the run, and `span` are the ends of the other
    axis; by default they are those of what is drawn.
    """
    figure, now = figure or new_figure(6.4, 3.2), style.now()
    mean = window_errors(target, prediction)
    recent = [
        np.nanmean(mean[max(0, k - RECENT + 1) : k + 1]) if np.isfinite(mean[k]) else np.nan
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
    if span is not None and span.log:
        axes.set_ylim(span.low, span.high)
    if np.isfinite(floor).any():
        log_scale(axes)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    last = max(len(mean), end or 1)
    beside = max(0.5, 0.02 * last)
    axes.set_xlim(1 - beside, last + beside)
    rule(axes)
    legend(axes)
    return figure


def hidden(
    time: Array,
    carried: Array,
    reset: Array | None = None,
    figure: Figure | None = None,
    *,
    clock: str = "time",
    window: Array | None = None,
    by: str = "",
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
    clock : str, default "time"
        What `time` counts.
    window : ndarray (P,), optional
        The number of the window of each step; where the next window does not follow at once, a gap
        is left. If every window has one step, columns are rows without an order in time.
    by : str, optional
        Whose states these are, if the network is not the model.
    """
    figure = figure or new_figure(7.4, 3.0 if reset is None else 4.2)
    panels = [("h_t", carried)] if reset is None else [("carried", carried), ("reset", reset)]
    note = "one line per unit, by the time of its response"
    alone = _are_rows(window)
    if alone:
        note, clock = "one line per unit, one column per training row", "row"
    if reset is not None:
        note = "carried from window to window, and reset to zero at the start of each"
    title = "Hidden states" if alone else "The hidden state h_t"
    heading(figure, title, f"{by}; {note}" if by else note)
    high = max(1.0, float(np.abs(carried[np.isfinite(carried)]).max(initial=0)))
    if window is not None and reset is None:
        time, panels = _with_gaps(time, carried, window, panels[0][0])
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
    name_time(axes, clock if grows else "step")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    if grows:
        write_out(axes, time)
    color_scale(add_axes(figure, grid[:, 1]), high)
    return figure


def _with_gaps(
    time: Array, states: Array, window: Array, name: str
) -> tuple[Array, list[tuple[str, Array]]]:
    """Return times and states with empty columns where the next window does not follow at once."""
    steps = np.diff(time)
    inside = np.diff(window) == 0
    usual = float(np.median(steps[inside])) if inside.any() else np.inf
    after = np.flatnonzero(~inside & (steps > 1.5 * usual)) + 1
    ends = np.stack([time[after - 1] + usual, time[after] - usual], axis=1).astype(float)
    apart = ends[:, 1] > ends[:, 0]  # else there is space for one column only
    places = np.concatenate([after, after[apart]])
    times = np.concatenate([np.where(apart, ends[:, 0], ends.mean(axis=1)), ends[apart, 1]])
    return (
        np.insert(time.astype(float), places, times),
        [(name, np.insert(states.astype(float), places, np.nan, axis=0))],
    )


def portrait(
    carried: Array,
    reset: Array | None = None,
    figure: Figure | None = None,
    plane: Plane | None = None,
    *,
    window: Array | None = None,
    by: str = "",
) -> Figure:
    """Draw the path of h_t (P, H) in the plane of its first two principal components.

    Parameters
    ----------
    carried : ndarray (P, H)
    reset : ndarray (P, H), optional
        The states at the same steps if each window starts from a zero state; they are projected
        to the same plane.
    figure : Figure, optional
        The figure to draw on, or a part of one.
    plane : Plane, optional
        The plane and the ends of its axes, as at the other moments of a run; by default that of
        `carried`.
    window : ndarray (P,), optional
        The number of the window of each step: the state starts anew in each, and so does the path.
        If every window has one step, there is no path.
    by : str, optional
        Whose states these are, if the network is not the model.
    """
    figure, now = figure or new_figure(5.2, 5.0), style.now()
    finite = np.isfinite(carried).all(axis=1)
    carried = np.asarray(carried, float)[finite]  # a mean in float32 may overflow
    windows = np.zeros(len(carried), int) if window is None else window[finite]
    alone = _are_rows(window)
    of_run = plane is not None and plane.axes.shape[1] == carried.shape[1]
    plane = plane if plane is not None and of_run else plane_of(carried)
    share = plane.shares(carried)
    note = "in the plane of two principal components" + " of the run" * of_run
    title = "Hidden states" if alone else "The path of h_t"
    note = f"{note}; one point per {'row' if alone else 'step'}"
    heading(figure, title, f"{by}; {note}" if by else note)
    axes = add_axes(figure, place(figure, top=KEYED, left=0.76)[0])
    name = "a training row" if alone else "h_t" if reset is None else "carried"
    _draw_path(axes, plane.project(carried), windows, name, alone)
    if reset is not None:
        points = plane.project(np.asarray(reset, float)[np.isfinite(reset).all(axis=1)])
        axes.plot(*points.T, ls="", marker="x", ms=4, mew=1.1, color=now.reset, label="reset")
        axes.plot(
            *plane.project(np.zeros((1, carried.shape[1]))).T,
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
    shown = [carried] if reset is None else [carried, reset, np.zeros((1, carried.shape[1]))]
    ends = plane.ends or code_spans([plane.project(states) for states in shown])
    _limit_evenly(axes, *ends)
    align_names([axes])
    rule(axes, "both")
    legend(axes)
    return figure


def _limit_evenly(axes: Axes, across: Span, up: Span) -> None:
    """Set the ends of both axes, and widen one so that a unit is as long on both."""
    sides = np.array([axes.bbox.width, axes.bbox.height])
    ends = np.array([across[:2], up[:2]])
    unit = (np.diff(ends)[:, 0] / sides).max()
    low, high = np.stack([-0.54, 0.54])[:, None] * unit * sides + ends.mean(axis=1)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _are_rows(window: Array | None) -> bool:
    """Whether every window has one step: then steps are rows without an order in time."""
    return window is not None and len(window) > 1 and bool((np.diff(window) != 0).all())


def _draw_path(axes: Axes, path: Array, windows: Array, name: str, alone: bool) -> None:
    """Draw a path (P, 2), anew in each window, and mark its end; or points `alone`."""
    now = style.now()
    line = "" if alone else "-"
    after = np.flatnonzero(np.diff(windows)) + 1
    drawn = np.insert(path, after, np.nan, axis=0)
    axes.plot(*drawn.T, color=now.carried, ls=line, lw=0.9, marker="o", ms=3, mew=0, label=name)
    if len(path) and not alone:
        axes.plot(*path[-1], ls="", marker="o", ms=8, mfc="none", mec=now.ink, zorder=4)
        end = write(axes, "end", path[-1], (6, 5), ha="left", va="bottom", color=now.ink)
        end.set_bbox({"facecolor": now.ground, "linewidth": 0, "alpha": 0.8, "pad": 1.0})


def _edges(time: Array) -> Array:
    """Return the edges (P + 1,) of the steps at `time` (P,), halfway between them."""

    if len(time) < 2:
        at = float(time[0]) if len(time) else 0.0
        return np.array([at - 0.5, at + 0.5])
    middle = (time[1:] + time[:-1]) / 2
    return np.concatenate([[2 * time[0] - middle[0]], middle, [2 * time[-1] - middle[-1]]])
