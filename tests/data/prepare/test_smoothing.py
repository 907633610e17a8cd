"""Smoothings as weights on lags."""

import numpy as np
import pytest

from hiddenstate.data.prepare.smoothing import SEASONS, SLOPES, STEPS, smoothings


@pytest.mark.parametrize("season", [7, 12])
def test_a_season_on_a_line_is_forecast_exactly_where_there_is_a_slope(season: int) -> None:
    random, step = np.random.default_rng(0), np.arange(60)
    shape = np.tile(random.normal(size=season), 60)[:60]
    seasonal = [each for each in smoothings(30, season) if each.season is not None]
    assert len(seasonal) == len(SLOPES) * len(STEPS) * len(SEASONS)
    for slope in (0.0, 0.3):
        values = 1e4 + slope * step + shape
        for each in seasonal if slope == 0 else seasonal[len(seasonal) // 2 :]:
            for ahead in (1, 5, 13):
                made = each.ahead(ahead) @ values[:30][::-1]
                assert made == pytest.approx(values[29 + ahead], abs=1e-6)


def test_the_noise_of_a_season_that_does_not_change_is_averaged() -> None:
    season = next(each.season for each in smoothings(40, 4) if each.season is not None)
    expected = [1 / 10 - 1 / 40 if (k + 1) % 4 == 0 else -1 / 40 for k in range(40)]
    np.testing.assert_allclose(season[0], expected, atol=0.01)  # the level hardly moves


def test_a_season_of_which_two_do_not_fit_is_left_out() -> None:
    assert all(each.season is None for each in smoothings(13, 7))
