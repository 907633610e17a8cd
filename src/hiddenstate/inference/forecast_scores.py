"""Scores of the forecasts of a run beside those of its linear path and of the last season."""

from typing import TypedDict

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.predict import Answers
from hiddenstate.metrics.forecasts import scaled_error, seasonal_changes
from hiddenstate.metrics.scores import mean_squared_error


class ForecastScores(TypedDict, total=False):
    """Scores of forecasts; those that can be computed."""

    mase: float
    """Mean absolute scaled error."""
    seasonal_mse: float
    """Mean squared error of the last value in the season of the target."""
    linear_mse: float
    """Mean squared error of the linear path alone."""


def forecast_scores(transform: Transform, answers: Answers, train: Rows | None) -> ForecastScores:
    """Return the scores of forecasts of targets from their own past; none of other answers.

    Parameters
    ----------
    transform : Transform
    answers : Answers
    train : Rows, optional
        The training rows, prepared, for the scale of the errors.
    """
    scores: ForecastScores = {}
    if answers.now is None:
        return scores
    X, target = answers.rows.X, answers.target
    season = transform.linear.season if transform.linear is not None else None
    if train is not None and isinstance(train.X, np.ndarray):
        current = transform.current_targets(train.X)
        origin, own = (r.origin or whole(len(r)) for r in (train, answers.rows))
        assert current is not None
        scales = seasonal_changes(current, origin.series, season)
        mase = scaled_error(answers.outputs, target, own.series[answers.row], scales)
        if mase is not None:
            scores["mase"] = mase
    alone = transform.linear_targets(X)
    if alone is not None and transform.linear is not None:
        scores["linear_mse"] = mean_squared_error(alone[answers.row, answers.step], target)
        values = transform.current_targets(X)
        if season and values is not None:
            lag = -int(transform.reading["horizon"]) % season
            before = values[answers.row, np.maximum(answers.step - lag, 0)]
            scores["seasonal_mse"] = mean_squared_error(before, target)
    return scores
