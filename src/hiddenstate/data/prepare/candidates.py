"""Candidates of a linear path: repeated values, exponential smoothing and ridge regressions.

A rolling origin ranks them and decides the share of each in the mean.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.lags import LagRows, Regressions, iterated, mean_of

Floats = NDArray[np.float64]

AVERAGED = 40
"""Candidates whose mean is taken, the best ones."""

NAIVE_SHARE = 0.3
"""Largest share of the better of the last and the seasonal value in the forecast."""

FIRST_ORIGIN, ORIGINS = 0.4, 6
"""Where in the training rows the rolling origin begins, and how often candidates are fitted."""

LARGEST_SUM = 20.0
"""An iterated regression with a larger sum of weights is unstable, and repeats the last value."""


def origins(rows: LagRows) -> list[tuple[float, float]]:
    """Return the places of the rolling origin: candidates are fitted on rows before the first of
    each pair, and forecast those from there to before the second."""
    cuts = np.quantile(rows.place, np.linspace(FIRST_ORIGIN, 1, ORIGINS + 1))
    cuts[-1] = 2
    return list(pairwise(cuts.tolist()))


def absolute_errors(forecast: Floats, rows: LagRows, is_log: bool, divided: bool) -> Floats:
    """Return the absolute errors (n, C) of the forecasts (n, C) of C candidates, in units of the
    scale of each series; `divided` rows are in these units already."""
    wanted = rows.target
    if is_log:
        forecast = np.exp(np.minimum(forecast + rows.added[:, None], 700))
        wanted = np.exp(np.minimum(wanted + rows.added, 700))
    return np.asarray(
        np.abs(forecast - wanted[:, None]) / (1.0 if divided else rows.scale[:, None])
    )


class Pool:
    """The candidates for one horizon."""

    def __init__(self, horizon: int, P: int, season: int | None, constant: bool) -> None:
        self.horizon, self.P, self.constant = horizon, P, constant
        self.season = season if season and season + 2 < P else None
        self.naive = self._repeated()
        self.fixed = self.naive + list(self._smoothed())

    def fit(
        self, far: LagRows, near: LagRows, is_log: bool, divided: bool
    ) -> tuple[float, Floats, float]:
        """Return the error in a rolling origin, weights (P,) and bias."""
        if len(far.target) < 8:
            return np.inf, self.naive[0], 0.0
        errors = []
        for low, high in origins(far):
            later = far.take((far.place >= low) & (far.place < high))
            weights, bias = self._fitted(far.take(far.place < low), near.take(near.place < low))
            errors.append(absolute_errors(later.lags @ weights.T + bias, later, is_log, divided))
        error = np.concatenate(errors).mean(axis=0)
        share = self._shares(error)
        weights, bias = self._fitted(far, near)
        return float(error @ share), share @ weights, float(share @ bias)

    def _shares(self, error: Floats) -> Floats:
        """Return the share of each candidate, by its error (C,)."""
        best = np.argsort(error, kind="stable")[:AVERAGED]
        share = np.zeros(len(error))
        share[best] = 1 / len(best)
        naive = int(np.argmin(error[: len(self.naive)]))
        ratio = error[best].mean() / error[naive] if error[naive] > 0 else 1.0
        mixed = NAIVE_SHARE * min(1.0, ratio) ** 4
        share *= 1 - mixed
        share[naive] += mixed
        return share

    def _repeated(self) -> list[Floats]:
        """The last value, and the last one of the same season."""
        lags = [0] if self._same_season is None else [0, self._same_season]
        return [np.eye(self.P)[k] for k in lags]

    @property
    def _same_season(self) -> int | None:
        """Lag of the last value in the season of the target."""
        if not self.season:
            return None
        lag = -self.horizon % self.season
        return lag if lag < self.P else None

    def _smoothed(self) -> Iterator[Floats]:
        """Exponential smoothing, with and without a damped trend and a season."""
        for level in (0.1, 0.2, 0.4, 0.6, 0.8):
            yield self._smoothing(level, 0, 1, None)
        for level in (0.3, 0.6, 0.9):
            for trend in (0.1, 0.3):
                for damping in (0.9, 1.0):
                    yield self._smoothing(level, trend, damping, None)
        if self.season and 2 * self.season <= self.P:
            for level in (0.1, 0.3, 0.6, 0.9):
                for trend in (0, 0.1):
                    for season in (0.05, 0.2, 0.5):
                        yield self._smoothing(level, trend, 0.98, season)

    def _smoothing(self, a: float, b: float, damping: float, c: float | None) -> Floats:
        """Return the weights (P,) that additive Holt-Winters smoothing gives to the lags."""
        P, m = self.P, self.season or 0
        value = np.eye(P)[::-1]  # value[t]: the step t of P as weights on lags
        trend, seasonal = np.zeros(P), np.zeros((m, P))
        level, first = value[0], 1
        if c is not None:
            early = value[:m].mean(axis=0)
            trend = (value[m : 2 * m].mean(axis=0) - early) / m if b else trend
            seasonal = value[:m] - early - np.outer(np.arange(m) - (m - 1) / 2, trend)
            level, first = early + trend * (m - 1) / 2, m
        elif b:
            k = min(4, P - 1)
            trend = (value[k] - value[0]) / max(k, 1)
        for t in range(first, P):
            known = value[t] - seasonal[t % m] if c is not None else value[t]
            before, level = level, a * known + (1 - a) * (level + damping * trend)
            if b:
                trend = b * (level - before) + (1 - b) * damping * trend
            if c is not None:
                seasonal[t % m] = c * (value[t] - level) + (1 - c) * seasonal[t % m]
        forecast = level + trend * (damping ** np.arange(1, self.horizon + 1)).sum()
        if c is not None:
            forecast = forecast + seasonal[(P + self.horizon - 1) % m]
        return np.asarray(forecast)

    def _fitted(self, far: LagRows, near: LagRows) -> tuple[Floats, Floats]:
        """Return weights (C, P) and biases (C,) of the candidates, fitted on rows."""
        weights, bias = [*self.fixed], [0.0] * len(self.fixed)
        if self.constant:
            weights += self.fixed
            bias += [mean_of(far.target - far.lags @ w) for w in self.fixed]
            weights.append(np.zeros(self.P))
            bias.append(mean_of(far.target))
        direct = Regressions(far, self.horizon, self.season, self.constant)
        for w, c in direct.fits():
            weights.append(w)
            bias.append(c)
        if self.horizon > 1:
            for w, c in Regressions(near, 1, self.season, self.constant).fits():
                w, c = iterated(w, c, self.horizon)
                stable = np.abs(w).sum() <= LARGEST_SUM
                weights.append(w if stable else self.naive[0])
                bias.append(c if stable else 0.0)
        return np.stack(weights), np.array(bias)
