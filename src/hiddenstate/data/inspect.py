"""Inspects a data set before training: what it is, which jobs fit, and what may be wrong."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.config import Config, DataConfig, make_config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.description import (
    ValueCounts,
    class_sizes,
    count_duplicates,
    count_values,
    data_bytes,
    feature_names,
    first_rows,
    lengths_of,
    like_numbers,
    n_missing_targets,
    target_ranges,
)
from hiddenstate.data.job_fit import Fit, hardly_repeat, job_fits, unknown_labels
from hiddenstate.data.leaks import Leak
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.known_columns import without_future_rows
from hiddenstate.data.prepare.wide import WideReading, assumptions, decided_reading
from hiddenstate.data.readers.column_roles import (
    ColumnFacts,
    Roles,
    Unused,
    describe_columns,
    described_roles,
)
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.number_names import Names, with_names_as_text
from hiddenstate.data.readers.profiles import MISSING
from hiddenstate.data.readers.row_order import clock_of, find_order
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.data.readers.table_remarks import missing_remarks, order_remarks
from hiddenstate.data.settled import numbered_ids
from hiddenstate.data.store import RowStore
from hiddenstate.data.table_series import TableSeries, find_series
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    OptionError,
    Setting,
    count,
    listed,
    printable,
)
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.notice import offering
from hiddenstate.system.typing import Array

LONG_SERIES = 2000
"""Number of steps above which training on whole series is slow and inaccurate."""

COMMON_STEPS = (28, 32, 24, 60, 100, 128)
"""Common numbers of steps in flat rows: rows of pixels, hours, minutes, powers of two."""

COMPARED = 200
"""Number of rows that are compared to tell steps from features."""


@dataclass(frozen=True)
class Findings:
    """What an inspection found.

    Names of columns and classes are as in the file, not yet made printable.

    Parameters
    ----------
    name, kind, job, n_train, n_test, n_features, columns, picture, dtype, n_bytes
        Facts about the data, as it was read for `job`.
    steps : tuple of int, optional
        Minimum, median and maximum number of steps; None if rows are flat.
    on_disk : bool
        Whether rows stay on disk.
    looked_at : int
        Number of rows whose values were read: all, or the first ones on disk.
    n_values, missing, infinite : int
        Number of values, of missing and of infinite ones.
    missing_by : dict
        Fraction of missing values of each column that has any, the largest first.
    constant : tuple of str
        Columns with a single value.
    classes : dict, optional
        Number of training rows of each label.
    targets : dict, optional
        Minimum, mean and maximum of each target.
    n_groups : int, optional
        Number of groups.
    weights : tuple of float, optional
        Minimum and maximum weight.
    duplicates : int, optional
        Number of test rows that are training rows too; None if it was not counted.
    labels : tuple of str
        Columns of a table that could be the label, if no option names it: that which was taken
        first.
    table : tuple of ColumnFacts
        The columns of a table, as in its file; empty for other data.
    n_table : int
        Number of columns of the table; more than are described if there are very many.
    reading : WideReading, optional
        How wide rows are read if no option says; None if they are not wide, or one does.
    unread : tuple of str
        What was not looked at, one line each.
    fits : tuple of Fit
        How each job fits.
    warnings : tuple of str
        What may be wrong, one line each.
    leaks : tuple of Leak
        What would make the score too good; each is one of the warnings.
    """

    name: str
    kind: str
    job: str
    n_train: int
    n_test: int
    steps: tuple[int, int, int] | None
    n_features: int
    columns: tuple[str, ...] | None
    picture: tuple[int, ...] | None
    dtype: str
    n_bytes: int
    on_disk: bool
    looked_at: int
    n_values: int
    missing: int
    missing_by: dict[str, float]
    infinite: int
    constant: tuple[str, ...]
    classes: dict[str, int] | None
    targets: dict[str, tuple[float, float, float]] | None
    n_groups: int | None
    weights: tuple[float, float] | None
    duplicates: int | None
    labels: tuple[str, ...]
    table: tuple[ColumnFacts, ...]
    n_table: int
    reading: WideReading | None
    unread: tuple[str, ...]
    fits: tuple[Fit, ...]
    warnings: tuple[str, ...]
    leaks: tuple[Leak, ...] = ()


def with_found_leaks(findings: Findings, leaks: Iterable[Leak]) -> Findings:
    """Return the findings with what would make the score too good."""
    leaks = tuple(leaks)
    named = "equal" if findings.duplicates else None  # a warning names those already
    words = (leak.in_words() for leak in leaks if leak.kind != named)
    return replace(findings, leaks=leaks, warnings=(*findings.warnings, *words))


def inspect_dataset(
    d: SequenceDataset,
    config: Config,
    refused: Mapping[str, HiddenstateError] | None = None,
    columns: Columns | None = None,
) -> Findings:
    """Inspect a data set.

    Parameters
    ----------
    d : SequenceDataset
        All rows, or a sample of them, as read for the job of `config`.
    config : Config
        The options that it was read with.
    refused : mapping, optional
        Why other jobs could not read it, by job.
    columns : Columns, optional
        The columns of a table in memory, from which `d` was made.
    """
    options, job = config.data, config.job
    d = without_future_rows(d, options.future)
    reading = decided_reading(d, config)
    parts = [part for part in (d.train, d.test) if part is not None]
    values, copies, rows = count_values(parts), count_duplicates(d), d.train
    steps = lengths_of(rows)
    names = feature_names(d)
    constant = [] if d.picture else np.flatnonzero(values.low == values.high).tolist()
    warnings = [*d.remarks, *_label_warnings(d), *_shape_warnings(d, options, reading)]
    warnings += assumptions(d, config, None)  # a reading has a block of its own
    warnings += _copy_warnings(copies)
    series, labels = None, tuple[str, ...]()
    if columns is not None:
        roles, _ = described_roles(columns, options, job)
        labels = _likely_labels(columns, roles, options, job)
        series = find_series(columns, roles, options)
    if series is not None and "time" not in d.read_as:
        warnings += _counter_warnings(d, series)
    more = {"missing": "mean"} if _is_incomplete(d, values) else {}
    fits = job_fits(d, options, more, refused or {}, reading, series)
    if columns is not None:
        fits = tuple(_checked(fit, columns, options) for fit in fits)
        warnings += [*_id_warnings(d, options), *_regress_warnings(columns, d, config, fits)]
    ids = numbered_ids(d, options)  # as the commands read the table, they are no features
    if reading is not None:
        reading = replace(reading, n_columns=reading.n_columns - len(ids))
    return Findings(
        name=d.name,
        kind=d.kind,
        job=job,
        n_train=len(d.train),
        n_test=0 if d.test is None else len(d.test),
        steps=None if steps is None else _spread(steps),
        n_features=d.X.shape[-1] - len(ids),
        columns=d.columns and tuple(name for name in d.columns if name not in ids),
        picture=d.picture,
        dtype=str(d.X.dtype),
        n_bytes=data_bytes(parts),
        on_disk=isinstance(d.X, RowStore),
        looked_at=values.rows,
        n_values=int(values.n.sum()),
        missing=int(values.missing.sum()),
        missing_by=_missing_by(values, names),
        infinite=int(values.infinite.sum()),
        constant=tuple(names[i] for i in constant),
        classes=class_sizes(d),
        targets=target_ranges(d),
        n_groups=None if rows.groups is None else len(np.unique(rows.groups)),
        weights=None if rows.weights is None else (rows.weights.min(), rows.weights.max()),
        duplicates=copies,
        labels=labels,
        table=() if columns is None else described(columns, config, d.encodings, ids),
        n_table=0 if columns is None else len(columns.names),
        reading=reading,
        unread=d.unread,
        fits=fits,
        warnings=tuple(warnings),
    )


def _missing_by(values: ValueCounts, names: Sequence[str]) -> dict[str, float]:
    """Return the share of missing values of each feature that has some, the largest first."""
    shares = values.missing / np.maximum(values.n, 1)
    return {names[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable") if shares[i]}


def _spread(values: Array) -> tuple[int, int, int]:
    return int(values.min()), int(np.median(values)), int(values.max())


def _checked(fit: Fit, columns: Columns, options: DataConfig) -> Fit:
    """Return a job that fits only if its command can read the table, else with the reason."""
    if fit.why_not:
        return fit
    try:
        config = make_config(fit.job, {**fit.options, "data": options.data})
        to_dataset(columns, config.data, fit.job, True, columns.where)
    except (DataError, OptionError) as error:
        return Fit.refused(fit.job, error, columns.where)
    return fit


def _copy_warnings(copies: int | None) -> Iterator[str]:
    if copies:
        subject = "row is a training row" if copies == 1 else "rows are training rows"
        yield f"{copies} test {subject} too, so test scores are too optimistic"


def _likely_labels(
    columns: Columns, roles: Roles, options: DataConfig, job: str
) -> tuple[str, ...]:
    """Return the columns that could be the label if no option names it, that of `roles` first."""
    if not kind_of(job).has_classes or options.label is not None or roles.label is None:
        return ()
    return tuple(columns.names[j] for j in (roles.label, *roles.other_labels))


def _id_warnings(d: SequenceDataset, options: DataConfig) -> Iterator[str]:
    """Say that numbers are ids, by their names, which the commands do not read as inputs."""
    if ids := numbered_ids(d, options):
        hold = "holds ids" if len(ids) == 1 else "hold ids"
        yield (
            f"column{'s' * (len(ids) > 1)} {listed(ids, each=40)} {hold}, by the name, which say "
            "nothing about new rows; training does not use them unless --input names them"
        )


def described(
    columns: Columns,
    config: Config,
    encodings: Sequence[Encoding] = (),
    ids: tuple[str, ...] = (),
) -> tuple[ColumnFacts, ...]:
    """Describe the columns of a table, with the roles they have for the job of `config`.

    Those of `encodings` are inputs too: text and dates that become features. The numbers of `ids`
    are not.
    """
    roles, _ = described_roles(columns, config.data, config.job)
    columns, _, _ = with_names_as_text(columns, roles, Names(), columns.where)
    inputs = [columns.positions[e.column] for e in encodings]
    dropped = {columns.positions[name]: Unused.IDS for name in ids if name in columns.positions}
    roles = replace(
        roles,
        inputs=[j for j in dict.fromkeys((*roles.inputs, *inputs)) if j not in dropped],
        unused={j: why for j, why in roles.unused.items() if j not in inputs} | dropped,
    )
    return describe_columns(columns, roles)


def _counter_warnings(d: SequenceDataset, series: TableSeries) -> Iterator[str]:
    """Say that an input of a long table seems to be the time."""
    if d.read_as.get("layout") == "long" and series.time in (d.columns or ()):
        name = printable(series.time, 40)
        text = f"column {name} is an input, but seems to order the rows of each series; "
        yield offering(text, Setting("add", time=series.time))


def _regress_warnings(
    columns: Columns, d: SequenceDataset, config: Config, fits: Iterable[Fit]
) -> Iterator[str]:
    """Say in which order `regress` would read the rows of a table as those of one series, and how
    many steps its series are without."""
    fit = next((fit for fit in fits if kind_of(fit.job).has_targets and not fit.why_not), None)
    if fit is None:
        return
    where, options = printable(d.name), config.data
    if d.X.ndim == 2 and fit.options.get("layout") not in ("wide", "features"):
        yield from _series_order(columns, replace(options, **fit.options), fit.job, where)
    if not config.kind.has_targets:
        read = make_config(fit.job, {**fit.options, "data": options.data}).data
        own = to_dataset(columns, read, fit.job, True, columns.where)
        yield from missing_remarks(own.missing_steps, read, where)


def _series_order(columns: Columns, options: DataConfig, job: str, where: str) -> tuple[str, ...]:
    """Say in which order rows would be read as those of one series."""
    roles, _ = described_roles(columns, options, job)
    if roles.id or not roles.long:
        return ()
    one, clock = np.zeros(columns.n_rows, np.int64), None
    try:
        if roles.time is not None:
            clock = clock_of(columns, roles.time, options.dates, one, roles.unused)
    except DataError as error:
        return (str(error),)
    return order_remarks(columns, roles, find_order(columns, roles, one, clock), where)


def _is_incomplete(d: SequenceDataset, values: ValueCounts) -> bool:
    return bool(values.missing.any() or values.infinite.any() or n_missing_targets(d))


# --- labels that may be something else


def _label_warnings(d: SequenceDataset) -> Iterator[str]:
    classes = class_sizes(d)
    if classes is None or d.y is None:
        return
    column = f" in column {printable(d.read_as['label'], 40)}" if "label" in d.read_as else ""
    many = f"{len(classes)} different labels{column} for {count(len(d.y), 'row')}"
    if like_numbers(d.y):
        yield f"{many}: they look like numbers to predict with regress, not like classes"
    elif hardly_repeat(d.y):
        yield f"{many}: they look like ids or dates; name the class with --label"
    else:
        folded: dict[str, str] = {}
        for name in classes:
            other = folded.setdefault(name.casefold(), name)
            if other != name:
                yield f"labels {printable(other, 40)} and {printable(name, 40)} differ only in case"
            if name.casefold() in MISSING - {"-", "none"}:
                yield f"label {printable(name, 40)} may mean a missing value; drop its rows if so"
        lone = [name for name, n in classes.items() if n < 2]
        if lone:
            yield f"fewer than 2 rows in class {listed(lone, 5)}: add rows, or drop such classes"
        if unknown := unknown_labels(d):
            yield f"test rows have the label {printable(unknown[0], 40)}, which no training row has"


# --- shapes that may be something else


def roughness(X: Array) -> tuple[float, float]:
    """Measure how much neighbouring steps, and neighbouring features, of X (N, T, I) differ.

    Returns
    -------
    steps, features : float
        Mean absolute difference of neighbours along each axis, in standard deviations along that
        axis: 2 / sqrt(pi), about 1.13, for noise, and near 0 for smooth data; NaN for constants.
    """

    def along(axis: int) -> float:
        values = np.asarray(X, np.float64)
        if values.shape[axis] < 2:
            return math.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = values.std(axis=axis, ddof=1)
            each = np.abs(np.diff(values, axis=axis)).mean(axis=axis) / spread
        each = each[np.isfinite(each)]
        return float(each.mean()) if each.size else math.nan

    return along(1), along(2)


def looks_swapped(X: Array) -> bool:
    """Return whether steps and features of X (N, T, I) look swapped.

    They do if there are many more features than steps, features are clearly smoother than steps,
    and steps are nearly as rough as noise. Measured: swapped signals have 1.1 to 1.4 (steps) and
    0.1 to 0.6 (features); noise 1.1 to 1.4 and 1.1; MNIST with two rows a step 0.63 and 0.28.
    """
    if X.ndim != 3 or X.shape[2] < max(16, 2 * X.shape[1]):
        return False
    steps, features = roughness(X[:COMPARED])
    return steps > 0.9 and features < 0.6 * steps


def _shape_warnings(
    d: SequenceDataset, options: DataConfig, reading: WideReading | None
) -> Iterator[str]:
    if d.X.ndim == 2:
        features = "features" in (options.layout, reading and reading.layout)
        if options.steps is None and d.picture is None and not features:
            yield from _flat_warnings(d.X.shape[1])
        return
    _, T, width = d.X.shape
    plain = d.picture is None and d.train.lengths is None
    if plain and looks_swapped(first_rows(d.X)):
        arrays = d.kind.startswith(("an .np", "a folder of .npy"))
        text = (
            f"time and features look swapped: {count(T, 'step')} of {count(width, 'feature')}, "
            "but neighbouring features are much more alike than neighbouring steps; "
        )
        if options.channels_first:
            yield offering(text, Setting("leave out", channels_first=False))
        else:
            other = offering(text, Setting("add", channels_first=True))
            yield other if arrays else f"{text}transpose the data"
    if T == 1 and len(d.train) > 1:
        text = "ids never repeat, so each row is a series of one step; "
        ids = offering(text, Setting("add", layout="features"))
        alone = "series of one step: a recurrent net has nothing to remember"
        yield ids if "id" in d.read_as else alone
    if T > LONG_SERIES and (d.y is None or d.y.ndim < 3):
        yield (
            f"training on series of up to {T:,} steps is slow and inaccurate: cut them into "
            "windows, or keep every n-th step"
        )


def _flat_warnings(width: int) -> Iterator[str]:
    """Suggest what flat rows may be."""
    side = math.isqrt(width)
    if width >= 36 and side * side == width:
        what, steps = f"pictures of {side} x {side}", side
    else:
        steps = next((s for s in COMMON_STEPS if width % s == 0 and 2 <= width // s <= 64), 0)
        what = f"{steps} steps of {width // max(steps, 1)}"
    if steps:
        text = f"rows of {width} numbers are read as {width} steps of 1; if they are {what}, "
        yield offering(text, Setting("add", steps=steps))
