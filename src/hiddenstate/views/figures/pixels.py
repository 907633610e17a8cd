"""Draws the pixels of rows that are pictures."""

from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.row_form import RowForm


def draw_pixels(
    axes: Axes,
    pixels: Array,
    form: RowForm,
    extent: tuple[float, float, float, float],
    aspect: Literal["equal", "auto"] = "equal",
) -> None:
    """Draw pixels from 0 to 255 as :meth:`RowForm.pixels` returns them, of one row or of several
    side by side; NaN is left empty.

    Parameters
    ----------
    axes : Axes
    pixels : ndarray (h, w) or (h, w, 3)
    form : RowForm
    extent : tuple of float
        The left, right, lower and upper end in units of the axes.
    aspect : {"equal", "auto"}
    """
    if pixels.ndim == 3:
        there = np.isfinite(pixels).all(axis=-1)
        colors = np.dstack([np.nan_to_num(pixels), np.where(there, 255, 0)])
        pixels = colors.round().astype(np.uint8)  # with transparency
    else:
        pixels = pixels / 255
    axes.imshow(
        pixels,
        cmap=style.pixels_map(form.is_photograph),
        vmin=0,
        vmax=1,
        aspect=aspect,
        extent=extent,
        interpolation="nearest",
    )
