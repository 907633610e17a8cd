"""The calendar of a time column: its step, its seasons, gaps, summer time, and how dates are
written."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.calendar import DAY, HOUR, MINUTE, Calendar
from tests.data.readers.tables import Read, read

__all__ = ["read"]  # fixture

FORECAST: Any = {"job": "regress", "horizon": 1, "target": ("v",)}


def calendar(read: Read, times: list[str], **options: Any) -> Calendar | None:
    text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
    return read(text, time="date", **{**FORECAST, **options}).calendar


def days(first: str, n: int, apart: int = 1) -> list[str]:
    return [str(np.datetime64(first) + apart * i) for i in range(n)]


MONTH_ENDS = ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30"]


@pytest.mark.parametrize(
    ("times", "name", "seasons", "following"),
    [
        (days("2024-02-26", 4), "day", (7,), ["2024-03-01", "2024-03-02"]),
        (
            ["2024-05-02", "2024-05-03", "2024-05-06", "2024-05-07", "2024-05-08", "2024-05-10"],
            "business day",
            (5,),
            ["2024-05-13", "2024-05-14"],
        ),
        (days("2024-01-03", 5, 7), "week", (52,), ["2024-02-07", "2024-02-14"]),
        (MONTH_ENDS, "month", (12,), ["2024-05-31", "2024-06-30"]),
        (["2023-12-30", "2024-01-30", "2024-02-29"], "month", (12,), ["2024-03-30", "2024-04-30"]),
        (["2024-01", "2024-02", "2024-04"], "month", (12,), ["2024-05", "2024-06"]),
        (["202411", "202412", "202501"], "month", (12,), [202502, 202503]),
        (["3/31/2023", "6/30/2023", "9/30/2023"], "quarter", (4,), ["12/31/2023", "3/31/2024"]),
        (["2020-07-01", "2021-07-01", "2022-07-01"], "year", (), ["2023-07-01", "2024-07-01"]),
        (["20241230", "20241231", "20250101"], "day", (7,), [20250102, 20250103]),
        (["9.2.2024", "10.2.2024", "13.2.2024"], "day", (7,), ["14.2.2024", "15.2.2024"]),
        (
            ["2024-03-01 22:00:00", "2024-03-01 23:00:00"],
            "hour",
            (24, 168),
            ["2024-03-02 00:00:00", "2024-03-02 01:00:00"],
        ),
        (
            ["2024-03-01T23:30Z", "2024-03-01T23:45Z", "2024-03-02T00:30Z", "2024-03-02T00:45Z"],
            "15min",
            (96, 672),
            ["2024-03-02T01:00Z", "2024-03-02T01:15Z"],
        ),
        (
            ["2024-05-01 10:00:00.5+0200", "2024-05-01 10:30:00.5+0200"],
            "30min",
            (48, 336),
            ["2024-05-01 11:00:00.5+0200", "2024-05-01 11:30:00.5+0200"],
        ),
        (["1:58 pm", "1:59 pm"], "minute", (60, 1440), ["2:00 pm", "2:01 pm"]),
        (["1700000000", "1700003600"], "hour", (24, 168), [1700007200, 1700010800]),
    ],
)
def test_the_step_its_seasons_and_the_times_that_follow(
    times: list[str], name: str, seasons: tuple[int, ...], following: list[Any], read: Read
) -> None:
    found = calendar(read, times, dates="mdy" if "/" in times[0] else None)
    assert found is not None
    assert (found.name, found.seasons) == (name, seasons)
    cells = np.array([int(time) for time in times] if isinstance(following[0], int) else times)
    slots = found.slots(cells)
    assert found.times(slots[-1] + np.arange(1, 3)).tolist() == following
    assert found.times(slots).tolist() == cells.tolist()


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01", "2024-01-02", "2024-01-07", "2024-01-09", "2024-01-15"],  # most days missing
        ["2024-01-01T10:00", "2024-01-01T11:00", "2024-01-01T11:59", "2024-01-01T13:00"],
        ["2024-01-30", "2024-02-28", "2024-03-29", "2024-04-30"],
        ["1", "2", "3"],
        ["2024-01-01"],
    ],
)
def test_times_without_a_regular_step_have_no_calendar(times: list[str], read: Read) -> None:
    assert calendar(read, times) is None


@pytest.mark.parametrize(
    ("unit", "multiple", "periods"),
    [
        ("fixed", 15 * MINUTE, (96, 672)),
        ("fixed", 7 * MINUTE, (1440,)),
        ("fixed", HOUR, (24, 168, 8736)),
        ("fixed", 5 * HOUR, ()),
        ("fixed", 8 * HOUR, (3, 21, 1092)),
        ("fixed", DAY, (7, 364)),
        ("fixed", 3 * DAY, ()),
        ("business day", 1, (5, 260)),
        ("fixed", 7 * DAY, (52,)),
        ("fixed", 28 * DAY, (13,)),
        ("fixed", 35 * DAY, ()),
        ("months", 1, (12,)),
        ("months", 5, ()),
        ("months", 12, ()),
    ],
)
def test_values_may_repeat_after_the_periods_of_the_calendar(
    unit: str, multiple: int, periods: tuple[int, ...]
) -> None:
    assert Calendar(unit, multiple).periods == periods
