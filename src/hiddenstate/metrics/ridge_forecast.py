"""A plain reference for forecasts: ridge regression on last values, and on columns known ahead.

Each step ahead has a regression of its own on the last P values, around the mean of the training
rows or around the last value, with the penalty (Hoerl & Kennard, Technometrics 12, 1970), whichever
are best on the last fifth of the training rows. Values are in units of the deviation of their
series, and all series have one regression. It shares no code with the forecasts of a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.program.rows import carry_forward
from hiddenstate.system.typing import Array

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Penalties that are tried, per row."""

MOST_LAGS, MOST_ROWS = 64, 3000
"""Most last values that are read, and latest training rows of all series that are used."""

FEWEST = 10
"""Fewest training rows of a regression."""


@dataclass(frozen=True)
class _Regression:
    """Weights (P + K,), bias, and whether values are around the last one."""

    weights: Array
    bias: float
    around_last: bool


_Series = tuple[Array, Array, Array]
"""Values (T,) and columns (T, K) with the last one for each missing one, and the values as read."""


def carried(values: Array) -> Array:
    """Return a series (T,) or (T, K) with the last value before each missing one in its place."""
    if not values.size or (values.dtype.kind == "f" and not np.isnan(values).any()):
        return values
    return carry_forward(values.reshape(1, len(values), -1)).reshape(values.shape)


def _units(series: Sequence[Array]) -> list[tuple[float, float]]:
    """Return the mean and the deviation of each series (T_i,); of all, where it has too few
    values."""
    known = [each[there] if not (there := np.isfinite(each)).all() else each for each in series]
    of_all = (0.0, 1.0)
    if any(len(each) < 2 for each in known) and any(len(each) for each in known):
        seen = np.concatenate(known)
        of_all = float(seen.mean()), float(seen.std())
    return [
        (float(each.mean()), float(each.std() or 1.0)) if len(each) > 1 else of_all
        for each in known
    ]


class RidgeForecast:
    """Ridge regressions of one target, fitted on training series.

    Parameters
    ----------
    train : sequence of tuple
        For each series the values of the target (T_i,) and columns known ahead (T_i, K); of no
        steps for series without training steps. Missing values are read as the last before them.
    n_lags : int
        Most last values P that are read.
    horizon : int
        Steps H.
    """

    def __init__(self, train: Sequence[tuple[Array, Array]], n_lags: int, horizon: int) -> None:
        self._units = _units([own for own, _ in train])
        filled = [(carried(own), carried(known), own) for own, known in train]
        columns = np.concatenate([known for _, known, _ in filled])
        self._middle = columns.mean(axis=0) if len(columns) else np.zeros(columns.shape[1])
        spread = columns.std(axis=0) if len(columns) else np.ones(columns.shape[1])
        self._spread = np.where(spread > 0, spread, 1.0)
        longest = max(len(own) for own, _, _ in filled)
        self.n_lags = max(1, min(n_lags, MOST_LAGS, (longest - horizon) // 3))
        self._fits = [self._fitted(*self._rows(filled, step)) for step in range(1, horizon + 1)]

    def forecast(self, values: Array, known: Array, series: int, origins: Array) -> Array:
        """Return forecasts (n, H) from `origins` (n,) of a series (T,), with what is known ahead
        (F, K); NaN where there are too few values before, or nothing is known."""
        made = np.full((len(origins), len(self._fits)), np.nan)
        middle, size = self._units[series]
        enough = origins >= self.n_lags - 1
        ends = origins[enough]
        values, known = carried(values), carried(known)
        lags = (values[ends[:, None] - np.arange(self.n_lags)] - middle) / size
        for step, fit in enumerate(self._fits):
            if fit is None:
                continue
            base = lags[:, :1] * fit.around_last
            at = ends + step + 1
            more = (known[np.minimum(at, len(known) - 1)] - self._middle) / self._spread
            more = np.where((at < len(known))[:, None], more, np.nan)
            X = np.concatenate([lags - base, more], axis=1)
            made[enough, step] = (X @ fit.weights + fit.bias + base[:, 0]) * size + middle
        return made

    def _rows(self, train: Sequence[_Series], step: int) -> tuple[Array, Array, Array]:
        """Return lags and columns (n, P + K), targets (n,) and the place of each row in time, of
        the latest rows without a missing value."""
        X, y, place = [], [], []
        lags = np.arange(self.n_lags)
        for number, (filled, more, values) in enumerate(train):
            middle, size = self._units[number]
            ends = self._ends(filled, more, values, step)
            columns = (more[ends + step] - self._middle) / self._spread
            X.append(np.concatenate([(filled[ends[:, None] - lags] - middle) / size, columns], 1))
            y.append((values[ends + step] - middle) / size)
            place.append((ends + step) / max(len(values), 1))
        rows, targets, places = np.concatenate(X), np.concatenate(y), np.concatenate(place)
        kept = np.argsort(places, kind="stable")[-MOST_ROWS:]
        return rows[kept], targets[kept], places[kept]

    def _ends(self, filled: Array, more: Array, values: Array, step: int) -> Array:
        """Return the last steps (n,) of the latest rows of a series without a missing value, found
        from its end."""
        P, found, n = self.n_lags, [np.zeros(0, np.int64)], 0
        last = len(values) - step
        while last > P - 1 and n < MOST_ROWS:
            first = max(P - 1, last - 2 * MOST_ROWS)
            absent = np.cumsum(~np.isfinite(filled[first - P + 1 : last]))
            whole = absent[P - 1 :] == np.concatenate([[0], absent[: last - first - 1]])
            whole &= np.isfinite(values[first + step : last + step])
            whole &= np.isfinite(more[first + step : last + step]).all(axis=1)
            found.append(first + np.flatnonzero(whole))
            last, n = first, n + len(found[-1])
        return np.concatenate(found[::-1])[-MOST_ROWS:]

    def _fitted(self, X: Array, y: Array, place: Array) -> _Regression | None:
        if len(y) < FEWEST:
            return None
        early = place < 0.8
        if early.sum() < FEWEST or early.all():
            return self._solved(X, y, False, PENALTIES[len(PENALTIES) // 2 :][:1])[0]
        errors: dict[tuple[bool, float], float] = {}
        for around_last in (False, True):
            base = X[~early, 0] * around_last
            rows = self._around(X[~early], around_last)
            fits = self._solved(X[early], y[early], around_last, PENALTIES)
            for fit, penalty in zip(fits, PENALTIES, strict=True):
                left = y[~early] - base - rows @ fit.weights - fit.bias
                errors[around_last, penalty] = float((left**2).mean())
        around_last, penalty = min(errors, key=lambda each: errors[each])
        return self._solved(X, y, around_last, (penalty,))[0]

    def _around(self, X: Array, around_last: bool) -> Array:
        """Return rows whose lags are less the last value, if they are to be around it."""
        if not around_last:
            return X
        X = X.copy()
        X[:, : self.n_lags] -= X[:, :1].copy()
        return X

    def _solved(
        self, X: Array, y: Array, around_last: bool, penalties: Sequence[float]
    ) -> list[_Regression]:
        """Return the regression of each penalty."""
        rows = self._around(X, around_last)
        target = y - X[:, 0] * around_last
        mean, middle = rows.mean(axis=0), float(target.mean())
        centered = rows - mean
        products: Any = centered.T @ centered / len(y)
        wanted, unit = centered.T @ (target - middle) / len(y), np.eye(rows.shape[1])
        regressions = []
        for penalty in penalties:
            weights = np.linalg.solve(products + penalty * unit, wanted)
            regressions.append(_Regression(weights, middle - float(mean @ weights), around_last))
        return regressions
