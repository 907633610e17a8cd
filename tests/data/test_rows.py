"""Rows of a data set are summed in parts."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset, rows
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.statistics import statistics
from hiddenstate.data.store import PIECE
from hiddenstate.engines import make_engine
from hiddenstate.jobs import make_job
from hiddenstate.training.initial_state import starting_state


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


def test_many_windows_of_a_series_are_kept_as_views(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have the numbers of copies, and a net learns the same from them."""
    X = np.random.default_rng(0).normal(5, 2, (1, 3000, 4)).astype(np.float32)
    data = SequenceDataset("own", Rows(X, X), source="file")
    options = {"window": 32, "stride": 1, "horizon": 1, "max_steps": 40, "scale": "standard"}
    config = make_config("regress", {**options, "stateful": False, "output": "steps"})
    trained, copies = list[tuple[Any, ...]](), prepare(data, config)
    for most in (PIECE, 2**16):
        monkeypatch.setattr(rows, "PIECE", most)
        tracemalloc.start()
        own = prepare(data, config)
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        job = make_job(config, own)
        engine = make_engine(job.task(), starting_state(job))
        losses = engine.run(0, 40, lambda: False).losses
        trained.append((losses, engine.predict(own.train.X), job._train_targets))  # type: ignore[attr-defined]
    assert kept < 6 * X.nbytes < copies.X.nbytes
    np.testing.assert_array_equal(own.X, copies.X)
    np.testing.assert_array_equal(own.train.y, copies.train.y)
    for one, other in zip(*trained, strict=True):
        np.testing.assert_array_equal(one, other)
    alike = (replace(each, fingerprint_as_read=None).fingerprint() for each in (own, copies))
    assert len(set(alike)) == 1


@pytest.mark.parametrize(("n", "width"), [(1, 5), (2, 1), (7, 1), (7, 3), (8, 2), (9, 100)])
def test_spans_of_columns_are_all_of_them_and_never_one_of_several(n: int, width: int) -> None:
    spans = rows.column_spans(n, width)
    assert [column for span in spans for column in range(n)[span]] == list(range(n))
    assert min(len(range(n)[span]) for span in spans) >= min(n, 2)


def test_row_numbers_that_follow_one_another_are_a_slice() -> None:
    assert rows.as_slice(np.arange(3, 7)) == slice(3, 7)
    for other in ([3, 5, 4, 6], [], [2, 4]):
        assert rows.as_slice(np.array(other, int)).tolist() == other


def test_known_steps_are_found_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).standard_normal((2, 300, 3))
    values[1, 17, 2] = np.nan
    whole = rows.known_steps(values)
    assert np.argwhere(~whole).tolist() == [[1, 17]]
    monkeypatch.setattr(rows, "PIECE", 1000)
    np.testing.assert_array_equal(rows.known_steps(values), whole)


def test_computed_values_are_read_as_an_array_and_made_block_by_block() -> None:
    whole, made = np.random.default_rng(0).standard_normal((50, 3)), list[slice]()

    def make(some: slice) -> np.ndarray:
        made.append(some)
        return whole[some]

    computed = rows.Computed(make, whole.shape, 7)
    for which in (slice(3, 5), slice(0, 0), np.array([40, 2, 9]), np.arange(50) % 2 == 0, ...):
        np.testing.assert_array_equal(computed[which], whole[which])
        np.testing.assert_array_equal(computed[which, 1], whole[which][:, 1])
    np.testing.assert_array_equal(np.asarray(computed), whole)
    made.clear()
    for first in range(50):
        assert computed[first : first + 1].shape == (1, 3)
    assert len(made) == 8
    assert max(some.stop - some.start for some in made) == 7
