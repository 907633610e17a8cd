"""Draws rows of data side by side on one pair of axes, as pictures, lanes or bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import FigureBase

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.lanes import Thumbnails, draw_cells
from hiddenstate.views.figures.layout import LETTER, REGULAR, inches, on_page
from hiddenstate.views.figures.pixels import draw_pixels
from hiddenstate.views.row_form import MAX_LANES, RowForm

LANE, BAR = 24, 9
"""Heights of a channel of a series, and of a quantity, in units of their cell."""

SERIES_HEIGHT, SERIES_WIDTH, QUANTITIES_WIDTH = 60, 100, 100
"""Smallest height of a cell, and the widths of one with a series of up to 100 steps, and of one
with quantities."""

CELL_INCHES = 1.55
"""Width of a cell with a series of up to 100 steps, or with quantities, on a figure of its own."""

SMALLEST = 0.4
"""Smallest side in inches of a cell for which more cells are drawn."""

WIDENS = 2.5
"""How many times as wide as usual a cell is made that is no picture."""

SHRINKS = 0.6
"""Share of the size of a cell that stands alone above which more cells are drawn too."""

LONGEST, NAMED = 22, 18
"""Letters of a label, and of a channel's name, up to which space is made for them."""

WIDEST = 11.0
"""Width of a figure in inches up to which cells stand in one line."""

FOOT = 0.17
"""Inches below cells for the ends of their time, or of the scale of quantities."""


def size_of(form: RowForm) -> tuple[int, int]:
    """Return height and width of the cell of a row, in units of its axes."""
    if form.picture:
        return form.picture
    if form.is_quantities:
        return max(SERIES_HEIGHT // 2, BAR * form.n_drawn), QUANTITIES_WIDTH
    longer = min(max(math.sqrt(form.shape[0] / 100), 1.0), 2.0)
    return max(SERIES_HEIGHT, LANE * form.n_drawn), round(longer * SERIES_WIDTH)


def side_of(form: RowForm, side: float) -> float:
    """Return the longer side of a cell in inches: `side` for a picture."""
    h, w = size_of(form)
    return side if form.picture else CELL_INCHES * max(h, w) / SERIES_WIDTH


def gutter(form: RowForm, figure: FigureBase | None = None) -> float:
    """Return the inches at the left of cells for the names of channels; 0 on a narrow figure."""
    names = [] if form.picture else form.labels()
    if not names or (figure is not None and inches(figure)[0] < 3.2):
        return 0.0
    longest = max(style.letters(style.plain(name, NAMED)) for name in [*names, form.more])
    return REGULAR * style.SMALL_POINTS * longest + 0.1


def foot(form: RowForm) -> float:
    """Return the inches below cells for the ends of their scale."""
    return 0.0 if form.picture else FOOT


@dataclass(frozen=True)
class Fit:
    """How cells are laid out.

    Parameters
    ----------
    n : int
        Number of cells that fit with their names.
    columns : int
    gap : tuple of float
        Space between cells, down and across, in multiples of their size.
    letters : float
        Letters that fit above one.
    width : int
        Width of a cell in units of its axes: series and quantities fill the space for names.
    """

    n: int
    columns: int
    gap: tuple[float, float]
    letters: float
    width: int


def fit_cells(
    n: int,
    form: RowForm,
    width: float,
    height: float,
    text: float = 0.0,
    names: Sequence[str] = (),
) -> Fit:
    """Choose how many of `n` cells are drawn, and in how many columns.

    Parameters
    ----------
    n : int
        Number of cells.
    form : RowForm
    width, height : float
        Available space in inches.
    text : float, default 0.0
        Space for text between the lines of cells, in inches.
    names : sequence of str
        What is written above or below cells: as many cells are drawn as have space for it.
    """
    wanted, size = inches_of(names), size_of(form)

    def scale(n: int, columns: int) -> float:  # inches per unit
        lines = -(-max(n, 1) // columns)
        down = (height - (lines - 1) * text) / (lines * 1.06 * size[0])
        return max(min(width / (columns * 1.1 * size[1]), down), 1e-4)

    def best(n: int, narrowest: float) -> tuple[float, int, int]:
        fitting = [c for c in range(1, max(n, 1) + 1) if width / c >= narrowest]
        return max((scale(n, c), -c, n) for c in fitting or [1])

    chosen = best(n, 0.0)
    if wanted:
        small = [best(k, wanted) for k in range(n, 0, -1)]
        least = min([SMALLEST / min(size), *(SHRINKS * unit for unit, _, _ in small[-1:])])
        chosen = next((choice for choice in small if choice[0] >= least), chosen)
    unit, columns, shown = chosen[0], -chosen[1], chosen[2]
    pitch = min(max(1.1 * size[1] * unit, wanted), max(width / columns, 1.1 * size[1] * unit))
    letters = 0.98 * pitch / (LETTER * style.TEXT_POINTS)
    across = size[1]
    if form.picture is None:
        across = max(across, min(round(pitch / (1.1 * unit)), round(WIDENS * across)))
    gap = max(text / (unit * size[0]), 0.06), pitch / (across * unit) - 1
    return Fit(shown, columns, gap, max(letters, 3), across)


def fixed(form: RowForm, columns: int, gap: tuple[float, float]) -> Fit:
    """Return a layout in so many columns with a gap as in :class:`Fit`, whatever fits."""
    return Fit(columns, columns, gap, LONGEST, size_of(form)[1])


def inches_of(names: Sequence[str]) -> float:
    """Return the space for the longest of some names, in inches."""
    longest = max((style.letters(name) for name in names), default=0)
    return LETTER * style.TEXT_POINTS * (min(longest, LONGEST) + 1) if longest else 0.0


def figure_size(
    n: int,
    form: RowForm,
    side: float,
    most: int,
    around: float,
    text: float = 0.0,
    names: Sequence[str] = (),
) -> tuple[float, float]:
    """Return width and height in inches of a figure for cells.

    Parameters
    ----------
    n : int
        Number of cells.
    form : RowForm
    side : float
        Length of the longer side of a picture in inches.
    most : int
        Cells in one line; of series and quantities at most 5.
    around : float
        Space above and below all lines, in inches.
    text : float, default 0.0
        Space for text between lines, in inches.
    names : sequence of str
        What is written above or below cells.
    """
    size, wanted = size_of(form), inches_of(names)
    scale = side_of(form, side) / max(size)
    if form.picture is None:
        most = min(most, 5)
    free = on_page(WIDEST) - gutter(form) - 0.24
    if n > 1:  # two fit on the screen of a phone
        scale = min(scale, free / 2 / (1.1 * size[1]))
    pitch = max(1.1 * size[1] * scale, wanted)
    columns = max(1, min(n, most, int(free / pitch + 1e-6)))
    lines = max(1, -(-n // columns))
    columns = -(-max(n, 1) // lines)  # no empty place at the right
    least = 3.0 if form.picture else 3.6
    width = on_page(max(columns * pitch + gutter(form) + 0.24, least))
    height = lines * 1.06 * size[0] * scale + (lines - 1) * text
    return width, around + foot(form) + height


def draw_thumbnails(
    axes: Axes,
    rows: Array,
    form: RowForm,
    layout: Fit,
    frames: Sequence[Any] | None = None,
    rebuilt: Array | None = None,
) -> Thumbnails:
    """Draw rows in a grid, and return their places.

    Parameters
    ----------
    axes : Axes
    rows : ndarray (N, ...)
    form : RowForm
    layout : Fit
    frames : sequence of color, optional
        Colour of the frame of each; by default faint.
    rebuilt : ndarray (N, ...), optional
        Reconstructions, drawn over rows that are no pictures.
    """
    n, now = len(rows), style.now()
    h, w = size_of(form)[0], layout.width
    columns, gap = layout.columns, layout.gap
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
    if form.picture:
        pixels = [form.pixels(row) for row in rows]
        size = (lines * down, columns * across, *pixels[0].shape[2:])
        sheet = np.full(size, np.nan, np.float32)
        for (x, y), each in zip(corners, pixels, strict=True):
            sheet[y : y + h, x : x + w] = each
        draw_pixels(axes, sheet, form, (0, columns * across, lines * down, 0))
    else:
        draw_cells(axes, rows, form, thumbnails, rebuilt)
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


def features_drawn(n: int) -> Array:
    """Return the numbers of the features to draw, of `n`."""
    return np.unique(np.linspace(0, n - 1, min(n, MAX_LANES)).round().astype(int))
