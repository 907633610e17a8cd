"""Numbers at axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from hiddenstate.views import figures
from hiddenstate.views.figures.dates import date_axis
from hiddenstate.views.figures.layout import add_axes
from tests.figure_texts import overlaps, placed_texts


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        *[(0.0, 4e8, "160M"), (-3e7, 3e7, "\N{MINUS SIGN}10M"), (0.0, 850_000.0, "200k")],
        *[(0.0, 2e-6, "1.2e\N{MINUS SIGN}6"), (0.0, 1.0, "0.2"), (2000.0, 9000.0, "6000")],
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


def test_there_is_space_between_names_of_axes_and_short_numbers():
    """Three pixels at least."""
    event = {"step": 0, "loss": 2.0, "mean_loss": 2.0, "test_accuracy": 0.5}
    placed = {one.text: one for one in placed_texts(figures.learning([event]))}
    assert placed["test accuracy"].x1 + 3 <= placed["0.8"].x0


def ticks(start: str, end: str, width: float) -> tuple[list[str], str]:
    """The dates at an axis of some inches, and what stands beside them."""
    figure = Figure(figsize=(width, 2))
    axes = add_axes(figure, (0, 0.4, 1, 0.5))
    axes.set_xlim(*(np.datetime64(date, "s").astype(float) / 86_400 for date in (start, end)))
    date_axis(axes)
    figure.draw_without_rendering()
    return [
        tick.get_text() for tick in axes.get_xticklabels()
    ], axes.xaxis.get_offset_text().get_text()


def test_a_day_at_an_axis_has_its_month_and_the_axis_its_years():
    """The last 60 days of a series that ends in February 2024 began in December 2023."""
    days, years = ticks("2023-12-06", "2024-02-05", 3)
    assert days == ["15 Dec", "2024", "15 Jan", "1 Feb"]
    assert years == ""  # a tick is the year
    months, years = ticks("2023-06-10", "2024-02-05", 4.5)
    assert ["2024" in months, "Feb 2024" in months, years] == [True, False, ""]
    hours, both = ticks("2024-02-28T20", "2024-02-29T08", 4)
    assert ("29 Feb" in hours, both) == (True, "28 Feb 2024 \N{EN DASH} 29 Feb 2024")


def test_the_end_of_a_month_does_not_touch_the_first_day_of_the_next():
    days, _ = ticks("2024-02-19T10", "2024-03-02", 4.5)
    assert "1 Mar" in days
    assert "29 Feb" not in days
