"""Draws the panels of a regressor: target and prediction, errors, the hidden state."""

import numpy as np

from hiddenstate.runs.snapshots import RegressSnapshot, RegressStatic
from hiddenstate.system.typing import Array
from hiddenstate.views.limits import curve_span, window_errors
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import BLUE, GREY, ORANGE, SIGNED, TARGET
from hiddenstate.views.terminal.held_out import held_out
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning, upright
from hiddenstate.views.terminal.memory import memory
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.terminal.spectrum import spectrum
from hiddenstate.views.terminal.streams import streams
from hiddenstate.views.timeline import Moment, Timeline

_TOP = Stack((Panel("learning", 30, 6, most=14), Panel("error", 24, 6, most=14)), True)


def _signal(width: int, height: int) -> Stack:
    """Return the panel of targets and predictions: of held-out rows if they can be drawn."""
    names = ("held_out", "tracking")
    return Stack(tuple(Panel(name, width, height) for name in names), weight=2)


BOXES: tuple[Box, ...] = (
    Stack(
        (
            _TOP,
            _signal(60, 8),
            Stack(
                (
                    Panel("hidden", 40, 8, weight=2),
                    Panel("streams", 24, 8, widest=64),
                    Panel("portrait", 24, 8, widest=44),
                    Panel("memory", 30, 8, widest=60),
                ),
                True,
            ),
        )
    ),
    Stack((_TOP, _signal(40, 6), Panel("hidden", 40, 5))),
    Stack((_TOP, _signal(40, 6))),
    Stack((Panel("learning", 20, 4), _signal(20, 4))),
    _signal(20, 4),
)


def tracking(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw target in red and prediction in blue, for the newest windows that fit."""
    arrays, appended = moment.arrays_as(RegressSnapshot), timeline.facts.appended
    target, prediction = arrays["target"], arrays["prediction"]
    whole = len(target)
    window = target.shape[1] if target.ndim == 3 else 1
    n = min(max(1, canvas.width // max(window, 1)), whole)
    target, prediction = target[-n:], prediction[-n:]
    n_targets = target.shape[-1]
    note = f"last {n} of {whole:,} windows" if appended else f"{n} training windows"
    if n_targets > 1:
        note = f"target 1 of {n_targets}, {note}"
    if timeline.drawn_series:
        note = f"{timeline.drawn_series}, {note}"
    washed_out = len(_washout_ends(arrays, n, appended)) > 0
    body = _legend(panels.titled(canvas, "target and prediction", note), washed_out)
    target, prediction = (_joined(values, appended) for values in (target, prediction))
    time = arrays.get("time")
    ends = ("", "")
    if time is not None and len(time) == whole:
        first, last = panels.axis_ends(float(time[-n].flat[0]), float(time[-1].flat[-1]))
        ends = (f"time {first}", last)
    steps = np.arange(len(target), dtype=float)
    span = panels.span_of([steps], [target, prediction])
    if limits := timeline.limits.signal:
        span = (*span[:2], *limits[0][:2])
        prediction = np.clip(prediction, *limits[0][:2])
    plot = panels.axes(body, span, ends)
    for end in _washout_ends(arrays, n, appended):
        upright(plot, end, span)
    shapes.graph(plot, steps, target, span, TARGET, second=True)
    shapes.graph(plot, steps, prediction, span, BLUE)


def _washout_ends(arrays: RegressSnapshot, n: int, appended: bool) -> list[float]:
    """Return where the first steps of each of the last `n` windows end that are in no loss."""
    if "first_counted" not in arrays:
        return []
    apart = arrays["target"].shape[1] + (not appended)  # steps from a window to the next
    counted = arrays["first_counted"][-n:]
    return [k * apart + int(counted[k]) - 0.5 for k in np.flatnonzero(counted)]


def _legend(body: Canvas, washed_out: bool) -> Canvas:
    """Write the names of what is drawn if there is a line for them; return the rest."""
    if body.height < 6:
        return body
    dash = "━" if body.depth else "╍"
    end = body.text(0, 0, f"{dash} target", TARGET)
    end = body.text(end + 2, 0, "━ prediction", BLUE)
    body.text(end + 2, 0, "┆ end of washout" if washed_out else "", GREY)
    return body.part(0, 1, body.width, body.height - 1)


def _joined(values: Array, appended: bool) -> Array:
    """Join the first target of windows (K, T, O) or (K, O), with gaps unless they are appended."""
    first = values[..., 0].astype(float)
    if first.ndim == 2 and not appended:
        first = np.pad(first, ((0, 0), (0, 1)), constant_values=np.nan)
    return np.asarray(first.reshape(-1))


def error(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the mean squared error of each window as a bar, on a log axis if it varies much."""
    arrays = moment.arrays_as(RegressSnapshot)
    target, prediction = arrays["target"], arrays["prediction"]
    errors = window_errors(target, prediction)
    body = panels.titled(canvas, "error of each window", f"mse {panels.short(errors[-1])}")
    finite = errors[np.isfinite(errors)]
    if not len(finite) or finite.max() <= 0:
        panels.placeholder(body, "none" if len(finite) else "not finite")
        return
    ends = timeline.limits.error or curve_span(finite)
    low, high = np.log10(ends[:2]) if ends.log else ends[:2]
    n = len(errors)
    if timeline.facts.appended:
        n = max(timeline.n_windows(timeline.end), n)
    plot = panels.axes(body, (0.0, 1.0, low, high), ("window 1", f"{n:,}"), ends.log)
    wide = max(1, round(plot.width * len(errors) / n))
    each = shapes.resized(errors[None, :], 1, wide)[0]
    values = np.log10(each) if ends.log else each
    floor = 0.06  # the smallest error is a low bar, not an empty place
    shares = (values - low) / ((high - low) or 1.0)
    shapes.columns(plot, floor + (1 - floor) * shares, BLUE)


def hidden(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the hidden state after each step, time across, units down."""
    arrays = moment.arrays_as(RegressSnapshot)
    states = arrays["hidden"]
    window = arrays.get("hidden_window", np.zeros(len(states), int))
    alone = len(window) > 1 and bool((np.diff(window) != 0).all())
    title = "hidden states of rows" if alone else "h at each step"
    body = panels.titled(canvas, title, panels.units_note(canvas, states))
    time = None if alone else arrays.get("hidden_time")
    if time is not None and len(time) and body.height >= 5:
        first, last = panels.axis_ends(float(time[0]), float(time[-1]))
        foot = body.part(0, body.height - 1, body.width, 1)
        foot.text(0, 0, f"time {first}", GREY)
        foot.right(0, last, GREY)
        body = body.part(0, 0, body.width, body.height - 1)
    high = panels.largest_unit(states)
    shapes.image(body, panels.units(states, panels.lines_of_pixels(body)).T, -high, high, SIGNED)


def portrait(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the path of the hidden state along its two principal components."""
    arrays = moment.arrays_as(RegressSnapshot)
    states, reset = arrays["hidden"].astype(float), arrays.get("hidden_reset")
    window = arrays.get("hidden_window", np.zeros(len(states), int))
    alone = bool((np.diff(window) != 0).all())
    title = "hidden states of rows" if alone else "path of h"
    body = panels.titled(canvas, title, "two principal components")
    plane = timeline.limits.plane
    if plane is None or plane.axes.shape[1] != states.shape[1] or not np.isfinite(states).all():
        panels.placeholder(body, "not finite")
        return
    parts = np.split(plane.project(states), np.flatnonzero(np.diff(window)) + 1)
    paths = [(part, BLUE) for part in parts]
    if reset is not None and reset.shape == states.shape:
        paths.insert(0, (plane.project(reset), ORANGE))
    if body.height >= 6:
        both = len(paths) > len(parts)
        end = body.text(0, 0, "━ carried" if both else "" if alone else "━ h", BLUE)
        body.text(end + 2, 0, "━ reset to zero" if both else "", ORANGE)
        body = body.part(0, 1, body.width, body.height - 1)
    span = (*plane.ends[0][:2], *plane.ends[1][:2])
    for path, ink in paths:
        shapes.path(body, path[:, 0], path[:, 1], span, ink)


def signals(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw input and target as they are before training."""
    static = timeline.static_as(RegressStatic)
    body = panels.titled(canvas, "input and target", "before training")
    inputs = static["input"].astype(float)
    target = static.get("target")
    lines = [(inputs.reshape(len(inputs), -1)[:, 0], BLUE)]
    if target is not None and len(target) == len(inputs):
        lines.append((target.reshape(len(target), -1)[:, 0].astype(float), TARGET))
    end = body.text(0, 0, "━ input", BLUE)
    body.text(end + 2, 0, "━ target" if len(lines) > 1 else "", TARGET)
    body = body.part(0, 1, body.width, body.height - 1)
    steps = np.arange(len(inputs), dtype=float)
    span = panels.span_of([steps], [values for values, _ in lines])
    plot = panels.axes(body, span)
    for values, ink in lines:
        shapes.graph(plot, steps, values, span, ink)


PANELS = panels.by_name(
    learning, held_out, tracking, error, hidden, portrait, streams, memory, spectrum, signals
)
"""What draws the pictures of the job in a terminal, in the order of their pages."""
