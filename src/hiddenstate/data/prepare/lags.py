"""Ridge regressions of a series on its own last values, in several forms."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTIES = (1.0, 10.0)
"""Ridge penalties, in units of the variance of the lags."""

RUNS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""How many of the last values a regression reads."""

ROUNDING = 1e-9
"""Deviation of lags, as a share of the largest, up to which they are all alike."""


@dataclass(frozen=True)
class LagRows:
    """Forecasts to learn from: lags (n, P), newest first, targets (n,), and of each its place in
    its series, between 0 and 1, the scale of the series, what columns known ahead add to it, and
    the number of the series and the step of the newest lag."""

    lags: Floats
    target: Floats
    place: Floats
    scale: Floats
    added: Floats
    series: NDArray[np.int64]
    end: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_]) -> "LagRows":
        return LagRows(*(part[which] for part in vars(self).values()))


def mean_of(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0


def combined(lags: Floats, basis: Floats) -> Floats:
    """Return combinations (n, q) of lags (n, P), `lags @ basis.T`: of lags alone and of differences
    of two the same to the bit without a product, which takes longer than all else."""
    if (np.abs(basis).sum(axis=1) > 2).any():
        return np.asarray(lags @ basis.T)
    values: Floats = np.take(lags, basis.argmax(axis=1), axis=1)
    return values - np.take(lags, basis.argmin(axis=1), axis=1) if (basis < 0).any() else values


class Regressions:
    """Ridge regressions on lags, in several forms.

    A form writes the target as a fixed combination of lags plus a regression on other combinations:
    of levels, of changes, of seasonal changes, and of changes of seasonal changes.
    """

    def __init__(self, rows: LagRows, horizon: int, season: int | None, constant: bool) -> None:
        self.rows, self.horizon, self.season, self.constant = rows, horizon, season, constant

    def fits(self) -> Iterator[tuple[Floats, float]]:
        """Yield weights (P,) and bias of each regression."""
        lags, n = self.rows.lags, len(self.rows.target)
        for fixed, basis, seasonal in self.forms():
            R, r = combined(lags, basis), self.rows.target - lags @ fixed
            mean = R.mean(axis=0) if self.constant and n else np.zeros(R.shape[1])
            center = mean_of(r) if self.constant else 0.0
            spread, most_size = float(R.std(axis=0).mean()) if n else 0.0, np.abs(R).max(initial=0)
            spread = spread if spread > ROUNDING * most_size else float(most_size) or 1.0
            R, r = (R - mean) / spread, r - center
            gram, product = R.T @ R, R.T @ r
            for chosen in self._lag_sets(len(basis), seasonal):
                if len(chosen) > n // 2:  # too few rows: what is fixed stands alone
                    yield from ((fixed, center) for _ in PENALTIES)
                    continue
                penalties = np.array(PENALTIES)[:, None, None] * np.eye(len(chosen))
                within, own = gram[np.ix_(chosen, chosen)] + penalties, basis[chosen]
                for slope in np.linalg.solve(within, product[chosen, None])[..., 0] / spread:
                    yield fixed + slope @ own, center - float(slope @ mean[chosen])

    def forms(self) -> Iterator[tuple[Floats, Floats, bool]]:
        """Yield what is fixed (P,), the combinations (q, P), and whether they are seasonal."""
        P, h, m = self.rows.lags.shape[1], self.horizon, self.season
        lag = np.eye(P)
        yield np.zeros(P), lag, False
        if P > 1:
            yield lag[0], lag[:-1] - lag[1:], False
        if m and -h % m < P:
            seasonal = lag[: P - m] - lag[m:]
            yield lag[-h % m], seasonal, True
            before = m * -(-h // m)
            before = before if before < P else m
            yield lag[-h % m] + lag[0] - lag[before], seasonal[:-1] - seasonal[1:], True

    def _lag_sets(self, q: int, seasonal: bool) -> list[list[int]]:
        """Return which of `q` combinations regressions read."""
        sets = [list(range(p)) for p in RUNS if p <= q]
        h, m = self.horizon, self.season
        for p in (1, 2, 4) if m else ():
            assert m is not None
            around = (m - 1, m) if seasonal else _around(-h % m, m)
            sets.append(sorted({k for k in (*range(p), *around) if 0 <= k < q}))
        unique = {tuple(chosen): chosen for chosen in sets if chosen}
        return list(unique.values())


def _around(lag: int, season: int) -> tuple[int, ...]:
    """Return the lags of the target's season in three seasons, and those beside them."""
    return tuple(lag + k * season + beside for k in range(3) for beside in (-1, 0, 1))


def iterations(weights: Floats, bias: Floats, steps: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield weights (..., P) and biases (...) of one-step forecasts applied once, twice, ... and
    `steps` times: the newest value that a forecast reads is a forecast itself."""
    far, constant = weights, bias
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps):
            yield far, constant
            newest = far[..., 0]
            constant = constant + newest * bias
            older = np.concatenate([far[..., 1:], np.zeros_like(far[..., :1])], axis=-1)
            far = older + newest[..., None] * weights
