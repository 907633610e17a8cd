"""Ridge forecasts: they find what they read, in series of any size, and say where they cannot."""

import tracemalloc

import numpy as np
import pytest

from hiddenstate.metrics.ridge_forecast import RidgeForecast


def nothing(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, np.zeros((len(values), 0))


@pytest.mark.parametrize("size", [1.0, 1e4])
def test_a_season_and_a_column_known_ahead_are_found(size: float) -> None:
    random, t = np.random.default_rng(0), np.arange(300)
    flag = (random.random(300) < 0.2).astype(float)[:, None]
    values = size * (np.array([1, 2, 4, 3, 2, 1, 0])[t % 7] + 3 * flag[:, 0])
    values += size * 0.1 * random.normal(size=300)
    model = RidgeForecast([(values[:200], flag[:200])], 14, 3)
    made = model.forecast(values, flag, 0, np.arange(199, 297))
    actual = values[np.arange(199, 297)[:, None] + np.arange(1, 4)]
    naive = np.abs(values[7:] - values[:-7]).mean()
    assert np.abs(made - actual).mean() < 0.5 * naive
    unknown = model.forecast(values, flag[:298], 0, np.array([296]))
    assert np.isfinite(unknown[0]).tolist() == [True, False, False]


def test_a_walk_is_best_forecast_around_its_last_value() -> None:
    walk = 100 + np.random.default_rng(1).normal(size=400).cumsum()
    model = RidgeForecast([nothing(walk[:300])], 10, 1)
    made = model.forecast(walk, np.zeros((400, 0)), 0, np.arange(299, 399))[:, 0]
    naive = np.abs(np.diff(walk[299:])).mean()
    assert np.abs(made - walk[300:]).mean() < 1.1 * naive


def test_series_without_training_steps_have_the_units_of_all() -> None:
    random = np.random.default_rng(2)
    train = [nothing(random.normal(5, 1, 100)), (np.zeros(0), np.zeros((0, 0)))]
    model = RidgeForecast(train, 4, 1)
    made = model.forecast(np.full(10, 5.0), np.zeros((10, 0)), 1, np.arange(1, 9))
    assert np.isnan(made[:2]).all()  # fewer values than are read
    np.testing.assert_allclose(made[2:], 5, atol=0.5)


def test_too_few_rows_give_no_forecast() -> None:
    model = RidgeForecast([nothing(np.arange(5.0))], 4, 1)
    assert np.isnan(model.forecast(np.arange(9.0), np.zeros((9, 0)), 0, np.array([7]))).all()


def test_gaps_are_read_as_the_value_before_and_not_learned() -> None:
    t = np.arange(200)
    values, flag = np.sin(t * 2 * np.pi / 7), np.ones((200, 1))
    values[50], flag[50] = np.nan, np.nan
    made = RidgeForecast([(values[:150], flag[:150])], 14, 1).forecast(values, flag, 0, t[150:-1])
    np.testing.assert_allclose(made[:, 0], values[151:], atol=0.1)
    values[180] = np.nan
    again = RidgeForecast([(values[:150], flag[:150])], 14, 1).forecast(values, flag, 0, t[180:181])
    assert np.isfinite(again).all()


def test_a_long_series_is_fitted_in_little_more_memory_than_its_values() -> None:
    walk = np.cumsum(np.random.default_rng(0).standard_normal(200_000))
    tracemalloc.start()
    RidgeForecast([nothing(walk)], 64, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * walk.nbytes  # all lags are 64 times as much
