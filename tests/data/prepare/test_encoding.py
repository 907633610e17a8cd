"""Text as one feature for each value, dates as points on circles, and what a model file states."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.prepare.encoding import (
    Encoding,
    encodings_from,
    source_names,
    varying_periods,
)
from hiddenstate.data.prepare.fit import fitted_transform
from hiddenstate.data.rows import Rows
from hiddenstate.errors import UntrustedFileError
from hiddenstate.program.encoding import calendar_features, one_hot, passed

STORE = Encoding("store", values=("a", "b"))
DATE = Encoding("date", calendar=("hour",))
COLUMNS = ("price", *STORE.features, *DATE.features)
NAN = float("nan")


def dates(*texts: str) -> Any:
    return np.array(texts, "M8[us]")


def test_a_value_is_one_feature_and_a_missing_one_is_missing_in_all() -> None:
    features, unknown = one_hot(np.array(["b", "", "a", "c"], object), ("a", "b"))
    np.testing.assert_array_equal(features, [[0, 1], [NAN, NAN], [1, 0], [0, 0]])
    assert unknown.tolist() == [3]


@pytest.mark.parametrize(
    ("period", "date", "part"),
    [
        ("hour", "2024-05-06T18:00", 0.75),
        ("hour", "2024-05-06T00:36", 0.025),
        ("weekday", "2024-05-06T18:00", 0),  # a Monday
        ("weekday", "1969-12-28T23:00", 6 / 7),  # a Sunday, before the first day of the clock
        ("month", "2024-12-31", 11 / 12),
        ("month", "1969-01-31", 0),
        ("yearday", "2024-12-31", 365 / 366),
        ("yearday", "2023-12-31", 364 / 365),
    ],
)
def test_a_date_is_a_part_of_a_period(period: str, date: str, part: float) -> None:
    assert passed(dates(date), period)[0] == pytest.approx(part)


def test_the_end_of_a_period_lies_beside_its_start() -> None:
    points = calendar_features(
        dates("2024-01-01T23:59", "2024-01-01T00:00", "2024-01-01T06:00"), ["hour"]
    )
    np.testing.assert_allclose(points, [[0, 1], [0, 1], [1, 0]], atol=0.005)
    assert np.isnan(calendar_features(dates("NaT"), ["hour", "month"])).all()


def test_periods_are_chosen_that_the_dates_show_whole() -> None:
    days = np.arange("2024-01-01", "2025-02-01", dtype="M8[D]").astype("M8[us]")
    assert varying_periods(days) == ("weekday", "month")
    assert varying_periods(days[:5]) == ()
    hours = np.arange("2024-01-01T00", "2024-01-03T00", dtype="M8[h]").astype("M8[us]")
    assert varying_periods(hours) == ("hour",)
    assert varying_periods(dates("NaT")) == ()


def test_columns_are_found_by_their_features() -> None:
    assert source_names(COLUMNS, (STORE, DATE)) == ("price", "store", "date")
    assert source_names(("store=a",), (STORE,)) == ("store=a",)  # a column of that name alone


@pytest.mark.parametrize("missing", ["mean", "mask"])
def test_features_of_encodings_are_not_scaled_and_filled_in_with_zero(missing: str) -> None:
    X = np.array([[10.0, 1, 0, 0, 1], [30.0, 1, 0, 1, 0], [NAN, NAN, NAN, NAN, NAN]])
    own = fitted_transform(
        Rows(X), missing, "auto", False, columns=COLUMNS, encodings=(STORE, DATE)
    )
    applied = own.apply(X, None, "float64", "t")
    np.testing.assert_array_equal(
        applied[:, :5], [[-1, 1, 0, 0, 1], [1, 1, 0, 1, 0], [0, 0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(own.undo(applied)[:2], X[:2])
    plain = fitted_transform(
        Rows(X[:, 1:]), missing, "auto", False, columns=COLUMNS[1:], encodings=(STORE, DATE)
    )
    assert plain.scaling is None


def test_a_file_states_encodings_that_fit_its_columns() -> None:
    facts = [STORE.facts(), DATE.facts()]
    assert encodings_from(facts, COLUMNS, "m") == (STORE, DATE)
    assert encodings_from([], COLUMNS, "m") == ()
    for damaged in (
        None,
        [1],
        [{"column": "store"}],
        [{"column": 1, "values": ["a", "b"]}],
        [{"column": "store", "values": []}],
        [{"column": "store", "values": ["a", 1]}],
        [{"column": "store", "values": ["a", "a"]}],
        [{"column": "store", "values": ["b", "a"]}],
        [{"column": "store", "values": ["a", "b", "c"]}],
        [{"column": "store", "values": ["a" * 101, "b"]}],
        [{"column": "store", "values": [str(i) for i in range(101)]}],
        [{"column": "date", "calendar": ["eon"]}],
        [{"column": "date", "periods": ["hour"]}],
        [{**STORE.facts(), "calendar": ["hour"]}],
        [STORE.facts(), STORE.facts()],
        [{"column": "other", "values": ["a", "b"]}],
    ):
        with pytest.raises(UntrustedFileError, match="m: encodings are damaged"):
            encodings_from(damaged, COLUMNS, "m")


def test_flags_tell_hours_weekdays_and_months_of_the_local_clock_apart() -> None:
    utc = dates("2024-01-31T23:59:59", "1969-12-31T00:00", "NaT")
    local = dates("2024-02-01T01:59:59", "1969-12-31T01:00", "NaT")
    calendar = Encoding("at", calendar=("hours", "weekdays", "months"))
    flags = calendar_features(utc, calendar.calendar, local)
    assert flags.shape == (3, 43)
    named = [
        [name for name, flag in zip(calendar.features, row, strict=True) if flag] for row in flags
    ]
    assert named[0] == ["hour(1)", "weekday(Thu)", "month(2)"]
    assert named[1] == ["hour(1)", "weekday(Wed)", "month(12)"]
    assert np.isnan(flags[2]).all()
    assert encodings_from([calendar.facts()], calendar.features, "m") == (calendar,)
