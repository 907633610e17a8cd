"""Draws rows that are no pictures in cells: series as stacked lanes, quantities as bars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_hex, to_rgba

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import LETTER, REGULAR, part_of, write
from hiddenstate.views.row_form import DEVIATIONS, RowForm, band, thinned_line

EDGE = 0.04
"""Free share of a lane or a bar at each of its ends."""

BEYOND = 0.03
"""Share of a scale by which lines may leave it; beyond, they are cut off."""

READABLE = 5.5
"""Smallest height of a lane in points in which its name can be read."""


@dataclass(frozen=True)
class Thumbnails:
    """The places of cells in units of their axes; y points down."""

    height: int
    width: int
    corners: Array  # (N, 2): x of the left and y of the top edge

    @property
    def above(self) -> Array:
        """Centres (N, 2) of the upper edges."""
        return np.add(self.corners, [self.width / 2, 0])

    @property
    def below(self) -> Array:
        """Centres (N, 2) of the lower edges."""
        return np.add(self.corners, [self.width / 2, self.height])


def lane_colors(form: RowForm) -> Array:
    """Return the colours (n, 4) of the drawn channels."""
    if form.n_drawn > 1 and form.has_time:
        return np.array([to_rgba(style.now().ink)] * form.n_drawn)  # colours are of classes
    return np.array([to_rgba(style.now().prediction)] * form.n_drawn)


def draw_cells(
    axes: Axes, rows: Array, form: RowForm, cells: Thumbnails, rebuilt: Array | None = None
) -> None:
    """Draw rows (N, ...) in their cells, and over them their reconstructions, if there are any."""
    if form.is_quantities:
        _draw_bars(axes, rows, form, cells, rebuilt)
    else:
        _draw_lanes(axes, rows, form, cells, rebuilt)


def _draw_lanes(
    axes: Axes, rows: Array, form: RowForm, cells: Thumbnails, rebuilt: Array | None
) -> None:
    n, colors = form.n_drawn, lane_colors(form)
    tall, last = cells.height / n, max(form.shape[0] - 1, 1)
    lines, over, gaps = [], [], []
    for number, (x, y) in enumerate(cells.corners):
        row = form.shares(rows[number])
        again = None if rebuilt is None else form.shares(rebuilt[number])

        def at(
            steps: Array, shares: Array, lane: int, x: float = float(x), y: float = float(y)
        ) -> Array:
            across = x + (EDGE + (1 - 2 * EDGE) * steps / last) * cells.width
            inside = np.clip(shares, -BEYOND, 1 + BEYOND)
            return np.column_stack([across, y + (lane + 0.92 - 0.84 * inside) * tall])

        for lane in range(n):
            steps, values = (band if again is None else thinned_line)(row[:, lane])
            lines.append(_finite(at(steps, values, lane)))
            if again is None:
                continue
            over.append(_finite(at(*thinned_line(again[:, lane]), lane)))
            there, back = at(steps, values, lane), at(steps, again[steps, lane], lane)
            both = np.isfinite(there).all(axis=1) & np.isfinite(back).all(axis=1)
            gaps.append(np.concatenate([there[both], back[both][::-1]]))
    _fill(axes, gaps)
    every = np.tile(colors, (len(rows), 1))
    faint = style.faded(every, 0.45) if rebuilt is not None else every
    axes.add_collection(LineCollection(lines, colors=faint, linewidths=1.1), autolim=False)
    if over:
        axes.add_collection(LineCollection(over, colors=every, linewidths=1.1), autolim=False)
    _separate(axes, n, cells)


def _finite(line: Array) -> Array:
    return line[np.isfinite(line).all(axis=1)]


def _fill(axes: Axes, gaps: Sequence[Array]) -> None:
    """Fill the areas between rows and their reconstructions."""
    areas = [gap for gap in gaps if len(gap) > 2]
    if areas:
        color = style.faded(np.array([to_rgba(style.now().wrong)]), 0.3)[0]
        axes.add_collection(PolyCollection(areas, facecolors=[color], linewidths=0), autolim=False)


def _separate(axes: Axes, n: int, cells: Thumbnails) -> None:
    """Draw faint lines between lanes."""
    if n > 1:
        tall = cells.height / n
        between = [
            [(x, y + lane * tall), (x + cells.width, y + lane * tall)]
            for x, y in cells.corners
            for lane in range(1, n)
        ]
        color = style.now().faint
        axes.add_collection(
            LineCollection(between, colors=[color], linewidths=0.6, zorder=0), autolim=False
        )


def _draw_bars(
    axes: Axes, rows: Array, form: RowForm, cells: Thumbnails, rebuilt: Array | None
) -> None:
    """Draw each quantity as a bar from its mean, and its reconstruction as a mark."""
    n, now = form.n_drawn, style.now()
    tall = cells.height / n
    bars, marks, gaps, means = [], [], [], []
    for number, (x, y) in enumerate(cells.corners):

        def at(shares: Array, x: float = float(x)) -> Array:
            return x + (EDGE + (1 - 2 * EDGE) * np.clip(shares, 0, 1)) * cells.width

        middle = float(at(np.array(0.5)))
        means.append([(middle, y), (middle, y + cells.height)])
        ends = at(form.shares(rows[number])[0])
        again = None if rebuilt is None else at(form.shares(rebuilt[number])[0])
        for lane in range(n):
            top, low = y + (lane + 0.2) * tall, y + (lane + 0.8) * tall
            if np.isfinite(ends[lane]):
                bars.append(_rectangle(middle, ends[lane], top, low))
            if again is None or not np.isfinite(again[lane] + ends[lane]):
                continue
            gaps.append(_rectangle(ends[lane], again[lane], top, low))
            marks.append([(again[lane], top), (again[lane], low)])
    color = to_rgba(now.prediction)
    if rebuilt is not None:
        color = tuple(style.faded(np.array([color]), 0.45)[0])
    axes.add_collection(PolyCollection(bars, facecolors=[color], linewidths=0), autolim=False)
    _fill(axes, gaps)
    axes.add_collection(LineCollection(means, colors=[now.muted], linewidths=0.6), autolim=False)
    if marks:
        ink = [now.prediction]
        axes.add_collection(LineCollection(marks, colors=ink, linewidths=2.0), autolim=False)


def _rectangle(left: float, right: float, top: float, low: float) -> Array:
    return np.array([[left, top], [right, top], [right, low], [left, low]], float)


def write_sides(
    axes: Axes,
    form: RowForm,
    cells: Thumbnails,
    room: float,
    below: float = 0.0,
    ends: bool = True,
) -> None:
    """Write the names of channels at the left of each line of cells, and the ends of their time, or
    of the scale of quantities, under the first cell of the last line.

    Parameters
    ----------
    axes : Axes
    form : RowForm
    cells : Thumbnails
    room : float
        Inches for names; 0 writes none.
    below : float, default 0.0
        Points of other text under the cells.
    ends : bool, default True
        Whether there is space for the ends of time or scale.
    """
    if form.picture or not len(cells.corners):
        return
    box, dpi = axes.get_window_extent(), part_of(axes.figure).dpi
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    unit = 72 / dpi * min(box.width / abs(right - left), box.height / abs(high - low))  # points
    names, tall = form.labels(), cells.height / form.n_drawn
    starts = np.unique(cells.corners[:, 1])
    last = float(starts[-1]) + cells.height
    if room and names and unit * tall >= READABLE:
        size = min(style.SMALL_POINTS, 0.95 * unit * tall)
        letters = max((room - 0.06) / (REGULAR * size), 3)
        now = style.now()
        inks = lane_colors(form) if form.has_time else [now.muted] * len(names)
        for y in starts:
            for lane, (name, ink) in enumerate(zip(names, inks, strict=True)):
                write(
                    axes,
                    style.plain(name, letters),
                    (0.0, float(y) + (lane + 0.5) * tall),
                    (-4, 0),
                    color=to_hex(ink),
                    size=size,
                    ha="right",
                )
        if form.more:
            write(axes, form.more, (0.0, last), (-4, -3 - below), ha="right", va="top")
    if not ends:
        return
    first_last = (
        form.time_ends()
        if form.has_time
        else (f"\N{MINUS SIGN}{DEVIATIONS} sd", f"+{DEVIATIONS} sd")
    )
    x = float(cells.corners[cells.corners[:, 1] == starts[-1], 0].min())
    under = (0, -3 - below)
    if LETTER * 7 * 72 * len("".join(first_last)) > unit * cells.width:  # too narrow for two texts
        write(axes, " to ".join(first_last), (x, last), under, ha="left", va="top", size=7)
        return
    for text, at, ha in ((first_last[0], x, "left"), (first_last[1], x + cells.width, "right")):
        write(axes, text, (at, last), under, ha=ha, va="top", size=7)
