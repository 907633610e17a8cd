"""Draws rows of data side by side on one pair of axes, as pictures or as lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.layout import LETTER, on_page

LINE_PICTURE = (60, 100)
"""Height and width of the thumbnail of a row that is not a picture, drawn as lines."""

MAX_FEATURES = 6
"""Features that are drawn of a row, evenly spaced."""

MAX_STEPS = 400
"""Time steps that are drawn of a row, evenly spaced."""


@dataclass(frozen=True)
class Thumbnails:
    """The places of thumbnails in units of their axes; y points down."""

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


def size_of(picture: tuple[int, int] | None) -> tuple[int, int]:
    """Return height and width of the thumbnails."""
    return picture or LINE_PICTURE


def fit_columns(
    n: int, size: tuple[int, int], width: float, height: float, text: float = 0.0
) -> tuple[int, tuple[float, float], int]:
    """Choose the number of columns that makes thumbnails largest.

    Parameters
    ----------
    n : int
        Number of thumbnails.
    size : tuple of int
        Height and width of each.
    width, height : float
        Available space in inches.
    text : float, default 0.0
        Space for text between the lines of thumbnails, in inches.

    Returns
    -------
    columns : int
    gap : tuple of float
        Space between thumbnails, down and across, in multiples of their size.
    letters : int
        Letters that fit above one.
    """

    def scale(columns: int) -> float:  # inches per unit
        lines = -(-max(n, 1) // columns)
        down = (height - (lines - 1) * text) / (lines * 1.06 * size[0])
        return min(width / (columns * 1.1 * size[1]), down)

    columns = max(range(1, max(n, 1) + 1), key=scale)
    unit = max(scale(columns), 1e-4)
    letters = int(1.08 * size[1] * unit / (LETTER * style.TEXT_POINTS))
    return columns, (max(text / (unit * size[0]), 0.06), 0.1), max(letters, 3)


def figure_size(
    n: int, size: tuple[int, int], side: float, most: int, around: float, text: float = 0.0
) -> tuple[float, float]:
    """Return width and height in inches of a figure for thumbnails.

    Parameters
    ----------
    n : int
        Number of thumbnails.
    size : tuple of int
        Height and width of each.
    side : float
        Length of its longer side in inches.
    most : int
        Thumbnails in one line.
    around : float
        Space above and below all lines, in inches.
    text : float, default 0.0
        Space for text between lines, in inches.
    """
    scale = side / max(size)
    across = 1.1 * size[1] * scale
    columns = max(1, min(n, most, int((on_page(1e6) - 0.24) / across)))
    lines = max(1, -(-n // columns))
    width = on_page(max(columns * across + 0.24, 3.6))
    return width, around + lines * 1.06 * size[0] * scale + (lines - 1) * text


def draw_thumbnails(
    axes: Axes,
    rows: Array,
    picture: tuple[int, int] | None,
    columns: int,
    gap: tuple[float, float] = (0.12, 0.12),
    frames: Sequence[Any] | None = None,
    like: Array | None = None,
) -> Thumbnails:
    """Draw rows in a grid, and return their places.

    Parameters
    ----------
    axes : Axes
    rows : ndarray (N, ...)
    picture : tuple of int or None
        Height and width of the picture that a row is.
    columns : int
    gap : tuple of float
        Space between thumbnails, down and across, in multiples of their size.
    frames : sequence of color, optional
        Colour of the frame of each; by default faint.
    like : ndarray (M, ...), optional
        Rows that set the range of lines, and the colours of pixels; by default `rows`.
    """
    n, now, like = len(rows), style.now(), rows if like is None else like
    h, w = size_of(picture)
    down, across = h + max(1, round(gap[0] * h)), w + max(1, round(gap[1] * w))
    lines, columns = -(-n // columns), max(1, min(columns, n))
    number = np.arange(n)
    corners = np.column_stack([number % columns * across, number // columns * down])
    thumbnails = Thumbnails(h, w, corners)
    axes.set_xlim(-0.03 * w, columns * across - (across - w) + 0.03 * w)
    axes.set_ylim(max(lines, 1) * down - (down - h) + 0.03 * h, -0.03 * h)
    axes.set_aspect("equal", anchor="NW")
    if not n:
        return thumbnails
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
        _draw_lines(axes, rows, thumbnails, like)
    boxes = [_outline(x, y, w, h) for x, y in corners]
    edges = [now.faint] * n if frames is None else list(frames)
    widths = [0.8 if edge == now.faint else 2.0 for edge in edges]
    axes.add_collection(
        LineCollection(boxes, colors=edges, linewidths=widths, joinstyle="miter"), autolim=False
    )
    axes.set_xlim(-0.03 * w, columns * across - (across - w) + 0.03 * w)
    axes.set_ylim(lines * down - (down - h) + 0.03 * h, -0.03 * h)
    return thumbnails


def _outline(x: float, y: float, w: float, h: float) -> Array:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h], [x, y]], float)


def _draw_lines(axes: Axes, rows: Array, thumbnails: Thumbnails, like: Array) -> None:
    """Draw the features of each row as lines, in one range if their ranges are similar."""
    series = [as_series(row) for row in rows]
    chosen = features_drawn(series[0].shape[1])
    low, high = ranges([as_series(row) for row in like], chosen)
    colors = style.class_colors(len(chosen)) if len(chosen) > 1 else [style.now().prediction]
    parts, of = [], []
    for row, (x, y) in zip(series, thumbnails.corners, strict=True):
        steps = np.arange(len(row)) if len(row) > 1 else np.array([0, 1])
        across = x + (0.04 + 0.92 * steps / max(steps[-1], 1)) * thumbnails.width
        for place, feature in enumerate(chosen):
            values = np.broadcast_to(row[:, feature], steps.shape)
            share = (values - low[place]) / (high[place] - low[place])
            line = np.column_stack([across, y + (0.92 - 0.84 * share) * thumbnails.height])
            parts.append(line[np.isfinite(line).all(axis=1)])
            of.append(colors[place])
    axes.add_collection(LineCollection(parts, colors=of, linewidths=1.1), autolim=False)


def as_series(row: Array) -> Array:
    """Return a row as (T, I), thinned to `MAX_STEPS`; a flat row has one feature."""
    series = np.asarray(row, float)
    series = series if series.ndim == 2 else series.reshape(-1, 1)
    if len(series) > MAX_STEPS:
        series = series[np.linspace(0, len(series) - 1, MAX_STEPS).round().astype(int)]
    return series


def features_drawn(n: int) -> Array:
    """Return the numbers of the features to draw, of `n`."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_FEATURES)).round().astype(int))


def ranges(series: Sequence[Array], chosen: Array) -> tuple[Array, Array]:
    """Return the smallest and largest value of each chosen feature; shared if they are similar."""
    values = np.concatenate([part[:, chosen] for part in series])
    finite = np.isfinite(values)
    low = np.where(finite, values, np.inf).min(axis=0)
    high = np.where(finite, values, -np.inf).max(axis=0)
    low, high = np.where(finite.any(axis=0), low, 0.0), np.where(finite.any(axis=0), high, 1.0)
    spread = high - low
    if high.max() - low.min() <= 10 * spread[spread > 0].min(initial=math.inf):
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    flat = ~(high > low)
    room = np.where(flat, np.maximum(0.5, np.abs(low) / 2), 0)
    return low - room, high + room
