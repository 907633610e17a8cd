"""Forks that share the tests run each of them once."""

from itertools import zip_longest

import pytest

from tests.forks import Shares


@pytest.mark.parametrize(("n_tests", "n_forks"), [(50, 3), (2, 3), (1, 1), (7, 2)])
def test_each_test_is_taken_once_whoever_is_slow(n_tests: int, n_forks: int) -> None:
    shares = Shares(n_tests, n_forks)
    slow = shares.of(0)
    taken = [next(slow)]
    for numbers in zip_longest(*map(shares.of, range(1, n_forks))):
        taken += [number for number in numbers if number is not None]
    assert sorted([*taken, *slow]) == list(range(n_tests))


def test_none_is_taken_after_a_stop() -> None:
    shares = Shares(9, 2)
    shares.clear()
    assert not [*shares.of(0), *shares.of(1)]
