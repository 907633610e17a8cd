"""Scores forecasts from earlier origins, without training again, beside simple forecasts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

import numpy as np

from hiddenstate.inference.forecast import ORIGINS, Forecaster, Paths
from hiddenstate.inference.intervals import Intervals
from hiddenstate.metrics.forecasts import (
    interval_scores,
    scaled_error,
    symmetric_percentage_error,
)
from hiddenstate.system.typing import Array


class MethodScores(TypedDict):
    """Scores of one way to forecast, averaged over origins, steps ahead, series and targets."""

    mase: float | None
    smape: float
    """Symmetric mean absolute percentage error, in percent."""
    coverage: dict[str, float]
    """By level, the share of observed values within the interval."""
    pinball: dict[str, float]
    """By level, the mean pinball loss of the two ends of the interval."""


def calibration_origins(
    forecaster: Forecaster, series: list[Array], starts: list[int]
) -> list[Array]:
    """Return the origins (n_i,) of each series (T_i, I) whose forecasts are compared with what was
    observed: those of steps from `starts` on, the latest `ORIGINS`."""
    origins = []
    for values, start in zip(series, starts, strict=True):
        enough = min(forecaster.length, max(forecaster.least, len(values) // 2))
        first = max(start - forecaster.horizon, enough - 1)
        origins.append(np.arange(first, len(values) - 1)[-ORIGINS:])
    return origins


def seasonal_paths(paths: Paths, series: list[Array], own: list[int], season: int) -> Paths:
    """Return paths from the same origins that repeat the last season."""
    ahead = np.arange(1, paths.values.shape[1] + 1)
    back = ahead - season * -(-ahead // season)
    values = np.empty_like(paths.values)
    for i, (number, end) in enumerate(zip(paths.series, paths.origin, strict=True)):
        values[i] = series[number][np.maximum(end + back, 0)][:, own]
    return replace(paths, values=values)


def last_origins(
    paths: Paths, series: list[Array], n_origins: int | None, starts: list[int]
) -> Array:
    """Return which paths (n,) are scored: those from the last origins of each series after which
    every step is observed, and may be compared.

    Parameters
    ----------
    paths : Paths
    series : list of ndarray (T_i, I)
    n_origins : int or None
        Most origins of a series; None: all.
    starts : list of int
        The first step of each series that is compared.
    """
    before_end = _before_end(paths, series)
    complete: Array = before_end <= -1 - paths.values.shape[1]
    complete &= paths.origin >= np.array(starts)[paths.series] - 1
    if n_origins is None:
        return complete
    last = [
        np.unique(before_end[complete & (paths.series == s)])[-n_origins:]
        for s in range(len(series))
    ]
    are_last = [end in last[number] for end, number in zip(before_end, paths.series, strict=True)]
    return np.asarray(complete & np.array(are_last, bool))


def coverage(
    made: Paths,
    intervals: Intervals,
    series: list[Array],
    scored: Array,
    levels: list[float],
    most: int | None = None,
) -> dict[float, tuple[Array, Array]]:
    """Return by level whether intervals cover what was observed (n, H, O), 1 or 0, and the pinball
    losses (n, H, O) of their ends, of the scored paths; NaN where there are none.

    Intervals are calibrated on what was observed before each origin, of at most `most` origins.
    """
    before_end, H = _before_end(made, series), made.values.shape[1]
    shape = (int(scored.sum()), *made.values.shape[1:])
    found = {level: (np.full(shape, np.nan), np.full(shape, np.nan)) for level in levels}
    errors, own = intervals.errors(made), made.take(scored)
    ends = np.unique(before_end[scored]) if levels else np.zeros(0, np.int64)
    if most is not None and len(ends) > most:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, most).astype(int))]
    for end in ends:
        known = before_end[:, None] + np.arange(1, H + 1) <= end
        sizes = intervals.sizes(made, np.where(known[..., None], errors, np.nan))
        which = before_end[scored] == end
        here = own.take(which)
        for level in levels:
            half = sizes.half_widths(level)
            if np.isfinite(half).all():
                around = intervals.around(here.values, here.series, half)
                covered, loss = interval_scores(*around, here.actual, level)
                found[level][0][which], found[level][1][which] = covered, loss
    return found


def backtest(
    methods: dict[str, Paths],
    scored: Array,
    scales: dict[int, Array],
    rated: Mapping[str, Mapping[float, tuple[Array, Array]]],
) -> dict[str, MethodScores]:
    """Score forecasts from earlier origins.

    Parameters
    ----------
    methods : dict of Paths
        By name, all from the same origins.
    scored : ndarray (n,) of bool
        The paths that are scored.
    scales : dict of ndarray (O,)
        What errors are divided by, by the number of the series.
    rated : mapping
        What :func:`coverage` returns of methods with intervals.
    """
    found: dict[str, MethodScores] = {}
    known = np.all([np.isfinite(made.values - made.actual) for made in methods.values()], axis=0)
    known = known.all(axis=2)[scored].reshape(-1)  # the same rows of all methods
    for name, made in methods.items():
        own = made.take(scored)
        flat = own.values.reshape(-1, own.values.shape[-1])
        target = own.actual.reshape(flat.shape)
        flat, target = flat[known], target[known]
        of_each = np.repeat(own.series, own.values.shape[1])[known]
        result: MethodScores = {
            "mase": scaled_error(flat, target, of_each, scales),
            "smape": symmetric_percentage_error(flat, target),
            "coverage": {},
            "pinball": {},
        }
        for level, (covered, loss) in rated.get(name, {}).items():
            if np.isfinite(covered).any():
                result["coverage"][f"{100 * level:g}"] = float(np.nanmean(covered))
                result["pinball"][f"{100 * level:g}"] = float(np.nanmean(loss))
        found[name] = result
    return found


def _before_end(paths: Paths, series: list[Array]) -> Array:
    """Return the origins (n,) counted from the ends of their series: -1 is the last step."""
    return np.asarray(paths.origin - np.array([len(values) for values in series])[paths.series])
