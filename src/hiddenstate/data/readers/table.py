"""From a table's columns to sequences: wide, one row a series, or long, a row a time step.

N rows of the table become N or S series of T steps with I inputs and O targets.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.column_roles import Roles, find_roles
from hiddenstate.data.readers.columns import (
    Columns,
    check_names,
    instants,
    is_number,
    is_whole,
    missing,
    numbers,
    refuse_text,
    stacked,
    word,
)
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, printable
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

MAX_TEXT = 1000
"""Most characters of a label or a group."""


def to_dataset(
    columns: Columns, how: DataConfig, job: str, answered: bool, name: str
) -> SequenceDataset:
    """Lay a table out as series, raw: not split, scaled or filled in.

    Parameters
    ----------
    columns : Columns
    how : DataConfig
        Which column is what, and the layout.
    job : {"classify", "regress", "autoencode"}
    answered : bool
        Whether labels or targets must be there; false for new rows to predict.
    name : str
        What the data is called.

    Returns
    -------
    SequenceDataset
        Wide: X (N, F), y (N,) labels or (N, O) targets. Long: X (S, T, I) padded with zeros,
        y (S,) labels or (S, T, O) targets, lengths (S,), times (S, T). NaN is a missing value.

    Raises
    ------
    DataError
        Naming the file, the row and the column.
    """
    check_names(columns.names, columns.where)
    if columns.n_rows == 0:
        raise DataError(f"{columns.where}: no rows")
    columns = _renumbered(columns, how, answered)
    roles = find_roles(columns, how, job, answered)
    labelled = answered and (job == "classify" or how.label is not None)
    rows = (_long if roles.long else _wide)(columns, roles, labelled)
    kind = f"a {'long' if roles.long else 'wide'} {columns.what}"
    if roles.label_is_first:
        kind += ", its first column the label"
    if roles.left_out:
        kind += f", without its column {columns.some(roles.left_out)}"
    pixels = rows.X.ndim == 2 and rows.X.dtype == np.uint8
    side = math.isqrt(rows.X.shape[1])
    return SequenceDataset(
        name,
        rows,
        kind=kind,
        columns=tuple(columns.names[j] for j in roles.inputs),
        targets=tuple(columns.names[j] for j in roles.targets) or None,
        picture=(side, side) if pixels and side * side == rows.X.shape[1] else None,
        read_as={"layout": "long" if roles.long else "wide"}
        | {
            role: columns.names[j]
            for role in ("label", "id", "time")
            if (j := getattr(roles, role)) is not None
        },
    )


def _renumbered(columns: Columns, how: DataConfig, answered: bool) -> Columns:
    """Give new rows without a header and without their label the numbers the inputs had."""
    if answered or columns.named or how.input is None or len(how.input) != len(columns.names):
        return columns
    if set(how.input) == set(columns.names) or not all(n.isdecimal() for n in how.input):
        return columns
    return replace(columns, names=how.input)


def _wide(columns: Columns, roles: Roles, labelled: bool) -> Rows:
    """One row a series: X (N, F)."""
    return Rows(
        stacked(columns, roles.inputs),
        _targets(columns, roles) if roles.targets else _labels(columns, roles, labelled),
        weights=_weights(columns, roles),
        groups=_groups(columns, roles),
    )


def _long(columns: Columns, roles: Roles, labelled: bool) -> Rows:
    """A row a time step: rows of a series gathered, ordered and padded."""
    series = _series(columns, roles)
    clock = _clock(columns, roles)
    order = np.argsort(series, kind="stable") if clock is None else np.lexsort((clock, series))
    _check_clock(columns, roles, series, clock, order)
    lengths = np.bincount(series).astype(np.int64)
    S, T = len(lengths), int(lengths.max())
    width = len(roles.inputs) + len(roles.targets) + (clock is not None)
    check_free(
        S * T * width * 8,
        f"{columns.where}: padding {S} series to {T} steps, as the longest has,",
        "cut the longest series into several",
    )
    starts = np.cumsum(lengths) - lengths
    steps = np.arange(columns.n_rows) - np.repeat(starts, lengths)

    def padded(which: list[int]) -> Array:
        out = np.zeros((S, T, len(which)), np.float32)
        for k, j in enumerate(which):
            values = numbers(columns, j)
            if values.dtype != out.dtype:
                out = out.astype(np.float64, copy=False)
            out[series[order], steps, k] = values[order]
        return out

    firsts = order[starts]
    labels = _labels(columns, roles, labelled)
    _check_constant(columns, roles, labels, roles.label, series, firsts)
    weights, groups = _weights(columns, roles), _groups(columns, roles)
    _check_constant(columns, roles, weights, roles.weight, series, firsts)
    _check_constant(columns, roles, groups, roles.group, series, firsts)
    y = None if labels is None else labels[firsts]
    numeric = roles.time is not None and columns.kinds[roles.time] == "number"
    return Rows(
        padded(roles.inputs),
        padded(roles.targets).astype(np.float64, copy=False) if roles.targets else y,
        lengths=None if (lengths == T).all() else lengths,
        weights=None if weights is None else weights[firsts],
        groups=None if groups is None else groups[firsts],
        times=padded([roles.time])[..., 0] if numeric and roles.time is not None else None,
        ids=None if roles.id is None else columns.arrays[roles.id][firsts].astype(str),
    )


def _series(columns: Columns, roles: Roles) -> NDArray[np.int64]:
    """The number of each row's series (N,), in the order they first appear."""
    if roles.id is None:
        return np.zeros(columns.n_rows, np.int64)
    values = columns.arrays[roles.id]
    _refuse_missing(columns, roles.id, "says no series")
    if values.dtype.kind == "O":
        known: dict[str, int] = {}
        return np.array([known.setdefault(value, len(known)) for value in values], np.int64)
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _clock(columns: Columns, roles: Roles) -> Array | None:
    """Numbers that order the rows (N,), or None where the table's order counts."""
    if roles.time is None:
        return None
    values = columns.arrays[roles.time]
    _refuse_missing(columns, roles.time, "says no time")
    if columns.kinds[roles.time] == "number":
        return values
    found = instants(values)
    if found is None:
        bad = _odd_time(values)
        raise DataError(
            f"{columns.at(bad, roles.time)}: '{printable(values[bad], 40)}' is no number and no "
            "date like 2020-12-31 or 2020-12-31T23:59:59, as all rows must have, with a time zone "
            "in all or none; write it so"
        )
    return found


def _odd_time(values: Array) -> int:
    """The first time that is neither number nor date, or else of the kind that is rarer."""
    counts = np.array([is_number(value) for value in values])
    for i in np.flatnonzero(~counts):
        if instants(values[i : i + 1]) is None:
            return int(i)
    odd = ~counts if 2 * counts.sum() > len(counts) else counts
    return int(np.argmax(odd))


def _check_clock(
    columns: Columns, roles: Roles, series: Array, clock: Array | None, order: Array
) -> None:
    """Refuse the same time twice in one series."""
    if roles.time is None or clock is None:
        return
    s, t = series[order], clock[order]
    same = np.flatnonzero((s[1:] == s[:-1]) & (t[1:] == t[:-1]))
    if len(same):
        row, before = order[same[0] + 1], order[same[0]]
        of = "the same series" if roles.id is None else _series_name(columns, roles, row)
        mend = "; name the series with --id COL" if roles.id is None else "; drop one row"
        raise DataError(
            f"{columns.at(row, roles.time)}: time {word(columns.arrays[roles.time][row])} comes "
            f"twice in {of}, first at {columns.row(before)}{mend}"
        )


def _series_name(columns: Columns, roles: Roles, row: int) -> str:
    return f"series {word(columns.arrays[roles.id][row])}" if roles.id is not None else "the file"


def _check_constant(
    columns: Columns,
    roles: Roles,
    values: Array | None,
    column: int | None,
    series: Array,
    firsts: Array,
) -> None:
    """Refuse a label, weight or group that changes within a series."""
    if values is None or column is None:
        return
    wrong = np.flatnonzero(values != values[firsts][series])
    if len(wrong):
        row = wrong[0]
        raise DataError(
            f"{columns.at(row, column)}: {_series_name(columns, roles, row)} has "
            f"{word(values[row])} here and {word(values[firsts[series[row]]])} at "
            f"{columns.row(firsts[series[row]])}; it must be the same in all its rows"
        )


def _labels(columns: Columns, roles: Roles, labelled: bool) -> Array | None:
    """The label of each row (N,): text, int64 or float64; None where there are none.

    With `labelled` each row must have one; else all labels are left where some are missing.
    """
    if roles.label is None:
        return None
    if columns.kinds[roles.label] == "date":
        refuse_text(columns, roles.label)
    if not labelled and missing(columns.arrays[roles.label]).any():
        return None
    _refuse_missing(columns, roles.label, "has no label")
    return _plain(columns, roles.label)


def _targets(columns: Columns, roles: Roles) -> NDArray[np.float64]:
    """The targets of each row (N, O)."""
    return np.column_stack([numbers(columns, j).astype(np.float64) for j in roles.targets])


def _groups(columns: Columns, roles: Roles) -> Array | None:
    """The group of each row (N,): text or numbers."""
    if roles.group is None:
        return None
    _refuse_missing(columns, roles.group, "has no group")
    return _plain(columns, roles.group)


def _weights(columns: Columns, roles: Roles) -> NDArray[np.float64] | None:
    """The weight of each row (N,), finite and not below 0."""
    if roles.weight is None:
        return None
    values = numbers(columns, roles.weight).astype(np.float64)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{columns.at(row, roles.weight)}: weight {word(values[row])}; expected a number from 0"
        )
    return values


def _refuse_missing(columns: Columns, j: int, what: str) -> None:
    gone = missing(columns.arrays[j])
    if gone.any():
        count = f" ({gone.sum()} such rows)" if gone.sum() > 1 else ""
        raise DataError(
            f"{columns.at(int(np.argmax(gone)), j)}: empty, so the row {what}{count}; fill it in "
            "or drop the row"
        )


def _plain(columns: Columns, j: int) -> Array:
    """A column (N,) as int64, float64, dates or numpy's text."""
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
