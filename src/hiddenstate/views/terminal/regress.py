"""The panels of a regressor: how it follows its target, and what its state does meanwhile."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import BLUE, GREY, ORANGE, SIGNED
from hiddenstate.views.terminal.layout import Box, Panel, Stack
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Look
from hiddenstate.views.timeline import Moment, Timeline

Array = NDArray[Any]

_TOP = Stack((Panel("learning", 30, 6, most=14), Panel("error", 24, 6, most=14)), True)
BOXES: tuple[Box, ...] = (
    Stack(
        (
            _TOP,
            Panel("tracking", 60, 8, weight=2),
            Stack((Panel("hidden", 40, 8, weight=2), Panel("portrait", 24, 8, widest=44)), True),
        )
    ),
    Stack((_TOP, Panel("tracking", 40, 6), Panel("hidden", 40, 5))),
    Stack((_TOP, Panel("tracking", 40, 6))),
    Stack((Panel("learning", 20, 4), Panel("tracking", 20, 4))),
    Panel("tracking", 20, 4),
)

MOST_UNITS = 64
"""Hidden units whose main directions are sought, so that a moment stays cheap."""


def offered(timeline: Timeline, moment: Moment) -> dict[str, panels.Draw]:
    """The panels there is something to draw in."""
    found: dict[str, panels.Draw] = {"learning": learning}
    arrays = moment.arrays
    if {"target", "prediction"} <= set(arrays) and len(arrays["target"]):
        found["tracking"] = tracking
        found["error"] = error
    if "hidden" in arrays and len(arrays["hidden"]):
        found["hidden"] = hidden
        if len(arrays["hidden"]) > 2 and arrays["hidden"].shape[1] > 1:
            found["portrait"] = portrait
    if "input" in timeline.static_arrays and len(timeline.static_arrays["input"]):
        found["signals"] = signals
    return found


def tracking(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Target in orange and prediction in blue, the newest windows that fit."""
    target, prediction = moment.arrays["target"], moment.arrays["prediction"]
    whole = len(target)
    a_window = target.shape[1] if target.ndim == 3 else 1
    n = min(max(1, canvas.width // max(a_window, 1)), whole)
    target, prediction = target[-n:], prediction[-n:]
    n_targets = target.shape[-1]
    told = f"last {n} of {whole:,} windows" if timeline.facts.get("appended") else f"{n} windows"
    if n_targets > 1:
        told = f"target 1 of {n_targets}, {told}"
    room = panels.titled(canvas, "target and prediction", told)
    room = _legend(room)
    appended = bool(timeline.facts.get("appended"))
    target, prediction = (_in_line(values, appended) for values in (target, prediction))
    time = moment.arrays.get("time")
    ends = ("", "")
    if time is not None and len(time) == whole:
        first, last = panels.ends_of(float(time[-n].flat[0]), float(time[-1].flat[-1]))
        ends = (f"time {first}", last)
    steps = np.arange(len(target), dtype=float)
    span = panels.span_of([steps], [target, prediction])
    plot = panels.axes(room, span, ends)
    shapes.graph(plot, steps, target, span, ORANGE, second=True)
    shapes.graph(plot, steps, prediction, span, BLUE)


def _legend(room: Canvas) -> Canvas:
    """Name both curves where there is room for a line of it."""
    if room.height < 6:
        return room
    dash = "━" if room.depth else "╍"
    end = room.text(0, 0, f"{dash} target", ORANGE)
    room.text(end + 2, 0, "━ prediction", BLUE)
    return room.part(0, 1, room.width, room.height - 1)


def _in_line(values: Array, appended: bool) -> Array:
    """The first target of windows (K, T, O) or (K, O) one after another, gaps between them."""
    first = values[..., 0].astype(float)
    if first.ndim == 2 and not appended:
        first = np.pad(first, ((0, 0), (0, 1)), constant_values=np.nan)
    return np.asarray(first.reshape(-1))


def error(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Mean squared error of each window as a column, on a logarithmic axis if it varies much."""
    target, prediction = moment.arrays["target"], moment.arrays["prediction"]
    difference = (prediction.astype(float) - target) ** 2
    errors = difference.reshape(len(difference), -1).mean(axis=1)
    room = panels.titled(canvas, "error of each window", f"mse {panels.short(errors[-1])}")
    sound = errors[np.isfinite(errors)]
    if not len(sound) or sound.max() <= 0:
        panels.waiting(room, "none" if len(sound) else "not finite")
        return
    low, high = float(sound.min()), float(sound.max())
    log = low > 0 and high > panels.LOG_RATIO * low
    span = (0.0, 1.0, np.log10(low) if log else 0.0, np.log10(high) if log else high)
    plot = panels.axes(room, span, ("window 1", f"{len(errors):,}"), log)
    each = shapes.resized(errors[None, :], 1, plot.width)[0]
    values = np.log10(each) if log else each
    floor = 0.06  # the least error is a low column, not none
    shares = (values - span[2]) / ((span[3] - span[2]) or 1.0)
    shapes.columns(plot, floor + (1 - floor) * shares, BLUE)


def hidden(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The hidden state after each step: units downwards, time across."""
    states = moment.arrays["hidden"]
    told = panels.signed_words(canvas, states.shape[1])
    room = panels.titled(canvas, "h at each step", told)
    time = moment.arrays.get("hidden_time")
    ends = ("", "")
    if time is not None and len(time) and room.height >= 5:
        first, last = panels.ends_of(float(time[0]), float(time[-1]))
        ends = (f"time {first}", last)
        foot = room.part(0, room.height - 1, room.width, 1)
        foot.text(0, 0, ends[0], GREY)
        foot.right(0, ends[1], GREY)
        room = room.part(0, 0, room.width, room.height - 1)
    shapes.image(room, panels.units(states, panels.pixels(room)).T, -1, 1, SIGNED)


def portrait(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """The way of the hidden state in its two main directions; begun from zero in orange."""
    states = panels.units(moment.arrays["hidden"].astype(float), MOST_UNITS)
    reset = moment.arrays.get("hidden_reset")
    reset = None if reset is None else panels.units(reset, MOST_UNITS)
    room = panels.titled(canvas, "h as a portrait", "its two main axes")
    if not np.isfinite(states).all():
        panels.waiting(room, "not finite")
        return
    middle = states.mean(axis=0)
    main = np.linalg.eigh(np.cov((states - middle).T))[1][:, :-3:-1]
    main *= np.where(main[np.abs(main).argmax(axis=0), [0, 1]] < 0, -1, 1)  # no flipping about
    ways = [((states - middle) @ main, BLUE)]
    if reset is not None and reset.shape == states.shape:
        ways.insert(0, ((reset - middle) @ main, ORANGE))
    if room.height >= 6:
        end = room.text(0, 0, "━ carried" if len(ways) > 1 else "━ h", BLUE)
        room.text(end + 2, 0, "━ begun from zero" if len(ways) > 1 else "", ORANGE)
        room = room.part(0, 1, room.width, room.height - 1)
    span = panels.span_of([way[:, 0] for way, _ in ways], [way[:, 1] for way, _ in ways])
    for way, ink in ways:
        shapes.path(room, way[:, 0], way[:, 1], span, ink)


def signals(canvas: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Input and target before training."""
    room = panels.titled(canvas, "input and target", "as they are given")
    inputs = timeline.static_arrays["input"].astype(float)
    target = timeline.static_arrays.get("target")
    lines = [(inputs.reshape(len(inputs), -1)[:, 0], BLUE)]
    if target is not None and len(target) == len(inputs):
        lines.append((target.reshape(len(target), -1)[:, 0].astype(float), ORANGE))
    end = room.text(0, 0, "━ input", BLUE)
    room.text(end + 2, 0, "━ target" if len(lines) > 1 else "", ORANGE)
    room = room.part(0, 1, room.width, room.height - 1)
    steps = np.arange(len(inputs), dtype=float)
    span = panels.span_of([steps], [values for values, _ in lines])
    plot = panels.axes(room, span)
    for values, ink in lines:
        shapes.graph(plot, steps, values, span, ink)
