"""Draws the whole screen of a run at a moment."""

import numpy as np

from hiddenstate.views.pictures import pictures_there
from hiddenstate.views.terminal import autoencode, classify, regress
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.header import (
    KeyHint,
    ViewStatus,
    draw_footer,
    draw_header,
    header_lines,
)
from hiddenstate.views.terminal.layout import Box, Panel, Stack, arrange, choose
from hiddenstate.views.terminal.panels import Draw, Selection, placeholder
from hiddenstate.views.terminal.screen import SMALLEST
from hiddenstate.views.timeline import Moment, Timeline

BY_ANSWERS: dict[str, tuple[dict[str, Draw], tuple[Box, ...]]] = {
    "classes": (classify.PANELS, classify.BOXES),
    "targets": (regress.PANELS, regress.BOXES),
    "codes": (autoencode.PANELS, autoencode.BOXES),
}
"""Panels and boxes by what the job answers."""

MARGIN = 1

SHAPE_ERRORS = (ValueError, IndexError, KeyError, TypeError, ArithmeticError)
"""What a drawing may raise for arrays of shapes that no job writes."""


def panels_of(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """Return the panels that the run has arrays for, by name."""
    panels = BY_ANSWERS[timeline.kind.answers][0]
    there = {"learning", *pictures_there(timeline, moment, panels, filled=True)}
    if "held_out" in there:
        there -= {"tracking", "error"}
    if "portrait" in there and np.minimum(moment.arrays["hidden"].shape, (3, 2)).sum() < 5:
        there -= {"portrait"}  # no plane
    return {name: draw for name, draw in panels.items() if name in there}


def pages_of(timeline: Timeline, moment: Moment) -> tuple[str, ...]:
    """Return what can be shown: `all` panels together, or one alone by its name."""
    return ("all", *panels_of(timeline, moment))


def draw_screen(
    canvas: Canvas,
    timeline: Timeline,
    moment: Moment,
    status: ViewStatus,
    selection: Selection,
    hints: list[KeyHint],
) -> None:
    """Draw a moment of a run on an empty canvas; `hints` are keys for the last line."""
    if canvas.width < SMALLEST[0] or canvas.height < SMALLEST[1]:
        sizes = f"{canvas.width}x{canvas.height}, needs {SMALLEST[0]}x{SMALLEST[1]}"
        for y, line in enumerate(("terminal too small", sizes)):
            canvas.middle(max(canvas.height // 2 - 1, 0) + y, line)
        return
    top = header_lines(canvas.height)
    width = canvas.width - 2 * MARGIN
    draw_header(canvas.part(MARGIN, 0, width, top), timeline, moment, status)
    draw_footer(canvas.part(MARGIN, canvas.height - 1, width, 1), status, hints)
    body = canvas.part(MARGIN, top, width, canvas.height - top - 1)
    panels = panels_of(timeline, moment)
    name = status.pages[status.page]
    if name in panels:
        _draw(panels[name], body, timeline, moment, selection)
    else:
        _all(body, panels, timeline, moment, selection)


def _all(
    body: Canvas,
    panels: dict[str, Draw],
    timeline: Timeline,
    moment: Moment,
    selection: Selection,
) -> None:
    """Draw as many panels as fit, in the layout of the job."""
    boxes = [
        rest for box in BY_ANSWERS[timeline.kind.answers][1] if (rest := only(box, set(panels)))
    ]
    box = choose(boxes, body.width, body.height) or boxes[-1]
    for place in arrange(box, 0, 0, body.width, body.height):
        part = body.part(place.x, place.y, place.width, place.height)
        _draw(panels[place.name], part, timeline, moment, selection)


def _draw(
    draw: Draw, part: Canvas, timeline: Timeline, moment: Moment, selection: Selection
) -> None:
    """Draw a panel; if the arrays have shapes that no job writes, say so."""
    try:
        draw(part, timeline, moment, selection)
    except SHAPE_ERRORS:
        part.clear()
        placeholder(part, "its arrays do not fit together")


def only(box: Box, names: set[str]) -> Box | None:
    """Return `box` without the panels that are not in `names`; None if nothing is left."""
    if isinstance(box, Panel):
        return box if box.name in names else None
    parts = [rest for part in box.parts if (rest := only(part, names))]
    return Stack(parts, box.across, box.weight) if parts else None
