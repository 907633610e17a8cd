"""Counts missing values in rows, refuses them, and repeats the last value before them."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data.origin import Origin
from hiddenstate.data.prepare.encoding import Encoding, spans
from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import RowStore, forget
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.program.rows import after_end, carry_forward
from hiddenstate.system.typing import Array

SCAN_BYTES = 2**22
"""Bytes of rows processed at once; as float64 and with masks they need several times as many."""


def missing_error(where: str, what: str, file_row: int | None) -> DataError:
    """Return the error for missing values, the first of them in a row of the file."""
    error = DataError(what, place=where)
    error.file_row = file_row
    return error


def infinite_as_missing(rows: Rows) -> Rows:
    """Return rows with NaN for each infinite value and target, for a model that fills in gaps.

    Rows on disk stay as they are: they are changed when they are read.
    """

    def known(values: Any) -> Any:
        plain = isinstance(values, np.ndarray) and values.dtype.kind == "f"
        infinite = np.isinf(values) if plain else np.zeros(1, bool)
        return np.where(infinite, np.nan, values) if infinite.any() else values

    X, y = known(rows.X), known(rows.y)
    return rows if X is rows.X and y is rows.y else replace(rows, X=X, y=y)


def filled_forward(X: Any, lengths: Array | None, where: str) -> tuple[Any, list[str]]:
    """Replace each missing or infinite value of series (N, T, I) by the last value before it.

    Returns
    -------
    X : ndarray
        Values without one before them, at the start of a series, are NaN.
    remarks : list of str
        How many these are, if there are any.

    Raises
    ------
    OptionError
        If the series stay on disk.
    """
    if isinstance(X, RowStore):
        raise OptionError(
            f"--missing: {where} is too large for memory, so the last value before a gap may be in "
            "another piece of it; use mean or mask"
        )
    if X.dtype.kind != "f":
        return X, []
    filled = carry_forward(np.where(np.isfinite(X), X, np.nan))
    n = int(count_missing(filled, lengths).sum())
    remark = f"{where}: {amount(n, 'value')} missing at the start of a series, with no value before"
    return filled, [f"{remark}; filled in with the mean"] if n else []


def count_missing(X: Any, lengths: Array | None) -> Array:
    """Count the missing or infinite values of each row (N,), without those after its end."""
    counts = np.zeros(len(X), np.int64)
    if X.dtype.kind != "f":
        return counts
    X = X[:, None] if X.ndim == 1 else X
    for first, piece in in_pieces(X, SCAN_BYTES):
        own = slice(first, first + len(piece))
        read = None if lengths is None else ~after_end(lengths[own], piece.shape[1])
        at_once = max(1, SCAN_BYTES // max(1, piece[:, :1].nbytes))
        for step in range(0, piece.shape[1], at_once):  # of long series a part at a time
            absent = ~np.isfinite(piece[:, step : step + at_once])
            if read is not None:
                absent &= read[:, step : step + at_once, None]
            counts[own] += absent.reshape(len(piece), -1).sum(axis=1)
            forget(piece)
    return counts


def check_finite(
    X: Any,
    lengths: Array | None,
    where: str,
    columns: tuple[str, ...] | None,
    applied: bool = False,
    ids: Array | None = None,
    fills: str = "mean, forward or mask",
    encodings: tuple[Encoding, ...] = (),
    origin: Origin | None = None,
) -> None:
    """Refuse missing or infinite values, in training rows or where a model is `applied`.

    `fills` are the values of `--missing` that suit the data, the best first. A missing cell of a
    column that is encoded counts once.

    Raises
    ------
    DataError
        With their number, the first of them, and a hint.
    """
    counts = count_missing(X, lengths)
    if not counts.any():
        return
    if encodings and columns is not None and len(columns) == X.shape[-1]:
        inputs = spans(columns, encodings)
        columns = tuple(name for name, _ in inputs)
        X = X[..., [part.start for _, part in inputs]]
        counts = count_missing(X, lengths)
    row = int(np.flatnonzero(counts)[0])
    values = X[row : row + 1]
    absent = ~np.isfinite(values)
    if lengths is not None:
        absent &= ~after_end(lengths[row : row + 1], values.shape[1])[..., None]
    position = tuple(int(part) for part in np.argwhere(absent)[0][1:])
    place, file_row = place_of(row, position, X.shape[1:], columns, ids, origin)
    hint = (
        "the model was trained without missing values; fill them in, or train a new model with "
        f"--missing {fills}"
        if applied
        else f"fill them in with --missing {fills}, or leave the rows out with --missing drop"
    )
    raise missing_error(
        where,
        f"{amount(int(counts.sum()), 'value')} missing or not finite, the first in {place}; {hint}",
        file_row,
    )


def place_of(
    row: int,
    position: tuple[int, ...],
    shape: tuple[int, ...],
    columns: tuple[str, ...] | None,
    ids: Array | None,
    origin: Origin | None,
) -> tuple[str, int | None]:
    """Return what messages call a position in a row of `shape`, and the row of the file."""
    step, number = position[0] if len(position) > 1 else 0, row
    file_row = None if origin is None else origin.file_row(row, step)
    if origin is not None and len(position) > 1:  # of a window in its series
        number, position = int(origin.series[row]), (step + int(origin.first[row]), *position[1:])
    name = f"row {number}" if ids is None else f"series {printable(ids[row], 40)}"
    return name + _position_words(position, shape, columns), file_row


def amount(n: int, noun: str) -> str:
    """Return the subject of a sentence with its verb: `1 value is`, `2 values are`."""
    return f"{n} {noun} is" if n == 1 else f"{n} {noun}s are"


def _position_words(
    position: tuple[int, ...], shape: tuple[int, ...], columns: tuple[str, ...] | None
) -> str:
    """Name a position in a row of `shape`: `, step 2, column b`."""
    words = f", step {position[0]}" if len(position) > 1 and shape[0] > 1 else ""
    if columns is not None and len(columns) == shape[-1]:
        return f"{words}, column {printable(columns[position[-1]], 40)}"
    if columns is not None and len(columns) == np.prod(shape):
        # The columns of a wide table are its flat row, whatever steps it is cut into.
        flat = int(np.ravel_multi_index(position, shape))
        return f"{words}, column {printable(columns[flat], 40)}"
    return f"{words}, feature {position[-1]}"


def incomplete_dropped(rows: Rows, config: Config, where: str) -> tuple[Rows, list[str]]:
    """Drop rows with a missing target and, with `drop`, rows with any missing value."""
    no_target, no_value = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    at_every_step = rows.y is not None and rows.y.ndim == 3
    if rows.y is not None and rows.y.dtype.kind == "f":
        no_target |= count_missing(rows.y, rows.lengths if at_every_step else None) > 0
    if config.data.missing == "drop":
        no_value |= count_missing(rows.X, rows.lengths) > 0
    incomplete = no_target | no_value
    if not incomplete.any():
        return rows, []
    noun = "windows" if config.kind.has_targets and rows.times is not None else "rows"
    why = " or ".join(
        words for words, which in (("values", no_value), ("targets", no_target)) if which.any()
    )
    last = no_target.any() and at_every_step
    if incomplete.all():
        hints = ["--missing mean or mask"] if no_value.all() else []
        hints += ["a shorter --window", "--output last"] if last else []
        raise DataError(
            f"{where}: all {len(rows)} {noun} have missing {why}"
            + (f"; use {' or '.join(hints)}" if hints else "")
        )
    remark = f"{where}: {int(incomplete.sum())} of {len(rows)} {noun} dropped for missing {why}"
    remark += "; with --output last a window has only one target" if last else ""
    return rows.take(np.flatnonzero(~incomplete)), [remark]
