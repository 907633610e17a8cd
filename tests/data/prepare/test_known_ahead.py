"""Features that are known ahead: moved in time, with ends that have no target left out."""

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.known_ahead import (
    KnownAhead,
    check_static,
    known_ahead,
    known_steps,
    with_known_ahead,
    without_ends,
)
from hiddenstate.errors import DataError

KNOWN = KnownAhead([1], [], ("y", "price"), 2, ("price",))
NAN = np.nan


def series() -> Rows:
    X = np.zeros((2, 6, 2))
    X[0] = np.stack([[1, 2, 3, 4, NAN, NAN], [10, 11, 12, 13, 14, 15]], axis=1)
    X[1, :4] = np.stack([[5, 6, 7, 8], [20, 21, 22, 23]], axis=1)
    return Rows(X, y=X[..., :1], lengths=np.array([6, 4]), ids=np.array(["a", "b"]))


def test_a_moved_feature_holds_the_value_of_the_time_that_is_predicted() -> None:
    rows = series()
    moved = KNOWN.moved(rows.X, rows.lengths)[..., 2]
    np.testing.assert_array_equal(moved[0], [12, 13, 14, 15, NAN, NAN])
    np.testing.assert_array_equal(moved[1], [22, 23, NAN, NAN, 0, 0])
    after = np.array([[[30.0], [31.0]]])
    np.testing.assert_array_equal(KNOWN.moved(rows.X[:1], None, after)[0, -2:, 2], [30, 31])
    assert KNOWN.all_names == ("y", "price", "price +2")


def test_training_ends_with_the_last_target() -> None:
    rows = series()
    assert known_steps(rows, [0]).tolist() == [4, 4]
    rows, remarks = without_ends(rows, [0], "f.csv")
    assert rows.X.shape == (2, 4, 2)
    assert rows.lengths is None
    assert remarks == [
        "f.csv: 2 steps at the end of 1 series without a target: read by forecast alone"
    ]
    empty = Rows(np.full((1, 3, 2), NAN), ids=np.array(["a"]))
    with pytest.raises(DataError, match="series a has no target at any step"):
        without_ends(empty, [0], "f.csv")


def test_new_series_end_where_nothing_is_known_ahead() -> None:
    rows, remarks = with_known_ahead(series(), KNOWN, [0], "f.csv")
    assert rows.lengths is not None
    assert rows.lengths.tolist() == [4, 2]
    np.testing.assert_array_equal(rows.X[0, :4, 2], [12, 13, 14, 15])
    assert remarks == [
        "f.csv: 2 steps at the end without values of price 2 steps ahead: not predicted"
    ]
    with pytest.raises(DataError, match="no step has values of price 2 steps ahead"):
        with_known_ahead(Rows(np.ones((1, 2, 2))), KNOWN, [0], "f.csv")


def test_text_and_calendars_are_known_ahead_by_the_names_of_their_columns() -> None:
    encodings = (Encoding("day", values=("no", "yes")), Encoding("date", calendar=("weekday",)))
    names = ("y", "day=no", "day=yes", "sin(weekday)", "cos(weekday)")
    found = known_ahead(["date", "day"], None, 1, names, encodings)
    assert found.ahead == [3, 4, 1, 2]
    with pytest.raises(KeyError):
        known_ahead(["dag"], None, 1, names, encodings)


def test_a_static_column_that_changes_is_refused_with_its_place() -> None:
    known = KnownAhead([], [1], ("y", "size"), 1)
    X = np.ones((2, 3, 2))
    check_static(Rows(X), known, "f.csv")
    X[1, 2, 1] = 4
    with pytest.raises(DataError, match="size changes in series b, at step 2"):
        check_static(Rows(X, ids=np.array(["a", "b"])), known, "f.csv")
