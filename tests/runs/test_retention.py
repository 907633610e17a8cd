"""Which lines leave snapshots and weights: few of many, within a limit, the same when resumed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.runs.retention import (
    WEIGHTS_LIMIT,
    WEIGHTS_LINES,
    leaves_snapshot,
    leaves_weights,
    weights_in_full,
)


def test_snapshots_thin_out_but_never_end() -> None:
    kept = [n for n in range(100_000) if leaves_snapshot(n)]
    assert kept[:100] == list(range(100))
    assert len(kept) < 700
    gaps = np.diff(kept)
    assert (gaps <= np.asarray(kept[1:]) / 25 + 1).all()


@pytest.mark.parametrize("n_bytes", [6_000, 3_100_000])
def test_the_weights_of_a_run_of_any_length_stay_within_the_limit(n_bytes: int) -> None:
    in_full = weights_in_full(n_bytes)
    kept = [n for n in range(WEIGHTS_LINES + 1000) if leaves_weights(n, in_full)]
    assert kept[:in_full] == list(range(in_full))
    assert len(kept) * n_bytes <= WEIGHTS_LIMIT
    for low in (1000, 100_000, WEIGHTS_LINES // 2):
        assert any(low <= n < 2 * low for n in kept), "each doubling has some"


@given(st.integers(1, 2**40))
def test_the_number_in_full_is_the_largest_that_fits(n_bytes: int) -> None:
    in_full = weights_in_full(n_bytes)
    assert in_full == 0 or 2 <= in_full <= 100
    assert in_full <= weights_in_full(n_bytes - 1 or 1)


@pytest.mark.parametrize("n_bytes", [WEIGHTS_LIMIT // 20, 2 * WEIGHTS_LIMIT])
def test_a_net_too_large_for_a_few_files_leaves_none(n_bytes: int) -> None:
    assert weights_in_full(n_bytes) == 0
    assert not any(leaves_weights(n, 0) for n in range(1000))


@given(st.integers(0, 2**30), st.integers(2, 100))
def test_where_there_are_weights_there_is_a_snapshot(n_logged: int, in_full: int) -> None:
    assert leaves_snapshot(n_logged) or not leaves_weights(n_logged, in_full)
