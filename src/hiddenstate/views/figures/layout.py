"""Where things stand on a figure: margins in inches, headings, tidy axes, cheap labels."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.gridspec import GridSpec
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray

from hiddenstate.views import style

Array = NDArray[Any]

DPI = 110

HEADED = 0.58
"""Inches a heading of a title and a note takes at the top."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches."""
    return Figure(figsize=(width, height), dpi=DPI, facecolor=style.now().ground)


def inches(figure: FigureBase) -> tuple[float, float]:
    """Width and height of a figure or a part of one."""
    box, dpi = figure.bbox, figure.dpi
    return max(box.width / dpi, 0.1), max(box.height / dpi, 0.1)


def place(
    figure: FigureBase,
    rows: int = 1,
    columns: int = 1,
    *,
    left: float = 0.6,
    right: float = 0.15,
    bottom: float = 0.45,
    top: float = HEADED,
    gap: tuple[float, float] = (0.2, 0.2),
    widths: Sequence[float] | None = None,
    heights: Sequence[float] | None = None,
) -> GridSpec:
    """A grid for axes, its margins and the gaps between its columns and rows in inches.

    On a figure too small for them the margins shrink, to leave half of it for what is drawn.
    """
    width, height = inches(figure)
    across, down = gap[0] * (columns - 1), gap[1] * (rows - 1)
    narrow = min(1.0, width / 2 / max(left + right + across, 1e-9))
    low = min(1.0, height / 2 / max(bottom + top + down, 1e-9))
    free = width - narrow * (left + right + across), height - low * (bottom + top + down)
    return GridSpec(
        rows,
        columns,
        figure=figure,
        left=narrow * left / width,
        right=1 - narrow * right / width,
        bottom=low * bottom / height,
        top=1 - low * top / height,
        wspace=narrow * gap[0] * columns / free[0],
        hspace=low * gap[1] * rows / free[1],
        width_ratios=widths,
        height_ratios=heights,
    )


def heading(figure: FigureBase, title: str, note: str = "", left: float = 0.12) -> None:
    """What is seen, at the top left, and under it a note."""
    width, height = inches(figure)
    now = style.now()
    for text, down, size, color, weight in (
        (title, 0.09, style.TITLE_POINTS, now.ink, "bold"),
        (note, 0.31, style.SMALL_POINTS, now.muted, "normal"),
    ):
        if text:
            figure.text(
                left / width, 1 - down / height, text, fontsize=size, color=color,
                fontweight=weight, ha="left", va="top",
            )  # fmt: skip


def add_axes(figure: FigureBase, part: Any, **options: Any) -> Axes:
    """Axes in a part of a grid, tidied: two spines, and ticks that keep the theme's colour even
    if matplotlib makes them later."""
    axes: Axes = figure.add_subplot(part, **options)
    axes.spines[["top", "right"]].set_visible(False)
    now = style.now()
    axes.tick_params(color=now.muted, labelcolor=now.muted, labelsize=style.SMALL_POINTS, length=3)
    return axes


def rule(axes: Axes, axis: str = "y") -> None:
    """Faint lines across, to read values by."""
    axes.grid(True, axis=axis, color=style.now().faint, linewidth=0.8)
    axes.set_axisbelow(True)


def bare(axes: Axes) -> None:
    """Neither ticks nor spines."""
    axes.set_axis_off()


def write(
    axes: Axes,
    text: str,
    at: tuple[float, float],
    shift: tuple[float, float] = (0, 0),
    *,
    color: str = "",
    size: float = style.SMALL_POINTS,
    bold: bool = False,
    ha: str = "center",
    va: str = "center",
    within: Any = "data",
) -> None:
    """Text at a place in the data, or `within` other coordinates, moved by some points."""
    axes.annotate(
        text, at, shift, xycoords=within, textcoords="offset points", ha=ha, va=va,
        fontsize=size, fontweight="bold" if bold else "normal",
        color=color or style.now().muted, annotation_clip=False,
    )  # fmt: skip


@cache
def glyphs(text: str, points: float, bold: bool = False) -> Path:
    """The outline of a line of text, its middle at (0, 0), in points."""
    font = FontProperties(family=list(style.families()), weight="bold" if bold else "normal")
    outline = TextPath((0, 0), text.replace(r"\$", "$"), size=points, prop=font, usetex=False)
    path = Path(outline.vertices, outline.codes)
    if not len(path.vertices):
        return path
    low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
    return Path(path.vertices - (low + high) / 2, path.codes)


def write_at(
    axes: Axes, points: Array, texts: Sequence[str], colors: Any, size: float, bold: bool = False
) -> PathCollection:
    """Many short texts (N,) centred at `points` (N, 2), as one artist: a twentieth of the time
    that as many text objects take."""
    written = PathCollection(
        [glyphs(text, size, bold) for text in texts] or [Path(np.zeros((0, 2)))],
        sizes=[1.0],
        offsets=np.reshape(points, (-1, 2)),
        offset_transform=axes.transData,
        facecolors=colors,
        linewidths=0,
    )
    written.set_transform(IdentityTransform())  # outlines are in points, not in data
    axes.add_collection(written, autolim=False)
    return written
