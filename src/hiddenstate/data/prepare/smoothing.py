"""Exponential smoothing of the last P values, as weights on these values.

Additive Holt-Winters smoothing with fixed rates is linear in the values (Hyndman and
Athanasopoulos, "Forecasting: principles and practice", chapter 8).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = (0.1, 0.2, 0.4, 0.6, 0.8)
"""Rates of the level without a trend."""

WITH_TREND = [(a, b, d) for a in (0.3, 0.6, 0.9) for b in (0.1, 0.3) for d in (0.9, 1.0)]
"""Rates of the level and the trend, and the damping of the trend."""

WITH_SEASON = [
    (a, b, 0.98, c) for a in (0.1, 0.3, 0.6, 0.9) for b in (0.0, 0.1) for c in (0.05, 0.2, 0.5)
]
"""Rates of the level and the trend, the damping, and the rate of the season."""

AVERAGED = (2, 4, 8, 12)
"""Seasons whose means are a forecast: the least noise, of a season that does not change."""


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


def smoothings(P: int, season: int | None) -> Iterator[Smoothing]:
    """Yield smoothings of P values, with a season if two fit into them."""
    rates = [(a, 0.0, 1.0, 0.0) for a in LEVELS] + [(*each, 0.0) for each in WITH_TREND]
    yield from _smoothed(P, np.array(rates), None)
    if season and 2 * season <= P:
        yield from _smoothed(P, np.array(WITH_SEASON), season)
        yield from (_averages(P, season, n) for n in AVERAGED if n * season <= P)


def _averages(P: int, m: int, n: int) -> Smoothing:
    """Return the means of the last n seasons of m steps, of all and of each step of a season."""
    level, season = np.zeros(P), np.zeros((m, P))
    level[: n * m] = 1 / (n * m)
    for k in range(m):
        season[k, -(k + 1) % m : n * m : m] = 1 / n
    return Smoothing(level, np.zeros(P), 1.0, season - level)


def _smoothed(P: int, rates: Floats, m: int | None) -> Iterator[Smoothing]:
    """Yield smoothings with rates (G, 4) of level, trend, damping and season."""
    a, b, damping, c = rates.T[..., None]
    value = np.eye(P)[::-1]  # value[t]: the step t of P as weights on lags
    trend = np.zeros((len(rates), P))
    season = np.zeros((m or 1, len(rates), P))
    if m:
        early = value[:m].mean(axis=0)
        trend = np.where(b > 0, (value[m : 2 * m].mean(axis=0) - early) / m, trend)
        for k in range(m):
            season[k] = value[k] - early - (k - (m - 1) / 2) * trend
        level = early + trend * (m - 1) / 2
    else:
        k = min(4, P - 1)
        trend = np.where(b > 0, (value[k] - value[0]) / max(k, 1), trend)
        level = np.broadcast_to(value[0], trend.shape)
    for t in range(m or 1, P):
        k = t % len(season)
        before, level = level, a * (value[t] - season[k]) + (1 - a) * (level + damping * trend)
        trend = b * (level - before) + (1 - b) * damping * trend
        if m:
            season[k] = c * (value[t] - level) + (1 - c) * season[k]
    for g in range(len(rates)):
        own = np.roll(season[:, g], -P, axis=0) if m else None
        yield Smoothing(level[g], trend[g], float(damping[g, 0]), own)
