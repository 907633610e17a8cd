"""Scores of the forecasts of a run beside those of its linear path and of the last season."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.calendar import Calendar
from hiddenstate.data.origin import Origin, whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import AT_ONCE, Computed, as_slice, at_steps
from hiddenstate.inference.predict import Answers
from hiddenstate.metrics.by_target import mean_errors, nearest
from hiddenstate.metrics.forecasts import (
    Read,
    scaled_error,
    seasonal_changes,
    series_of_windows,
)
from hiddenstate.metrics.scores import mean_squared_error
from hiddenstate.metrics.units import ago
from hiddenstate.system.typing import Array

Other = Literal["seasonal_mse", "linear_mse"]
"""Names of scores of forecasts that need no network."""


class ForecastScores(TypedDict, total=False):
    """Scores of forecasts; those that can be computed."""

    mase: float
    """Mean absolute scaled error."""
    seasonal_mse: float
    """Mean squared error of the last value in the season of the target, the best of several."""
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
    for name, other in other_forecasts(transform, answers, train).items():
        scores[name] = mean_squared_error(other, answers.target)
    return scores


def _reader(transform: Transform, X: Array) -> Read | None:
    """Return what reads the current values of the targets, which are those of any of their
    quantiles, from steps like those of X; None if they are not in it."""
    if transform.current_targets(X[:0]) is None:
        return None

    def read(steps: Array) -> Array:
        current = transform.current_targets(steps)
        assert current is not None
        # Sums of columns must not depend on the order in which a choice of them is in memory.
        return np.ascontiguousarray(current[..., :: max(1, len(transform.quantiles))])

    return read


def scales_of(
    transform: Transform, answers: Answers, train: Rows | None
) -> tuple[dict[int, Array], Array]:
    """Return the scale (O,) of the errors of each series, and the series (n,) of each answer."""
    own = answers.rows.origin or whole(len(answers.rows))
    if answers.now is None or train is None or not isinstance(train.X, np.ndarray):
        return {}, own.series[answers.row]
    read, origin = _reader(transform, train.X), train.origin or whole(len(train))
    assert read is not None
    # Models of earlier versions record no season beside their linear path.
    first = None if transform.reading.get("season") is None else origin.first
    scales = seasonal_changes(train.X, origin.series, transform.season, first, read)
    return scales, own.series[answers.row]


def other_forecasts(
    transform: Transform, answers: Answers, train: Rows | None = None
) -> dict[Other, Computed]:
    """Return the forecasts (n, O) that need no network, by the name of their score."""
    if answers.now is None:
        return {}
    forecasts: dict[Other, Computed] = {}
    if transform.linear is not None:
        forecasts["linear_mse"] = linear_forecast(transform, answers)
    seasonal = seasonal_forecast(transform, answers, train)
    if seasonal is not None:
        forecasts["seasonal_mse"] = seasonal[1]
    return forecasts


def linear_forecast(transform: Transform, answers: Answers) -> Computed:
    """Return the forecasts (n, O) of the linear path alone."""
    path, X, T = transform.linear, answers.rows.X, answers.rows.X.shape[1]
    assert path is not None
    n, n_targets = answers.target.shape
    in_parts = transform.is_alike_in_parts

    def alone(rows: Any, first: int, last: int) -> Array:
        made = transform.linear_targets(X[rows, first:last])
        assert made is not None
        return made

    def some(which: slice) -> Array:
        row, step = answers.row[which], answers.step[which]
        if not in_parts:
            return at_steps(alone(slice(None), 0, T), row, step)
        rows, place = np.unique(row, return_inverse=True)
        if len(rows) > 1 and AT_ONCE // n_targets >= T:
            return np.asarray(alone(as_slice(rows), 0, T)[place, step])
        made = np.empty((len(row), n_targets))
        for k, own in enumerate(rows.tolist()):  # steps of long rows, and those that they follow
            at = step[place == k]
            first = max(int(at.min()) - path.n_lags, 0)
            made[place == k] = alone(slice(own, own + 1), first, int(at.max()) + 1)[0, at - first]
        return made

    at_once = max(AT_ONCE // n_targets, 4 * path.n_lags)
    return Computed(some, (n, n_targets), at_once if in_parts else n)


def periods_of(transform: Transform, calendar: Calendar | None) -> list[int]:
    """Return the steps after which series are taken to repeat by forecasts that need no network:
    those of their seasons and of the calendar."""
    given = transform.reading.get("season") or (transform.season,)
    periods = () if calendar is None else calendar.periods
    return [int(each) for each in dict.fromkeys((*given, *periods)) if each]


def simple_forecasts(transform: Transform, calendar: Calendar | None, first: int) -> dict[str, int]:
    """Return the simple forecasts from origins from `first` on: how many steps back they look, by
    their names, "the last value" and "the value of a week ago"."""
    found = {"the last value": 1}
    for period in periods_of(transform, calendar):
        if period == transform.season or period <= first:
            days = None if calendar is None else period * calendar.step_days
            name = f"the value of {ago(days, period)}"
            found[f"the value of {ago(None, period)}" if name in found else name] = period
    return found


def seasonal_forecast(
    transform: Transform, answers: Answers, train: Rows | None
) -> tuple[list[int], Computed] | None:
    """Return the steps of a period of each target, and its last values (n, O) at the place of the
    targets: of several periods those with the smallest error.

    They are there only if they are known for all answers: they may be steps of the training rows.
    """
    table = answers.rows.origin and answers.rows.origin.table
    periods = periods_of(transform, table.calendar if table else None)
    read = _reader(transform, answers.rows.X) if periods else None
    if read is None:
        return None
    known = _Known(read, answers, _earlier(answers, train))
    horizon = int(transform.reading["horizon"])
    each = {period: known.errors(-horizon % period) for period in periods}
    if not (errors := {period: own for period, own in each.items() if own is not None}):
        return None
    best = nearest(errors)
    return best, known.before([-horizon % period for period in best])


class _Known:
    """The values before those that are forecast.

    Parameters
    ----------
    read : callable
        Reads the targets from steps.
    answers : Answers
    earlier : sequence of tuple
        Other windows (N, W, I) of the same series, with where they come from.
    """

    def __init__(
        self, read: Read, answers: Answers, earlier: Sequence[tuple[Array, Origin]]
    ) -> None:
        self.read, self.answers, self.X = read, answers, answers.rows.X
        self.own = answers.rows.origin or whole(len(self.X))
        self.series = [_parts(*each) for each in [*earlier, (self.X, self.own)]]

    def errors(self, steps: int) -> Array | None:
        """Return the mean errors (S, O) of the values so many steps before; None if some of these
        are unknown."""
        target = self.answers.target
        ago = self.before([steps] * target.shape[1])
        errors = mean_errors(ago, target, self.own.series[self.answers.row])
        return errors if np.isfinite(errors).all() else None

    def before(self, steps: Sequence[int]) -> Computed:
        """Return the values (n, O) of each target so many steps before the last known ones."""

        def some(rows: slice) -> Array:
            ago = np.empty((len(self.answers.row[rows]), len(steps)))
            for each in dict.fromkeys(steps):
                which = [o for o, own in enumerate(steps) if own == each]
                ago[:, which] = self._some_before(rows, each)[:, which]
            return ago

        return Computed(some, (len(self.answers.row), len(steps)))

    def _some_before(self, some: slice, steps: int) -> Array:
        """Return the values of some answers so many steps before; NaN where unknown."""
        row, step = self.answers.row[some], self.answers.step[some] - steps
        ago: Array = self.read(self.X[row, np.maximum(step, 0)]).astype(np.float64)
        ago[step < 0] = np.nan
        place = self.own.first[row] + step
        for series in self.series:
            unknown = np.flatnonzero((step < 0) & (place >= 0) & np.isnan(ago).any(axis=1))
            for number in np.unique(self.own.series[row[unknown]]).tolist():
                begin, steps_of_series = series.get(number, (0, self.X[0, :0]))
                here = unknown[self.own.series[row[unknown]] == number]
                here = here[place[here] < begin + len(steps_of_series)]
                here = here[place[here] >= begin]
                ago[here] = self.read(steps_of_series[place[here] - begin])
        return ago


def _parts(X: Array, origin: Origin) -> dict[int, tuple[int, Array]]:
    """Return the first known step of each series of windows X, and the steps (T, I) from there."""
    if len(np.unique(origin.series)) == len(X) and X.dtype.kind == "f":  # each is one window
        firsts, numbers = origin.first.tolist(), origin.series.tolist()
        return dict(zip(numbers, zip(firsts, X, strict=True), strict=True))
    whole_series = series_of_windows(X, origin.series, origin.first)
    return {number: (0, steps) for number, steps in whole_series.items()}


def changes_since(transform: Transform, train: Rows, steps: int) -> dict[int, Array]:
    """Return the changes (n, O) of the targets over so many steps in each training series."""
    read = _reader(transform, train.X) if isinstance(train.X, np.ndarray) else None
    if read is None:
        return {}
    origin = train.origin or whole(len(train))
    series = series_of_windows(train.X, origin.series, origin.first)
    each = {number: read(own).astype(np.float64) for number, own in series.items()}
    return {number: own[steps:] - own[:-steps] for number, own in each.items()}


def _earlier(answers: Answers, train: Rows | None) -> list[tuple[Array, Origin]]:
    """Return the training windows of the series that are forecast; none of other data."""
    own, origin = answers.rows.origin, None if train is None else train.origin
    if train is None or own is None or origin is None or own.table is not origin.table:
        return []
    return [(train.X, origin)] if isinstance(train.X, np.ndarray) else []
