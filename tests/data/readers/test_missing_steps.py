"""Steps that a long table is without are counted, or added as rows of missing values."""

import re
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import OptionError
from tests.data.readers.tables import Read, equal, read, refused

__all__ = ["read"]  # fixture

FORECAST: Any = {"job": "regress", "horizon": 1, "target": ("v",)}
SHOPS = """date,shop,region,price,v
2024-03-01,a,north,1,10
2024-03-02,a,north,2,11
2024-03-05,a,north,3,12
2024-03-03,b,south,1,20
2024-03-04,b,south,2,21
2024-03-06,b,south,3,22
"""
MORE: Any = {"id": ("shop",), "input": ("v", "price"), "static": ("region",), **FORECAST}


def test_missing_days_are_counted_from_the_first_to_the_last_of_each_series(read: Read) -> None:
    found = read(SHOPS, **MORE)
    missing = found.missing_steps
    assert missing is not None
    assert (missing.n, missing.n_steps, missing.time, missing.series) == (3, 9, "2024-03-03", "a")
    assert found.remarks[-1] == (
        "t.csv: 3 of 9 days are missing, the first 2024-03-03 of a; --every day fills them in"
    )
    assert read(SHOPS, **{**MORE, "job": "autoencode", "horizon": None}).missing_steps is None


def test_every_adds_rows_with_what_is_known_of_their_series(read: Read) -> None:
    data = read(SHOPS, every="day", calendar=("weekday",), **MORE)
    nan = np.nan
    assert data.columns is not None
    X = data.X[..., [data.columns.index(name) for name in ("v", "price", "region=north")]]
    equal(data.train.lengths, [5, 4])
    equal(X[0], [[10, 1, 1], [11, 2, 1], [nan, nan, 1], [nan, nan, 1], [12, 3, 1]])
    equal(X[1, :4], [[20, 1, 0], [21, 2, 0], [nan, nan, 0], [22, 3, 0]])
    equal(data.y[0, :, 0], [10, 11, nan, nan, 12])
    weekday = data.X[..., data.columns.index("sin(weekday)")]
    equal(weekday[0], np.sin(2 * np.pi * np.array([4, 5, 6, 0, 1]) / 7).astype(np.float32))
    table = data.train.origin.table
    times = table.times_of(np.zeros(5, int), np.arange(5))
    assert times.tolist() == [f"2024-03-0{day}" for day in range(1, 6)]
    assert table.file_rows(np.zeros(5, int), np.arange(5)).tolist() == [0, 1, None, None, 2]
    assert [data.train.origin.file_row(1, step) for step in (1, 2, 3)] == [4, None, 5]
    assert data.remarks[-1] == (
        "t.csv: 3 of 9 days are missing, the first 2024-03-03 of a; added as missing values "
        "(--every day)"
    )


@pytest.mark.parametrize(
    ("every", "times", "message"),
    [
        ("day", "2024-01-01T09:00 2024-01-01T17:00", "csv:3:date: 2024-01-01T17:00 and "
         "2024-01-01T09:00 at csv:2 are in one day; use another --every"),
        ("week", "2024-01-01 2024-01-02", "csv:3:date: 2024-01-02 and 2024-01-01 at csv:2 are in "
         "one week; use --every day"),
        ("hour", "2024-01-01 2024-01-02 2024-01-03", "csv:3:date: --every hour is finer than the "
         "data: most rows are 24 steps apart, such as 2024-01-02 and 2024-01-01 at csv:2; use "
         "--every day"),
        ("weekday", "2024-01-05 2024-01-06", "csv:3:date: 2024-01-06 is a Saturday, but --every "
         "weekday has steps from Monday to Friday; use --every day"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit_the_step_are_refused(
    every: str, times: str, message: str, read: Read
) -> None:
    text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times.split()))
    error = refused(read, text, every=every, **FORECAST)
    assert re.sub(r" \S*t\.csv", " csv", error).startswith(message)


def test_tables_without_dates_are_refused(read: Read) -> None:
    for text, message in {
        "t,v\n0,1\n1,2\n3,4\n": "column t of .* holds no dates",
        "u,v\n0,1\n1,2\n3,4\n": "has no time column; name it with --time COL",
    }.items():
        with pytest.raises(OptionError, match=message):
            read(text, every="day", layout="long", **FORECAST)


def test_rows_that_are_known_ahead_are_not_made_up(read: Read) -> None:
    rows = ["01,1,1", "03,1,3", "04,2,", "05,3,", "07,4,"]
    text = "date,price,v\n" + "".join(f"2024-03-{row}\n" for row in rows)
    data = read(text, every="day", input=("v", "price"), future=("price",), **FORECAST)
    times = data.train.origin.table.times_of(np.zeros(6, int), np.arange(6))
    assert [time[-1] for time in times] == ["1", "2", "3", "4", "5", "7"]


def test_summer_time_skips_and_repeats_an_hour(read: Read) -> None:
    local = [f"2024-03-31 {hour:02}:00" for hour in (0, 1, 3, 4)]
    back = [f"2024-10-27 {hour:02}:00" for hour in (1, 2, 2, 3)]
    for times in (local, back, back[::-1]):
        text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
        data = read(text, every="hour", **FORECAST)
        assert data.X.shape[1] == 4
        assert data.missing_steps is None
        equal(data.X[0, :, 0], range(4) if times == sorted(times) else [3, 2, 1, 0])
    quarters = [f"2024-10-27 02:{m:02}" for m in (0, 15, 30, 45, 0, 15, 30, 45)]
    text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(quarters))
    equal(read(text, **FORECAST).X[0, :, 0], range(8))
    for twice in ("2024-10-28 02:00", "2024-07-28 02:00", "2024-10-27 12:00"):
        other = np.datetime64(twice.replace(" ", "T"))
        hour = np.timedelta64(60, "m")
        rows = [other - hour, other, other, other + hour]
        text = "date,v\n" + "".join(f"{time},1\n" for time in rows)
        assert "occurs twice" in refused(read, text, **FORECAST)


def test_offsets_tell_the_hours_of_summer_time_apart(read: Read) -> None:
    times = ["2024-10-27T01:00+02:00", "2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"]
    times += ["2024-10-27T04:00+01:00"]
    text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(times))
    data = read(text, every="hour", **FORECAST)
    table = data.train.origin.table
    assert table.times_of(np.zeros(5, int), np.arange(5))[3] == "2024-10-27T03:00+01:00"
    equal(data.X[0, :, 0], [0, 1, 2, np.nan, 3])
    assert data.calendar is not None
    assert data.calendar.times(data.calendar.slots(times[-1:]) + 1)[0] == "2024-10-27T05:00+01:00"
    offsets = {"03-30": 1, "03-31": 1, "04-01": 2, "04-02": 2}
    daily = [f"2024-{day}T00:00+0{hours}:00" for day, hours in offsets.items()]
    text = "date,v\n" + "".join(f"{time},{i}\n" for i, time in enumerate(daily))
    found = read(text, **FORECAST).calendar
    assert found is not None
    assert found.name == "day"
    equal(found.slots(daily), range(4))


def test_the_column_that_tells_series_apart_is_named_where_a_time_occurs_twice(read: Read) -> None:
    rows = [f"2020-01-{day:02d},{shop},{day}" for shop in "AB" for day in range(1, 9)]
    message = refused(read, "\n".join(["date,shop,v", *rows, ""]), **FORECAST)
    assert message.endswith("name the series with --id shop")
