"""Cells that stand in several lines fill them evenly, so a figure is no wider than they need."""

import numpy as np
import pytest

from hiddenstate.views import figures
from hiddenstate.views.figures.thumbnails import figure_size
from hiddenstate.views.row_form import RowForm

PICTURES = RowForm((28, 28), np.zeros(28), np.ones(28), picture=(28, 28))


@pytest.mark.parametrize(("n", "columns"), [(12, 6), (14, 7), (15, 8)])
def test_a_figure_of_two_lines_is_as_wide_as_half_of_its_cells(n: int, columns: int) -> None:
    """Eleven fit in a line; of more, as many stand in the first as in the second."""
    width, height = figure_size(n, PICTURES, 0.85, n, 0.66)
    half, lower = figure_size(columns, PICTURES, 0.85, n, 0.66)
    assert width == pytest.approx(half)
    assert height > lower


def test_a_picture_in_colour_is_drawn_in_its_colours() -> None:
    """Between pictures, the sheet is transparent."""
    rows = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3))
    flat = (rows / 255).astype(np.float32).reshape(2, -1)
    (axes,) = figures.predictions(flat, ["a", "b"], ["a", "b"], (4, 5, 3)).axes
    sheet = np.asarray(axes.get_images()[0].get_array())
    np.testing.assert_array_equal(sheet[:4, :5, :3], rows[0])
    assert (sheet[:4, :5, 3].min(), sheet[:4, 5, 3].max()) == (255, 0)
