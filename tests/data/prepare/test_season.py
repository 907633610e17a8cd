"""Seasons: which are found, and where none is."""

import numpy as np
import pytest

from hiddenstate.data.prepare.season import find_seasons, season_of


def seasonal(n: int = 160, season: int = 12, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    shape = random.normal(size=season)
    return 50 + 0.2 * np.arange(n) + 5 * shape[np.arange(n) % season] + random.normal(size=n)


@pytest.mark.parametrize("season", [4, 7, 12])
def test_a_season_is_found_in_noise_and_a_trend(season: int) -> None:
    assert season_of([seasonal(season=season)[:, None]], 60) == season


def test_gaps_do_not_hide_a_season() -> None:
    hits = 0
    for seed in range(12):
        gone = np.random.default_rng(seed).random(200) < 0.35
        noise = np.random.default_rng(seed).normal(size=(200, 1)).cumsum(axis=0)
        noise[gone] = np.nan
        assert season_of([noise], 40) is None
        for season in (4, 7, 12):
            values = seasonal(200, season, seed)[:, None]
            values[gone] = np.nan
            hits += season_of([values], 40) == season
    assert hits > 24  # of 36; 18 if steps beside gaps are left out
    assert season_of([np.full((50, 1), np.nan)], 20) is None


def test_noise_has_no_season() -> None:
    noise = np.random.default_rng(0).normal(size=(200, 1))
    assert season_of([noise], 60) is None
    assert season_of([noise.cumsum(axis=0)], 60) is None
    assert season_of([np.ones((100, 1))], 30) is None
    assert season_of([np.ones((2, 1))], 30) is None


def test_given_seasons_are_not_looked_for() -> None:
    values = [seasonal()[:, None]]
    assert find_seasons(values, given=(24, 168)).steps == (24, 168)
    assert find_seasons(values, given=()).steps == ()
    assert find_seasons(values).main == 12
