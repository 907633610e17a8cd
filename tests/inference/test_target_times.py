"""Times after the end of a series, and whether those of a file are they."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate.inference.target_times import LaterTimes, target_times
from tests.data.readers.tables import Read, read

__all__ = ["read"]  # fixture

FORECAST: Any = {"job": "regress", "horizon": 1, "target": ("v",)}


def dates(first: str, form: str, freq: str = "D") -> Any:
    return pd.date_range(first, periods=40, freq=freq).strftime(form)


TIMES: dict[str, Any] = {
    "days": (dates("2024-01-01", "%d/%m/%Y"), "12/02/2024"),
    "american": (dates("2024-01-01", "%m/%d/%Y"), "02/12/2024"),
    "months": (
        dates("2010-01-31", "%Y-%m-%d", "ME"),
        "2013-07-31",
    ),
    "month": (dates("2010-01-01", "%Y-%m", "MS"), "2013-07"),
    "working days": (dates("2024-01-01", "%-m/%-d/%Y", "B"), "2/28/2024"),
    "hours": (
        dates("2024-01-01", "%Y-%m-%d %H:%M", "h"),
        "2024-01-02 18:00",
    ),
    "compact": (dates("2024-01-01", "%Y%m%d"), 20240212),
    "numbers": (np.arange(40) * 0.5, 21),
    "years": (np.arange(1980, 2020), 2022),
    "irregular": (np.arange(40) ** 2, None),
}
"""Forty times in a form, and the third after them."""


def later(read: Read, times: Any, **options: Any) -> LaterTimes:
    text = "time,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
    table = read(text, **options, **FORECAST).train.origin.table
    return LaterTimes(table, 0, len(times) - 1)


def test_times_go_on_over_gaps_and_each_series_has_its_own_step(read: Read) -> None:
    rows = [f"2024-01-{day:02},a,1" for day in (1, 2, 3, 5, 6)]
    rows += [f"2024-01-{day:02},b,1" for day in (1, 8, 15, 29)]
    rows += [f"2024-01-{day:02},c,1" for day in (1, 2, 4, 9, 17)]
    text = "\n".join(["time,id,v", *rows, ""])
    table = read(text, id=("id",), **FORECAST).train.origin.table
    times = target_times(table, np.array([0, 0, 1, 2]), np.array([2, 4, 3, 4]), 1)
    assert times.tolist() == ["2024-01-05", "2024-01-07", "2024-02-05", None]


@pytest.mark.parametrize(
    ("last", "following", "fits"),
    [
        (["03-31 00:00", "03-31 01:00"], ["03-31 03:00", "03-31 04:00"], [True, True]),
        (["03-31 00:00", "03-31 01:00"], ["03-31 02:00", "03-31 03:00"], [True, True]),
        (["03-31 00:00", "03-31 01:00"], ["03-31 04:00", "03-31 05:00"], [False, False]),
        (["06-30 00:00", "06-30 01:00"], ["06-30 03:00", "06-30 04:00"], [False, False]),
        (["10-26 23:00", "10-27 00:00"], ["10-27 01:00", "10-27 02:00", "10-27 02:00"], [True] * 3),
        (["10-27 01:00", "10-27 02:00"], ["10-27 03:00", "10-27 05:00"], [True, False]),
    ],
)
def test_clocks_may_skip_or_repeat_an_hour_between_a_series_and_a_file(last, following, fits, read):
    own = later(read, [f"2024-{time}" for time in last])
    text = "time,v\n" + "".join(f"2024-{time},1\n" for time in following)
    dates = read(text, **FORECAST).train.origin.table.dates
    assert own.are_next(dates.moments, zoned=False).tolist() == fits


def test_offsets_are_compared_in_utc(read: Read) -> None:
    own = later(read, ["2024-03-31T00:00+01:00", "2024-03-31T01:00+01:00"])
    text = "time,v\n2024-03-31T03:00+02:00,1\n2024-03-31T02:00Z,1\n2024-03-31T04:00Z,1\n"
    dates = read(text, **FORECAST).train.origin.table.dates
    assert own.are_next(dates.moments, zoned=True).tolist() == [True, True, False]
    assert own.times(np.array([1])).tolist() == ["2024-03-31T02:00+01:00"]


@pytest.mark.parametrize("name", TIMES)
def test_times_go_on_in_the_form_of_the_series(name: str, read: Read) -> None:
    times, last = TIMES[name]
    own = later(read, times, **({"dates": "mdy"} if name == "american" else {}))
    found = own.times(np.array([3]))
    if last is None:
        assert found is None
    else:
        assert (found[0] if isinstance(last, str) else float(found[0])) == last
