"""Forecasts of every step up to a horizon, from the answers to single windows.

Shapes: N series, T steps, I features, H steps ahead, O targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.program.rows import Array, Rows
from hiddenstate.program.steps import Forecast, Logarithm, Step, TargetScale

AT_ONCE = 1 << 20
"""Changes that are summed at once."""


@dataclass(frozen=True)
class Ahead:
    """What forecasts of all steps up to a horizon need besides the answer to a window.

    Parameters
    ----------
    targets : tuple of int
        Features that hold the values of the targets.
    nearer : tuple of Forecast
        Linear paths of 1, 2, ... steps ahead, up to the one before the horizon, that read the
        newest window; none if each step is the answer to an earlier window.
    share : ndarray (H - 1, O), optional
        What is added of the outputs of nets to each of these paths; by default nothing.
    levels : tuple of float
        Of intervals, from 0 to 1.
    half : ndarray (len(levels), H, O), optional
        Half widths of the intervals, in mean changes of a series over a season, of its logarithms
        where a target is one.
    season : int
        Steps of that season.
    """

    targets: tuple[int, ...]
    nearer: tuple[Forecast, ...] = ()
    share: Array | None = None
    levels: tuple[float, ...] = ()
    half: Array | None = None
    season: int = 1

    def undone(self, steps: Sequence[Step], place: int, y: Array, rows: Rows, last: Rows) -> Array:
        """Return the forecast (N, O) of a nearer step from outputs y of nets.

        The nets read `rows`, and the path of the step, number `place`, the newest ones `last`.
        """
        for step in reversed(steps):
            if isinstance(step, Forecast):
                share = 0.0 if self.share is None else self.share[place]
                y = self.nearer[place].at(last) + share * y
            elif isinstance(step, TargetScale):
                y = y / step.factor
            else:
                y = step.undo(y, rows)
        return y

    def intervals(self, steps: Sequence[Step], X: Array, y: Array) -> dict[str, Array]:
        """Return the ends of intervals (N, H, O) around forecasts y of series X (N, T, I), by names
        such as "lower_80"."""
        if self.half is None:
            return {}
        logs = [step.log for step in steps if isinstance(step, Logarithm)]
        log = np.array(logs[0] if logs else [False] * y.shape[-1])
        values = X[..., list(self.targets)]
        values = np.where(log, np.log(np.where(log & (values > 0), values, np.nan)), values)
        size = mean_change(values, self.season)
        center, ends = np.where(log, np.log(np.where(log, y, 1)), y), {}
        for level, half in zip(self.levels, self.half):
            for name, sign in (("lower", -1), ("upper", 1)):
                end = center + sign * half * size[:, None]
                ends[f"{name}_{100 * level:g}"] = np.where(log, np.exp(np.where(log, end, 0)), end)
        return ends


def mean_change(values: Any, season: int) -> Array:
    """Return the mean absolute change (N, O) of values (N, T, O) over a season; 1 if there is none.

    Values that are missing do not count; what can be sliced is read some steps at a time.
    """
    T, width = values.shape[1:]
    apart, at_once = season if season < T else 1, max(1, AT_ONCE // width)
    total = np.zeros((len(values), width))
    n = np.zeros(total.shape)
    for first in range(0, T - apart, at_once):
        piece = values[:, first : first + apart + at_once].astype(np.float64)
        change = np.abs(piece[:, apart:] - piece[:, :-apart])
        there = np.isfinite(change)
        change[~there] = 0
        change[:, 0] += total
        total = change.sum(axis=1)
        n += there.sum(axis=1)
    total /= np.maximum(n, 1)
    return np.where(total > 0, total, 1.0)
