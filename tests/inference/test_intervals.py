"""Intervals from the errors of earlier forecasts: what few, overlapping and old errors count."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hiddenstate.inference.forecast import Paths
from hiddenstate.inference.intervals import ErrorSizes, Intervals
from hiddenstate.metrics.student import student_quantile


def sizes(errors: np.ndarray, series: int = 1, half_life: int = 20) -> ErrorSizes:
    """Errors (n, H) of one target, of series of the same length one after another."""
    n = len(errors) // series
    numbers, origin = np.repeat(np.arange(series), n), np.tile(np.arange(n), series)
    return ErrorSizes(np.abs(errors)[..., None], numbers, origin, half_life)


def steps_of_walk(n: int, steps: int, random: np.random.Generator) -> np.ndarray:
    """Errors (n, steps) of the last value as the forecast of a random walk; NaN after its end."""
    walk = np.concatenate([random.normal(size=n).cumsum(), np.full(steps, np.nan)])
    return np.stack([walk[h : n + h] - walk[:n] for h in range(1, steps + 1)], axis=1)


@pytest.mark.parametrize(("n", "steps"), [(400, 1), (25, 1), (25, 6), (12, 6)])
def test_intervals_of_a_random_walk_cover_what_they_say(n: int, steps: int) -> None:
    random, covered = np.random.default_rng(0), []
    for _ in range(400):
        walk = steps_of_walk(n, steps, random)
        made, new = sizes(walk), random.normal(size=steps).cumsum()
        covered.append([abs(new[-1]) <= made.half_widths(p)[-1, 0] for p in (0.8, 0.95)])
    share = np.mean(covered, axis=0)
    few = 0.02 * (n < 20)  # widths do not fall with the steps, which tells where errors are few
    assert share[0] == pytest.approx(0.8 + few, abs=0.05)
    assert share[1] == pytest.approx(0.95 + few, abs=0.03)


def test_overlapping_errors_count_as_few() -> None:
    walk = steps_of_walk(200, 12, np.random.default_rng(1))
    freedom = sizes(walk, half_life=10**6).freedom[:, 0]
    assert freedom[0] == pytest.approx(199, rel=0.01)
    # 1 + 2 sum (1 - k / h)^2 = (2 h^2 + 1) / (3 h), of errors that are many.
    assert freedom[11] == pytest.approx(188 * 36 / 289, rel=0.05)
    many = np.concatenate([walk] * 3)
    assert sizes(many, series=3, half_life=10**6).freedom[11, 0] == pytest.approx(3 * freedom[11])


def test_one_error_gives_the_widest_interval_and_none_gives_none() -> None:
    errors = np.array([[0.5, 2.0, np.nan], [0.5, np.nan, np.nan]])
    made = sizes(errors)
    assert made.freedom[1, 0] == 1
    half = made.half_widths(0.95)[:, 0]
    assert half[1] == pytest.approx(2 * student_quantile(0.95, 1), rel=0.1)
    assert np.isnan(half[2])
    assert np.isnan(sizes(np.full((3, 2), np.nan)).half_widths(0.8)).all()
    assert np.isnan(sizes(np.zeros((0, 2))).half_widths(0.8)).all()


def test_widths_do_not_fall_with_the_steps_and_perfect_forecasts_have_none() -> None:
    errors = np.random.default_rng(2).normal(size=(50, 3)) * [2, 1, 1]
    half = sizes(errors).half_widths(0.8)[:, 0]
    assert half[0] == half[1] == half[2] > 2
    assert not sizes(np.zeros((50, 3))).half_widths(0.8).any()


def test_intervals_follow_noise_that_triples() -> None:
    random = np.random.default_rng(3)
    errors = random.normal(size=(200, 1)) * np.where(np.arange(200) < 140, 1, 3)[:, None]
    half = sizes(errors).half_widths(0.8)[0, 0]
    assert half == pytest.approx(3 * 1.2816, rel=0.25)


def test_the_shape_of_many_errors_is_their_own() -> None:
    random = np.random.default_rng(4)
    errors = random.normal(size=(4000, 1)) * (random.random((4000, 1)) < 0.1)
    made = sizes(errors, series=40)
    new = np.abs(random.normal(size=20_000) * (random.random(20_000) < 0.1))
    assert (new <= made.half_widths(0.95)[0, 0]).mean() == pytest.approx(0.95, abs=0.02)


def test_a_noisy_series_has_wider_intervals_than_a_calm_one_of_the_same_model() -> None:
    random = np.random.default_rng(5)
    noise, n = np.array([0.3, 0.03]), 400
    series = [np.exp(5 + s * random.normal(size=(n, 1))) for s in noise]
    transform = SimpleNamespace(log=[True], own_features=[0], season=7)
    model: Any = SimpleNamespace(transform=transform, net=SimpleNamespace(n_outputs=1))
    numbers, origin = np.repeat([0, 1], n - 1), np.tile(np.arange(n - 1), 2)
    actual = np.concatenate([each[1:] for each in series])[:, None]
    paths = Paths(numbers, origin, np.full_like(actual, np.exp(5)), actual)
    intervals = Intervals(model, series)
    half = intervals.sizes(paths, intervals.errors(paths)).half_widths(0.8)
    low, high = intervals.around(paths.values, numbers, half)
    for number in range(2):
        own = numbers == number
        share = ((low <= actual) & (actual <= high))[own].mean()
        assert 0.72 < share < 0.88
