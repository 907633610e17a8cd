"""Turns the columns of a table into series: wide, one row per series, or long, one per time step.

N rows of a table become N or S series of T steps with I inputs and O targets.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import are_names
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.leaks import UnusedColumns, looked_at
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.column_roles import MAY_NAME, Roles, Unused, find_roles
from hiddenstate.data.readers.columns import (
    Columns,
    check_names,
    numbers,
    refuse_missing,
    stacked,
    text_error,
    typed,
)
from hiddenstate.data.readers.dated_rows import DatedTable, dated_table
from hiddenstate.data.readers.encoded import with_encoded_inputs
from hiddenstate.data.readers.missing_steps import (
    missing_steps,
    refuse_every,
    with_missing_steps,
)
from hiddenstate.data.readers.number_names import Names, with_names_as_text
from hiddenstate.data.readers.profiles import cell_text, is_whole, missing_cells
from hiddenstate.data.readers.role_guesses import Part, is_static
from hiddenstate.data.readers.row_order import (
    clock_of,
    find_order,
    ids_of_rows,
    is_count,
    series_name,
    series_of_rows,
    settled_order,
)
from hiddenstate.data.readers.table_remarks import (
    encoding_remarks,
    kind_words,
    label_remarks,
    missing_remarks,
    order_remarks,
    series_remarks,
    unused_remarks,
)
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, Flag, Hint, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

MAX_UNUSED = 64
"""Most columns without a role that are kept to see whether they name persons; texts first."""

MAX_TEXT = 1000
"""Largest number of characters of a label or a group."""


def to_dataset(
    columns: Columns,
    options: DataConfig,
    job: str,
    require_targets: bool,
    name: str,
    encodings: tuple[Encoding, ...] | None = None,
    as_text: Names = Names(),  # noqa: B008  # frozen
    part: Part = "training",
) -> SequenceDataset:
    """Turn a table into series, not split, scaled or filled in.

    Parameters
    ----------
    columns : Columns
    options : DataConfig
        The roles of the columns, and the layout.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool
        Whether labels or targets must be there; false for new rows to predict.
    name : str
        Name of the data.
    encodings : tuple of Encoding, optional
        How the training data was encoded, for further rows; by default, this is the training data.
    as_text : Names, optional
        Which ids, groups and labels may be text though all their cells are numbers.
    part : {"training", "test", "new"}
        What the rows are for; see :func:`~hiddenstate.data.readers.column_roles.find_roles`.

    Returns
    -------
    SequenceDataset
        Wide: X (N, F), and y (N,) labels or (N, O) targets. Long: X (S, T, I) padded with zeros,
        y (S,) labels or (S, T, O) targets, lengths (S,) and times (S, T). NaN is a missing value.

    Raises
    ------
    DataError
        With the file, the row and the column.
    """
    check_names(columns.names, columns.where)
    if columns.n_rows == 0:
        raise DataError(f"{columns.where}: no rows")
    own_names = columns.names
    columns = _renamed(columns, options, require_targets)
    names = own_names if are_names(columns.names) else columns.names
    roles = find_roles(columns, options, job, require_targets, part)
    columns, texts, text_remarks = with_names_as_text(columns, roles, as_text, printable(name))
    if texts:  # ids that repeat as numbers may not as text
        roles = find_roles(columns, options, job, require_targets, part)
    dated = None if options.every is None else _with_every_step(columns, roles, options)
    columns = columns if dated is None else dated.columns
    trained = encodings
    columns, roles, encodings = with_encoded_inputs(columns, roles, options, trained, names)
    names = (*names, *columns.names[len(names) :])
    require_labels = require_targets and (kind_of(job).has_classes or options.label is not None)
    by_time = part == "training" and (options.time is not None or options.split == "time")
    series, clock = _ordered(columns, roles, options, by_time) if dated is None else dated.order
    if dated is None and roles.long and clock is not None:
        dated = dated_table(columns, roles, series, clock, options)
        clock = clock if dated is None else dated.clock
    if roles.long:
        rows = _long(columns, roles, require_labels, series, clock, dated)
    else:
        rows = replace(_wide(columns, roles, require_labels, bool(encodings)), clock=clock)
    missing = None
    if dated is not None and kind_of(job).has_targets:
        missing = dated.missing or missing_steps(dated, roles, options)
    order = find_order(columns, roles, series, clock, None if dated is None else dated.n_rows)
    return SequenceDataset(
        name,
        rows,
        kind=kind_words(columns, roles),
        columns=tuple(names[j] for j in roles.inputs),
        targets=tuple(columns.names[j] for j in roles.targets) or None,
        picture=_picture(rows.X),
        remarks=(
            *text_remarks,
            *label_remarks(columns, roles, options, job, printable(name)),
            *(
                series_remarks(columns, roles, options, printable(name))
                if part == "training"
                else ()
            ),
            *unused_remarks(columns, roles, options, printable(name)),
            *(encoding_remarks(printable(name), encodings) if trained is None else ()),
            *order_remarks(columns, roles, order, printable(name)),
            *missing_remarks(missing, options, printable(name)),
        ),
        read_as=_settled(columns, roles, encodings),
        unread=(columns.unread,) if columns.unread else (),
        encodings=encodings,
        numbers_as_text=texts,
        unused=_unused_columns(columns, roles, series, len(rows)) if part == "training" else None,
        missing_steps=missing,
    )


def _ordered(
    columns: Columns, roles: Roles, options: DataConfig, by_time: bool
) -> tuple[NDArray[np.int64], Array | None]:
    """Return the number of each row's series (N,), and the numbers that order the rows (N,)."""
    series = series_of_rows(columns, roles) if roles.long else np.zeros(columns.n_rows, np.int64)
    if roles.time is None or not (roles.long or by_time):
        return series, None
    return series, clock_of(columns, roles.time, options.dates, series, roles.unused)


def _with_every_step(columns: Columns, roles: Roles, options: DataConfig) -> DatedTable:
    """Return a long table with a row at each step that `--every` names."""
    series, clock = _ordered(columns, roles, options, False)
    dated = None if clock is None else dated_table(columns, roles, series, clock, options)
    refuse_every(columns, roles, dated)
    assert dated is not None  # else refused
    return with_missing_steps(dated, roles, options)


def _unused_columns(columns: Columns, roles: Roles, series: Array, n: int) -> UnusedColumns | None:
    """Return the columns without a role that may name persons or sessions.

    Those of a long table have one value in each series.
    """
    if columns.stack is not None:  # columns on disk are not read for this
        return None
    firsts = np.unique(series, return_index=True)[1] if roles.long else np.arange(n)
    rows, cells = firsts[looked_at(n)], {}
    unused = [j for j, why in roles.unused.items() if why in MAY_NAME]
    unused = [j for kind in ("text", "number") for j in unused if columns.kinds[j] == kind]
    for j in unused[:MAX_UNUSED]:
        values = columns.arrays[j]
        if not roles.long or is_static(columns, j, roles.id):
            cells[columns.names[j]] = values[rows]
    return UnusedColumns(n, cells)


def _picture(X: Array) -> tuple[int, int] | None:
    """Return the sides of square pictures, if wide rows (N, F) are pixels of some."""
    side = math.isqrt(X.shape[1])
    return (side, side) if X.ndim == 2 and X.dtype == np.uint8 and side**2 == X.shape[1] else None


def _settled(
    columns: Columns, roles: Roles, encodings: tuple[Encoding, ...]
) -> dict[str, str | tuple[str, ...]]:
    """Return what the training file settles for the next: its layout, marks and order of dates, the
    columns of the label and, of a long table, of the series and the time."""
    settled: dict[str, str | tuple[str, ...]] = {"layout": "long" if roles.long else "wide"}
    if columns.marks and columns.marks.decimal == ",":
        settled["thousands"] = "."
    calendars = (columns.positions.get(e.column) for e in encodings if e.calendar)
    dates = next((j for j in (roles.time, *calendars) if j is not None), None)
    if dates is not None and (order := settled_order(columns, dates)) is not None:
        settled["dates"] = order
    for role in ("label", "time")[: 1 + roles.long]:
        if (j := getattr(roles, role)) is not None:
            settled[role] = columns.names[j]
    if roles.long and roles.id:
        settled["id"] = tuple(columns.names[j] for j in roles.id)
    return settled


def _renamed(columns: Columns, options: DataConfig, require_targets: bool) -> Columns:
    """Name new columns as the training inputs, if they have neither a header nor a label."""
    names = options.input
    if require_targets or columns.named or names is None or len(names) != len(columns.names):
        return columns
    return columns if set(names) == set(columns.names) else replace(columns, names=names)


def _wide(columns: Columns, roles: Roles, require_labels: bool, encoded: bool) -> Rows:
    """Read one row per series: X (N, F); `encoded` is whether some are features of encodings."""
    return Rows(
        stacked(columns, roles.inputs, may_be_pixels=not encoded),
        _targets(columns, roles) if roles.targets else _labels(columns, roles, require_labels),
        weights=_weights(columns, roles),
        groups=_groups(columns, roles),
        ids=ids_of_rows(columns, roles, np.arange(columns.n_rows)),
        origin=whole(columns.n_rows, Table(times=_times(columns, roles))),
    )


def _long(
    columns: Columns,
    roles: Roles,
    require_labels: bool,
    series: NDArray[np.int64],
    clock: Array | None,
    dated: DatedTable | None,
) -> Rows:
    """Read one row per time step: gather, order and pad the rows of each series."""
    order = np.argsort(series, kind="stable") if clock is None else np.lexsort((clock, series))
    _check_clock(columns, roles, series, clock, order)
    lengths = np.bincount(series.astype(np.intp, copy=False)).astype(np.int64)
    S, T = len(lengths), int(lengths.max())
    width = len(roles.inputs) + len(roles.targets) + (clock is not None)
    check_free(
        S * T * width * 8,
        f"{columns.where}: padding {S} series to {T} steps, the length of the longest,",
        "cut the longest series into several",
    )
    starts = np.cumsum(lengths) - lengths
    steps = np.arange(columns.n_rows) - np.repeat(starts, lengths.astype(np.intp, copy=False))

    def padded(which: list[int]) -> Array:
        out = np.zeros((S, T, len(which)), np.float32)
        for k, j in enumerate(which):
            values = numbers(columns, j)
            if values.dtype != out.dtype:
                out = out.astype(np.float64, copy=False)
            out[series[order], steps, k] = values[order]
        return out

    firsts = order[starts]

    def once(values: Array | None, j: int | None) -> Array | None:
        if values is None or j is None:
            return None
        _check_constant(columns, roles, values, j, series, firsts)
        return np.asarray(values[firsts])

    y = once(_labels(columns, roles, require_labels), roles.label)
    weights, groups = _weights(columns, roles), _groups(columns, roles)
    weights, groups = once(weights, roles.weight), once(groups, roles.group)
    time = roles.time
    if time is None or clock is None or not is_count(columns, time, clock):
        time = None
    return Rows(
        padded(roles.inputs),
        padded(roles.targets).astype(np.float64, copy=False) if roles.targets else y,
        lengths=None if (lengths == T).all() else lengths,
        weights=weights,
        groups=groups,
        times=None if time is None else padded([time])[..., 0],
        ids=ids_of_rows(columns, roles, firsts),
        origin=whole(S, _table(columns, roles, starts, order, dated)),
        clock=None if clock is None else clock[firsts],
    )


def _table(
    columns: Columns, roles: Roles, starts: Array, order: Array, dated: DatedTable | None
) -> Table:
    """Return the rows of a long table, as the file numbers them."""
    times = _times(columns, roles)
    if dated is None:
        return Table(starts, order, times)
    return Table(starts, order, times, dated.dates, dated.n_rows)


def _times(columns: Columns, roles: Roles) -> Array | None:
    """Return the time of each row of the table (N,) as it is written, or None."""
    return None if roles.time is None else plain_values(columns.arrays[roles.time])


def _check_clock(
    columns: Columns, roles: Roles, series: Array, clock: Array | None, order: Array
) -> None:
    """Refuse a time that occurs twice in one series."""
    if roles.time is None or clock is None:
        return
    s, t = series[order], clock[order]
    same = np.flatnonzero((s[1:] == s[:-1]) & (t[1:] == t[:-1]))
    if len(same):
        row, before = order[same[0] + 1], order[same[0]]
        of = series_name(columns, roles, row) if roles.id else "the same series"
        name = _naming_series(columns, clock)
        hint: Hint = "drop one of the rows"
        if not roles.id:
            hint = ("name the series with ", Flag("--id", name))
        if clocks := [j for j, why in roles.unused.items() if why is Unused.TIMES_OF_DAY]:
            clock_name = typed(columns.names[clocks[0]])
            hint = ("name the times of day with ", Flag("--time", clock_name))
        time = plain_values(columns.arrays[roles.time][row : row + 1])[0]
        raise DataError(
            f"{columns.at(row, roles.time)}: time {cell_text(time)} "
            f"occurs twice in {of}, first at {columns.row(before)}",
            hint,
        )


def _naming_series(columns: Columns, clock: Array) -> str:
    """Return the only column of text with whose values no time occurs twice, else COL."""
    names = [
        columns.names[j]
        for j, kind in enumerate(columns.kinds)
        if kind == "text"
        and columns.profile(j).repeats
        and len(set(zip(columns.arrays[j].tolist(), clock.tolist(), strict=True))) == len(clock)
    ]
    return typed(names[0]) if len(names) == 1 else "COL"


def _check_constant(
    columns: Columns, roles: Roles, values: Array, column: int, series: Array, firsts: Array
) -> None:
    """Refuse a label, weight or group that changes within a series."""
    wrong = np.flatnonzero(values != values[firsts][series])
    if len(wrong):
        row = wrong[0]
        raise DataError(
            f"{columns.at(row, column)}: {series_name(columns, roles, row)} has "
            f"{cell_text(values[row])} here and {cell_text(values[firsts[series[row]]])} at "
            f"{columns.row(firsts[series[row]])}; it must be the same in all rows of a series"
        )


def _labels(columns: Columns, roles: Roles, require_labels: bool) -> Array | None:
    """Return the label of each row (N,) as text, int64 or float64; None if there are none.

    With `require_labels` every row must have a label; otherwise no label is used if one is missing.
    """
    if roles.label is None:
        return None
    if columns.kinds[roles.label] == "date":
        raise text_error(columns, roles.label, "--label")
    if not require_labels and missing_cells(columns.arrays[roles.label]).any():
        return None
    refuse_missing(columns, roles.label, "has no label")
    labels = _plain(columns, roles.label)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        row = int(np.argmin(np.isfinite(labels)))
        raise DataError(
            f"{columns.at(row, roles.label)}: the label is {labels[row]}; a number that is a label "
            "must be finite"
        )
    return labels


def _targets(columns: Columns, roles: Roles) -> NDArray[np.float64]:
    """Return the targets of each row (N, O)."""
    return np.column_stack(
        [numbers(columns, j, "--target").astype(np.float64) for j in roles.targets]
    )


def _groups(columns: Columns, roles: Roles) -> Array | None:
    """Return the group of each row (N,), text or numbers."""
    if roles.group is None:
        return None
    refuse_missing(columns, roles.group, "has no group")
    return _plain(columns, roles.group)


def _weights(columns: Columns, roles: Roles) -> NDArray[np.float64] | None:
    """Return the weight of each row (N,), finite and at least 0."""
    if roles.weight is None:
        return None
    values = numbers(columns, roles.weight, "--weight").astype(np.float64)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{columns.at(row, roles.weight)}: weight {cell_text(values[row])}; expected a finite "
            "number of at least 0"
        )
    return values


def _plain(columns: Columns, j: int) -> Array:
    """Return a column (N,) as int64, float64, or numpy text; dates become text."""
    values = columns.arrays[j]
    if values.dtype.kind == "O":
        longest = max(map(len, values))
        if longest > MAX_TEXT:
            row = next(i for i, value in enumerate(values) if len(value) == longest)
            raise DataError(
                f"{columns.at(row, j)}: {longest} characters; a label or group has at most "
                f"{MAX_TEXT}"
            )
        return np.array(values.tolist(), dtype=np.str_)
    if values.dtype.kind == "M":
        return values.astype("M8[us]").astype(np.str_)
    if is_whole(values) and np.abs(values.astype(np.float64)).max() < 2**63:
        return values.astype(np.int64)
    return values.astype(np.float64)
