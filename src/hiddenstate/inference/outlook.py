"""The forecast of a model for series that were read, as a table, with intervals and scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.origin import whole
from hiddenstate.data.readers.columns import Columns
from hiddenstate.engines import Predictor
from hiddenstate.errors import count, listed, printable
from hiddenstate.inference.backtest import calibration_origins
from hiddenstate.inference.forecast import Forecaster, Paths, series_of_rows
from hiddenstate.inference.future_rows import FutureRows
from hiddenstate.inference.inputs import run_test_data
from hiddenstate.inference.intervals import Intervals
from hiddenstate.inference.predict import Prediction, target_columns
from hiddenstate.inference.target_times import target_times, time_remarks
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array

PAST = 48
"""Least number of known steps before a forecast in a figure."""


@dataclass(frozen=True)
class Outlook:
    """Forecasts of H steps after the end of each series, and what they are judged by.

    Parameters
    ----------
    forecaster : Forecaster
    dataset : SequenceDataset
        As read.
    series : list of ndarray (T_i, I)
    paths : Paths
        One path from the end of each series.
    earlier : Paths
        Paths from earlier origins, which calibrate the intervals.
    levels : list of float
    held_out : bool
        Whether the earlier paths are of steps that the model was not trained on.
    times : list of ndarray (H,), optional
        The times of the steps as a file with columns known ahead writes them.
    remarks : tuple of str
        What could not be checked of that file, and which series are short.
    starts : list of int
        The first step of each series that earlier paths are compared with.
    assumed : dict of str to int
        The columns known ahead that go on as so many steps before where the data ends.
    """

    forecaster: Forecaster
    dataset: SequenceDataset
    series: list[Array]
    paths: Paths
    earlier: Paths
    levels: list[float]
    held_out: bool
    times: list[Array] | None = None
    remarks: tuple[str, ...] = ()
    starts: list[int] = field(default_factory=list)
    assumed: dict[str, int] = field(default_factory=dict)

    @cached_property
    def intervals(self) -> Intervals:
        """The intervals of the model around its forecasts."""
        return Intervals(self.forecaster.model, self.series)

    def ends(self) -> dict[float, tuple[Array, Array]]:
        """Return lower and upper ends (n, H, O) of the intervals by level; NaN without earlier
        forecasts of a step."""
        values, series = self.paths.values, self.paths.series
        widths = self.half_widths()
        return {n: self.intervals.around(values, series, half) for n, half in widths.items()}

    def half_widths(self) -> dict[float, Array]:
        """Return half widths (H, O) of the intervals by level, in the scale of each series."""
        if not self.levels:
            return {}
        sizes = self.intervals.sizes(self.earlier, self.intervals.errors(self.earlier))
        return {level: sizes.half_widths(level) for level in self.levels}

    def without_intervals(self) -> str | None:
        """Say which steps have no interval, as no earlier forecast of them can be judged."""
        if not self.levels:
            return None
        judged = self.counts() > 0
        if np.all(judged):
            return None
        of = "held-out steps" if self.held_out else "the steps of DATA"
        if not np.any(judged):
            return f"no intervals: {of} are too few for an earlier forecast that can be judged"
        first, last = int(judged.argmin()) + 1, len(judged)
        steps = count(last, "step") if first == last else f"{first} to {last} steps"
        return (
            f"no interval {steps} ahead: {of} are too few for an earlier forecast that can be "
            "judged"
        )

    def counts(self) -> Array:
        """Return the number of earlier forecasts that can be judged of each step ahead (H,)."""
        return np.asarray(np.isfinite(self.earlier.actual[..., 0]).sum(axis=0))

    def calibration(self) -> str | None:
        """Say what the intervals rest on, if there are any."""
        if not self.levels or not len(self.earlier.origin):
            return None
        counts = self.counts()
        of = "held-out steps" if self.held_out else "DATA, which may include training rows"
        first = f"intervals from {count(int(counts[0]), 'earlier forecast')}"
        if (counts == counts[0]).all():
            return f"{first} of each step ahead, of {of}"
        last = f"{counts[-1]} of {count(len(counts), 'step')} ahead"
        return f"{first} one step ahead and {last}, of {of}"

    def spread(self) -> tuple[Array, Array] | None:
        """Return the lowest and the highest forecast (n, H, O) of the members of the net, each
        alone; None of a net without members."""
        return self.forecaster.spread(self.paths, self.series)

    def prediction(self) -> Prediction:
        """Return a row for each step of each series, with intervals, and the lowest and highest
        forecast of the members of a net."""
        n, H, n_targets = self.paths.values.shape
        number = np.repeat(self.paths.series, H)
        ahead = np.tile(np.arange(1, H + 1), n)
        steps = np.repeat(self.paths.origin, H) + ahead
        rows = self.dataset.train
        origin = rows.origin or whole(n)
        columns: dict[str, Array] = {}
        if rows.ids is not None:
            columns["series"] = np.asarray(rows.ids)[number]
        elif n > 1:
            columns["series"] = origin.series[number]
        columns["step"] = steps
        table = origin.table
        if table is not None and table.starts is not None and table.times is not None:
            if self.times is None:
                columns["time"] = target_times(table, origin.series[number], steps - 1, 1)
            else:
                columns["time"] = np.concatenate(self.times)
        columns |= {"ahead": ahead, "method": self.forecaster.method(ahead)}
        values = target_columns(self.forecaster.model, self.paths.values.reshape(-1, n_targets))
        columns |= values
        for which, end in zip(("low", "high"), self.spread() or (), strict=False):
            for name, column in zip(values, end.reshape(-1, n_targets).T, strict=True):
                columns[f"{name}_members_{which}"] = column
        for level, (low, high) in self.ends().items():
            for which, end in (("lower", low), ("upper", high)):
                for name, column in zip(values, end.reshape(-1, n_targets).T, strict=True):
                    columns[f"{name}_{which}_{100 * level:g}"] = column
        uncertain = () if table is None or self.times else time_remarks(table, columns.get("time"))
        where = printable(self.dataset.name)
        few = filter(None, [self.without_intervals()])
        remarks = (*few, *self.remarks, *(f"{where}: {remark}" for remark in uncertain))
        return Prediction(columns, remarks)


def outlook_of(
    model: FittedModel,
    predictor: Predictor,
    dataset: SequenceDataset,
    horizon: int,
    levels: list[float],
    run: Run | None,
    future: str | None = None,
    changes: Mapping[str, Any] | None = None,
    backtest: bool = False,
    trained_on: PreparedDataset | None = None,
    future_columns: Columns | None = None,
    starts: Sequence[int] | None = None,
    known: Sequence[Array] | None = None,
    assume: bool = False,
) -> Outlook:
    """Return the outlook of series that were read.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
    dataset : SequenceDataset
        As :func:`hiddenstate.inference.inputs.read_new_data` returns it.
    horizon : int
    levels : list of float
        Between 0 and 1.
    run : Run, optional
        The run whose data `dataset` is: its held-out part calibrates the intervals.
    future : str, optional
        A file with the columns known ahead, at the steps after the series; by default the steps of
        `dataset` without a target.
    changes : mapping, optional
        Reading options of that file that differ from training, by name.
    backtest : bool, default False
        Whether only earlier steps will be forecast, so that nothing must be known after the series.
    trained_on : PreparedDataset, optional
        The same data as it was prepared for training, of a model without a run.
    future_columns : Columns, optional
        The rows of `future` that belong to these series, where it was read before.
    starts : sequence of int, optional
        The first step of each series that was held out, where that is known: those from there on
        calibrate the intervals.
    known : sequence of ndarray (F_i, K), optional
        The values known ahead after each series, instead of those in `future`.
    assume : bool, default False
        Whether columns known ahead go on as before where their values after a series are not in the
        data, as in a picture of what follows.

    Raises
    ------
    OptionError, DataError
        If the model does not forecast, or a series is too short.
    """
    forecaster = Forecaster(model, predictor, horizon)
    times, remarks, assumed = None, tuple[str, ...](), dict[str, int]()
    where = printable(dataset.name)
    series = series_of_rows(dataset.train, forecaster, where)
    if known is not None:
        forecaster = forecaster.followed_by(known)
    elif future is not None or forecaster.known:
        later = FutureRows(model, dataset, [len(values) for values in series])
        if future is None:
            after = later.own(horizon)
        else:
            after = later.read(future, changes or {}, future_columns)
        if assume:
            after, assumed = later.assumed(after, horizon)
        if not backtest:
            remarks = later.check(after, horizon, future)
            times = None if future is None else later.times_of_file(after, horizon)
        forecaster = forecaster.followed_by([each.values for each in after])
    is_own = run is not None or trained_on is not None or starts is not None
    starts = [0] * len(series) if starts is None else list(starts)
    if run is not None and run.config.data.test_fraction:
        trained_on = run_test_data(run)
    if trained_on is not None:
        starts = held_out_from(trained_on, [len(values) for values in series])
    ends = forecaster.paths(series, [np.array([len(values) - 1]) for values in series])
    origins = [np.zeros(0, np.int64)] * len(series)
    if levels or backtest:
        origins = calibration_origins(forecaster, series, starts)
    earlier = forecaster.paths(series, origins)
    target = earlier.origin[:, None] + np.arange(1, horizon + 1)
    earlier.actual[target < np.array(starts)[earlier.series][:, None]] = np.nan
    remarks = (*remarks, *_short(dataset.train, series, forecaster.length, where))
    remarks = (*remarks, *(f"{where}: {words}" for words in _in_words(assumed)))
    return Outlook(
        forecaster, dataset, series, ends, earlier, levels, is_own, times, remarks, starts, assumed
    )


def _in_words(assumed: Mapping[str, int]) -> list[str]:
    """Say what columns known ahead are assumed to be after the end of the data."""
    return [
        f"{printable(name, 40)} is not known after the last target: "
        + ("its last value goes on" if back == 1 else f"its last {back} values are repeated")
        for name, back in assumed.items()
    ]


def _short(rows: Rows, series: list[Array], reads: int, where: str) -> tuple[str, ...]:
    """Say which series have fewer steps than a forecast reads."""
    short = [i for i, values in enumerate(series) if len(values) < reads]
    if not short:
        return ()
    names = [str(i if rows.ids is None else rows.ids[i]) for i in short]
    which = f"{len(short):,} of {len(series):,} series have"
    which = "the series has" if len(series) == 1 else which
    named = "" if len(series) == 1 else f" ({listed(names, each=40)})"
    return (
        f"{where}: {which} fewer steps than the {reads} that a forecast reads{named}; the first "
        "value stands for those before it",
    )


def held_out_from(dataset: PreparedDataset, lengths: list[int]) -> list[int]:
    """Return the first held-out step of each series; its length if none is."""
    origin = dataset.require_test().origin
    starts = list(lengths)
    if origin is not None:
        horizon = int(dataset.transform.reading.get("horizon") or 0)
        for number, first in zip(
            origin.series, origin.first + origin.context + horizon, strict=True
        ):
            starts[number] = min(starts[number], int(first))
    return starts
