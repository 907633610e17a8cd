"""The confusion matrix: shares, recall and precision, order and names of its classes."""

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba

from hiddenstate.views import figures, style
from hiddenstate.views.figures.confusion import has_order, similarity_order
from hiddenstate.views.figures.layout import new_figure
from hiddenstate.views.figures.numbers import percent
from tests.figure_texts import overlaps
from tests.views.figures.test_classify import titles, written

COUNTS = np.array([[8, 2, 0], [0, 5, 0], [1, 0, 9]])
LONG = [f"class_with_a_name_{n:02}" for n in range(12)]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_cells_have_counts_and_the_colour_of_their_share_of_the_true_class():
    figure = figures.confusion(COUNTS, ["cat", "dog", "owl"])
    (axes,) = figure.axes
    assert titles(figure)[1].startswith("22 of 25 correct (88%)")
    assert texts(axes)[:6] == ["cat", "cat", "dog", "dog", "owl", "owl"]
    colors = np.asarray(axes.get_images()[0].get_array())
    assert tuple(colors[1, 0]) == to_rgba(style.now().ground)  # a count of 0
    assert colors[0, 1, 0] > colors[0, 1, 2]  # errors are reddish, the diagonal is bluish
    assert colors[0, 0, 2] > colors[0, 0, 0]
    numbers = next(c for c in axes.collections if isinstance(c, PathCollection))
    np.testing.assert_array_equal(numbers.get_offsets(), [[0, 0], [1, 0], [1, 1], [0, 2], [2, 2]])
    more = figures.confusion(10 * COUNTS, ["cat", "dog", "owl"]).axes[0].get_images()[0]
    np.testing.assert_array_equal(more.get_array(), colors)  # the same shares


def test_recall_is_at_the_right_and_precision_below():
    (axes,) = figures.confusion(COUNTS, ["cat", "dog", "owl"]).axes
    patches: Any = axes.patches
    bars = [bar.get_width() for bar in patches]
    np.testing.assert_allclose(np.divide(bars[3:], bars[:3]), [0.8, 1.0, 0.9])
    assert written(axes, "80%") == 1
    precision = {"89%": 8 / 9, "71%": 5 / 7, "100%": 1.0}
    up = -36 * 0.24 - 1
    assert all(written(axes, text, up=up) == 1 for text in precision)


def test_similar_classes_stand_beside_each_other():
    counts = 20 * np.eye(6, dtype=int)
    for one, other in ((0, 3), (3, 5), (1, 4), (4, 2)):
        counts[one, other] = counts[other, one] = 5
    order = similarity_order(counts)
    assert sorted(order) == list(range(6))
    beside = {frozenset(pair) for pair in itertools.pairwise(order)}
    assert {frozenset(p) for p in ((0, 3), (3, 5), (1, 4), (4, 2))} <= beside


def test_names_with_numbers_keep_their_order():
    assert has_order(["0", "1", "10"])
    assert has_order(["level 1", "level 2"])
    assert not has_order(["walking", "running"])


@pytest.mark.parametrize("size", [None, (3.8, 3.9), (3.3, 3.4), (3.2, 2.7)])
@pytest.mark.parametrize("names", [LONG, [str(n) for n in range(10)], ["cat", "dog"]])
def test_names_and_scores_never_collide(size, names):
    counts = np.random.default_rng(0).integers(0, 30, (len(names), len(names)))
    figure = figures.confusion(counts, names, None, new_figure(*size) if size else None)
    assert overlaps(figure) == []


def test_long_names_are_whole_where_there_is_space():
    counts = np.eye(12, dtype=int)
    (axes,) = figures.confusion(counts, LONG).axes
    assert set(LONG) <= set(texts(axes))


@pytest.mark.parametrize(("share", "text"), [(0.0974, "10%"), (0.094, "9%"), (0.0002, "0.02%")])
def test_percents_are_short_and_never_powers_of_ten(share, text):
    assert percent(share) == text


@pytest.mark.parametrize("width", [3.6, 3.8, 4.2, 5.0])
def test_precisions_do_not_touch_each_other(width):
    counts, names = np.eye(10, dtype=int) * 97 + 1, [str(n) for n in range(10)]
    figure = figures.confusion(counts, names, None, new_figure(width, width))
    (axes,) = figure.axes
    for drawn in [c for c in axes.collections if isinstance(c, PathCollection)]:
        places = axes.transData.transform(drawn.get_offsets()) * 72 / figure.dpi
        boxes = [
            path.get_extents().translated(*place)
            for path, place in zip(drawn.get_paths(), places, strict=True)
        ]
        for one, other in itertools.pairwise(boxes):
            apart = other.x0 - one.x1 if abs(one.y0 - other.y0) < 1 else 9
            assert apart > 1.5
