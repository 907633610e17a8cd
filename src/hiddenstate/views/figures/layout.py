"""Lays out figures: margins in inches, headings, tidy axes, and text that is fast to draw."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.image import AxesImage
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.textpath import TextPath
from matplotlib.ticker import (
    MaxNLocator,
)
from matplotlib.transforms import IdentityTransform

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.numbers import Numbers, brief
from hiddenstate.views.limits import beyond

DPI = 110

HEADED, KEYED = 0.56, 0.74
"""Inches at the top for a title and a note, and for these and a legend."""

WARNED = 0.17
"""Inches more at the top for a warning under the note."""

LEAST = 0.4
"""Smallest share of a figure that its margins leave."""

NOTED = 1.3
"""Height of a figure in inches from which it has a note."""

SQUARE = 0.95
"""Height of a figure on a narrow page, as a share of its width, from which it is lower."""

LETTER, REGULAR = 0.0088, 0.0077
"""Width of a letter of one point in most texts, bold and regular, in inches."""

KEY = 0.37
"""Width of the sign of a line in a legend, with the space around it, in inches."""

KEY_LINE = 0.15
"""Height of a line of a legend in inches."""

LEAST_NAMED = 6
"""Letters of the name of an axis at least."""

NUMBERS_BESIDE = 0.13
"""Inches from an axis to its name, without its numbers."""

FINE = 800
"""Pixels along an axis of a heat map with uneven steps."""


_page: ContextVar[float] = ContextVar("page", default=math.inf)


@contextmanager
def page_width(width: float) -> Iterator[None]:
    """Draw new figures at most `width` inches wide, as for the screen of a phone."""
    before = _page.set(width)
    try:
        yield
    finally:
        _page.reset(before)


def on_page(width: float) -> float:
    """Return `width`, or the inches that the page has if these are fewer."""
    return min(width, _page.get())


def new_figure(width: float, height: float, least: float = 0.0) -> Figure:
    """Return an empty figure of a size in inches.

    On a narrow page the height shrinks with the width, until the figure is about square, or has
    its `least` height.
    """
    free = on_page(width)
    if free < width:
        width, height = free, max(height * free / width, min(height, SQUARE * free), least)
    return Figure(figsize=(width, height), dpi=DPI, facecolor=style.now().ground)


def part_of(figure: FigureBase) -> Any:
    """Return the figure or part of one, untyped: matplotlib's types lack what both have."""
    return figure


def inches(figure: FigureBase) -> tuple[float, float]:
    """Return width and height of a figure, or a part of one, in inches."""
    box, dpi = part_of(figure).bbox, part_of(figure).dpi
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
    """Return a grid for axes, with margins and gaps between columns and rows in inches.

    On a small figure the margins shrink, so that the share `LEAST` of it remains.
    """
    width, height = inches(figure)
    across, down = gap[0] * (columns - 1), gap[1] * (rows - 1)
    narrow = min(1.0, (1 - LEAST) * width / max(left + right + across, 1e-9))
    low = min(1.0, (1 - LEAST) * height / max(bottom + top + down, 1e-9))
    free = width - narrow * (left + right + across), height - low * (bottom + top + down)
    return GridSpec(
        rows,
        columns,
        figure=part_of(figure),
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
    """Write a title at the top left, and a note under it.

    If the note is too wide, its last clauses, each after a semicolon, are left out, and if even
    the first one is, its end.
    """
    width, height = inches(figure)
    now = style.now()
    room = width - left
    clauses, most = note.split("; "), room / (REGULAR * style.SMALL_POINTS)
    while len(clauses) > 1 and style.letters("; ".join(clauses)) > most:
        clauses.pop()
    note = style.cut("; ".join(clauses), most)
    title = style.cut(title, room / (LETTER * style.TITLE_POINTS))
    for text, down, size, color, weight in (
        (title, 0.09, style.TITLE_POINTS, now.ink, "bold"),
        (
            note if height > NOTED else "",
            0.31,
            style.SMALL_POINTS,
            now.muted,
            "normal",
        ),
    ):
        if text:
            figure.text(
                left / width,
                1 - down / height,
                text,
                fontsize=size,
                color=color,
                fontweight=weight,
                ha="left",
                va="top",
            )


def warn(figure: FigureBase, warning: str, left: float = 0.12, *, worse: bool = True) -> float:
    """Write a warning under the note of a figure; return the inches that it takes at the top.

    If it is too wide, what follows a colon is left out. It is red where something is `worse`.
    """
    width, height = inches(figure)
    if not warning or height <= NOTED:
        return 0.0
    most = (width - left) / (LETTER * style.SMALL_POINTS)
    warning = warning if style.letters(warning) <= most else warning.partition(": ")[0]
    figure.text(
        left / width,
        1 - 0.31 / height - WARNED / height,
        style.plain(warning, max(most, 8)),
        fontsize=style.SMALL_POINTS,
        color=style.now().wrong if worse else style.now().ink,
        fontweight="bold",
        ha="left",
        va="top",
    )
    return WARNED


def legend_columns(labels: Sequence[str], room: float) -> int:
    """Return how many columns of a legend fit into so many inches."""
    wide = [REGULAR * style.SMALL_POINTS * style.letters(label) + KEY for label in labels]
    for columns in range(len(wide), 1, -1):
        if sum(float(part.max()) for part in np.array_split(wide, columns)) <= room:
            return columns
    return 1


def legend(axes: Axes, up: float = 0.0) -> None:
    """Add a legend above the axes, at the left, in one line if it has space; `up` in inches."""
    _, labels = axes.get_legend_handles_labels()
    room = (part_of(axes.figure).bbox.x1 - axes.bbox.x0) / part_of(axes.figure).dpi
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0 + up * part_of(axes.figure).dpi / max(axes.bbox.height, 1)),
        ncols=legend_columns(labels, room),
        handlelength=1.5,
        handletextpad=0.5,
        borderaxespad=0.1,
        borderpad=0.1,
        columnspacing=1.3,
        labelcolor=style.now().muted,
    )


def heat(axes: Axes, across: Array, down: Array, values: Array, high: float) -> AxesImage:
    """Draw numbers as colours, as one image whatever the spacing.

    Parameters
    ----------
    axes : Axes
    across : ndarray (m + 1,)
        Edges between columns, increasing.
    down : ndarray (n + 1,)
        Edges between lines, increasing.
    values : ndarray (n, m)
    high : float
        The colours go from `-high` to `high`.
    """
    return shade(axes, across, down, values, style.signed_map(), -high, high)


def shade(
    axes: Axes, across: Array, down: Array, values: Array, colors: Colormap, low: float, high: float
) -> AxesImage:
    """Draw numbers as :func:`heat` does, in `colors` from `low` to `high`."""
    lines, columns = _even(down), _even(across)
    return axes.imshow(
        values[lines][:, columns],
        cmap=colors,
        vmin=low,
        vmax=high,
        extent=(across[0], across[-1], down[-1], down[0]),
        aspect="auto",
        interpolation="nearest",
    )


def color_scale(axes: Axes, high: float) -> None:
    """Draw the colours of :func:`heat` from `high` at the top to `-high`, with their numbers."""
    shades = np.linspace(high, -high, 101)[:, None]
    heat(axes, np.array([0, 1]), np.linspace(-high, high, 102), shades, high)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([-high, 0, high], [f"{high:.2g}", "0", f"\N{MINUS SIGN}{high:.2g}"])
    axes.tick_params(length=2, pad=2)


def _even(edges: Array) -> Array:
    """Return the number of the interval between `edges` at evenly spaced places."""
    n, sizes = len(edges) - 1, np.diff(edges)
    numbers: Array = np.arange(n)
    if sizes.max() <= 1.001 * sizes.min():
        return numbers
    places = edges[0] + (np.arange(FINE) + 0.5) / FINE * (edges[-1] - edges[0])
    numbers = np.clip(np.searchsorted(edges, places, side="right") - 1, 0, n - 1)
    return numbers


Box = tuple[float, float, float, float]
"""Left, bottom, width and height, as shares of a figure."""


def add_axes(
    figure: FigureBase, part: SubplotSpec | Box, ticks: bool = True, **shared: Any
) -> Axes:
    """Add axes with two spines and few ticks in the colours of the theme, or without `ticks` bare.

    Parameters
    ----------
    figure : FigureBase
    part : SubplotSpec or Box
        A part of a grid, or a place on the figure.
    ticks : bool, default True
    **shared
        Axes to share, for matplotlib.
    """
    if isinstance(part, SubplotSpec):
        axes: Axes = figure.add_subplot(part, **shared)
    else:
        axes = figure.add_axes(part, **shared)
    if not ticks:
        axes.set_axis_off()
        return axes
    axes.spines[["top", "right"]].set_visible(False)
    now = style.now()
    axes.tick_params(color=now.muted, labelcolor=now.muted, labelsize=style.SMALL_POINTS, length=3)
    if not shared:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    for axis, together in ((axes.xaxis, "sharex"), (axes.yaxis, "sharey")):
        if shared.get(together) is None:
            axis.set_major_formatter(Numbers())
    axes.ticklabel_format(axis="x", useOffset=False)
    return axes


def align_names(places: Sequence[Axes]) -> None:
    """Put the names of y axes at one distance from them, left of the longest number of all and
    within the figure."""
    ticks = [(axes, axes.yaxis.get_major_formatter(), axes.get_yticks()) for axes in places]
    longest = max(
        style.letters(text)
        for axes, form, values in ticks
        for text in form.format_ticks([v for v in values if _is_within(axes, v)]) or [""]
    )
    beside = NUMBERS_BESIDE + REGULAR * style.SMALL_POINTS * longest
    for axes in places:
        part, height = part_of(axes.figure), float(axes.yaxis.label.get_fontsize()) / 60
        free = (axes.bbox.x0 - part.bbox.x0) / part.dpi - height
        across = part.dpi / axes.bbox.width
        axes.yaxis.set_label_coords(-min(beside, free) * across, 0.5)


def _is_within(axes: Axes, value: float) -> bool:
    low, high = sorted(axes.get_ylim())
    return low <= value <= high


def name_axes(axes: Axes, x: str = "", y: str = "") -> None:
    """Write the names of the axes, without their ends where they would be too wide."""
    for text, side, write_name in ((x, "x", axes.set_xlabel), (y, "y", axes.set_ylabel)):
        if text:
            write_name(style.cut(text, room_of_name(axes, side)))


def room_of_name(axes: Axes, side: str) -> float:
    """Return the letters that the name of an axis can have: a little more than its length, where
    the edge of the figure is not nearer."""
    whole, box = part_of(axes.figure).bbox, axes.bbox
    if side == "x":
        long, near = box.width, min(box.x1 - whole.x0, whole.x1 - box.x0) - box.width / 2
    else:
        long, near = box.height, min(box.y1 - whole.y0, whole.y1 - box.y0) - box.height / 2
    free = min(1.1 * long, 2 * near) / part_of(axes.figure).dpi
    return float(free / REGULAR / axes.xaxis.label.get_fontsize())


def name_time(axes: Axes, clock: str) -> None:
    """Name the x axis by what times count, without what follows a colon where that is too wide."""
    text, room = style.plain(clock, math.inf), room_of_name(axes, "x")
    name_axes(axes, text if style.letters(text) <= room else text.partition(": ")[0])


def fitting_label(axes: Axes, *texts: str) -> None:
    """Name the y axis by the first of some texts that it has space for, or the last of several
    without its middle; not at all if nothing could be read of it."""
    room = room_of_name(axes, "y")
    short = style.plain(texts[-1], room) if room >= LEAST_NAMED and len(texts) > 1 else ""
    axes.set_ylabel(next((text for text in texts if style.letters(text) <= room), short))


def note_outside(axes: Axes, values: Array, name: str, color: str) -> None:
    """Write where the values of a line are if most of them are beyond the ends of the axis."""
    side, middle = beyond(values, *sorted(axes.get_ylim()))
    if not side:
        return
    text = f"{name} {side}\nthis axis: {brief(float(f'{middle:.3g}'))}"
    at = (1, 0.02)
    written = write(
        axes, text, at, (-3, 1), ha="right", va="bottom", color=color, within="axes fraction"
    )
    written.set_bbox({"facecolor": style.now().ground, "linewidth": 0, "alpha": 0.7, "pad": 1.0})


def rule(axes: Axes, axis: Literal["both", "x", "y"] = "y") -> None:
    """Add faint grid lines."""
    axes.grid(True, axis=axis, color=style.now().faint, linewidth=0.8)
    axes.set_axisbelow(True)


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
) -> Annotation:
    """Write text at a place in data coordinates, or `within` others, shifted by points."""
    return axes.annotate(
        text,
        at,
        shift,
        xycoords=within,
        textcoords="offset points",
        ha=ha,
        va=va,
        fontsize=size,
        fontweight="bold" if bold else "normal",
        color=color or style.now().muted,
        annotation_clip=False,
    )


def glyphs(
    text: str, points: float, bold: bool = False, up: float = 0.0, aside: float = 0.0
) -> Path:
    """Return the outline of a line of text with its centre at (aside, up), in points; cached."""
    return _outline(text, float(points), bold, float(aside), float(up))


@cache
def _outline(text: str, points: float, bold: bool, aside: float, up: float) -> Path:
    if not text.strip():  # matplotlib cannot outline an empty text
        return Path(np.zeros((0, 2)))
    font = FontProperties(family=list(style.families()), weight="bold" if bold else "normal")
    outline = TextPath((0, 0), text, size=points, prop=font, usetex=False)
    corners: Any = outline.vertices
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    # All lines of text have the same level, whatever letters they have.
    middle[1] = 0.36 * points
    return Path(corners - middle + (aside, up), outline.codes)


def write_at(
    axes: Axes,
    points: Any,
    texts: Sequence[str],
    colors: Any,
    size: float = style.SMALL_POINTS,
    bold: bool = False,
    up: float = 0.0,
    aside: float = 0.0,
) -> PathCollection:
    """Write many short texts as one artist, in a twentieth of the time of as many text objects.

    Parameters
    ----------
    axes : Axes
    points : array_like (N, 2)
        Places of the texts in data coordinates.
    texts : sequence of str (N,)
    colors : color or sequence of color
    size : float
        Font size in points.
    bold : bool, default False
    up, aside : float, default 0.0
        Shift of the centres in points.
    """

    written = PathCollection(
        [glyphs(text, size, bold, up, aside) for text in texts] or [Path(np.zeros((0, 2)))],
        sizes=[1.0],
        offsets=np.reshape(np.asarray(points, float), (-1, 2)),
        offset_transform=axes.transData,
        facecolors=colors,
        linewidths=0,
        clip_on=False,
    )
    written.set_transform(IdentityTransform())  # outlines are in points, not in data
    axes.add_collection(written, autolim=False)
    return written
