"""Describes residuals, predictions minus targets: their histogram and their autocorrelation.

Shapes: n residuals, O targets.
"""

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.rows import summed
from hiddenstate.system.typing import Array

BINS, LAGS = 40, 20
"""Bars of a histogram, and steps up to which residuals are compared with later ones."""

PAIRS, SHARE = 10, 0.05
"""Least pairs of residuals that a correlation is computed from, also as a share of all."""

Floats = NDArray[np.float64]


def deviations(target: Array, series: Array) -> Floats:
    """Return the standard deviation of each target (n, O) within its series (n,), at each of the n
    places; 1 where it is 0."""
    _, place, counts = np.unique(series, return_inverse=True, return_counts=True)
    spreads = np.empty(target.shape)
    for o in range(target.shape[1]):  # as all targets are several copies
        rest = target[:, o] - (np.bincount(place, target[:, o]) / counts)[place]
        spread = np.sqrt(np.bincount(place, rest**2) / counts)
        spreads[:, o] = np.where(spread > 0, spread, 1.0)[place]
    return spreads


def residual_counts(residuals: Array) -> tuple[Floats, NDArray[np.int64]]:
    """Return the edges (O, BINS + 1) and counts (O, BINS) of the histogram of each target.

    The bars are symmetrical about 0 and hold 99 % of the residuals (n, O); the outermost hold the
    others too.
    """
    edges, counts = [], []
    for values in residuals.T:
        high = float(np.quantile(np.abs(values), 0.99)) or 1.0
        edges.append(np.linspace(-high, high, BINS + 1))
        counts.append(np.histogram(np.clip(values, -high, high), edges[-1])[0])
    return np.array(edges), np.array(counts, np.int64)


def autocorrelation(residuals: Array, series: Array, at: Array) -> Floats:
    """Return the correlation of each target's residuals with those 1 to `LAGS` steps later.

    Parameters
    ----------
    residuals : ndarray (n, O)
        In the order of series and steps.
    series, at : ndarray (n,)
        The series and the step that each belongs to.

    Returns
    -------
    ndarray (O, LAGS)
        NaN for lags of fewer than `PAIRS` pairs.
    """
    mean = residuals.mean(axis=0)
    lags = np.full((residuals.shape[1], LAGS), np.nan)
    for lag in range(1, min(LAGS, len(at) - 1) + 1):
        pairs = np.flatnonzero((series[lag:] == series[:-lag]) & (at[lag:] - at[:-lag] == lag))
        if len(pairs) >= max(PAIRS, SHARE * len(at)):
            product, *squares = _products(residuals, mean, pairs, lag)
            power = np.sqrt(squares[0] * squares[1])
            lags[:, lag - 1] = np.where(power > 0, product / np.where(power > 0, power, 1), np.nan)
    return lags


def _products(residuals: Array, mean: Array, pairs: Array, lag: int) -> list[Array]:
    """Return the sums (O,) of the products of residuals at `pairs` and `lag` steps later, less
    their mean, and of the squares of both."""

    def part(first: int, last: int) -> tuple[Array, Array, Array]:
        here = pairs[first:last]
        now, later = residuals[here] - mean, residuals[here + lag] - mean
        return now * later, np.square(now, out=now), np.square(later, out=later)

    return summed(part, 0, len(pairs), residuals.shape[1])
