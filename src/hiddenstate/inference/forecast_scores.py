"""Scores of the forecasts of a run beside those of its linear path and of the last season."""

from typing import Literal, TypedDict

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.predict import Answers
from hiddenstate.metrics.forecasts import scaled_error, seasonal_changes
from hiddenstate.metrics.scores import mean_squared_error
from hiddenstate.system.typing import Array

Other = Literal["seasonal_mse", "linear_mse"]
"""Names of scores of forecasts that need no network."""


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
    scales, series = scales_of(transform, answers, train)
    mase = scaled_error(answers.outputs, answers.target, series, scales)
    if mase is not None:
        scores["mase"] = mase
    for name, prediction in other_forecasts(transform, answers).items():
        scores[name] = mean_squared_error(prediction, answers.target)
    return scores


def scales_of(
    transform: Transform, answers: Answers, train: Rows | None
) -> tuple[dict[int, Array], Array]:
    """Return the scale (O,) of the errors of each series, and the series (n,) of each answer."""
    own = answers.rows.origin or whole(len(answers.rows))
    if answers.now is None or train is None or not isinstance(train.X, np.ndarray):
        return {}, own.series[answers.row]
    season = transform.linear.season if transform.linear is not None else None
    current, origin = transform.current_targets(train.X), train.origin or whole(len(train))
    assert current is not None
    return seasonal_changes(current, origin.series, season), own.series[answers.row]


def other_forecasts(transform: Transform, answers: Answers) -> dict[Other, Array]:
    """Return forecasts (n, O) that need no network, by the name of their score."""
    X, linear = answers.rows.X, transform.linear
    alone = transform.linear_targets(X) if answers.now is not None else None
    if alone is None or linear is None:
        return {}
    forecasts: dict[Other, Array] = {"linear_mse": alone[answers.row, answers.step]}
    values = transform.current_targets(X)
    if linear.season and values is not None:
        lag = -int(transform.reading["horizon"]) % linear.season
        forecasts["seasonal_mse"] = values[answers.row, np.maximum(answers.step - lag, 0)]
    return forecasts
