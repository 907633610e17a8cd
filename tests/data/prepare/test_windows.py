"""Windows are slices of their series, with the targets one horizon later."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.data import Rows
from hiddenstate.data.prepare.windows import cut_windows
from hiddenstate.errors import DataError

Array = np.ndarray[Any, Any]
quick = settings(max_examples=150)


def coded(lengths: list[int], features: int = 2) -> Rows:
    """Series whose values encode series, step and feature: s.ttf; padding is -1."""
    N, T = len(lengths), max(lengths)
    s, t, f = np.ogrid[:N, :T, :features]
    X = 1000.0 * s + 10 * t + f
    y = 1000.0 * np.arange(N)[:, None, None] + 10 * np.arange(T)[None, :, None] + 5
    gone = np.arange(T) >= np.array(lengths)[:, None]
    X[gone], y[gone] = -1, -1
    return Rows(
        X,
        y,
        lengths=None if min(lengths) == T else np.array(lengths),
        weights=np.arange(N) + 1.0,
        groups=np.arange(N),
        ids=np.arange(N).astype(str),
    )


cases = st.tuples(
    st.lists(st.integers(1, 30), min_size=1, max_size=6),  # lengths
    st.integers(0, 9),  # window
    st.none() | st.integers(1, 12),  # stride
    st.none() | st.integers(1, 6),  # horizon
    st.sampled_from(["steps", "last"]),
)


def expected(lengths: list[int], window: int, stride: int | None, horizon: int) -> list[Any]:
    """The (series, first step, last step) of every window, by plain loops."""
    result = []
    for series, length in enumerate(lengths):
        usable = length - horizon
        if not window and usable > 0:
            result.append((series, 0, usable))
        first = 0
        while window and first + window <= usable:
            result.append((series, first, first + window))
            first += stride or window
    return result


@given(cases)
@quick
def test_windows_equal_those_of_plain_loops(case: Any) -> None:
    lengths, window, stride, horizon, output = case
    rows, h = coded(lengths), horizon or 0
    spans = expected(lengths, window, stride, h)
    if not spans:
        with pytest.raises(DataError, match="here: "):
            cut_windows(rows, window, stride, horizon, output, "here")
        return
    cut = cut_windows(rows, window, stride, horizon, output, "here")
    assert len(cut) == len(spans)
    assert cut.y is not None
    for i, (series, first, last) in enumerate(spans):
        n = last - first
        assert window == 0 or cut.X.shape[1] == window
        assert n == (cut.X.shape[1] if cut.lengths is None else cut.lengths[i])
        np.testing.assert_array_equal(cut.X[i, :n], rows.X[series, first:last])
        targets = rows.y[series, first + h : last + h]
        if output == "steps":
            np.testing.assert_array_equal(cut.y[i, :n], targets)
        else:
            np.testing.assert_array_equal(cut.y[i], targets[-1])
        assert (cut.y[i, :n] if output == "steps" else cut.y[i]).min() >= 0  # never padding
        assert (cut.weights[i], cut.groups[i], cut.ids[i]) == (series + 1, series, str(series))
        np.testing.assert_array_equal(cut.times[i, :n], np.arange(first, last))


@given(cases)
@quick
def test_windows_without_targets_are_the_same_windows(case: Any) -> None:
    lengths, window, stride, horizon, output = case
    rows = coded(lengths)
    try:
        cut = cut_windows(rows, window, stride, horizon, output, "here")
    except DataError:
        return
    bare = cut_windows(Rows(rows.X, lengths=rows.lengths), window, stride, horizon, output, "here")
    assert bare.y is None
    np.testing.assert_array_equal(bare.X, cut.X)


def test_a_window_of_0_does_not_cut_series() -> None:
    rows = coded([3, 5])
    cut = cut_windows(rows, 0, None, None, "steps", "here")
    assert cut.X is rows.X
    assert cut.y is rows.y
    last = cut_windows(rows, 0, None, None, "last", "here")
    np.testing.assert_array_equal(last.y[:, 0], [25, 1045])


def test_a_series_shorter_than_a_window_is_read_whole_where_that_is_asked_for() -> None:
    rows = coded([9, 4, 2])
    assert len(cut_windows(rows, 5, 1, 2, "last", "here")) == 3
    cut = cut_windows(rows, 5, 1, 2, "last", "here", short=True)
    assert cut.lengths is not None
    assert cut.lengths.tolist() == [5, 5, 5, 2]  # the third series has no value two steps ahead
    np.testing.assert_array_equal(cut.X[3, :2, 0], [1000, 1010])
    np.testing.assert_array_equal(cut.y[:, 0], [65, 75, 85, 1035])
    assert cut_windows(rows, 2, 1, 2, "last", "here", short=True).lengths is None


def test_the_times_of_a_window_are_those_of_its_series() -> None:
    rows = coded([6], 1)
    cut = cut_windows(
        Rows(rows.X, rows.y, times=np.array([[0.0, 5, 6, 9, 20, 21]])), 2, 3, 1, "last", "here"
    )
    np.testing.assert_array_equal(cut.times, [[0, 5], [9, 20]])
    np.testing.assert_array_equal(cut.y[:, 0], [25, 55])


def test_the_target_of_a_step_is_the_value_one_horizon_later() -> None:
    t = np.arange(12.0)[None, :, None]
    cut = cut_windows(Rows(t, t), 4, 1, 3, "steps", "here")
    np.testing.assert_array_equal(cut.y, cut.X + 3)
    assert cut.y.max() == 11
    assert len(cut) == 6


@pytest.mark.parametrize(
    ("window", "horizon", "message"),
    [
        (8, None, "a window has 8 steps, but the longest series has 7; use --window 7 or less"),
        (6, 2, "but the longest series has 5 .*; use --window 5 or less"),
        (2, 7, "the longest series has 7 steps, so there is no value 7 steps ahead"),
    ],
)
def test_series_shorter_than_a_window_are_refused_with_both_numbers(
    window: int, horizon: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        cut_windows(coded([7, 3]), window, None, horizon, "steps", "here")
