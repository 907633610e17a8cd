"""Scores of forecasts, beside the errors of forecasts that need no model.

Shapes: n forecasts, O targets, N windows of W steps.
"""

import numpy as np

from hiddenstate.system.typing import Array


def seasonal_changes(
    values: Array, series: Array, season: int | None, first: Array | None = None
) -> dict[int, Array]:
    """Return for each series the mean absolute change (O,) over a season in training windows.

    It is the scale of :func:`scaled_error`: the error of the seasonal naive forecast. Where no
    training series is longer than a season, it is the change from step to step.

    Parameters
    ----------
    values : ndarray (N, W, O)
        The targets in overlapping windows.
    series : ndarray (N,)
        The series of each window.
    season : int or None
        Steps of a season; None compares with the step before.
    first : ndarray (N,), optional
        The step of its series with which each window begins, to compare all their steps; without
        it, the last step of each window, and seasons that fit into a window.
    """
    W = values.shape[1]
    if first is not None:
        whole = series_of_windows(values, series, first)
        for before in (season or 1, 1):
            ago = {name: np.abs(x[before:] - x[:-before]) for name, x in whole.items()}
            if scales := _above_zero({name: _mean(each) for name, each in ago.items()}):
                return scales
        return {}
    before = season if season and season < W else 1
    if W < 2:
        return {}
    changes = np.abs(values[:, -1] - values[:, -1 - before]).astype(np.float64)
    return _above_zero({int(each): _mean(changes[series == each]) for each in np.unique(series)})


def series_of_windows(values: Array, series: Array, first: Array) -> dict[int, Array]:
    """Return the values (T, O) of each series from windows (N, W, O) of it, which begin with the
    steps `first` (N,); NaN where no window is."""
    found, W = {}, values.shape[1]
    for each in np.unique(series):
        rows = series == each
        whole = np.full((int(first[rows].max()) + W, values.shape[2]), np.nan)
        whole[first[rows][:, None] + np.arange(W)] = values[rows]
        found[int(each)] = whole
    return found


def _above_zero(means: dict[int, Array]) -> dict[int, Array]:
    return {each: mean for each, mean in means.items() if (mean > 0).all()}


def scaled_error(
    outputs: Array, target: Array, series: Array, scales: dict[int, Array]
) -> float | None:
    """Return the mean absolute scaled error (MASE): of each series, the mean absolute error divided
    by its scale, averaged over series (Hyndman & Koehler, Int. J. Forecasting 22, 2006).

    Series without a scale get the mean of those there are; None if there is none.
    """
    if not scales:
        return None
    mean = np.mean(list(scales.values()), axis=0)
    errors = np.abs(outputs.astype(np.float64) - target)
    each = [
        (errors[series == number].mean(axis=0) / scales.get(int(number), mean)).mean()
        for number in np.unique(series)
    ]
    return float(np.mean(each))


def scaled_errors(
    outputs: Array, target: Array, series: Array, scales: dict[int, Array]
) -> tuple[Array, Array]:
    """Return the error of each forecast (n,) and its weight (n,), whose mean is that of
    :func:`scaled_error`; `scales` has one scale or more."""
    mean: Array = np.mean(list(scales.values()), axis=0)
    names, place, counts = np.unique(series, return_inverse=True, return_counts=True)
    scale = np.stack([scales.get(name, mean) for name in names.tolist()])
    errors = np.abs(outputs.astype(np.float64) - target) / scale[place]
    return errors.mean(axis=1), 1 / counts[place]


def symmetric_percentage_error(outputs: Array, target: Array) -> float:
    """Return the symmetric mean absolute percentage error (sMAPE), in percent: twice the absolute
    error divided by the sum of the absolute values; 0 where both are 0."""
    size = np.abs(outputs) + np.abs(target)
    return float(200 * np.mean(np.abs(outputs - target) / np.where(size > 0, size, 1)))


def interval_scores(low: Array, high: Array, actual: Array, level: float) -> tuple[Array, Array]:
    """Return for each value whether its interval covers it, 1 or 0, and the mean pinball loss of
    the two ends, which are the quantiles (1 - level) / 2 and (1 + level) / 2; NaN where no value
    was observed."""
    losses = []
    for end, quantile in ((low, (1 - level) / 2), (high, (1 + level) / 2)):
        miss = actual - end
        losses.append(np.maximum(quantile * miss, (quantile - 1) * miss))
    covered = np.where(np.isfinite(actual), (low <= actual) & (actual <= high), np.nan)
    return covered, (losses[0] + losses[1]) / 2


def _mean(changes: Array) -> Array:
    known = np.isfinite(changes).all(axis=1)
    return changes[known].mean(axis=0) if known.any() else np.zeros(changes.shape[1])
