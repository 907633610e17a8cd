"""Draws the panel of the held-out part of a regression."""

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.system.typing import Array
from hiddenstate.views.held_out import HeldOut, Lane
from hiddenstate.views.held_out import held_out as read_held_out
from hiddenstate.views.limits import beyond
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import Canvas, clip
from hiddenstate.views.terminal.colors import (
    BASELINE,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PREDICTION,
    TARGET,
)
from hiddenstate.views.terminal.learning import upright
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline

LANE = 7
"""Lines of a lane from which several are drawn."""

HELD_OUT = "┆held out"
"""Where the held-out steps begin, in the line of times, where no curve passes."""

PAST = 3
"""The steps before the held-out ones take at most one in so many columns."""


def held_out(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw target, prediction and baseline of held-out series, and the border to what is before."""
    shown = read_held_out(timeline, moment)
    if shown is None:
        return
    body = panels.titled(canvas, "held out", clip(shown.score, max(canvas.width - 10, 0)))
    if shown.warning and body.height >= 4:
        body.text(0, 0, clip(shown.warning, body.width), ORANGE if shown.worse else GREY)
        body = body.part(0, 1, body.width, body.height - 1)
    if body.height >= 6:
        named = [
            ("━ target", TARGET),
            ("━ prediction", PREDICTION),
            (f"┄ {shown.baseline}", BASELINE),
        ]
        if shown.one_a_series:
            named = [("· held-out row, prediction up", BLUE), ("┄ prediction = target", GREY)]
        if any(lane.members for lane in shown.lanes) and not shown.one_a_series:
            named.append(("┄ members alone", GREEN))
        end = -2
        for text, ink in named:
            end = body.text(end + 2, 0, text, ink)
        body = body.part(0, 1, body.width, body.height - 1)
    lanes = shown.lanes[: max(1, body.height // LANE)]
    each = body.height // len(lanes)
    for number, lane in enumerate(lanes):
        part = body.part(0, number * each, body.width, each)
        if lane.title and part.height >= 4:
            name = f"{printable(lane.title, 40)}: {lane.errors(shown.baseline)}"
            side, middle = beyond(lane.prediction, *lane.values[:2])
            if side:
                name += f"; prediction {side} this axis: {panels.short(middle)}"
            if number == len(lanes) - 1 < len(shown.lanes) - 1:
                name += f"; {len(shown.lanes) - len(lanes)} more not drawn"
            part.text(0, 0, clip(name, part.width), ORANGE if lane.is_worse else GREY)
            part = part.part(0, 1, part.width, part.height - 1)
        if shown.one_a_series:
            _scatter(part, lane)
        else:
            _lines(part, shown, lane)


def _lines(canvas: Canvas, shown: HeldOut, lane: Lane) -> None:
    """Draw the newest held-out steps that fit, and steps before them if there is space."""
    n = min(len(lane.time), canvas.width)
    n_past = min(len(lane.past_time), canvas.width // PAST) if n == len(lane.time) else 0
    past = slice(len(lane.past_time) - n_past, None)
    target, prediction, baseline = (
        values[-n:].astype(float) for values in (lane.target, lane.prediction, lane.baseline)
    )
    before = lane.past_target[past].astype(float)
    times = np.concatenate([lane.past_time[past], lane.time[-n:]])
    steps = np.arange(n_past + n, dtype=float)
    held = steps[n_past:]
    span = (*panels.span_of([steps], [])[:2], *lane.values[:2])
    first, last = _ends(shown, times)
    plot = panels.axes(canvas, span, (first, last))
    if n_past:
        upright(plot, n_past - 0.5, span)
        shapes.graph(plot, steps[:n_past], before, span, TARGET)
        border = round(plot.width * (n_past - 0.5) / max(len(steps) - 1, 1))
        room = plot.width - len(last) - 1 - border
        if canvas.height >= 5 and border > len(first) and room >= len(HELD_OUT):
            canvas.text(canvas.width - plot.width + border, canvas.height - 1, HELD_OUT, GREY)
    for ends in lane.members or ():
        near = np.clip(ends[-n:].astype(float), span[2], span[3])
        shapes.graph(plot, held, near, span, GREEN, second=True)
    prediction = np.clip(prediction, span[2], span[3])
    shapes.graph(plot, held, np.clip(baseline, span[2], span[3]), span, GREY, second=True)
    shapes.graph(plot, held, target, span, TARGET, second=True)
    shapes.graph(plot, held, prediction, span, BLUE)


def _ends(shown: HeldOut, times: Array) -> tuple[str, str]:
    """Return the first and the last time as texts."""
    if not shown.dates:
        first, last = panels.axis_ends(float(times[0]), float(times[-1]))
        return f"time {first}", last
    whole_days = not (times[[0, -1]] % 86_400).any()
    first, last = (
        str(np.datetime64(int(time), "s"))[: 10 if whole_days else 16].replace("T", " ")
        for time in times[[0, -1]]
    )
    return first, last


def _scatter(canvas: Canvas, lane: Lane) -> None:
    """Draw prediction, upwards, against target, with the diagonal."""
    target, prediction = lane.target.astype(float), lane.prediction.astype(float)
    drawn = np.isfinite(target) & np.isfinite(prediction)
    span = (*lane.values[:2], *lane.values[:2])
    low, high = panels.axis_ends(span[0], span[1])
    plot = panels.axes(canvas, span, (f"target {low}", high))
    ends = np.array(span[:2])
    shapes.graph(plot, ends, ends, span, GREY, second=True)
    across = shapes.scaled(target[drawn], span[0], span[1], 2 * plot.width)
    up = shapes.scaled(prediction[drawn], span[2], span[3], 4 * plot.height)
    down = 4 * plot.height - 1 - up
    shapes.scatter(plot, np.rint(across).astype(int), np.rint(down).astype(int), BLUE)
