"""Forecasts of estimators: a regressor that learns the values some steps after its windows."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from hiddenstate.config import Config, DataConfig, section_options
from hiddenstate.config.data_fields import STDIN
from hiddenstate.config.parameters import errors_for_python, for_python
from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.prepare.known_ahead import known_steps, up_to
from hiddenstate.data.readers.dataframes import as_frame, is_frame
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.estimators.atomic import of_one_fit
from hiddenstate.estimators.frames import FrameTable, frame_of
from hiddenstate.estimators.inputs import float_type
from hiddenstate.estimators.known_ahead import after_series
from hiddenstate.estimators.options import config_of, features_of
from hiddenstate.estimators.tables import (
    reads_table,
    series_of_table,
    table_to_fit,
    table_to_read,
    used_columns,
)
from hiddenstate.estimators.teachers import job_with_teacher
from hiddenstate.inference.forecast import Forecaster, series_of_rows
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.inference.outlook import Outlook, held_out_from, outlook_of
from hiddenstate.jobs import Job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array

Ends = dict[float, tuple[Array, Array]]
"""The lower and the upper ends of intervals, in the shape of the forecast, by their level."""


def as_list_of_series(X: Any) -> Any:
    """Return X as a list of series (T_i, I), or as an array (N, T, I).

    One series is a data frame, (T,) or (T, I); several are a list of such, or (N, T, I).
    """
    if is_frame(X):
        return [X]
    if isinstance(X, (list, tuple)) and not all(np.isscalar(each) for each in X):
        return [each if is_frame(each) else _with_features(each) for each in X]
    X = X if hasattr(X, "ndim") else _with_features(X)
    return X if X.ndim == 3 else [_with_features(X)]


def _with_features(series: Any) -> Array:
    try:
        array = np.asarray(series)
    except (TypeError, ValueError):  # also what numpy raises of dates among numbers
        raise DataError(
            f"X: expected numbers, got {type(series).__name__}; convert it to a pandas or polars "
            "data frame"
        ) from None
    return array[:, None] if array.ndim == 1 else array


def dataset_of_series(
    rows: Rows, names: tuple[str, ...] | None, targets: Any, dtype: str, given: Sequence[Any] = ()
) -> SequenceDataset:
    """Return series with some of their own features as targets.

    Parameters
    ----------
    rows : Rows
        X (N, T, I).
    names : tuple of str or None
        Of the features, if they were columns of a data frame.
    targets : None, str, int, or sequence of these
        Features that are forecast, by name or number; None for all but those `given`.
    dtype : str
    given : sequence
        Features that are known ahead, or static, each by name or number.

    Raises
    ------
    DataError
        If there is no such feature.
    """
    width = rows.X.shape[2]
    columns = names or (("value",) if width == 1 else tuple(f"value_{i}" for i in range(width)))
    chosen = _targets(targets, columns, features_of(given, columns, "future or static"))
    X = rows.X.astype(np.float32) if rows.X.dtype == np.uint8 else rows.X
    rows = replace(rows, X=X, y=X[..., chosen].astype(dtype))
    read_as: dict[str, Any] = {} if names is None else {"layout": "long"}
    own = tuple(columns[i] for i in chosen)
    if names is not None:
        read_as["target"] = own
    return SequenceDataset("X", rows, columns=columns, targets=own, read_as=read_as)


def _targets(targets: Any, columns: tuple[str, ...], given: list[int]) -> list[int]:
    """Return the features to forecast: by default all but those that are `given`."""
    if targets is None:
        chosen = [i for i in range(len(columns)) if i not in given]
    else:
        chosen = features_of(targets, columns, "y")
    if not chosen:
        raise DataError("y: expected features to forecast, or None for all")
    if both := sorted({*chosen} & {*given}):
        raise DataError(
            f"y: {printable(columns[both[0]], 40)} is to be forecast, but is in future or static"
        )
    return chosen


class ForecastMixin:
    """The method `forecast`, for models trained with a horizon."""

    model_: FittedModel
    targets_shape_: tuple[int, ...]
    future: Any
    static: Any
    _ends: list[Array]
    _n_trained: list[int]
    _held_out: list[int] | None
    _table: dict[str, Any] | None
    _job: str
    _run: str
    _seed: int

    if TYPE_CHECKING:  # methods of the estimator

        def _predictor(self) -> Predictor: ...
        def _checked_rows(self, X: Any, reset: bool) -> Rows: ...
        def _fitted_names(self) -> tuple[str, ...] | None: ...
        def _prepared(
            self, dataset: SequenceDataset, config: Config, reset: bool
        ) -> PreparedDataset: ...

    def _series_as_read(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[SequenceDataset, Config, Rows, FrameTable | None]:
        """Return series and parameters, the rows as read, and the table if X is of frames."""
        for name in ("stateful", "steps"):
            if getattr(self, name):
                raise OptionError(f"{name}: does not go with horizon, which cuts windows of series")
        if sample_weight is not None:
            raise OptionError("sample_weight: does not go with horizon; leave it out")
        X = as_frame(X)
        if reads_table(self, X):
            dataset, config, table = table_to_fit(self, X, y)
            return dataset, config, dataset.train, table
        rows = self._checked_rows(as_list_of_series(X), reset=True)
        dtype = float_type(rows.X)
        given = [*_each(self.future), *_each(self.static)]
        dataset = dataset_of_series(rows, self._fitted_names(), y, dtype, given)
        return dataset, config_of(self, dtype, dataset), rows, None

    def _forecast_job(self, X: Any, y: Any, sample_weight: Any) -> Job:
        """Cut series into windows whose targets are `horizon` steps after them.

        Set the attributes of a fit that follow from its job, and from its series as read.
        """
        dataset, config, rows, table = self._series_as_read(X, y, sample_weight)
        prepared = self._prepared(dataset, config, True)
        job = job_with_teacher(vars(self).get("teacher"), dataset, config, prepared)
        if table is not None:
            for remark in job.dataset.remarks:
                warnings.warn(for_python(remark), stacklevel=4)  # the line that calls fit
            names = dataset.names or ()
            self.fit_ndim_, self.n_features_in_ = 3, len(names)
            self.feature_names_in_ = np.asarray(names, dtype=object)
        self._seed = job.config.training.seed
        n = job.net.n_outputs // max(1, len(job.config.training.quantile))
        every = job.net.output == "steps"
        self.targets_shape_ = (job.dataset.X.shape[1],) * every + (n,) * (n > 1)
        self._given = rows, table, job.dataset
        return job

    def _keep_ends(self) -> None:
        """Keep what `forecast` starts from: the last steps of training series, or all of them if
        some were held out; and the table of dated series."""
        rows, table, dataset = vars(self).pop("_given")
        transform = self.model_.transform
        if transform.known.ahead:  # steps after the last target are those to forecast
            rows = up_to(rows, known_steps(rows, transform.own_features))
        horizon = int(transform.reading.get("horizon") or 0)
        n = int(transform.reading.get("window") or 0) + horizon - 1
        ends = rows.ends
        self._n_trained = [int(end) for end in ends]
        self._held_out = None
        if dataset.test is not None:
            self._held_out = held_out_from(dataset, self._n_trained)
            n = max(self._n_trained)
        self._ends = [
            np.asarray(row[max(0, end - n) : end], np.float64)
            for row, end in zip(rows.X, ends, strict=True)
        ]
        self._table = None
        if table is not None:
            self._table = table.facts(used_columns(self.model_, table))

    def _first_unseen(self, series: list[Array]) -> list[int]:
        """Return the first step of each series that is later than training; 0 if all are."""
        trained: dict[tuple[int, int, int], set[bytes]] = {}
        lengths, ends = getattr(self, "_n_trained", ()), getattr(self, "_ends", ())
        unseen = getattr(self, "_held_out", None) or lengths
        for n, first, end in zip(lengths, unseen, ends, strict=False):  # none of a loaded model
            trained.setdefault((n, n - len(end), first), set()).add(end.tobytes())

        def first_unseen(values: Array) -> int:
            begun = (f for (n, at, f), ends in trained.items() if values[at:n].tobytes() in ends)
            return max(begun, default=0)

        return [first_unseen(values) for values in series]

    @of_one_fit
    def forecast(
        self,
        X: Any = None,
        *,
        horizon: int | None = None,
        level: float | Sequence[float] | None = None,
        future: Any = None,
        members: bool = False,
    ) -> Any:
        """Return forecasts of the steps after the end of series.

        Steps up to the `horizon` of the model are direct, each from values known that many steps
        before; later ones are recursive, which requires that all features are forecast.

        Parameters
        ----------
        X : series, optional
            As in `fit`: one series (T,) or (T, I), a data frame, a list of series, or (N, T, I); or
            the path of a table. By default the series that the model was fitted on. Each has at
            least as many steps as the model reads. Frames are read by their dates if the model was
            trained on dated series; rows after the last target then hold what is known ahead.
        horizon : int, optional
            Steps H to forecast; by default those of the model.
        level : float or sequence of float, optional
            Levels of intervals, such as (0.8, 0.95). They are calibrated on the forecasts from
            earlier steps, and NaN where there are none: of the training series, those held out by
            `test_fraction`; of X, those after the training steps if X begins with them. A model
            that was loaded does not know these; then pass later series.
        future : array-like, optional
            The values after each series of the features known ahead, for a model that was fitted
            with `future`: a data frame with their columns, or (H, K), or (H,) for one; of several
            series a list of such, or (N, H, K). Rows of frames with dates, or of the table of a
            path, are found by their dates.
        members : bool, default=False
            Whether the lowest and the highest forecast of the members of a net, each alone, are
            returned too: how much chance in training changes.

        Returns
        -------
        ndarray (H,) or (H, O)
            In the units of the data, without the last axis for one target; (N, H) or (N, H, O) for
            several series. With `level` or `members`, a tuple of it and a dictionary: the lower and
            upper ends by level, and those of the members as "members".

        Raises
        ------
        OptionError
            If the model was not trained with a horizon, or cannot forecast so far; for `level`
            without X if no steps were held out; for `members` of a single net.
        DataError
            If a series is too short, or `future` does not fit.
        """
        check_is_fitted(self)
        with errors_for_python():
            level = None if level is None else _levels(level)
            if members and self.model_.n_members == 1:
                raise OptionError("members: the model is a single net; fit one with members=5")
            made, several, _ = self._outlook(X, horizon, level or [], future)
            values = made.paths.values
            if level is None and not members:
                return _shaped(values, several)
            intervals: dict[Any, Any] = {} if level is None else dict(made.ends())
            if few := made.without_intervals():
                warnings.warn(for_python(few), stacklevel=3)
            if members:
                intervals["members"] = made.spread()
        shaped = {
            each: (_shaped(low, several), _shaped(up, several))
            for each, (low, up) in intervals.items()
        }
        return _shaped(values, several), shaped

    @of_one_fit
    def forecast_table(
        self,
        X: Any = None,
        *,
        horizon: int | None = None,
        level: float | Sequence[float] | None = None,
        future: Any = None,
    ) -> Any:
        """Return the forecasts of :meth:`forecast` as a table with dates, one row for each step.

        It is the table that `hiddenstate forecast` writes for the same model and series.

        Parameters
        ----------
        X, horizon, level, future
            As for :meth:`forecast`.

        Returns
        -------
        pandas or polars DataFrame, or dict of ndarray
            A frame of the library of X, or of the training series; of arrays a dictionary. Its
            columns are `series` (where there are several), `step` (of its series, from 0), `time`
            (of series with dates, in their type), `ahead` (1 to `horizon`), `method` (direct or
            recursive), each target, and for each level `TARGET_lower_80` and `TARGET_upper_80`; of
            a model with members also `TARGET_members_low` and `TARGET_members_high`.

        Raises
        ------
        OptionError, DataError
            As :meth:`forecast`.
        """
        check_is_fitted(self)
        with errors_for_python():
            levels = [] if level is None else sorted(_levels(level))
            made, _, table = self._outlook(X, horizon, levels, future)
            prediction = made.prediction()
            columns = prediction.columns
            if X is None and table is None and hasattr(self, "_ends"):
                # Of arrays, the last steps alone may be kept.
                cut = [n - len(end) for n, end in zip(self._n_trained, self._ends, strict=True)]
                columns["step"] = columns["step"] + np.repeat(cut, made.forecaster.horizon)
        for remark in prediction.remarks:
            warnings.warn(for_python(remark), stacklevel=3)
        if table is None:
            return columns
        return frame_of(columns, table, self.model_.transform.reading.get("time"))

    def _outlook(
        self, X: Any, horizon: int | None, levels: list[float], future: Any
    ) -> tuple[Outlook, bool, FrameTable | None]:
        """Return the outlook of series; whether the answer has an axis of series; their table."""
        model = self.model_
        trained = int(model.transform.reading.get("horizon") or 0)
        steps = (
            trained
            if horizon is None
            else section_options(DataConfig, self._job)["horizon"].check(horizon)
        )
        forecaster = Forecaster(model, self._predictor(), steps)
        if future is not None and not forecaster.known:
            raise OptionError("future: the model was not fitted with future; leave it out")
        given = self._series_of(X, levels)
        dataset, table = given.dataset, given.table
        name, ahead, columns = None, None, None
        series = series_of_rows(dataset.train, forecaster, printable(dataset.name))
        if isinstance(future, (str, os.PathLike)):
            name = os.fspath(future)
        elif future is not None and (read := table_to_read(model, future, "future")) is not None:
            name, columns = "future", read.columns
        elif forecaster.known and (future is not None or not given.is_table):
            ahead = after_series(future, model, dataset, [*map(len, series)], steps)
        starts = given.starts
        if X is not None and levels:
            unseen = self._first_unseen(series)
            starts = unseen if any(unseen) else None
        predictor, run = forecaster.predictor, given.run
        options: dict[str, Any] = {"future_columns": columns, "starts": starts, "known": ahead}
        made = outlook_of(model, predictor, dataset, steps, levels, run, name, **options)
        return made, given.several, table

    def _series_of(self, X: Any, levels: list[float]) -> "_Given":
        """Return the series that X stands for: those of the training for None."""
        model, X = self.model_, as_frame(X)
        run = table = rows = None
        if X is None and (folder := getattr(self, "_run", None)) is not None:
            run = Run(folder)
            X = run.config.data.data
            if X in (None, STDIN):
                raise OptionError("forecast: the run was not trained on a file; pass X")
        if isinstance(X, (str, os.PathLike)):
            dataset = read_new_data(model, os.fspath(X), {}, False)
            return _Given(dataset, len(dataset.train) > 1, None, True, None, run)
        several, starts = X is not None and _are_several(X), None
        if X is None:
            if not hasattr(self, "_ends"):
                raise OptionError("forecast: the training series are not saved; pass X")
            starts = getattr(self, "_held_out", None)
            if levels and starts is None:
                raise OptionError(
                    "level: no steps were held out of training; fit with test_fraction=0.2, or "
                    "pass series X, later than the training series"
                )
            if (facts := getattr(self, "_table", None)) is not None:
                table = FrameTable.from_facts(facts)
            rows, several = _rows_of(self._ends), len(self._ends) > 1
        else:
            table = table_to_read(model, X, "X")
        if table is not None:
            dataset = series_of_table(model, table)
            return _Given(dataset, several or len(dataset.train) > 1, table, True, starts, None)
        if rows is None:
            rows = self._checked_rows(as_list_of_series(X), reset=False)
        return _Given(SequenceDataset("X", rows), several, None, False, starts, None)


@dataclass(frozen=True)
class _Given:
    """Series to forecast; whether the answer has an axis for them, whether they were read as a
    table, that of frames, the first step of each that was held out, and their run."""

    dataset: SequenceDataset
    several: bool
    table: FrameTable | None
    is_table: bool
    starts: list[int] | None
    run: Run | None


def _each(features: Any) -> list[Any]:
    """Return the features that a parameter names, as a list."""
    if features is None:
        return []
    return [features] if np.isscalar(features) else list(features)


def _levels(level: Any) -> list[float]:
    """Return levels as numbers between 0 and 1 (`OptionError`)."""
    each: list[Any] = [level] if np.isscalar(level) else list(level)
    for one in each:
        number = isinstance(one, (int, float, np.number)) and not isinstance(one, bool)
        if not number or not 0 < one < 1:
            raise OptionError(f"level: expected numbers between 0 and 1, got {printable(one, 40)}")
    return [float(one) for one in each]


def _are_several(X: Any) -> bool:
    if is_frame(X):
        return False
    if isinstance(X, (list, tuple)):
        return not all(np.isscalar(each) for each in X)
    return np.ndim(X) == 3


def _rows_of(series: list[Array]) -> Rows:
    lengths = np.array([len(each) for each in series])
    X = np.zeros((len(series), lengths.max(), series[0].shape[1]))
    for row, each in zip(X, series, strict=True):
        row[: len(each)] = each
    return Rows(X, lengths=lengths)


def _shaped(values: Array, several: bool) -> Array:
    """Return (N, H, O) without the axis of series, or of targets, if there is one."""
    values = values if several else values[0]
    return values[..., 0] if values.shape[-1] == 1 else values
