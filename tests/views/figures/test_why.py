"""Figures of what an answer rests on."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from hiddenstate.system.typing import Array
from hiddenstate.views import style
from hiddenstate.views.figures.why import Lit, why


def lit(T: int, n: int, **rest: object) -> Lit:
    values, added = np.arange(T * n, dtype=float).reshape(T, n), np.zeros((T, n))
    added[T // 2, n - 1], added[0, 0] = 2.0, -1.0
    names = [f"x{i}" for i in range(n)]
    return Lit(values, added, names, "Why a", "note", "log-odds", **rest)  # type: ignore[arg-type]


def tints(figure: object) -> Array:
    """The image of four channels of a picture."""
    images = [image for axes in figure.axes for image in axes.images]  # type: ignore[attr-defined]
    (tint,) = [np.asarray(each.get_array()) for each in images if np.ndim(each.get_array()) == 3]
    return tint


def test_a_picture_is_lit_where_it_counts() -> None:
    with style.theme():
        now = style.now()
        tint = tints(why([lit(8, 8, picture=(10, 8))]))
        assert tint.shape == (10, 8, 4)
        np.testing.assert_allclose(tint[4, 7], (*to_rgb(now.target), 1.0))
        np.testing.assert_allclose(tint[0, 0], (*to_rgb(now.prediction), 0.5))
        assert tint[8:, :, 3].max() == 0  # what is not read yet
        assert tint[..., 3].sum() == pytest.approx(1.5)


def test_of_many_lanes_those_that_count_most_are_drawn() -> None:
    with style.theme():
        figure = why([lit(30, 9)])
        names = [axes.get_ylabel() for axes in figure.axes]
        assert names[0] == "x0"
        assert names[5] == "x8"
        assert len(figure.axes) == 7
        assert "3 more features count less" in figure.axes[5].get_xlabel()
        np.testing.assert_allclose(np.asarray(figure.axes[5].images[0].get_array())[0, 15], 2.0)
        assert figure.axes[6].get_ylabel() == "log-odds"


def test_quantities_are_bars() -> None:
    with style.theme():
        axes = why([lit(1, 20)]).axes[0]
        texts = [text.get_text() for text in axes.get_yticklabels()]
        assert texts[0] == "x19"
        assert texts[-1] == "x0"
        assert axes.patches[0].get_window_extent().width > 0
        assert "4 more count less" in axes.get_xlabel()
