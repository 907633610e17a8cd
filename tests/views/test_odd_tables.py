"""No text of a figure is cut or lies on another, whatever the data and the width of the page.

Each data set has some of its figures drawn, on a wide page or a narrow one in turn; with
HIDDENSTATE_LAYOUT=all in the environment all of them, and windows, on both.
"""

import math
import os
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from hiddenstate.runs import Run
from hiddenstate.views.catalog import draw_dashboard, drawings
from hiddenstate.views.figures.layout import page_width
from hiddenstate.views.timeline import Timeline
from tests.figure_texts import overlaps
from tests.odd_tables import ODD

ALL = os.environ.get("HIDDENSTATE_LAYOUT") == "all"

WIDTHS = (math.inf, 3.4)
"""Inches of a page on a desk and on a phone."""

EACH = 4
"""Of so many figures, and so many windows, one is drawn."""

WINDOWS = ((13, 8), (8, 5))


@pytest.mark.parametrize("name", ODD)
def test_no_text_of_a_figure_is_cut_or_covers_another(
    name: str, odd_run: Callable[[str], Run]
) -> None:
    timeline = Timeline(odd_run(name))
    moment = timeline.moment()
    place = list(ODD).index(name)
    for number, (figure, draw) in enumerate(drawings(timeline, moment).items()):
        for turn, width in enumerate(WIDTHS):
            if ALL or (place + number + EACH * turn) % (2 * EACH) == 0:
                with page_width(width):
                    assert overlaps(draw(None)) == [], (figure, width)
    for turn, size in enumerate(WINDOWS):
        if ALL or (place + EACH * turn) % (2 * EACH) == 1:
            window = Figure(figsize=size)
            draw_dashboard(window, timeline, moment, "title")
            assert overlaps(window) == [], size
