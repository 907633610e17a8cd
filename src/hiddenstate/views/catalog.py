"""Lists the figures of a run, and lays them out together in one window."""

import math
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from matplotlib.figure import Figure, FigureBase

from hiddenstate.views import style
from hiddenstate.views.drawers import DRAWERS, Drawer, decision
from hiddenstate.views.figures.layout import REGULAR, inches, part_of
from hiddenstate.views.pictures import PICTURES, pictures_there
from hiddenstate.views.timeline import Moment, Timeline

FIGURES = {
    answers: [name for name in pictures if name in DRAWERS[answers]]
    for answers, pictures in PICTURES.items()
}
"""Names of figures by what a job answers; a run has those that it has the arrays for."""

Draw = Callable[[Figure | None], Figure]


def drawings(
    timeline: Timeline, moment: Moment, among: Collection[str] | None = None
) -> dict[str, Draw]:
    """Return the figures of the run at `moment` by name, as functions that draw them; all, or those
    `among` some names.

    Each draws on the figure it is given, or on a new one, in the current theme. Figures whose
    arrays are not written yet are left out.
    """
    drawers = DRAWERS[timeline.kind.answers]
    names = drawers if among is None else [name for name in among if name in drawers]
    there = pictures_there(timeline, moment, names)
    return {name: partial(_draw, drawers[name], timeline, moment) for name in there}


def _draw(drawer: Drawer, timeline: Timeline, moment: Moment, on: Figure | None = None) -> Figure:
    with style.theme():
        return drawer(timeline, moment, on)


Place = tuple[float, float, float, float]

Layout = dict[str, Place]

LAYOUTS: dict[str, tuple[Layout, Layout]] = {
    "classes": (
        {
            "learning": (0.0, 0.54, 0.35, 1.0),
            "decision": (0.35, 0.48, 1.0, 1.0),
            "confusion": (0.0, 0.0, 0.35, 0.54),
            "predictions": (0.35, 0.24, 1.0, 0.46),
            "worst": (0.35, 0.0, 1.0, 0.24),
        },
        {
            "learning": (0.0, 0.42, 0.5, 1.0),
            "confusion": (0.5, 0.36, 1.0, 1.0),
            "predictions": (0.0, 0.0, 1.0, 0.36),
        },
    ),
    "targets": (
        {
            "tracking": (0.0, 0.58, 1.0, 1.0),
            "error": (0.0, 0.0, 0.32, 0.56),
            "hidden": (0.32, 0.0, 0.68, 0.56),
            "portrait": (0.68, 0.0, 1.0, 0.56),
        },
        {
            "tracking": (0.0, 0.5, 1.0, 1.0),
            "error": (0.0, 0.0, 0.5, 0.5),
            "portrait": (0.5, 0.0, 1.0, 0.5),
        },
    ),
    "held_out": (
        {
            "held_out": (0.0, 0.46, 1.0, 1.0),
            "learning": (0.0, 0.0, 0.34, 0.46),
            "hidden": (0.34, 0.0, 0.7, 0.46),
            "portrait": (0.7, 0.0, 1.0, 0.46),
        },
        {"held_out": (0.0, 0.46, 1.0, 1.0), "learning": (0.0, 0.0, 1.0, 0.46)},
    ),
    "codes": (
        {
            "learning": (0.0, 0.56, 0.4, 1.0),
            "codes": (0.4, 0.44, 1.0, 1.0),
            "grid": (0.0, 0.0, 0.4, 0.56),
            "reconstructions": (0.4, 0.16, 1.0, 0.44),
            "walk": (0.4, 0.0, 1.0, 0.16),
        },
        {
            "learning": (0.0, 0.4, 0.45, 1.0),
            "codes": (0.45, 0.4, 1.0, 1.0),
            "reconstructions": (0.0, 0.0, 1.0, 0.4),
        },
    ),
}
"""Places of the figures in a job's window, large and small: left, bottom, right and top, as shares
of it. A small window leaves some out, so that the others can be read.

A regression whose held-out part can be drawn has a layout of its own.
"""

IN_WINDOW = {name for both in LAYOUTS.values() for layout in both for name in layout}
IN_WINDOW |= {"memory", "streams"}
"""Names of all figures that a window may have."""

LARGE = (8.5, 5.5)
"""Width and height in inches from which a window is large."""

CAPTION = 0.3
"""Inches at the top for a title of all figures."""

WITHOUT_TIME: dict[str, dict[str, Place]] = {
    "classes": {"predictions": (0.35, 0.5, 1.0, 1.0), "worst": (0.35, 0.0, 1.0, 0.5)},
}
"""Places that differ if rows are quantities, which are not read step by step."""

WITH_MEMORY: dict[str, Layout] = {
    "classes": {
        "predictions": (0.35, 0.24, 0.78, 0.46),
        "worst": (0.35, 0.0, 0.78, 0.24),
        "memory": (0.78, 0.0, 1.0, 0.46),
    },
    "targets": {
        "tracking": (0.0, 0.58, 0.7, 1.0),
        "memory": (0.7, 0.58, 1.0, 1.0),
    },
    "held_out": {
        "held_out": (0.0, 0.46, 0.7, 1.0),
        "memory": (0.7, 0.46, 1.0, 1.0),
    },
}
"""Places that differ in large windows if the states of the net are complex."""

GRID = 50
"""Rows and columns of the grid that the places are rounded to."""


def draw_dashboard(figure: FigureBase, timeline: Timeline, moment: Moment, title: str = "") -> None:
    """Draw the figures of a run together on `figure`, which is cleared first.

    A 3-D plot that the user has turned keeps its view. The current theme applies; no layout engine
    is used, since margins are in inches.
    """
    with style.theme() as now:
        views = [(axes.elev, axes.azim) for axes in _axes_3d(figure)]
        _clear(figure)
        if isinstance(figure, Figure):
            figure.set_layout_engine("none")
        figure.set_facecolor(now.ground)
        draws = drawings(timeline, moment, IN_WINDOW)
        if "decision" in draws:  # one row, large
            draws["decision"] = lambda on: decision(timeline, moment, on, 1)
        width, height = inches(figure)
        # Subfigures ignore the margins of a grid: the title has rows of its own.
        head = math.ceil(GRID * CAPTION / height) if title else 0
        top = GRID / (GRID + head)
        grid = figure.add_gridspec(GRID + head, GRID, left=0, right=1, bottom=0, top=1)
        kind = "held_out" if "held_out" in draws else timeline.kind.answers
        large, small = LAYOUTS[kind]
        is_large = width >= LARGE[0] and top * height >= LARGE[1]
        layout = large if is_large else small
        if is_large and timeline.form.is_quantities:
            layout = layout | WITHOUT_TIME.get(kind, {})
        if is_large and "memory" in draws:
            layout = layout | WITH_MEMORY[kind]
        if is_large and "streams" in draws:
            layout = {"streams" if n == "portrait" else n: place for n, place in layout.items()}
        for name, place in layout.items():
            if name in draws:
                left, low, right, high = (round(GRID * edge) for edge in place)
                part = figure.add_subfigure(
                    grid[head + GRID - high : head + GRID - low, left:right]
                )
                draws[name](part_of(part))
        if title:
            title = style.cut(title, int((width - 0.24) / (REGULAR * style.TEXT_POINTS)))
            at: dict[str, Any] = {"va": "center", "fontsize": style.TEXT_POINTS}
            figure.text(0.12 / width, (1 + top) / 2, title, color=now.muted, **at)
        for axes, (elevation, azimuth) in zip(_axes_3d(figure), views, strict=False):
            axes.view_init(elevation, azimuth)


def _clear(figure: FigureBase) -> None:
    """Clear a figure; to drop its axes is faster than to clear each of them first."""
    for part in figure.subfigs:
        for axes in list(part.axes):
            part.delaxes(axes)
    figure.clear()


def _axes_3d(figure: FigureBase) -> list[Any]:
    """Return the 3-D axes on `figure` and its parts."""
    of_figure = [axes for axes in getattr(figure, "axes", []) if axes.name == "3d"]
    return of_figure + [axes for part in figure.subfigs for axes in _axes_3d(part)]
