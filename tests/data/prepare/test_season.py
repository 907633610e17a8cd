"""Seasons: which are found, and where none is."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.prepare import season as of_season
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


def sine(season: int, noise: float, n: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(n) / season + seed) + noise * random.normal(size=n)


@pytest.mark.parametrize(
    ("season", "noise", "n"),
    [(48, 1 / 30, 100), (48, 1 / 30, 200), (24, 1 / 10, 60), (24, 1 / 3, 300)],
)
def test_a_smooth_season_is_found_whole(season: int, noise: float, n: int) -> None:
    for seed in range(10):
        found = find_seasons([sine(season, noise, n, seed)[:, None]])
        assert (found.main, found.why) == (season, "of the data"), seed


@pytest.mark.parametrize("season", [4, 7, 12])
def test_seasons_of_noisy_series_are_found(season: int) -> None:
    hits = sum(
        find_seasons([seasonal(season=season, seed=seed)[:, None]]).main == season
        for seed in range(20)
    )
    assert hits >= 18


def hourly(n: int, seed: int) -> np.ndarray:
    random, t = np.random.default_rng(seed), np.arange(n)
    day = np.sin(2 * np.pi * np.arange(24) / 24) + 0.3 * random.normal(size=24)
    week = np.array([1, 1, 1, 1, 1, 0.6, 0.5])[t // 24 % 7]
    return week * (5 + day[t % 24]) + 0.2 * random.normal(size=n)


def test_hourly_series_have_a_day_and_a_week() -> None:
    for seed in range(5):
        values = [hourly(1000, seed)[:, None]]
        assert find_seasons(values, calendar=(24, 168)).steps == (24, 168)
        assert set(find_seasons(values).steps) == {24, 168}


def test_the_calendar_needs_less_evidence_than_the_data() -> None:
    noise = [4 * np.random.default_rng(seed).normal(size=60) for seed in range(20)]
    values = [[(seasonal(60, 7) + each)[:, None]] for each in noise]
    of_calendar = [find_seasons(each, calendar=(7,)) for each in values]
    assert sum(found.main == 7 for found in of_calendar) >= 17
    assert sum(find_seasons(each).main == 7 for each in values) <= 10
    assert {found.why for found in of_calendar} == {"of the calendar", "none"}


def test_a_clearer_season_of_the_data_takes_the_place_of_the_calendars() -> None:
    found = find_seasons([sine(10, 0.3, 200, 0)[:, None]], calendar=(7,))
    assert (found.steps, found.why) == ((10,), "of the data")


@pytest.mark.parametrize("process", ["noise", "walk", "autoregression", "trend"])
def test_series_without_a_season_have_none(process: str) -> None:
    false = 0
    for seed in range(50):
        random = np.random.default_rng(seed)
        noise = random.normal(size=100)
        values = {
            "noise": noise,
            "walk": noise.cumsum(),
            "autoregression": np.convolve(noise, 0.8 ** np.arange(30))[:100],
            "trend": 20 * np.linspace(0, 1, 100) ** 2 + noise,
        }[process]
        false += find_seasons([values[:, None]], calendar=(7,)).main is not None
    assert false <= 2


def test_two_periods_must_fit() -> None:
    values = sine(12, 0.01, 60, 0)[:, None]
    assert find_seasons([values[:23]], calendar=(12,)).main is None
    assert find_seasons([values[:26]], calendar=(12,)).main == 12
    assert find_seasons([values], most=12).main is None
    assert find_seasons([]).main is None


def test_many_series_show_a_season_together() -> None:
    panel = [seasonal(30, 7, seed)[:, None] for seed in range(3)]
    noise = np.random.default_rng(1).normal(size=(40, 30, 1))
    shape = 0.7 * np.random.default_rng(2).normal(size=7)[np.arange(30) % 7, None]
    assert find_seasons(panel).main == 7
    assert find_seasons([*(noise + shape)]).main == 7  # each alone is too noisy
    assert find_seasons([*noise]).main is None


def test_nothing_is_found_where_nothing_varies() -> None:
    for values in np.stack([np.ones((100, 1)), np.arange(100.0)[:, None]]):
        assert find_seasons([values]).main is None
    assert find_seasons([np.full((50, 1), np.nan)], calendar=(7,)).main is None


def growing(seed: int) -> np.ndarray:
    """Sixty quarters whose level and season grow to forty times what they were."""
    random, t = np.random.default_rng(seed), np.arange(60)
    season = np.array([-0.15, 0.05, 0.18, -0.08])[t % 4]
    return np.exp(0.06 * t + season + 0.06 * random.normal(size=60))


def test_a_season_that_grows_with_the_level_is_found() -> None:
    assert all(find_seasons([growing(seed)[:, None]]).main == 4 for seed in range(10))


def test_a_cycle_that_drifts_is_read_from_its_changes() -> None:
    """Its lines in the periodogram are blurred: by these alone, 5 of the 20 have a season."""
    hits = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        turns = np.cumsum(random.normal(1 / 11, 0.05, 220))
        values = np.sin(2 * np.pi * turns) + 0.1 * random.normal(size=220)
        hits += find_seasons([values[:, None]]).main in (10, 11, 12)
    assert hits >= 12


def test_autocorrelations_as_good_as_equal_are_computed_exactly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gaps = np.array([int(gap) for gap in "78878888887878788878"])
    signs = np.repeat([1, -1, 1, -1], [3, 7, 7, 3])
    change = np.zeros(gaps.sum() + 7)
    change[gaps.cumsum()] = signs
    values = change.cumsum()[:, None]
    exact, lags = of_season._exact_correlations, list(range(40))
    noise = np.abs(of_season._correlations([values], 39) - exact([values], lags)).max()
    assert noise < of_season.NOISE / 100
    asked: list[int] = []

    def noted(series: Any, which: Any) -> Any:
        asked.extend(which)
        return exact(series, which)

    monkeypatch.setattr(of_season, "_exact_correlations", noted)
    assert season_of([values], 40) == 8
    assert asked == [15, 16, 17]


def test_the_same_series_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[int] = []
    searched = of_season._searched
    monkeypatch.setattr(of_season, "_found", {})

    def counted(*args: Any) -> of_season.Seasons:
        searches.append(1)
        return searched(*args)

    monkeypatch.setattr(of_season, "_searched", counted)
    values = seasonal(season=12)[:, None]
    assert find_seasons([values]).main == 12
    assert find_seasons([values.copy()]).main == 12
    assert find_seasons([values], calendar=(7,)).main == 12
    values[100:] = np.random.default_rng(0).normal(size=(len(values) - 100, 1))
    assert find_seasons([values]).main is None
    assert len(searches) == 3
