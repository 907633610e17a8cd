"""Streams are parts of a signal without gaps, or the series of a file, and count from a step on."""

import numpy as np
import pytest

from hiddenstate.data.origin import Origin
from hiddenstate.data.prepare.streams import first_counted, overlap, streams_of
from hiddenstate.data.rows import Rows
from hiddenstate.errors import OptionError


def windows(series, first, separate=True, T=5):
    """Windows of T steps, of the series `series` (N,) and from their steps `first` (N,) on."""
    series, first = np.asarray(series), np.asarray(first)
    origin = Origin(series, len(set(series)), first, np.zeros_like(first), separate=separate)
    return Rows(np.zeros((len(series), T, 1)), origin=origin)


ONE = windows([0] * 10, np.arange(10) * 5)
GAP = windows([0] * 6, [0, 5, 10, 30, 35, 40])  # steps 15 to 29 are missing
THREE = windows([0, 0, 0, 2, 2, 5], [0, 5, 10, 0, 5, 0])


@pytest.mark.parametrize(
    ("rows", "wanted", "first", "length", "at_once"),
    [
        (ONE, 3, (0, 3, 6), (3, 3, 4), 3),
        (ONE, 10, tuple(range(10)), (1,) * 10, 10),
        (GAP, 2, (0, 3), (3, 3), 2),
        (GAP, 3, (0, 2, 3, 4), (2, 1, 1, 2), 3),
        (THREE, None, (0, 3, 5), (3, 2, 1), 3),
        (THREE, 2, (0, 3, 5), (3, 2, 1), 2),
        (windows([7, 7, 8], [0, 20, 0]), None, (0, 1, 2), (1, 1, 1), 3),
    ],
)
def test_streams_are_parts_without_gaps(rows, wanted, first, length, at_once):
    streams = streams_of(rows, wanted, "own")
    assert (streams.first, streams.length, streams.at_once) == (first, length, at_once)


@pytest.mark.parametrize("wanted", [None, 1])
def test_one_stream_of_one_signal_is_all_rows(wanted):
    assert streams_of(ONE, wanted, "own") is None
    assert streams_of(windows(np.arange(4), [0] * 4, separate=False), wanted, "own") is None


def test_more_streams_than_windows_are_refused():
    with pytest.raises(OptionError, match="--streams: own has 10 training windows, fewer than 11"):
        streams_of(ONE, 11, "own")


def test_the_first_window_of_each_stream_counts_later():
    assert first_counted(6, 3, streams_of(THREE, None, "own")).tolist() == [3, 0, 0, 3, 0, 3]
    assert first_counted(3, 2, None).tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ONE, False),
        (GAP, False),
        (windows([0, 0], [0, 4]), True),
        (windows([0, 1], [0, 4]), False),
        (windows(np.arange(3), [0] * 3, separate=False), False),
    ],
)
def test_windows_that_share_steps_overlap(rows, expected):
    assert overlap(rows) is expected
