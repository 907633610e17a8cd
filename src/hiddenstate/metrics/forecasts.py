"""Scores of forecasts, beside the errors of forecasts that need no model.

Shapes: n forecasts, O targets, N windows of W steps.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from hiddenstate.data.rows import overlapping
from hiddenstate.system.typing import Array

AT_ONCE = 2**17
"""Changes that are computed, or errors that are scaled, at once."""

Read = Callable[[Array], Array]
"""A function that returns the targets (n, O) of steps (n, I)."""


def seasonal_changes(
    windows: Array,
    series: Array,
    season: int | None,
    first: Array | None = None,
    read: Read = np.asarray,
) -> dict[int, Array]:
    """Return for each series the mean absolute change (O,) over a season in training windows.

    It is the scale of :func:`scaled_error`: the error of the seasonal naive forecast. Where no
    training series is longer than a season, it is the change from step to step. A constant target
    has none, which is NaN; a series whose changes are not known is left out.

    Parameters
    ----------
    windows : ndarray (N, W, I)
        Overlapping windows.
    series : ndarray (N,)
        The series of each window.
    season : int or None
        Steps of a season; None compares with the step before.
    first : ndarray (N,), optional
        The step of its series with which each window begins, to compare all their steps; without
        it, the last step of each window, and seasons that fit into a window.
    read : callable, optional
        Returns the targets (n, O) of steps (n, I) of windows, which are the targets by default.
    """
    W = windows.shape[1]
    if first is not None:
        whole = series_of_windows(windows, series, first)
        for before in (season or 1, 1):
            if scales := _scales({n: _changes(x, before, read) for n, x in whole.items()}):
                return scales
        return {}
    before = season if season and season < W else 1
    if W < 2:
        return {}
    changes = np.abs(read(windows[:, -1]) - read(windows[:, -1 - before])).astype(np.float64)
    return _scales({int(each): iter([changes[series == each]]) for each in np.unique(series)})


def _changes(x: Array, before: int, read: Read) -> Iterator[Array]:
    """Yield the sizes (n, O) of the changes over some steps of a series (T, I), part by part."""
    n = max(len(x) - before, 0)
    # numpy adds a single column in an order of its own, which parts of it do not have.
    width = read(x[:0]).shape[-1]
    size = max(1, AT_ONCE // width if width > 1 else n)
    for i in range(0, n, size):
        end = min(i + size, n)
        now, ago = (read(x[i + k : end + k]).astype(np.float64) for k in (before, 0))
        change = np.subtract(now, ago, out=now)
        yield np.abs(change, out=change)


def series_of_windows(windows: Array, series: Array, first: Array) -> dict[int, Array]:
    """Return the steps (T, I) of each series from windows (N, W, I) of it, which begin with the
    steps `first` (N,); NaN where no window is, in an array of floats. They are views where windows
    follow one another in memory."""
    found, (N, W, width) = {}, windows.shape
    dtype = windows.dtype if windows.dtype.kind == "f" else np.dtype(np.float64)
    for each in np.unique(series):
        rows = series == each
        one = rows.sum() == 1 and not first[rows].any() and windows.dtype == dtype
        if one:
            found[int(each)] = windows[int(rows.argmax())]
            continue
        steps = overlapping(windows) if rows.all() and windows.dtype == dtype else None
        if steps is not None:
            apart = windows.strides[0] // windows.strides[1]
            if (first == np.arange(N) * apart).all():
                found[int(each)] = steps[:, 0]
                continue
        in_turn = rows.all() and windows.flags.c_contiguous and windows.dtype == dtype
        if in_turn and (first == np.arange(N) * W).all():
            found[int(each)] = windows.reshape(N * W, width)
            continue
        whole = np.full((int(first[rows].max()) + W, width), np.nan, dtype)
        own = windows if rows.all() else windows[rows]
        whole[first[rows][:, None] + np.arange(W)] = own
        found[int(each)] = whole
    return found


def _scales(changes: Mapping[int, Iterator[Array]]) -> dict[int, Array]:
    """Return the mean (O,) of the changes of each series, parts (n, O), NaN for 0; nothing if no
    target of a series changes."""
    means = {name: mean for name, parts in changes.items() if (mean := _mean(parts)) is not None}
    if not any((mean > 0).any() for mean in means.values()):
        return {}
    return {name: np.where(mean > 0, mean, np.nan) for name, mean in means.items()}


def _mean(parts: Iterator[Array]) -> Array | None:
    """Return the mean (O,) of the complete rows of parts (n, O), which are overwritten: the same to
    the bit for any parts of several columns; None if there is none."""
    total, n = None, 0
    for part in parts:
        complete = np.isfinite(part).all(axis=1)
        known = part if complete.all() else part[complete]
        if len(known):
            known[0] += 0 if total is None else total
            total = np.add.reduce(known, axis=0)
            n += len(known)
    return None if total is None else np.asarray(total / n)


def mean_scale(scales: Mapping[int, Array]) -> Array:
    """Return the mean (O,) of the scales of series; NaN for a target that has none."""
    each = np.stack(list(scales.values()))
    known = np.isfinite(each)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, each, 0).sum(axis=0) / known.sum(axis=0))


def scaled_error(
    outputs: Array, target: Array, series: Array, scales: dict[int, Array]
) -> float | None:
    """Return the mean absolute scaled error (MASE): of each series, the mean absolute error divided
    by its scale, averaged over series (Hyndman & Koehler, Int. J. Forecasting 22, 2006).

    Constant targets have no part in it. Series without a scale get the mean of those there are;
    None if there is none.
    """
    if not scales:
        return None
    errors, weights = scaled_errors(outputs, target, series, scales)
    return float(np.average(errors, weights=weights)) if weights.any() else None


def scaled_errors(
    outputs: Array, target: Array, series: Array, scales: dict[int, Array]
) -> tuple[Array, Array]:
    """Return the error of each forecast (n,) and its weight (n,), whose mean is that of
    :func:`scaled_error`; `scales` has one scale or more."""
    mean = mean_scale(scales)
    names, place, counts = np.unique(series, return_inverse=True, return_counts=True)
    scale = np.stack([scales.get(name, mean) for name in names.tolist()])
    scaled = np.isfinite(scale)
    n_scaled, errors = scaled.sum(axis=1), np.empty(len(place))
    divisors, n_targets = np.where(scaled, scale, 1), scale.shape[1]
    at_once = max(1, AT_ONCE // max(1, n_targets))
    for first in range(0, len(place), at_once):
        own = slice(first, first + at_once)
        each = np.abs(outputs[own].astype(np.float64) - target[own]) / divisors[place[own]]
        errors[own] = np.where(scaled[place[own]], each, 0).sum(axis=1)
    return errors / np.maximum(n_scaled, 1)[place], ((n_scaled > 0) / counts)[place]


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
