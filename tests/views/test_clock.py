"""What the axes of time are called."""

from collections.abc import Callable

import pytest

from hiddenstate.runs import Run
from hiddenstate.studio.details import details
from hiddenstate.views.held_out import held_out
from hiddenstate.views.timeline import Timeline


@pytest.mark.parametrize(
    ("name", "clock", "own"),
    [
        ("two_units", "minute", True),  # found by its name
        ("long_names", "day of the reading at the main meter", True),
        ("known_ahead", "date", True),
        ("undated", "row", False),
    ],
)
def test_times_are_called_as_their_column_is(
    name: str, clock: str, own: bool, odd_run: Callable[[str], Run]
) -> None:
    timeline = Timeline(odd_run(name))
    shown = held_out(timeline, timeline.moment())
    assert shown is not None
    assert shown.clock.partition(":")[0] == clock
    page = details(timeline.run, name)["shown"]
    assert (page["clock"], page["own_clock"]) == (clock, own)
