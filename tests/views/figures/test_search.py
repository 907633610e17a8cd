"""The figures of searches draw each trial and each option once."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle

from hiddenstate.views import style
from hiddenstate.views.figures.search import Point, search_history, search_importance

POINTS = [Point(2, 0.2, False), Point(0, 0.9, False), Point(1, 1.5, True), Point(3, 0.4, False)]


def test_the_history_has_the_best_complete_trial_so_far() -> None:
    with style.theme("light"):
        figure = search_history(POINTS)
        FigureCanvasAgg(figure).draw()
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["pruned"].get_xdata(), [1])
    np.testing.assert_array_equal(lines["complete"].get_ydata(), [0.9, 0.2, 0.4])
    np.testing.assert_array_equal(lines["best so far"].get_ydata(), [0.9, 0.2, 0.2, 0.2])


@pytest.mark.parametrize("n", [1, 2, 50])
def test_ticks_are_numbers_of_trials(n: int) -> None:
    with style.theme("light"):
        axes = search_history([Point(number, 0.5, False) for number in range(n)]).axes[0]
    low, high = axes.get_xlim()
    shown = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert shown[0] == 0
    assert all(tick == int(tick) < n for tick in shown)


def test_values_of_several_sizes_have_a_logarithmic_scale() -> None:
    with style.theme("dark"):
        small = search_history(POINTS)
        large = search_history([*POINTS, Point(4, 300.0, True)])
        alone = search_history([Point(0, 0.0, True)])
        FigureCanvasAgg(alone).draw()
    assert [each.axes[0].get_yscale() for each in (small, large)] == ["linear", "log"]


def test_each_option_has_a_bar_with_its_share() -> None:
    shares = [("lr", 0.7), ("hidden_size", 0.25), ("$x$", 0.05)]
    with style.theme("light"):
        figure = search_importance(shares)
        FigureCanvasAgg(figure).draw()
    axes = figure.axes[0]
    widths = [bar.get_width() for bar in axes.patches if isinstance(bar, Rectangle)]
    assert np.allclose(widths, [0.7, 0.25, 0.05])
    assert [text.get_text().strip() for text in axes.texts] == ["70%", "25%", "5%"]
