"""Scores of each target of a regression beside what answers without a network."""

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.forecast_scores import other_forecasts, scales_of, seasonal_forecast
from hiddenstate.inference.predict import Answers
from hiddenstate.inference.score_intervals import units_of_differences
from hiddenstate.metrics.by_target import Compared, relative_gain, results_by_target
from hiddenstate.metrics.target_scores import (
    DAYS,
    LAST,
    LINEAR,
    MEAN,
    MOST,
    SEASONAL,
    STEPS,
    smallest_error,
)
from hiddenstate.system.typing import Array


def by_target(
    transform: Transform, answers: Answers, train: Rows | None, plain: Array, alone: bool = False
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
    others = {
        LAST if answers.now is not None else MEAN: np.broadcast_to(plain, answers.target.shape)
    }
    for result, values in other_forecasts(transform, answers, train).items():
        others[LINEAR if result == "linear_mse" else SEASONAL] = values
    origin = answers.rows.origin or whole(len(answers.rows))
    series = origin.series[answers.row]
    if len(np.unique(series)) == len(series):  # rows of one answer each are no series
        series = np.zeros_like(series)
    of = Compared(answers.outputs.astype(np.float64), answers.target, series, others)
    results = results_by_target(of, scales_of(transform, answers, train)[0])
    best = smallest_error(results, [name for name in others if not (alone and name == LINEAR)])
    if best is not None:
        results |= relative_gain(of, others[best], units_of_differences(transform, answers))
    return results | (_season_ago(transform, answers, train) if SEASONAL in others else {})


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
