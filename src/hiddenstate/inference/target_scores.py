"""Scores of each target of a regression beside what answers without a network."""

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.forecast_scores import other_forecasts, scales_of
from hiddenstate.inference.predict import Answers
from hiddenstate.inference.score_intervals import units_of_differences
from hiddenstate.metrics.by_target import Compared, relative_gain, results_by_target
from hiddenstate.metrics.target_scores import (
    DAYS,
    LAST,
    LINEAR,
    MEAN,
    SEASONAL,
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
    days = _season_in_days(transform, answers) if SEASONAL in others else None
    return results if days is None else {**results, DAYS: days}


def _season_in_days(transform: Transform, answers: Answers) -> float | None:
    """Return how many days lie between a target and the value a season ago, if dates say so."""
    table, season = answers.rows.origin and answers.rows.origin.table, transform.season
    calendar = table.calendar if table else None
    if calendar is None or not season:
        return None
    steps = season * -(-int(transform.reading.get("horizon") or 1) // season)
    return steps * calendar.step_days
