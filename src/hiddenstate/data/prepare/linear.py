"""Forecasts a target by a linear function of its own last values, fitted on training rows.

Every candidate is a vector of weights on lags: repeating a value, exponential smoothing, and ridge
regressions on levels, changes and seasonal changes, direct or iterated. A rolling origin within the
training rows ranks them. As they are all linear, their average is one vector too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.effects import candidate_effects
from hiddenstate.data.prepare.lags import LagRows, Regressions, iterated, mean_of
from hiddenstate.data.prepare.season import season_of
from hiddenstate.data.rows import Rows

Floats = NDArray[np.float64]

WHOLE_LAGS = 32
"""Most last values that a path reads of series that are not cut into windows."""

AVERAGED = 40
"""Candidates whose mean is taken, the best ones."""

NAIVE_SHARE = 0.3
"""Largest share of the better of the last and the seasonal value in the forecast."""

FIRST_ORIGIN, ORIGINS = 0.4, 6
"""Where in the training rows the rolling origin begins, and how often candidates are fitted."""

MOST_ROWS = 20_000
"""Latest forecasts that candidates are fitted on."""

LOG_GAIN = 0.98
"""Logarithms are taken if they lower the error to this fraction of what it is without."""

LARGEST_SUM = 20.0
"""An iterated regression with a larger sum of weights is unstable, and repeats the last value."""


@dataclass(frozen=True)
class LinearPath:
    """A linear function of the last P values of each of O targets.

    Parameters
    ----------
    weights : ndarray (O, P)
        Weight of the value k steps before the current one, from k = 0.
    bias : ndarray (O,)
    log : tuple of bool
        For each target, whether its values are logarithms.
    season : int, optional
        Number of steps after which the targets repeat.
    effects : ndarray (O, K), optional
        What one unit of each of K columns known ahead adds to each target. The values that the
        weights read are without what the columns add.
    """

    weights: Floats
    bias: Floats
    log: tuple[bool, ...]
    season: int | None = None
    effects: Floats | None = None

    @property
    def n_lags(self) -> int:
        """Number of last values P."""
        return int(self.weights.shape[1])

    @property
    def n_targets(self) -> int:
        """Number of targets O."""
        return len(self.weights)

    def logarithms(self, values: Floats) -> Floats:
        """Return values (..., O) of the targets, with logarithms where the path takes them."""
        if not any(self.log):
            return values
        return np.where(self.log, np.log(np.where(self.log, values, 1)), values)

    def undo_logarithms(self, values: Floats) -> Floats:
        """Return values (..., O) of the targets in their own units."""
        if not any(self.log):
            return values
        return np.where(self.log, np.exp(np.where(self.log, values, 0)), values)

    def at_each_step(self, values: Floats) -> Floats:
        """Return the forecast (N, T, O) at each step of values (N, T, O).

        The first value of a row stands for those before it.
        """
        T = values.shape[1]
        forecast = np.broadcast_to(self.bias, values.shape).copy()
        for k, weight in enumerate(self.weights.T):
            if weight.any():
                forecast += weight * values[:, np.maximum(np.arange(T) - k, 0)]
        return forecast

    def at_step(self, values: Floats, step: NDArray[np.int64]) -> Floats:
        """Return the forecast (N, O) at one step of each row of values (N, T, O)."""
        lags = np.maximum(step[:, None] - np.arange(self.n_lags), 0)
        known = values[np.arange(len(values))[:, None], lags]
        return np.asarray(np.einsum("nko,ok->no", known, self.weights) + self.bias)


def all_above_zero(rows: Rows, features: tuple[int, ...]) -> bool:
    """Return whether no value of `features` that is known is 0 or less."""
    n_steps = np.full(len(rows), rows.X.shape[1]) if rows.lengths is None else rows.lengths
    return not any((X[:n, list(features)] <= 0).any() for X, n in zip(rows.X, n_steps, strict=True))


def path_of_rows(
    rows: Rows,
    features: tuple[int, ...],
    horizon: int,
    window: int,
    log: bool = True,
    ahead: Sequence[int] = (),
) -> LinearPath:
    """Fit a path on training series, not cut into windows, whose `features` hold the targets.

    It reads at most a window or, if series are not cut (0), `WHOLE_LAGS` steps. It takes
    logarithms only if `log` is true. Features `ahead` are known ahead.
    """
    N, T = rows.X.shape[:2]
    lengths = np.full(N, T) if rows.lengths is None else rows.lengths
    series = [X[:n, list(features)] for X, n in zip(rows.X, lengths, strict=True)]
    longest = int(lengths.max())
    lags = window or min(WHOLE_LAGS, longest // 3)
    known = [X[:n, list(ahead)].astype(float) for X, n in zip(rows.X, lengths, strict=True)]
    most = max(1, min(lags, longest - horizon))
    return fit_linear_path(series, horizon, most, log, known if ahead else None)


def fit_linear_path(
    series: Sequence[Floats],
    horizon: int,
    most_lags: int,
    log: bool = True,
    known: Sequence[Floats] | None = None,
) -> LinearPath:
    """Fit a path on training series.

    Parameters
    ----------
    series : sequence of ndarray (T_i, O)
        Values of the targets; steps with a missing value are left out.
    horizon : int
        Steps from the last value to the one that is forecast.
    most_lags : int
        Most values that a forecast may read.
    log : bool, default True
        Whether logarithms may be taken.
    known : sequence of ndarray (T_i, K), optional
        Columns that are known ahead.
    """
    season = season_of(series, most_lags)
    fits = []
    for o in range(series[0].shape[1]):
        each = [values[:, o].astype(np.float64) for values in series]
        fits.append(_fit(each, horizon, most_lags, season, log, known))
    effects = None
    if known is not None and any(fit.effects is not None for fit in fits):
        none = np.zeros(known[0].shape[1])
        effects = np.stack([none if fit.effects is None else fit.effects for fit in fits])
        effects = effects.astype(np.float32).astype(float)
    # Rounded, so that they do not depend on the order in which a processor adds.
    return LinearPath(
        weights=np.stack([fit.weights for fit in fits]).astype(np.float32).astype(float),
        bias=np.array([fit.bias for fit in fits]).astype(np.float32).astype(float),
        log=tuple(fit.log for fit in fits),
        season=season,
        effects=effects,
    )


def _rows(
    series: Sequence[Floats], scales: Sequence[float], moves: Sequence[Floats], P: int, horizon: int
) -> LagRows:
    lags, target, place, scale, added = [], [], [], [], []
    for values, own, moved in zip(series, scales, moves, strict=True):
        ends = np.arange(P - 1, len(values) - horizon)
        if not len(ends):
            continue
        lags.append(values[ends[:, None] - np.arange(P)])
        target.append(values[ends + horizon])
        place.append((ends + horizon) / len(values))
        scale.append(np.full(len(ends), own))
        added.append(moved[ends + horizon])
    if not lags:
        return LagRows(np.zeros((0, P)), *np.zeros((4, 0)))
    rows = LagRows(*(np.concatenate(part) for part in (lags, target, place, scale, added)))
    rows = rows.take(np.isfinite(rows.target) & np.isfinite(rows.lags).all(axis=1))
    latest = np.argsort(-rows.place, kind="stable")[:MOST_ROWS]
    return rows.take(np.isin(np.arange(len(rows.target)), latest))


@dataclass(frozen=True)
class _Fit:
    """A path for one target: its error in a rolling origin, weights (P,), bias, whether they are
    of logarithms, and the effects (K,) of columns known ahead."""

    error: float
    weights: Floats
    bias: float
    log: bool
    effects: Floats | None = None


def _fit(
    series: list[Floats],
    horizon: int,
    P: int,
    season: int | None,
    log: bool,
    columns: Sequence[Floats] | None,
) -> _Fit:
    """Return the path of the smallest error; logarithms and effects must each be worth it."""
    changes = [np.abs(np.diff(values)) for values in series]
    scales = [float(np.nanmean(c)) if np.isfinite(c).any() else 0.0 for c in changes]
    scales = [scale or 1.0 for scale in scales]
    known = np.concatenate(series)
    known = known[np.isfinite(known)]
    best: _Fit | None = None
    for is_log in (False, True) if log and len(known) and known.min() > 0 else (False,):
        # Series of different sizes are divided by their scales, unless logarithms are taken.
        divided = len(series) > 1 and not is_log
        sizes = scales if divided else [1.0] * len(series)
        values = [np.log(each) if is_log else each for each in series]
        pool = _Pool(horizon, P, season, constant=not divided)
        choices: list[Floats | None] = [None]
        if columns is not None:
            choices += candidate_effects(values, columns, scales if not is_log else sizes, season)
        for effects in choices:
            moves, middle = _moves(values, columns, effects)
            each = [
                (own - moved) / size for own, moved, size in zip(values, moves, sizes, strict=True)
            ]
            far, near = (_rows(each, scales, moves, P, steps) for steps in (horizon, 1))
            error, weights, bias = pool.fit(far, near, is_log, divided)
            if best is None or error < LOG_GAIN * best.error:
                bias += middle * (weights.sum() - 1)
                best = _Fit(error, weights, bias, is_log, effects)
    assert best is not None
    return best


def _moves(
    values: Sequence[Floats], columns: Sequence[Floats] | None, effects: Floats | None
) -> tuple[list[Floats], float]:
    """Return what columns add to each series, less its mean over all, and that mean."""
    if columns is None or effects is None:
        return [np.zeros(len(own)) for own in values], 0.0
    moves = [np.asarray(beside @ effects) for beside in columns]
    middle = float(np.nanmean(np.concatenate(moves)))
    return [moved - middle for moved in moves], middle


class _Pool:
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
        errors, forecasts, targets, scales, added = [], [], [], [], []
        cuts = np.quantile(far.place, np.linspace(FIRST_ORIGIN, 1, ORIGINS + 1))
        cuts[-1] = 2
        for low, high in pairwise(cuts):
            later = (far.place >= low) & (far.place < high)
            weights, bias = self._fitted(far.take(far.place < low), near.take(near.place < low))
            forecasts.append(far.lags[later] @ weights.T + bias)
            targets.append(far.target[later])
            scales.append(1.0 if divided else far.scale[later])
            added.append(far.added[later])
        for forecast, target, scale, more in zip(forecasts, targets, scales, added, strict=True):
            own, wanted = forecast, target
            if is_log:
                own = np.exp(np.minimum(forecast + more[:, None], 700))
                wanted = np.exp(np.minimum(target + more, 700))
            errors.append(np.abs(own - wanted[:, None]) / np.reshape(scale, (-1, 1)))
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
