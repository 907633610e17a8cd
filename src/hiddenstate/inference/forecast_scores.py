"""Scores of the forecasts of a run beside those of its linear path and of the last season."""

from typing import Literal, TypedDict

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.predict import Answers
from hiddenstate.metrics.forecasts import scaled_error, seasonal_changes, series_of_windows
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
    for name, prediction in other_forecasts(transform, answers, train).items():
        scores[name] = mean_squared_error(prediction, answers.target)
    return scores


def _current(transform: Transform, X: Array) -> Array | None:
    """Return the current values of the targets, which are those of the medians of quantiles."""
    current = transform.current_targets(X)
    return None if current is None else transform.central(current)


def scales_of(
    transform: Transform, answers: Answers, train: Rows | None
) -> tuple[dict[int, Array], Array]:
    """Return the scale (O,) of the errors of each series, and the series (n,) of each answer."""
    own = answers.rows.origin or whole(len(answers.rows))
    if answers.now is None or train is None or not isinstance(train.X, np.ndarray):
        return {}, own.series[answers.row]
    current, origin = _current(transform, train.X), train.origin or whole(len(train))
    assert current is not None
    # Models of earlier versions record no season beside their linear path.
    first = None if transform.reading.get("season") is None else origin.first
    scales = seasonal_changes(current, origin.series, transform.season, first)
    return scales, own.series[answers.row]


def other_forecasts(
    transform: Transform, answers: Answers, train: Rows | None = None
) -> dict[Other, Array]:
    """Return forecasts (n, O) that need no network, by the name of their score.

    The value a season ago is there only if it is known for all answers: it may be a step of the
    training rows.
    """
    X = answers.rows.X
    if answers.now is None:
        return {}
    forecasts: dict[Other, Array] = {}
    alone = transform.linear_targets(X)
    if alone is not None:
        forecasts["linear_mse"] = alone[answers.row, answers.step]
    ago = _season_ago(transform, answers, train)
    if ago is not None and np.isfinite(ago).all():
        forecasts["seasonal_mse"] = ago
    return forecasts


def _season_ago(transform: Transform, answers: Answers, train: Rows | None) -> Array | None:
    """Return the last values (n, O) in the season of the targets; NaN where one is unknown."""
    values, season = _current(transform, answers.rows.X), transform.season
    if not season or values is None:
        return None
    step = answers.step - -int(transform.reading["horizon"]) % season
    ago = values[answers.row, np.maximum(step, 0)]
    if (step >= 0).all():
        return np.asarray(ago)
    ago[step < 0] = np.nan
    if train is not None and isinstance(train.X, np.ndarray):
        own, origin = answers.rows.origin or whole(len(values)), train.origin or whole(len(train))
        earlier = _current(transform, train.X)
        assert earlier is not None
        known = series_of_windows(earlier, origin.series, origin.first)
        for i in np.flatnonzero(step < 0):
            row = answers.row[i]
            place, of_series = own.first[row] + step[i], known.get(int(own.series[row]))
            if of_series is not None and 0 <= place < len(of_series):
                ago[i] = of_series[place]
    return np.asarray(ago)
