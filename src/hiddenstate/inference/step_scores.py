"""Scores of forecasts for each step ahead and each series, beside forecasts by plain methods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data.rows import column
from hiddenstate.inference.forecast import Paths
from hiddenstate.metrics.forecasts import mean_scale
from hiddenstate.metrics.ridge_forecast import RidgeForecast
from hiddenstate.system.typing import Array

OWN = "hiddenstate"
"""The name of the model among the methods."""


@dataclass(frozen=True)
class StepScores:
    """Errors of S series, H steps ahead, of O targets, by M methods from the same origins.

    Steps that some method does not forecast, or that were not observed, count for none.

    Parameters
    ----------
    methods, series, targets : tuple of str
    mae : ndarray (M, S, H, O)
        Mean absolute errors, in the units of the targets; NaN without forecasts.
    n : ndarray (S, H, O)
        Number of forecasts.
    scales : ndarray (S, O)
        What errors are divided by for the scaled error (MASE); NaN if it is unknown.
    within : dict of ndarray (S, H, O)
        By level in percent, the share of observed values in the interval of the model.
    """

    methods: tuple[str, ...]
    series: tuple[str, ...]
    targets: tuple[str, ...]
    mae: Array
    n: Array
    scales: Array
    within: dict[str, Array]

    @property
    def mase(self) -> Array:
        """Mean absolute scaled errors (M, S, H, O)."""
        return np.asarray(self.mae / self.scales[:, None])

    def rows(self) -> dict[str, Array]:
        """Return a table with a row for each method, series, target and step ahead."""
        M, S, H, n_targets = self.mae.shape
        which = [each.reshape(-1) for each in np.indices((M, S, n_targets, H))]
        method, series, target, ahead = which
        place = (series, ahead, target)
        columns: dict[str, Array] = {
            "method": np.array(self.methods)[method],
            "series": np.array(self.series)[series],
            "target": np.array(self.targets)[target],
            "ahead": ahead + 1,
            "forecasts": self.n[place],
            "mase": self.mase[(method, *place)],
            "mae": self.mae[(method, *place)],
        }
        for level, share in self.within.items():
            columns[f"within_{level}"] = np.where(method == 0, share[place], np.nan)
        return columns

    def by_step(self) -> list[dict[str, Any]]:
        """Return the scores of each step ahead, averaged over series, of each target."""
        return [
            self._mean({"target": name, "ahead": h + 1}, slice(None), h, o)
            for o, name in enumerate(self.targets)
            for h in range(self.mae.shape[2])
        ]

    def by_series(self) -> list[dict[str, Any]]:
        """Return the scores of each series, averaged over steps ahead, of each target."""
        return [
            self._mean({"target": name, "series": each}, s, slice(None), o)
            for o, name in enumerate(self.targets)
            for s, each in enumerate(self.series)
        ]

    def _mean(self, what: dict[str, Any], series: Any, step: Any, target: int) -> dict[str, Any]:
        place = (series, step, target)
        n = self.n[place].reshape(-1)
        facts = {**what, "forecasts": int(n.sum()), "mase": {}, "mae": {}, "within": {}}
        for m, name in enumerate(self.methods):
            facts["mase"][name] = _mean(self.mase[(m, *place)].reshape(-1))
            facts["mae"][name] = _mean(self.mae[(m, *place)].reshape(-1), n)
        for level, share in self.within.items():
            facts["within"][level] = _mean(share[place].reshape(-1), n)
        return facts


def step_scores(
    methods: Mapping[str, Paths],
    series: Sequence[str],
    targets: Sequence[str],
    scales: Mapping[int, Array],
    covered: Mapping[str, Array],
) -> StepScores:
    """Return the scores of forecasts by step ahead and series.

    Parameters
    ----------
    methods : mapping of Paths
        By name, all from the same n origins; the first are those of the model.
    series, targets : sequence of str
        Their names.
    scales : mapping
        The scale (O,) of the errors of series, by number, NaN of constant targets; those without
        one get the mean.
    covered : mapping of ndarray (n, H, O)
        By level in percent, whether the interval of the model covers what was observed: 1 or 0, NaN
        where there is none.
    """
    first = next(iter(methods.values()))
    errors = np.stack([np.abs(made.values - made.actual) for made in methods.values()])
    known = np.isfinite(errors).all(axis=0)
    S, (H, n_targets) = len(series), errors.shape[2:]

    def summed(values: Array) -> Array:
        total = np.zeros((S, H, n_targets))
        np.add.at(total, first.series, values)
        return total

    n = summed(known.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        mae = np.stack([summed(np.where(known, each, 0)) / n for each in errors])
        within = {
            level: summed(np.where(known, each == 1, 0)) / summed(known & np.isfinite(each))
            for level, each in covered.items()
        }
    scale = np.full((S, n_targets), np.nan)
    if scales:
        scale[:] = mean_scale(scales)
        for number, own in scales.items():
            scale[number] = own
    used = np.asarray(n.reshape(S, -1).max(axis=1) > 0)
    return StepScores(
        methods=tuple(methods),
        series=tuple(name for name, has in zip(series, used, strict=True) if has),
        targets=tuple(targets),
        mae=mae[:, used],
        n=n[used].astype(np.int64),
        scales=scale[used],
        within={n: share[used] for n, share in within.items() if np.isfinite(share).any()},
    )


Series = tuple[Array, Array]
"""Values (T, O) of the targets of a series, and columns known ahead (F, K), after its end too."""


def ridge_paths(
    paths: Paths, series: Sequence[Series], train: Sequence[Series], n_lags: int
) -> Paths | None:
    """Return forecasts by ridge regressions from the origins of other paths; None if the training
    rows are too few.

    Parameters
    ----------
    paths : Paths
    series, train : sequence of tuple
        Each series, and what regressions are fitted on of it.
    n_lags : int
        Most last values that are read.
    """
    from threadpoolctl import threadpool_limits  # late: it is not needed to start

    values = np.full_like(paths.values, np.nan)
    with threadpool_limits(1):  # many small products, for which threads wait longer than they work
        for o in range(values.shape[2]):
            early = [(column(own, o), known) for own, known in train]
            model = RidgeForecast(early, n_lags, values.shape[1])
            for number, (own, known) in enumerate(series):
                here, of = paths.series == number, column(own, o)
                values[here, :, o] = model.forecast(of, known, number, paths.origin[here])
    return replace(paths, values=values) if np.isfinite(values).any() else None


def _mean(values: Array, weights: Array | None = None) -> float | None:
    """Return the mean of what is known; None of nothing."""
    known = np.isfinite(values)
    if not known.any():
        return None
    return float(np.average(values[known], weights=None if weights is None else weights[known]))
