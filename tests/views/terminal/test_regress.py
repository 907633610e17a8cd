"""The panels of a regressor in a terminal."""

import pytest

from hiddenstate.views.terminal import panels
from hiddenstate.views.timeline import Timeline
from tests.views.terminal.test_panels import drawn


def test_target_and_prediction_are_the_newest_windows(run_of):
    timeline = Timeline(run_of("regress"))
    moment = timeline.moment(20)
    text = drawn(timeline, page="tracking", step=20).text
    time = moment.arrays["time"]
    n = int(text.split("last ")[1].split(" of")[0])
    assert f"last {n} of 20 windows" in text
    assert f"time {panels.short(time[-n][0])}" in text


def test_axes_reach_to_the_end_of_the_run_at_every_moment(run_of):
    timeline = Timeline(run_of("regress"))
    for step in timeline.steps[3:]:
        screen = drawn(timeline, 120, 40, step=step).text.splitlines()
        (line,) = (line for line in screen if line.count("window 1 ") == 2)  # loss and error
        assert line.split().count("25") == 2


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.0, 94.25), ("0.0", "94.2")),
        ((188_401.2, 188_495.4), ("188,401.2", "188,495.4")),
        ((1.7e9, 1.7e9 + 86_400), ("1,700,000,000", "1,700,086,400")),
        ((0.0, 19.0), ("0", "19")),
        ((0.0, 0.02), ("0.00", "0.02")),
        ((5.0, 5.0), ("5", "5")),
        ((float("nan"), 1.0), ("nan", "1")),
        ((0.0, 1e300), ("0", "1e+300")),
    ],
)
def test_the_ends_of_a_time_axis_have_enough_decimals(ends, expected):
    assert panels.axis_ends(*ends) == expected
