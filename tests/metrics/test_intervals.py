"""Intervals of scores hold the truth as often as they say, and say why there is none."""

import math

import numpy as np
import pytest

from hiddenstate.metrics import intervals
from hiddenstate.metrics.intervals import Bootstrap, Units, differ, figures, interval_of, units_of

RNG = np.random.default_rng(3)


def rows(n: int) -> Units:
    return units_of(np.arange(n), np.zeros(n), 1)


@pytest.mark.parametrize(
    ("share", "n", "expected"),
    [(0.5, 10, (0.2366, 0.7634)), (1.0, 10, (0.7225, 1.0)), (0.9596, 10000, (0.9556, 0.9633))],
)
def test_the_interval_of_a_share_of_rows_is_wilsons(
    share: float, n: int, expected: tuple[float, float]
) -> None:
    # Reference values of statsmodels.stats.proportion.proportion_confint(method="wilson").
    assert intervals.wilson(share, n) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_share_is_outside_its_interval_by_rounding(share: float) -> None:
    for n in range(1, 1000):
        low, high = intervals.wilson(share, n)
        assert low <= share <= high, n


def test_the_interval_of_a_mean_of_rows_is_about_that_of_its_standard_error() -> None:
    values = RNG.normal(size=500)
    ends = Bootstrap(rows(500)).mean(values)
    assert ends is not None
    reach = 1.96 * values.std() / math.sqrt(500)
    expected = (values.mean() - reach, values.mean() + reach)
    assert ends == pytest.approx(expected, abs=0.1 * reach)


def test_equal_outcomes_have_equal_intervals() -> None:
    values = RNG.normal(size=40) ** 2
    assert Bootstrap(rows(40)).mean(values) == Bootstrap(rows(40)).mean(values)


def test_rows_that_repeat_within_their_group_count_once() -> None:
    values = RNG.normal(size=20)
    groups = units_of(np.arange(100), np.zeros(100), 1, np.repeat([f"g{n}" for n in range(20)], 5))
    assert (groups.kind, groups.n) == ("groups", 20)
    of_names = np.argsort([f"g{n}" for n in range(20)])  # groups are numbered by their names
    grouped = Bootstrap(groups).mean(np.repeat(values, 5))
    assert grouped == pytest.approx(Bootstrap(rows(20)).mean(values[of_names]))


def test_all_right_in_a_few_groups_is_not_certain() -> None:
    groups = units_of(np.arange(60), np.zeros(60), 1, np.repeat(np.arange(6), 10))
    assert Bootstrap(groups).share(np.ones(60, bool)) == intervals.wilson(1.0, 6)


def test_intervals_of_a_share_in_groups_hold_the_truth() -> None:
    held, groups = 0, np.repeat(np.arange(10), 12)
    for _ in range(100):
        shares = RNG.beta(1.4, 0.6, 10)
        right = RNG.random(120) < shares[groups]
        ends = Bootstrap(units_of(np.arange(120), np.zeros(120), 1, groups)).share(right)
        assert ends is not None
        held += ends[0] <= 0.7 <= ends[1]
    assert held >= 88  # of 95 expected


def test_steps_of_one_series_are_drawn_in_blocks() -> None:
    blocks = units_of(np.zeros(50), np.arange(200, 250), 12)
    assert (blocks.kind, blocks.n, blocks.length) == ("blocks", 4, 12)
    assert np.bincount(blocks.of).tolist() == [12, 12, 12, 14]
    slow = np.repeat(RNG.normal(size=40), 12)
    own = Bootstrap(units_of(np.zeros(480), np.arange(480), 12)).mean(slow)
    independent = Bootstrap(rows(480)).mean(slow)
    assert own is not None
    assert independent is not None
    assert own[1] - own[0] > 2.5 * (independent[1] - independent[0])


def test_several_steps_of_several_series_are_drawn_by_series() -> None:
    units = units_of(np.repeat([4, 7, 9], 5), np.tile(np.arange(5), 3), 2)
    assert (units.kind, units.n) == ("series", 3)


def test_the_interval_of_r2_lies_around_it() -> None:
    target = RNG.normal(size=(300, 2)) + 1e6
    prediction = target + 0.5 * RNG.normal(size=(300, 2))
    ends = Bootstrap(rows(300)).r2(prediction, target)
    assert ends is not None
    assert 0.6 < ends[0] < 0.75 < ends[1] < 0.85


def test_a_weighted_mean_is_that_of_the_series() -> None:
    series = np.repeat([0, 1, 2, 3, 4], [1, 2, 3, 4, 90])
    units = units_of(series, np.arange(100), 1)
    weights = 1 / np.bincount(series)[series]
    ends = Bootstrap(units).mean(series.astype(float), weights)
    by_series = Bootstrap(rows(5)).mean(np.arange(5.0))
    assert ends == pytest.approx(by_series)


def test_few_units_have_no_interval_and_say_so() -> None:
    units = units_of(np.arange(40), np.zeros(40), 1, np.repeat(np.arange(4), 10))
    results = figures(units, {"test_mse": Bootstrap(units).mean(RNG.normal(size=40))})
    assert results == {"interval_groups": 4}
    interval = interval_of("test_mse", results)
    assert interval is not None
    assert interval.in_words(str) == "no interval: 4 groups, fewer than 5"


def test_many_units_need_no_interval() -> None:
    assert figures(rows(1000), {"test_mse": (0.1, 0.2)}) == {}
    assert interval_of("test_mse", {"test_mse": 0.15}) is None


def test_an_interval_in_results_reads_as_it_was_made() -> None:
    units = units_of(np.zeros(80), np.arange(80), 12)
    results = figures(units, {"test_mse": (0.25, 0.5), "test_r2": None}, (-0.1, 0.3))
    assert (results["interval_blocks"], results["interval_steps"]) == (6, 12)
    assert (results["gain_low"], results["gain_high"]) == (-0.1, 0.3)
    interval = interval_of("test_mse", results)
    assert interval is not None
    assert interval.in_words(str) == "95 % interval 0.25 to 0.5 of 6 blocks of 12 steps"
    assert interval_of("test_r2", results) is None


def test_two_scores_differ_by_more_than_their_intervals() -> None:
    # Newcombe, Statistics in Medicine 17, 1998, table II: 56 of 70 and 48 of 80, 0.0524 to 0.3339.
    first, second = (k / n for k, n in ((56, 70), (48, 80)))
    assert differ((first, intervals.wilson(first, 70)), (second, intervals.wilson(second, 80)))
    assert not differ((0.8, intervals.wilson(0.8, 20)), (0.6, intervals.wilson(0.6, 20)))
    assert not differ((0.5, (0.4, 0.6)), (0.5, (0.4, 0.6)))
