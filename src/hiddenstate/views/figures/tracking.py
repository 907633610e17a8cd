"""Draws target and prediction of windows against time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import (
    KEYED,
    WARNED,
    add_axes,
    align_names,
    fitting_label,
    heading,
    inches,
    legend,
    name_time,
    new_figure,
    note_outside,
    place,
    rule,
)
from hiddenstate.views.figures.numbers import write_out
from hiddenstate.views.figures.thumbnails import features_drawn
from hiddenstate.views.limits import Span

TRACKED_WHOLE, TRACKED_ENDS = 200, 30
"""Windows that are drawn in one panel; of more, the number of first and of last ones."""

NARROW = 5.0
"""Inches below which a legend with the washout has two lines."""

LANE, SMALLEST = 1.0, 0.6
"""Height in inches of each of several targets, and the least."""


def tracking(
    time: Array,
    target: Array,
    prediction: Array,
    while_learning: bool = True,
    figure: Figure | None = None,
    *,
    noun: str = "window",
    of: int | None = None,
    end: int | None = None,
    spans: Sequence[Span] = (),
    clock: str = "time",
    names: Sequence[str] = (),
    series: str = "",
    first_counted: Array | None = None,
    by: str = "",
) -> Figure:
    """Draw target in red and prediction in blue against time; of long runs, both ends.

    Each of several targets has axes of its own, since their units differ. Lines end where the next
    window does not follow at once; windows of one target that do not follow one another are points.

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
    of : int, optional
        How many windows there are, if these are the first of them.
    end : int, optional
        The number of windows at the end of the run, which the time axis reaches to.
    spans : sequence of Span (O,), optional
        The ends of the other axis of each target; by default those of what is drawn.
    clock : str, default "time"
        What `time` counts.
    names : sequence of str (O,), optional
        The names of the targets.
    series : str, optional
        The name of the series that the windows are of, if there are several.
    first_counted : ndarray (K,), optional
        The first step of each window that is in the loss; those before it are shaded.
    by : str, optional
        Whose predictions these are, if the network is not the model.
    """
    chosen = features_drawn(target.shape[-1])
    height = 3.1 if len(chosen) == 1 else KEYED + 0.5 + LANE * len(chosen)
    figure = figure or new_figure(10, height)
    chosen = chosen[: max(1, int((inches(figure)[1] - KEYED - 0.5) / SMALLEST))]
    parts = [slice(None)]
    if max(len(time), end or 0) > TRACKED_WHOLE:
        parts = [slice(TRACKED_ENDS), slice(max(len(time) - TRACKED_ENDS, 0), None)]
    note = _tracked(len(time), parts, noun, of, while_learning)
    left_out = target.shape[-1] - len(chosen)
    note = f"{left_out} more not drawn; {note}" if left_out else note
    note = f"by {by}; {note}" if by else note
    washed_out = first_counted is not None and bool(first_counted.any())
    note += "; the washout is in no loss" if washed_out else ""
    title = f"Target and prediction: {style.plain(series, 60)}" if series else ""
    heading(figure, title or "Target and prediction", note)
    top = KEYED + WARNED * (washed_out and inches(figure)[0] < NARROW)  # two lines of a legend
    grid = place(figure, len(chosen), len(parts), top=top, left=0.76, gap=(0.45, 0.16))
    left: list[Axes] = []
    for line, one in enumerate(chosen):
        beside: Axes | None = None
        for number, part in enumerate(parts):
            axes = add_axes(figure, grid[line, number], sharey=beside)
            both = target[part, ..., one : one + 1], prediction[part, ..., one : one + 1]
            if first_counted is not None:
                _shade_washout(axes, time[part], first_counted[part])
            _draw_pair(axes, time[part], *both)
            drawn = time[part, -1:] if target.ndim == 2 else time[part]
            _limit_time(axes, drawn, end if len(parts) == 1 else min(end or 0, TRACKED_ENDS))
            write_out(axes, time[part])
            is_last = line == len(chosen) - 1
            axes.tick_params(labelleft=not number, labelbottom=is_last)
            name_time(axes, clock if is_last else "")
            rule(axes)
            beside = beside or axes
            if one < len(spans):
                axes.set_ylim(spans[one].low, spans[one].high)
            note_outside(axes, both[1], "prediction", style.now().prediction)
        left += [beside] if beside is not None else []
        if one < len(names):
            fitting_label(left[-1], style.plain(names[one], 24), style.plain(names[one], 12))
    if left:
        legend(left[0])
        align_names(left)
    return figure


def _shade_washout(axes: Axes, time: Array, first_counted: Array) -> None:
    """Veil the first steps of windows (K, T) that are in no loss."""
    label = "washout"
    for steps, n in zip(time.astype(float), first_counted.tolist(), strict=True):
        if n:
            half = (steps[1] - steps[0]) / 2
            ends = steps[0] - half, steps[n - 1] + half
            axes.axvspan(*ends, color=style.now().faint, alpha=0.75, lw=0, zorder=2.5, label=label)
            label = ""


def _draw_pair(axes: Axes, time: Array, target: Array, prediction: Array) -> None:
    """Draw a target and its prediction on the same axes."""
    now = style.now()
    _draw_windows(axes, time, target, now.target, "target", 2.2)
    _draw_windows(axes, time, prediction, now.prediction, "prediction", 1.2)


def _tracked(n: int, parts: Sequence[slice], noun: str, of: int | None, learning: bool) -> str:
    """Return which windows are drawn, and when they were predicted."""
    which = f"each {noun}"
    if of is not None and of > n:
        which = f"the first {n:,} of {of:,} {noun}s"
    how = "before the network learns from it" if learning else "with the current weights"
    note = f"{which} predicted {how}"
    if len(parts) > 1 and n > 2 * TRACKED_ENDS:
        note = f"first and last {TRACKED_ENDS} of {n:,} {noun}s; {note}"
    return note


def _draw_windows(
    axes: Axes, time: Array, values: Array, color: str, label: str, width: float
) -> None:
    """Draw windows (K, T, O) as lines with gaps, or (K, O) as points at their last steps, which a
    line joins where the next window ends a step later."""
    flat, when = values.reshape(-1, values.shape[-1]).astype(float), time.reshape(-1).astype(float)
    T = time.shape[1]
    step = np.median(np.diff(time, axis=1)) if T > 1 else np.inf
    if values.ndim == 2:
        when = when.reshape(time.shape)[:, -1]
        away = np.diff(when)
        line = len(away) and np.median(away) <= 1.5 * step < np.inf
        if not line:
            _draw_signal(axes, when, flat, color, label, ls="", marker="o", ms=2 + width)
            return
        after = np.flatnonzero((away > 1.5 * step) | (away < 0)) + 1
        flat, when = np.insert(flat, after, np.nan, axis=0), np.insert(when, after, np.nan)
        _draw_signal(axes, when, flat, color, label, lw=width, marker="o", ms=1.5 * width)
        return
    if T > 1 and len(time) > 1:
        away = time[1:, 0] - time[:-1, -1]
        after = (np.flatnonzero((away > 1.5 * step) | (away < 0)) + 1) * T
        flat, when = np.insert(flat, after, np.nan, axis=0), np.insert(when, after, np.nan)
    _draw_signal(axes, when, flat, color, label, lw=width)


def _limit_time(axes: Axes, time: Array, end: int | None) -> None:
    """Set the ends of the time axis for windows (K, T), and for as many at the end of the run."""
    first, last = float(np.nanmin(time)), float(np.nanmax(time))
    if end and end > len(time):
        each = time[1, 0] - time[0, 0] if len(time) > 1 else 0.0
        if not each > 0:
            each = (last - first) * (1 + 1 / max(time.shape[1] - 1, 1))
        last += (end - len(time)) * float(each)
    beside = 0.01 * (last - first) or 0.5
    axes.set_xlim(first - beside, last + beside)


def _draw_signal(
    axes: Axes, time: Array, values: Array, color: str, label: str, **line: Any
) -> None:
    """Draw values (n, 1) against time (n,)."""
    line = {"marker": "o" if len(time) == 1 else "", "ms": 4} | line
    axes.plot(time, values, color=color, label=label, **line)
