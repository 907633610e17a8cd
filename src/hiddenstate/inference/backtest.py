"""Scores forecasts from earlier origins, without training again, beside simple forecasts."""

from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from hiddenstate.errors import OptionError, count
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
    observed: those before a step from `starts` on, the latest `ORIGINS`."""
    origins = []
    for values, start in zip(series, starts, strict=True):
        enough = min(forecaster.length, max(forecaster.least, len(values) // 2))
        first = max(start, enough) - 1
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


def backtest(
    methods: dict[str, Paths],
    intervals: Intervals,
    series: list[Array],
    n_origins: int,
    levels: list[float],
) -> tuple[dict[str, MethodScores], int]:
    """Score forecasts from the last origins of each series after which every step is observed.

    Parameters
    ----------
    methods : dict of Paths
        By name, all from the same origins.
    intervals : Intervals
    series : list of ndarray (T_i, I)
    n_origins : int
        Most origins of a series.
    levels : list of float
        Levels of intervals, which are calibrated on what was observed before each origin; origins
        before which that is too little count in no coverage.

    Returns
    -------
    scores : dict of MethodScores
    n : int
        Number of paths scored.
    """
    paths = next(iter(methods.values()))
    H = paths.values.shape[1]
    before_end = paths.origin - np.array([len(values) for values in series])[paths.series]
    complete = before_end <= -1 - H
    last = [
        np.unique(before_end[complete & (paths.series == s)])[-n_origins:]
        for s in range(len(series))
    ]
    scored = complete & np.array(
        [end in last[number] for end, number in zip(before_end, paths.series, strict=True)], bool
    )
    if not scored.any():
        raise OptionError(
            f"--backtest: no held-out step of a series is followed by {count(H, 'step')}; use a "
            "smaller --horizon, or name DATA"
        )
    scales = {s: intervals.plain[s] for s in range(len(series))}
    found: dict[str, MethodScores] = {}
    for name, made in methods.items():
        own = made.take(scored)
        flat = own.values.reshape(-1, own.values.shape[-1])
        target = own.actual.reshape(flat.shape)
        errors = intervals.errors(made)
        result: MethodScores = {
            "mase": scaled_error(flat, target, np.repeat(own.series, H), scales),
            "smape": symmetric_percentage_error(flat, target),
            "coverage": {},
            "pinball": {},
        }
        each: dict[float, list[Any]] = {level: [] for level in levels}
        for end in np.unique(before_end[scored]) if levels else ():
            known = before_end[:, None] + np.arange(1, H + 1) <= end
            sizes = intervals.sizes(made, np.where(known[..., None], errors, np.nan))
            here = made.take(scored & (before_end == end))
            for level in levels:
                half = sizes.half_widths(level)
                if np.isfinite(half).all():
                    ends = intervals.around(here.values, here.series, half)
                    each[level].append(interval_scores(*ends, here.actual, level))
        for level, parts in each.items():
            if parts:
                covered, loss = (np.concatenate(part) for part in zip(*parts, strict=True))
                result["coverage"][f"{100 * level:g}"] = float(covered.mean())
                result["pinball"][f"{100 * level:g}"] = float(loss.mean())
        found[name] = result
    return found, int(scored.sum())
