"""Draws the panel of the error at each frequency."""

import numpy as np

from hiddenstate.metrics.spectrum import in_bands, in_decibels
from hiddenstate.views.terminal import panels, shapes
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import BLUE, GREY, TARGET
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline


def spectrum(canvas: Canvas, timeline: Timeline, moment: Moment, selection: Selection) -> None:
    """Draw the power of the target and of the errors before and after, in decibels."""
    frequency, *curves = in_bands(moment.arrays["spectrum"].astype(float))
    levels = in_decibels(np.array(curves), curves[0].max())
    unit = "Hz" if timeline.step_seconds else "per step"
    body = panels.titled(canvas, "error by frequency", "dB, 0 is the strongest of the target")
    end = -2
    for text, ink in (("━ target", TARGET), ("━ error before", GREY), ("━ error after", BLUE)):
        end = body.text(end + 2, 0, text, ink)
    ends = [panels.short(f / (timeline.step_seconds or 1.0)) for f in frequency[[0, -1]]]
    across = np.log10(frequency)
    span = (*panels.span_of([across], [levels])[:2], levels.min(), max(levels.max(), 0.0))
    rest = body.part(0, 1, body.width, body.height - 1)
    plot = panels.axes(rest, span, (ends[0], f"{ends[1]} {unit}"))
    for values, ink in zip(levels, (TARGET, GREY, BLUE), strict=True):
        shapes.graph(plot, across, values, span, ink)
