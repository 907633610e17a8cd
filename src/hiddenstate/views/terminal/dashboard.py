"""The whole screen of a run at a moment, drawn on a canvas."""

from collections.abc import Callable

from hiddenstate.views.terminal import autoencode, classify, regress
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.header import (
    Hint,
    Status,
    draw_footer,
    draw_header,
    rows_of_header,
)
from hiddenstate.views.terminal.layout import Box, Panel, Stack, arrange, choose
from hiddenstate.views.terminal.panels import Draw, Look, waiting
from hiddenstate.views.terminal.screen import SMALLEST
from hiddenstate.views.timeline import Moment, Timeline

JOBS: dict[str, tuple[Callable[[Timeline, Moment], dict[str, Draw]], tuple[Box, ...]]] = {
    "classify": (classify.offered, classify.BOXES),
    "regress": (regress.offered, regress.BOXES),
    "autoencode": (autoencode.offered, autoencode.BOXES),
}
MARGIN = 1

FAULTS = (ValueError, IndexError, KeyError, TypeError, ArithmeticError)
"""What drawing arrays of shapes that no job writes may raise."""


def offered(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """The panels of the run by name, those there is something to draw in."""
    return JOBS[timeline.job][0](timeline, moment)


def pages_of(timeline: Timeline, moment: Moment) -> tuple[str, ...]:
    """What can be seen: all together, or one panel alone."""
    return ("all", *offered(timeline, moment))


def draw_screen(
    canvas: Canvas,
    timeline: Timeline,
    moment: Moment,
    status: Status,
    look: Look,
    hints: list[Hint],
) -> None:
    """Draw everything on an empty canvas; `hints` are keys for the last line."""
    if canvas.width < SMALLEST[0] or canvas.height < SMALLEST[1]:
        need = f"{SMALLEST[0]}x{SMALLEST[1]} needed, {canvas.width}x{canvas.height} here"
        for y, line in enumerate(("more room, please", need)):
            canvas.middle(max(canvas.height // 2 - 1, 0) + y, line)
        return
    top = rows_of_header(canvas.height)
    width = canvas.width - 2 * MARGIN
    draw_header(canvas.part(MARGIN, 0, width, top), timeline, moment, status)
    draw_footer(canvas.part(MARGIN, canvas.height - 1, width, 1), status, hints)
    body = canvas.part(MARGIN, top, width, canvas.height - top - 1)
    panels = offered(timeline, moment)
    name = status.pages[status.page]
    if name in panels:
        _draw(panels[name], body, timeline, moment, look)
    else:
        _all(body, panels, timeline, moment, look)


def _all(
    body: Canvas, panels: dict[str, Draw], timeline: Timeline, moment: Moment, look: Look
) -> None:
    """As many panels as fit, as the job lays them out."""
    boxes = [kept for box in JOBS[timeline.job][1] if (kept := only(box, set(panels)))]
    box = choose(boxes, body.width, body.height) or boxes[-1]
    for place in arrange(box, 0, 0, body.width, body.height):
        part = body.part(place.x, place.y, place.width, place.height)
        _draw(panels[place.name], part, timeline, moment, look)


def _draw(draw: Draw, part: Canvas, timeline: Timeline, moment: Moment, look: Look) -> None:
    """Draw a panel; of arrays no job of ours wrote, say that they cannot be drawn."""
    try:
        draw(part, timeline, moment, look)
    except FAULTS:
        part.clear()
        waiting(part, "its arrays do not fit together")


def only(box: Box, names: set[str]) -> Box | None:
    """`box` without the panels that are not in `names`; None if nothing is left."""
    if isinstance(box, Panel):
        return box if box.name in names else None
    parts = [kept for part in box.parts if (kept := only(part, names))]
    return Stack(parts, box.across, box.weight) if parts else None
