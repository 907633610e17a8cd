"""Numbers at axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from hiddenstate.views import figures
from hiddenstate.views.figures.layout import add_axes
from tests.figure_texts import overlaps, placed_texts


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0, 4e8, "1.6e8"),
        (-3e7, 3e7, "\N{MINUS SIGN}1.5e7"),
        (0.0, 2e-6, "1.2e\N{MINUS SIGN}6"),
        (0.0, 1.0, "0.2"),
        (2000.0, 9000.0, "6000"),
    ],
)
def test_large_and_small_numbers_have_no_factor_beside_their_axis(low, high, shown):
    figure = Figure()
    axes = add_axes(figure, (0.2, 0.2, 0.7, 0.7))
    axes.set(xlim=(low, high), ylim=(low, high))
    texts = [placed.text for placed in placed_texts(figure)]
    assert shown in texts
    assert axes.yaxis.get_offset_text().get_text() == ""


def test_long_numbers_that_differ_little_keep_their_offset():
    figure = Figure()
    axes = add_axes(figure, (0.2, 0.2, 0.7, 0.7))
    axes.set_ylim(101_325_000.0, 101_325_400.0)
    assert "+1.01325e8" in [placed.text for placed in placed_texts(figure)]


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 2e4, 1e8])
def test_the_names_of_axes_lie_between_their_numbers_and_the_edge(scale):
    time = np.arange(60.0).reshape(12, 5)
    wave = scale * np.sin(time)[..., None] * [1, 100]
    for names in (("demand", "price"), ()):
        assert overlaps(figures.tracking(time, wave, wave, names=names)) == []
    states = scale * np.random.default_rng(0).normal(size=(30, 4))
    assert overlaps(figures.portrait(states)) == []
    history = [
        {"step": k, "loss": scale * 3.0**-k, "mean_loss": scale * 2.5**-k, "test_accuracy": 0.5}
        for k in range(9)
    ]
    assert overlaps(figures.learning(history)) == []
