"""Draws the panel of complex states: their eigenvalues, and how far back they reach."""

import numpy as np

from hiddenstate.views.memory import number, reach
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import BLUE, GREY, ORANGE
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline

EDGE = 1.08
"""Ends of the axes of the plane."""

BARS = 12
"""Least columns that bars of reaches have."""

TURN = np.linspace(0, 2 * np.pi, 200)


def memory(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the unit circle with the eigenvalues in it, and the reaches, longest first."""
    values = moment.arrays["eigenvalue"].reshape(-1, 2).astype(float)
    far = np.sort(reach(values))[::-1]
    body = panels.titled(canvas, "memory", f"{len(far)} states, steps they reach back")
    # Characters are twice as high as wide.
    side = min(2 * body.height, body.width - (BARS + 1) * (body.width >= 2 * BARS))
    plane = body.part(0, max(body.height - side // 2, 0) // 2, side, side // 2)
    span = (-EDGE, EDGE, -EDGE, EDGE)
    shapes.path(plane, np.cos(TURN), np.sin(TURN), span, GREY)
    across = shapes.scaled(values[:, 0], -EDGE, EDGE, 2 * plane.width)
    down = 4 * plane.height - 1 - shapes.scaled(values[:, 1], -EDGE, EDGE, 4 * plane.height)
    finite = np.isfinite(across + down)
    places = [np.round(place[finite]).astype(int) for place in (across, down)]
    # A point has more than the one dot of the circle's line.
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        shapes.scatter(plane, places[0] + right, places[1] + below, ORANGE)
    if body.width - side <= BARS or body.height < 2:
        return
    bars = body.part(side + 1, 0, body.width - side - 1, body.height - 1)
    low, high = np.log10(timeline.limits.reach[:2])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.clip((np.log10(far) - low) / (high - low), 0.03, 1)
    shapes.columns(bars, shapes.resized(shares[None], 1, bars.width)[0], BLUE)
    foot = body.part(side + 1, body.height - 1, bars.width, 1)
    foot.text(0, 0, number(far[0]), GREY)
    foot.right(0, number(far[-1]) if len(far) > 1 else "", GREY)
