"""Smoothings as weights on lags."""

import numpy as np

from hiddenstate.data.prepare.smoothing import smoothings


def test_means_of_whole_seasons_are_among_the_forecasts() -> None:
    values = np.random.default_rng(0).normal(size=30)  # the newest last
    found = list(smoothings(30, 7))
    for ahead in (1, 5, 7, 9):
        made = [each.ahead(ahead) @ values[::-1] for each in found]
        for n in (2, 4):
            steps = [29 + ahead - 7 * k for k in range(1, 9) if 29 + ahead - 7 * k < 30][:n]
            expected = values[steps].mean()
            assert np.isclose(made, expected).any(), (ahead, n)
    assert not any(np.isclose(each.ahead(1), 1 / 56).any() for each in found)  # 8 do not fit
