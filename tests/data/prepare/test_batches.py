"""The rows of each step."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.data.prepare.batches import Batches, generator

sizes = st.tuples(st.integers(1, 200), st.integers(1, 70), st.integers(0, 2**63 - 1))
quick = settings(max_examples=60)


def epoch(batches: Batches, number: int) -> list[int]:
    n = batches.steps_per_epoch
    steps = range(batches.first_step + number * n, batches.first_step + (number + 1) * n)
    return [int(row) for step in steps for row in batches.rows(step)]


@given(sizes, st.integers(0, 5), st.integers(0, 1000))
@quick
def test_every_row_is_seen_once_per_epoch(
    size: tuple[int, int, int], number: int, first: int
) -> None:
    batches = Batches(*size, first_step=first)
    assert sorted(epoch(batches, number)) == list(range(size[0]))


@given(sizes, st.integers(0, 300))
@quick
def test_a_batch_depends_only_on_seed_and_step(size: tuple[int, int, int], step: int) -> None:
    walked, asked = Batches(*size), Batches(*size)
    for earlier in range(step % 7):
        walked.rows(earlier)
    np.testing.assert_array_equal(walked.rows(step), asked.rows(step))


@given(sizes)
@quick
def test_only_the_last_batch_of_an_epoch_may_be_short(size: tuple[int, int, int]) -> None:
    n_rows, batch_size, _ = size
    batches = Batches(*size)
    lengths = [len(batches.rows(step)) for step in range(batches.steps_per_epoch)]
    assert lengths[:-1] == [batch_size] * (len(lengths) - 1)
    assert 0 < lengths[-1] <= batch_size
    assert sum(lengths) == n_rows


@given(sizes)
@quick
def test_without_shuffling_rows_keep_their_order(size: tuple[int, int, int]) -> None:
    batches = Batches(*size, shuffle=False)
    assert epoch(batches, 0) == epoch(batches, 3) == list(range(size[0]))


def test_each_epoch_has_an_order_of_its_own() -> None:
    batches = Batches(100, 10)
    assert epoch(batches, 0) != epoch(batches, 1)
    assert epoch(batches, 0) != list(range(100))


def test_each_seed_has_an_order_of_its_own() -> None:
    assert epoch(Batches(100, 10, seed=1), 0) != epoch(Batches(100, 10, seed=2), 0)


def test_the_order_does_not_depend_on_the_batch_size() -> None:
    assert epoch(Batches(100, 7), 0) == epoch(Batches(100, 64), 0)


def test_changing_a_batch_changes_no_later_one() -> None:
    batches = Batches(10, 10)
    batches.rows(0)[:] = -1
    assert sorted(batches.rows(0)) == list(range(10))


def test_a_carried_state_is_reset_at_each_later_epoch() -> None:
    batches = Batches(6, 2, first_step=10)
    assert [step for step in range(10, 20) if batches.starts_anew(step)] == [13, 16, 19]
    assert [batches.epoch_of(step) for step in (10, 12, 13, 16)] == [0, 0, 1, 2]


def draws(*key: Any) -> list[float]:
    seed, purpose, *counters = key
    return list(generator(seed, purpose, *counters).random(4))


def test_equal_keys_give_equal_numbers_and_others_do_not() -> None:
    keys = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", 1, 1), (0, "a", 11)]
    result = [draws(*key) for key in keys]
    assert result == [draws(*key) for key in keys]
    assert len({tuple(numbers) for numbers in result}) == len(keys)


def test_another_process_draws_the_same_numbers() -> None:
    code = "from hiddenstate.data.prepare.batches import Batches; print(*Batches(9, 9, 3).rows(4))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [int(n) for n in out.stdout.split()] == Batches(9, 9, 3).rows(4).tolist()


@pytest.mark.parametrize("step", [0, 1, 5, 17])
def test_row_numbers_are_int64(step: int) -> None:
    assert Batches(10, 3).rows(step).dtype == np.int64
    assert Batches(10, 3, shuffle=False).rows(step).dtype == np.int64
