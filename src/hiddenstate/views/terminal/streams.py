"""Draws the panel of the states of streams that are read side by side."""

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.views.streams import stream_states
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import BOLD, Canvas, clip_labels, width_of
from hiddenstate.views.terminal.colors import DEFAULT, GREY, SIGNED
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline


def streams(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the state of each stream as a line, the drawn one marked; names where there is a line
    for each."""
    shown = stream_states(timeline, moment)
    if shown is None:
        return
    body = panels.titled(canvas, "states of streams", shown.which)
    n = len(shown.names)
    wide = 2
    if body.height >= n:
        names = [printable(name, 40) for name in shown.names]
        wide = min(max(map(width_of, names), default=0), max(body.width // 4, 3)) + 2
        body = body.part(0, 0, body.width, n)
        for y, name in enumerate(clip_labels(names, wide - 2)):
            drawn = y == shown.drawn
            ink = DEFAULT if drawn else GREY
            body.text(
                0,
                y,
                ("▸" if drawn else "·" if shown.has_ended[y] else " ") + name,
                ink,
                BOLD * drawn,
            )
    elif shown.drawn is not None:
        body.text(0, shown.drawn * body.height // n, "▸", DEFAULT, BOLD)
    plot = body.part(wide, 0, body.width - wide, body.height)
    columns = panels.units(shown.states, plot.width)
    shapes.image(plot, np.asarray(columns, float), -shown.high, shown.high, SIGNED)
