"""Smoothings of the last P values, as weights on these values.

Exponential smoothing with fixed rates is linear in the values (Hyndman and Athanasopoulos,
"Forecasting: principles and practice", chapter 8). With a season, the weights are those of the
least squared error in a model of a level, a slope and a season that change at random (Harvey,
"Forecasting, structural time series models and the Kalman filter", 1989): the first values of a
window count as much as they say, though each season is seen only a few times.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = (0.1, 0.2, 0.4, 0.6, 0.8)
"""Rates of the level without a trend."""

WITH_TREND = [(a, b, d) for a in (0.3, 0.6, 0.9) for b in (0.1, 0.3) for d in (0.9, 1.0)]
"""Rates of the level and the trend, and the damping of the trend."""

STEPS = ((0.01, 1.0), (0.5, 1.0), (1.0, 0.05))
"""Variances of the steps of a level, and of the noise of each value."""

SLOPES = (0.0, 0.01)
"""Variances of the steps of a slope, in units of those of the level; 0: no slope."""

SEASONS = (0.0, 0.01, 0.1, 1.0)
"""Variances of the changes of a season from one to the next."""


@dataclass(frozen=True)
class Smoothing:
    """What smoothing makes of P values, as weights on lags.

    Parameters
    ----------
    level, trend : ndarray (P,)
    damping : float
        A trend is smaller by this factor after each step.
    season : ndarray (m, P), optional
        What each of the next m steps differs by from the level.
    """

    level: Floats
    trend: Floats
    damping: float
    season: Floats | None = None

    def ahead(self, steps: int) -> Floats:
        """Return the forecast `steps` ahead as weights (P,) on lags."""
        d = self.damping
        total = steps if d == 1 else d * (1 - d**steps) / (1 - d)
        forecast = self.level + total * self.trend
        if self.season is not None:
            forecast = forecast + self.season[(steps - 1) % len(self.season)]
        return np.asarray(forecast)


@lru_cache(maxsize=8)
def smoothings(P: int, season: int | None) -> tuple[Smoothing, ...]:
    """Return smoothings of P values, with a season if two fit into them."""
    rates = [(a, 0.0, 1.0) for a in LEVELS] + WITH_TREND
    plain = _smoothed(P, np.array(rates))
    if not season or 2 * season > P:
        return tuple(plain)
    return (*plain, *_seasonal(P, season))


def _smoothed(P: int, rates: Floats) -> Iterator[Smoothing]:
    """Yield smoothings with rates (G, 3) of level, trend and damping."""
    a, b, damping = rates.T[..., None]
    value = np.eye(P)[::-1]  # value[t]: the step t of P as weights on lags
    k = min(4, P - 1)
    trend = np.where(b > 0, (value[k] - value[0]) / max(k, 1), np.zeros(P))
    level = np.broadcast_to(value[0], trend.shape)
    for t in range(1, P):
        before, level = level, a * value[t] + (1 - a) * (level + damping * trend)
        trend = b * (level - before) + (1 - b) * damping * trend
    for g in range(len(rates)):
        yield Smoothing(level[g], trend[g], float(damping[g, 0]))


def _seasonal(P: int, m: int) -> Iterator[Smoothing]:
    """Yield the best linear unbiased estimates, from P values, of the level and the slope at the
    newest one, and of what each step of the next season of m differs by from the level."""
    t, center = np.arange(P), np.eye(m) - 1 / m  # the steps of a season add up to 0
    cycle, phase = np.divmod(t, m)
    alike, after = center[np.ix_(phase, phase)], center[np.ix_((P + np.arange(m)) % m, phase)]
    walk, turns = (np.minimum.outer(each, each).astype(float) for each in (t, cycle))
    both, either = np.multiply.outer(t, t), np.add.outer(t, t)  # of two steps i and j
    # What each step s of the slope adds to two levels, (i - s)(j - s), up to the smaller of them.
    pushed = walk * both - walk * (walk + 1) * (3 * either - 2 * walk - 1) / 6
    for slope in SLOPES:
        line = [t] if slope else []
        free = np.column_stack([np.ones(P), *line, center[phase, 1:]])  # begins anywhere
        wanted = np.zeros((m + 2, free.shape[1]))
        wanted[0, : len(line) + 1], wanted[1, 1 : len(line) + 1] = [1, P - 1][: len(line) + 1], 1
        wanted[2:, len(line) + 1 :] = center[(P + np.arange(m)) % m, 1:]
        for level, noise in STEPS:
            of_level = level * (walk + slope * pushed)
            of_slope = slope * level * (t * (t - 1) / 2)
            for change in SEASONS:
                covariance = of_level + change * alike * turns + noise * np.eye(P)
                common = np.vstack([of_level[-1], of_slope, change * after * cycle])
                weights = _unbiased(covariance, free, common, wanted)[:, ::-1]
                yield Smoothing(weights[0], weights[1], 1.0, weights[2:])


def _unbiased(covariance: Floats, free: Floats, common: Floats, wanted: Floats) -> Floats:
    """Return the weights (k, P) on values of a covariance (P, P), and of means that are any
    combination of `free` (P, f), of the least squared error of k quantities that have covariances
    `common` (k, P) with the values and the means `wanted` (k, f) (universal kriging)."""
    none = np.zeros((free.shape[1],) * 2)
    system = np.block([[covariance, free], [free.T, none]])
    return np.asarray(np.linalg.solve(system, np.hstack([common, wanted]).T)[: len(free)].T)
