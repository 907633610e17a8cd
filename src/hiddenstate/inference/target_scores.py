"""Scores of each target of a regression beside what answers without a network."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import Computed
from hiddenstate.inference.forecast_scores import (
    changes_since,
    other_forecasts,
    scales_of,
    seasonal_forecast,
)
from hiddenstate.inference.predict import Answers
from hiddenstate.inference.score_intervals import units_of_differences
from hiddenstate.metrics.by_target import (
    Compared,
    gain_of_losses,
    losses_by_target,
    relative_gain,
    results_by_target,
)
from hiddenstate.metrics.losses import constant, pinball
from hiddenstate.metrics.target_scores import (
    DAYS,
    LAST,
    LINEAR,
    MEAN,
    MOST,
    PINBALL,
    QUANTILES,
    SEASONAL,
    STEPS,
    smallest_error,
)
from hiddenstate.system.typing import Array


def by_target(
    transform: Transform,
    answers: Answers,
    train: Rows | None,
    plain: Array | Computed,
    alone: bool = False,
) -> dict[str, float]:
    """Return the scores of each target as results, and the gain over the best of what answers
    without a network (:mod:`hiddenstate.metrics.target_scores`).

    Parameters
    ----------
    transform : Transform
    answers : Answers
        With one output for each target.
    train : Rows, optional
        The training rows, prepared, for the scale of errors.
    plain : ndarray (n, O)
        The last values of forecasts, else the mean of the training targets.
    alone : bool, default False
        Whether the linear path answers alone, and so is no baseline.
    """
    if not len(answers.target):
        return {}
    others: dict[str, Array | Computed] = {LAST if answers.now is not None else MEAN: plain}
    for result, other in other_forecasts(transform, answers, train).items():
        others[LINEAR if result == "linear_mse" else SEASONAL] = other
    series = _series_of(answers)
    of = Compared(answers.outputs, answers.target, series, others)
    results = results_by_target(of, scales_of(transform, answers, train)[0])
    best = smallest_error(results, [name for name in others if not (alone and name == LINEAR)])
    if best is not None:
        results |= relative_gain(of, others[best], units_of_differences(transform, answers))
    return results | (_season_ago(transform, answers, train) if SEASONAL in others else {})


def _series_of(answers: Answers) -> Array:
    """Return the series (n,) of each answer; rows of one answer each are no series."""
    series = (answers.rows.origin or whole(len(answers.rows))).series[answers.row]
    return np.zeros_like(series) if len(np.unique(series)) == len(series) else series


def quantiles_by_target(
    transform: Transform, answers: Answers, train: Rows | None
) -> dict[str, float]:
    """Return the loss of the quantiles of each target as results, `target_<number>_pinball`, and
    those of quantiles without a network; without a median also the gain over the best.

    Without a network answer, for each series by its own training rows, their quantiles or, in a
    forecast, those of the changes since the last value and since the value a season ago. Nothing is
    returned of a single target of a single series with a median, whose error says more.

    Parameters
    ----------
    transform : Transform
    answers : Answers
        With an output for each quantile of each target.
    train : Rows, optional
        The training rows, with targets in their own units.
    """
    n, series = len(transform.quantiles), _series_of(answers)
    target = answers.target[:, ::n].astype(np.float64)
    single = target.shape[1] == 1 and len(np.unique(series)) < 2
    if not len(target) or (single and transform.has_center):
        return {}

    def losses(outputs: Array) -> Array:
        each = pinball(outputs, answers.target, transform.quantiles)
        return np.asarray(each.reshape(*target.shape, n).mean(axis=2))

    now = None if answers.now is None else answers.now[:, ::n]
    one = replace(answers, outputs=target, target=target, now=now)
    others = _simple_quantiles(transform, one, train, series)
    found = {PINBALL: losses(answers.outputs)}
    found |= {f"{name}_{PINBALL}": losses(outputs) for name, outputs in others.items()}
    results = losses_by_target(found, target, series)
    best = smallest_error(results, list(others), PINBALL)
    if best is not None and not transform.has_center:
        units = units_of_differences(transform, answers)
        results |= gain_of_losses(found[PINBALL], found[f"{best}_{PINBALL}"], target, series, units)
    return results | (_season_ago(transform, one, train) if SEASONAL in others else {})


def _simple_quantiles(
    transform: Transform, answers: Answers, train: Rows | None, series: Array
) -> dict[str, Array]:
    """Return quantiles (n, O Q) of the targets without a network, by the name of the method."""
    if train is None or train.y is None:
        return {}
    own, origin = answers.rows.origin, train.origin
    alike = own is not None and origin is not None and own.table is origin.table
    numbers = series if alike else np.full_like(series, -1)
    n, q = len(transform.quantiles), transform.quantiles
    if answers.now is None:
        y, lengths = train.y, train.lengths if train.y.ndim == 3 else None
        parts = {} if origin is None else {k: origin.series == k for k in np.unique(numbers)}
        each = {
            int(k): constant(y[there], None if lengths is None else lengths[there], q)
            for k, there in parts.items()
            if there.any()
        }
        return {QUANTILES: _of_series(each, constant(y, lengths, q), numbers)}
    found, horizon = {}, _horizon(transform)
    season = seasonal_forecast(transform, answers, train)
    starts = {LAST: (np.asarray(answers.now), [horizon] * answers.now.shape[1])}
    if season is not None:
        starts[SEASONAL] = season[1][:], [period * -(-horizon // period) for period in season[0]]
    for name, (start, steps) in starts.items():
        changes = [_quantiles_of_changes(transform, train, k, o) for o, k in enumerate(steps)]
        added = [_of_series(each, every, numbers) for each, every in changes]
        found[name] = np.repeat(start, n, axis=1) + np.concatenate(added, axis=1)
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def _quantiles_of_changes(
    transform: Transform, train: Rows, steps: int, target: int
) -> tuple[dict[int, Array], Array]:
    """Return the quantiles (Q,) of the changes of a target in each series, and those in all."""
    each = {}
    for number, changes in changes_since(transform, train, steps).items():
        values = changes[:, target]
        if np.isfinite(values).any():
            each[number] = values[np.isfinite(values)]
    q = transform.quantiles
    if not each:
        return {}, np.full(len(q), np.nan)
    every = np.quantile(np.concatenate(list(each.values())), q)
    return {number: np.quantile(values, q) for number, values in each.items()}, every


def _of_series(each: Mapping[int, Array], other: Array, series: Array) -> Array:
    """Return for each answer what its series has (n, Q), or `other` if it has nothing."""
    numbers, place = np.unique(series, return_inverse=True)
    return np.stack([each.get(int(number), other) for number in numbers])[place]


def _season_ago(transform: Transform, answers: Answers, train: Rows | None) -> dict[str, float]:
    """Return, as results, how many days lie between a target and the value a season ago, or how
    many steps if no dates say so; of each target, if targets differ."""
    season = seasonal_forecast(transform, answers, train)
    if season is None:
        return {}
    table, horizon = answers.rows.origin and answers.rows.origin.table, _horizon(transform)
    calendar = table.calendar if table else None
    name, size = (STEPS, 1) if calendar is None else (DAYS, calendar.step_days)
    each = [size * period * -(-horizon // period) for period in season[0]]
    if len(set(each)) == 1:
        return {name: each[0]}
    return {f"target_{k}_{name}": ago for k, ago in enumerate(each[:MOST], 1)}


def _horizon(transform: Transform) -> int:
    return int(transform.reading.get("horizon") or 1)
