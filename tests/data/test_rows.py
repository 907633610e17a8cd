"""Rows of a data set are summed in parts."""

import tracemalloc

import numpy as np
import pytest

from hiddenstate.data import rows
from hiddenstate.data.prepare.statistics import statistics


@pytest.mark.parametrize("width", [1, 2, 7])
def test_sums_of_parts_are_those_of_the_whole_to_the_bit(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "AT_ONCE", 1000)
    X = np.random.default_rng(0).standard_normal((10_007, width))
    (total,) = rows.summed(lambda first, last: [X[first:last].copy()], 0, len(X), width)
    np.testing.assert_array_equal(total, X.sum(axis=0))
    (nothing,) = rows.summed(lambda first, last: [X[first:last].copy()], 0, 0, width)
    np.testing.assert_array_equal(nothing, np.zeros(width))


def test_statistics_take_little_memory_besides_the_rows() -> None:
    X = np.random.default_rng(0).standard_normal((4000, 50, 20), np.float32)
    tracemalloc.start()
    statistics(X, None, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 8 * rows.AT_ONCE  # a few arrays of a part in float64
