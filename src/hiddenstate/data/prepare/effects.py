"""Effects of columns that are known ahead on the values of series, by ridge regression.

Values and columns are both changed before they are compared: to their differences from one step to
the next, from one season to the next, or from the mean of their series. A trend, a season or a
slow change is then not taken for an effect. The linear path forecasts what the effects leave, and
its rolling origin chooses between them (regression with autoregressive errors; Hyndman and
Athanasopoulos, "Forecasting: principles and practice", chapter 10).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTY = 1.0
"""Ridge penalty, in units of the variance of one row."""

FEWEST = 4
"""Smallest number of rows for each column."""


def candidate_effects(
    series: Sequence[Floats],
    known: Sequence[Floats],
    scales: Sequence[float],
    season: int | None,
) -> Iterator[Floats]:
    """Yield effects (K,) of K columns on one target.

    Parameters
    ----------
    series : sequence of ndarray (T_i,)
        Values of the target, or their logarithms.
    known : sequence of ndarray (T_i, K)
        The columns at the same steps.
    scales : sequence of float
        Size of each series; a series counts by its inverse.
    season : int, optional
        Number of steps after which the target repeats.
    """
    for lag in (1, season, 0):
        if lag is None:
            continue
        values, columns = [], []
        for own, beside, scale in zip(series, known, scales, strict=True):
            if len(own) > lag + 1:
                values.append(_changes(own[:, None], lag)[:, 0] / scale)
                columns.append(_changes(beside, lag) / scale)
        if (
            values
            and (effects := _ridge(np.concatenate(values), np.concatenate(columns))) is not None
        ):
            yield effects


def _changes(values: Floats, lag: int) -> Floats:
    """Return the changes (n, K) over `lag` steps, or for 0 from the mean of the series."""
    if lag:
        return np.asarray(values[lag:] - values[:-lag])
    known = np.isfinite(values)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.asarray(values - mean)


def _ridge(values: Floats, columns: Floats) -> Floats | None:
    """Return the weights (K,) of columns (n, K); None if the rows are too few or all alike."""
    complete = np.isfinite(values) & np.isfinite(columns).all(axis=1)
    values, columns = values[complete], columns[complete]
    spread = np.sqrt((columns**2).mean(axis=0)) if len(columns) else np.zeros(columns.shape[1])
    if len(values) < FEWEST * columns.shape[1] or not spread.any():
        return None
    scaled = columns / np.where(spread > 0, spread, 1)
    gram = scaled.T @ scaled + PENALTY * np.eye(len(spread))
    slope = np.linalg.solve(gram, scaled.T @ values)
    return np.asarray(np.where(spread > 0, slope / np.where(spread > 0, spread, 1), 0))
