"""Rows of data side by side, as the pictures they are or as lines, all on one pair of axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from hiddenstate.views import style
from hiddenstate.views.figures.layout import LETTER

Array = NDArray[Any]

LINE_CELL = (60, 100)
"""Height and width of the cell of a row that is no picture."""

LINES_IN_CELL = 6
"""Features of a row drawn at the most, evenly spread."""

POINTS_IN_LINE = 400
"""Steps of a line drawn in a cell at the most."""


@dataclass(frozen=True)
class Cells:
    """Where the cells of a montage lie, in units of its axes; y runs down."""

    height: int
    width: int
    corners: Array  # (N, 2): x of the left and y of the top edge

    @property
    def above(self) -> Array:
        """The middles (N, 2) of the cells' upper edges."""
        return np.add(self.corners, [self.width / 2, 0])

    @property
    def below(self) -> Array:
        """The middles (N, 2) of the cells' lower edges."""
        return np.add(self.corners, [self.width / 2, self.height])


def size_of(picture: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of a cell for rows of that kind."""
    return picture or LINE_CELL


def fitting(
    n: int, cell: tuple[int, int], width: float, height: float, text: float = 0.0
) -> tuple[int, tuple[float, float], int]:
    """In how many columns `n` cells are largest, the gaps between them, in cells, and how many
    letters fit over one.

    Parameters
    ----------
    cell : tuple of int
        Height and width of a cell.
    width, height : float
        Room, in inches.
    text : float
        Inches needed between a cell and the one below it.
    """

    def scale(columns: int) -> float:  # inches a unit of the cell
        lines = -(-max(n, 1) // columns)
        down = (height - (lines - 1) * text) / (lines * 1.06 * cell[0])
        return min(width / (columns * 1.1 * cell[1]), down)

    columns = max(range(1, max(n, 1) + 1), key=scale)
    size = max(scale(columns), 1e-4)
    letters = int(1.08 * cell[1] * size / (LETTER * style.TEXT_POINTS))
    return columns, (max(text / (size * cell[0]), 0.06), 0.1), max(letters, 3)


def sheet(
    n: int, cell: tuple[int, int], side: float, most: int, around: float, text: float = 0.0
) -> tuple[float, float]:
    """Width and height in inches of a figure for `n` cells whose longer side is `side` inches.

    At most `most` stand in a line, `text` inches are left between lines, and `around` above and
    below them all.
    """
    scale = side / max(cell)
    columns = max(1, min(n, most))
    lines = max(1, -(-n // columns))
    width = max(columns * 1.1 * cell[1] * scale + 0.24, 3.6)
    return width, around + lines * 1.06 * cell[0] * scale + (lines - 1) * text


def draw_cells(
    axes: Axes,
    rows: Array,
    picture: tuple[int, int] | None,
    columns: int,
    gap: tuple[float, float] = (0.12, 0.12),
    frames: Sequence[Any] | None = None,
    like: Array | None = None,
) -> Cells:
    """Rows (N, ...) in a grid of `columns`, and where each lies.

    Parameters
    ----------
    gap : tuple of float
        Room between cells, down and across, in cells.
    frames : sequence of color, optional
        Of each cell; faint if not given.
    like : ndarray (M, ...), optional
        Rows whose range the lines share, and which tell drawings from photographs; `rows`
        themselves if not given.
    """
    n, now, like = len(rows), style.now(), rows if like is None else like
    h, w = size_of(picture)
    down, across = h + max(1, round(gap[0] * h)), w + max(1, round(gap[1] * w))
    lines, columns = -(-n // columns), max(1, min(columns, n))
    number = np.arange(n)
    corners = np.column_stack([number % columns * across, number // columns * down])
    cells = Cells(h, w, corners)
    axes.set_xlim(-0.03 * w, columns * across - (across - w) + 0.03 * w)
    axes.set_ylim(max(lines, 1) * down - (down - h) + 0.03 * h, -0.03 * h)
    axes.set_aspect("equal", anchor="NW")
    if not n:
        return cells
    if picture:
        sheet = np.full((lines * down, columns * across), np.nan, np.float32)
        for row, (x, y) in zip(rows, corners, strict=True):
            sheet[y : y + h, x : x + w] = np.reshape(row, picture)
        axes.imshow(
            sheet,
            cmap=style.pixels_map(like),
            vmin=0,
            vmax=1,
            aspect="equal",
            extent=(0, columns * across, lines * down, 0),
            interpolation="nearest",
        )
    else:
        _draw_lines(axes, rows, cells, like)
    boxes = [_outline(x, y, w, h) for x, y in corners]
    edges = [now.faint] * n if frames is None else list(frames)
    widths = [0.8 if edge == now.faint else 2.0 for edge in edges]
    axes.add_collection(
        LineCollection(boxes, colors=edges, linewidths=widths, joinstyle="miter"), autolim=False
    )
    axes.set_xlim(-0.03 * w, columns * across - (across - w) + 0.03 * w)
    axes.set_ylim(lines * down - (down - h) + 0.03 * h, -0.03 * h)
    return cells


def _outline(x: float, y: float, w: float, h: float) -> Array:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]], float)


def _draw_lines(axes: Axes, rows: Array, cells: Cells, like: Array) -> None:
    """Each row's features as lines in its cell; one range for all where their ranges are alike,
    else one a feature."""
    series = [as_series(row) for row in rows]
    chosen = features_drawn(series[0].shape[1])
    low, high = ranges([as_series(row) for row in like], chosen)
    colors = style.class_colors(len(chosen)) if len(chosen) > 1 else [style.now().prediction]
    parts, of = [], []
    for row, (x, y) in zip(series, cells.corners, strict=True):
        steps = np.arange(len(row)) if len(row) > 1 else np.array([0, 1])
        across = x + (0.04 + 0.92 * steps / max(steps[-1], 1)) * cells.width
        for place, feature in enumerate(chosen):
            values = np.broadcast_to(row[:, feature], steps.shape)
            share = (values - low[place]) / (high[place] - low[place])
            line = np.column_stack([across, y + (0.92 - 0.84 * share) * cells.height])
            parts.append(line[np.isfinite(line).all(axis=1)])
            of.append(colors[place])
    axes.add_collection(LineCollection(parts, colors=of, linewidths=1.1), autolim=False)


def as_series(row: Array) -> Array:
    """A row as (T, I), thinned to `POINTS_IN_LINE` steps; flat ones are one feature."""
    series = np.asarray(row, float)
    series = series if series.ndim == 2 else series.reshape(-1, 1)
    if len(series) > POINTS_IN_LINE:
        series = series[np.linspace(0, len(series) - 1, POINTS_IN_LINE).round().astype(int)]
    return series


def features_drawn(n: int) -> Array:
    """Numbers of the features that are drawn of `n`, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, LINES_IN_CELL)).round().astype(int))


def ranges(series: Sequence[Array], chosen: Array) -> tuple[Array, Array]:
    """The lowest and highest value of each chosen feature; shared where they differ little."""
    values = np.concatenate([part[:, chosen] for part in series])
    known = np.isfinite(values)
    low = np.where(known, values, np.inf).min(axis=0)
    high = np.where(known, values, -np.inf).max(axis=0)
    low, high = np.where(known.any(axis=0), low, 0.0), np.where(known.any(axis=0), high, 1.0)
    spread = high - low
    if high.max() - low.min() <= 10 * spread[spread > 0].min(initial=math.inf):
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    flat = ~(high > low)
    room = np.where(flat, np.maximum(0.5, np.abs(low) / 2), 0)
    return low - room, high + room
