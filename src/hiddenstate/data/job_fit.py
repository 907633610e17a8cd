"""Decides which jobs fit a data set, and with which options."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig, section_options
from hiddenstate.config.option import CLASSES, CODES, JOBS, TARGETS
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.description import like_numbers, shape_words
from hiddenstate.data.prepare.examples import rows_follow
from hiddenstate.data.prepare.wide import SAMPLE_ROWS, WideReading, wide_reading
from hiddenstate.data.readers.dates import compact_readings
from hiddenstate.data.readers.role_guesses import says_id
from hiddenstate.data.readers.sounds import ONE_SOUND
from hiddenstate.data.settled import numbered_ids
from hiddenstate.data.store import RowStore
from hiddenstate.data.table_series import MIN_STEPS, TableSeries
from hiddenstate.errors import DataError, HiddenstateError, count, printable
from hiddenstate.system.typing import Array

Options = dict[str, Any]
"""Option values by name."""


@dataclass(frozen=True)
class Fit:
    """A job, with the options that train it or the reason why it does not fit.

    Parameters
    ----------
    job : {"classify", "regress", "autoencode"}
    options : dict
        Options to train the job with.
    layout : str
        What a net would read.
    when : str
        The condition under which the job makes sense, if there is one.
    why_not : str
        The reason why the job does not fit; empty if it does.
    needs : str
        The option that has to name a column for the job to fit, if that is the reason.
    """

    job: str
    options: Options = field(default_factory=dict)
    layout: str = ""
    when: str = ""
    why_not: str = ""
    needs: str = ""

    @classmethod
    def refused(cls, job: str, error: HiddenstateError, where: str) -> "Fit":
        """Return that a job does not fit because of an error about the data `where`."""
        needs = error.needs if isinstance(error, DataError) else ""
        return cls(job, why_not=str(error).removeprefix(f"{where}: "), needs=needs)


def job_fits(
    d: SequenceDataset,
    options: DataConfig,
    extra: Options,
    refused: Mapping[str, HiddenstateError],
    reading: WideReading | None = None,
    series: TableSeries | None = None,
) -> tuple[Fit, ...]:
    """Return how each job fits, those that fit first.

    Parameters
    ----------
    d : SequenceDataset
    options : DataConfig
        The options that the data was read with.
    extra : dict
        Further options that every job needs.
    refused : mapping
        Why jobs could not read the data, by job.
    reading : WideReading, optional
        How wide rows are read if no option says.
    series : TableSeries, optional
        The series that the table seems to hold, if options do not say so yet.
    """
    first = series if series is not None and series.id else None
    ids, forecasts = numbered_ids(d, options), extra
    if "id" in d.read_as and d.X.ndim == 3 and d.X.shape[1] == 1 and options.layout == "auto":
        extra = extra | {"layout": "features"}  # ids that never repeat only name the rows
    extra = extra | ({"drop": (*(options.drop or ()), *ids)} if ids else {})
    fits = [_series_fit(job, first, options, forecasts) for job in TARGETS if first]
    for job in CLASSES:
        if job not in refused:
            fits.append(_classes_fit(job, d, options, extra, reading, first))
    for job in () if first else TARGETS:
        fits += _targets_fits(job, d, options, extra, reading, series)
    fits += [_codes_fit(job, d, options, extra) for job in CODES]
    for job in JOBS:
        if all(fit.job != job for fit in fits):
            named = "layout" in d.read_as
            none = DataError("no targets", *["add --target COL"] * named, needs="target" * named)
            fits.append(Fit.refused(job, refused.get(job, none), printable(options.data)))
    return tuple(sorted(fits, key=lambda fit: bool(fit.why_not)))


def _orders_rows(X: Any, j: int, name: str) -> bool:
    """Return whether a column seems to number or date rows (N, F), or the steps of (N, T, I)."""
    if isinstance(X, RowStore):
        return False
    if X.ndim > 2:
        steps = np.diff(X[:SAMPLE_ROWS, :, j], axis=1)
        return bool((steps[np.isfinite(steps)] > 0).all())
    if not np.isfinite(X[:, j]).all():
        return False
    values = X[:, j].astype(np.float64)
    gaps = np.diff(np.sort(values))
    even = len(gaps) > 1 and gaps[0] > 0 and bool((gaps == gaps[0]).all())
    return even or bool(compact_readings(values, name))


def hardly_repeat(y: Array) -> bool:
    """Return whether labels (N,) are more likely ids or dates."""
    return len(np.unique(y)) > max(2, len(y) / 2)


def unknown_labels(d: SequenceDataset) -> list[str]:
    """Return the labels of test rows that no training row has."""
    if d.y is None or d.y_test is None or d.y.ndim != 1:
        return []
    return sorted(set(map(str, d.y_test.tolist())) - set(map(str, d.y.tolist())))


def _set_options(job: str, options: DataConfig) -> Options:
    """Return the options of `job` that differ from their defaults."""
    own = section_options(DataConfig, job)
    defaults = {name: (option.default, *option.per_job.values()) for name, option in own.items()}
    values = {name: getattr(options, name) for name in own if name != "data"}
    return {name: value for name, value in values.items() if value not in defaults[name]}


def _holds_out_none(d: SequenceDataset) -> bool:
    """Return whether a fifth of each class rounds to no row at all."""
    if d.test is not None or d.train.groups is not None or d.y is None or d.y.ndim > 1:
        return False
    return not np.round(0.2 * np.unique(d.y, return_counts=True)[1]).any()


def _filling_series(options: Options) -> Options:
    """Return options that fill in gaps, if they do, by the last value before them."""
    return options | {"missing": "forward"} if "missing" in options else options


def _words(
    d: SequenceDataset, steps: int | None, reading: WideReading | None, n_ids: int = 0
) -> str:
    """Return the shape in which a recurrent net reads a row, without `n_ids` columns."""
    if reading is not None and reading.layout == "features" and steps is None:
        return f"1 step of {count(reading.n_columns - n_ids, 'feature')}"
    return shape_words(d, steps)


def _classes_fit(
    job: str,
    d: SequenceDataset,
    options: DataConfig,
    extra: Options,
    reading: WideReading | None,
    series: TableSeries | None = None,
) -> Fit:
    if d.y is None:
        return Fit(job, why_not="no labels; name their column with --label", needs="label")
    counts, why = np.unique(d.y, return_counts=True)[1], ""
    if series is not None and options.label is None and d.read_as.get("label") in series.id:
        name, time = (printable(each, 40) for each in (d.read_as["label"], series.time))
        why = f"{name} seems to name series, whose steps {time} orders, and no column is a label"
    elif d.y.ndim > 1:
        why = "the targets are numbers, not classes"
    elif like_numbers(d.y):
        why = "the labels look like numbers to predict"
    elif hardly_repeat(d.y):
        why = "the labels hardly repeat"
    elif len(counts) < 2:
        why = f"all rows have the label {printable(d.y[0], 40)}"
    elif counts.min() < 2:
        why = "a class has only 1 row"
    elif unknown_labels(d):
        why = "test rows have a label that no training row has"
    if why:
        return Fit(job, why_not=why)
    if _holds_out_none(d):
        extra = extra | {"test_fraction": 0.5}
    steps = reading is None or reading.layout == "wide"
    if d.picture and d.X.ndim == 2 and options.steps is None and steps:
        extra = extra | {"steps": d.picture[0]}
    own = _set_options(job, options)
    extra = _filling_series(extra) if d.X.ndim == 3 else extra
    words = _words(d, extra.get("steps"), reading, len(numbered_ids(d, options)))
    return Fit(job, own | extra, words)


def _series_fit(job: str, series: TableSeries, options: DataConfig, extra: Options) -> Fit:
    """Return how to forecast the series of a table."""
    own = _filling_series(_set_options(job, replace(options, label=None)) | extra)
    n = "one" if series.n_series == 1 else series.n_series
    words = f"{n} series of up to {count(series.n_steps, 'step')}, in windows; "
    words += f"{printable(series.target, 40)} 1 step ahead"
    return Fit(job, {**own, **series.options(), "horizon": options.horizon or 1}, words)


def _targets_fits(
    job: str,
    d: SequenceDataset,
    options: DataConfig,
    extra: Options,
    reading: WideReading | None,
    found: TableSeries | None = None,
) -> Iterator[Fit]:
    table, wide = "layout" in d.read_as, d.X.ndim == 2
    own = _set_options(job, replace(options, label=None)) | extra
    shape = _words(d, options.steps, reading, len(numbered_ids(d, options)))
    if d.y is not None and d.y.ndim > 1:
        at = "after the last" if d.y.ndim == 2 else "for every step, in windows"
        own = own if d.y.ndim == 2 and wide else _filling_series(own)
        yield Fit(job, own, f"{shape}; {count(d.y.shape[-1], 'number')} {at}")
    elif d.y is not None and like_numbers(d.y) and (table or not wide):
        target = {"target": d.read_as["label"]} if table else {}
        layout = {"layout": reading.layout if reading else "wide"} if wide else {}
        yield Fit(job, own | target | layout, f"{shape}; 1 number after the last")
    elif d.y is not None and like_numbers(d.y):
        series = f"one series of {count(len(d.X), 'step')}; 1 number for every step"
        yield Fit(job, _filling_series(own), series, "if each row is a time step")
    elif table and d.picture is None and d.columns is not None:
        has_classes = d.y is not None and not hardly_repeat(d.y)
        n_steps = len(d.X) if wide else d.X.shape[1]
        if n_steps >= MIN_STEPS and not (wide and (has_classes or d.X.shape[1] > 64)):
            if found is not None:
                yield _series_fit(job, found, options, extra)
                return
            ids = numbered_ids(d, options)
            encoded = {feature for e in d.encodings for feature in e.features}
            free = [
                name
                for j, name in enumerate(d.columns)
                if name not in {*encoded, *ids}
                and not says_id(name)
                and not _orders_rows(d.X, j, name)
            ]
            if not free:
                return
            if wide and free[1:] and _holds_quantities(d):
                words = f"1 step of {count(d.X.shape[1] - 1 - len(ids), 'feature')}; 1 number after"
                when = f"if {printable(free[-1], 40)} is what to predict"
                own |= {"target": free[-1], "layout": "features"}
                yield Fit(job, own, f"{words} the last", when)
                return
            if wide and options.layout in ("wide", "features"):
                return
            several = [name for name in free if not _is_flag(d.X, d.columns.index(name))]
            name = (several or free)[0]
            series = f"{'one' if wide else len(d.X)} series of up to {count(n_steps, 'step')}"
            series += f", in windows; {printable(name, 40)} 1 step ahead"
            when = "if each row is a time step" if wide else ""
            own = _filling_series(own)
            yield Fit(job, own | {"target": name, "horizon": 1}, series, when)


def _holds_quantities(d: SequenceDataset) -> bool:
    """Return whether wide rows (N, F) are examples of F unlike quantities each."""
    if isinstance(d.X, RowStore) or rows_follow(d.X):
        return False
    return bool(d.encodings) or wide_reading(d.X[:SAMPLE_ROWS], d.columns).layout == "features"


def _is_flag(X: Array, feature: int) -> bool:
    """Whether a feature of X (N, F) or (N, T, F) has at most two values, as yes and no have."""
    values = np.asarray(X[..., feature], float)
    return len(np.unique(values[np.isfinite(values)])) <= 2


def _codes_fit(job: str, d: SequenceDataset, options: DataConfig, extra: Options) -> Fit:
    width, lengths, why = math.prod(d.X.shape[1:]), d.train.lengths, ""
    if d.kind == ONE_SOUND and len(d.train) == 1:
        own = _set_options(job, options)
        return Fit(job, own, "frames of the sound, 25 ms unless --frame is set")
    if lengths is not None:
        why = f"series differ in length, {lengths.min()} to {lengths.max()} steps"
    elif len(d.train) < 3:
        why = "there are fewer than 3 series"
    elif width < 2:
        why = "a row is a single number"
    if why:
        return Fit(job, why_not=why)
    if d.targets and not options.horizon:
        width += len(d.targets) * (d.X.shape[1] if d.X.ndim == 3 else 1)
    width -= len(numbered_ids(d, options)) * math.prod(d.X.shape[1:-1])
    if _holds_out_none(d):
        extra = extra | {"split": "random"}
    own = _set_options(job, options)
    return Fit(job, own | extra, f"rows of {width:,} numbers")
