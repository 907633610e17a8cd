"""Applies the steps of a program to arrays and stores, piece by piece, and undoes them."""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from hiddenstate.data.prepare.missing import SCAN_BYTES, amount, missing_error
from hiddenstate.data.rows import in_pieces, overlapping, windows_like
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError
from hiddenstate.program.order import prepared, restored, step_of
from hiddenstate.program.rows import after_end
from hiddenstate.program.steps import Fill, Logarithm, Scale, Step, Unreadable
from hiddenstate.system.typing import Array

Place = Callable[[int, tuple[int, ...]], tuple[str, int | None]]

UNREADABLE = {
    "logarithm": "has a value of 0 or less, but the model forecasts logarithms, as all training "
    "values are above 0; correct it, or train with --no-linear",
}
"""Why a step does not read a row, in words; missing values are refused before the steps."""


def apply_steps(
    steps: Sequence[Step],
    X: Any,
    lengths: Array | None,
    width: int,
    dtypes: tuple[Any, Any],
    where: str,
    overwrite: bool = False,
    place: Place = lambda row, position: (f"row {row}", None),
) -> Any:
    """Return rows X (N, T, I) or (N, F), an array or a store, as they are kept, `width` features.

    Parameters
    ----------
    dtypes : (dtype, dtype)
        Of what is returned, and that whose range values must fit.
    where : str
        Name of the data in messages.
    overwrite : bool, default False
        Whether the result may take the place of X, of which no view may be used again.
    place : callable
        Returns what messages call a row and a position in it, and the row of the file.

    Raises
    ------
    DataError
        If a value cannot be read, or is too large for `dtype`; of a store when it is read.
    """
    shape, (kept, dtype) = (*X.shape[1:-1], width), dtypes
    if lengths is None and (series := overlapping(X)) is not None and not _carries(steps):
        with suppress(DataError):  # a message names a row of X, not of the series
            own = apply_steps(steps, series, None, width, dtypes, where, place=place)
            return windows_like(X, own)
    is_long = isinstance(X, np.ndarray) and X.ndim == 3 and len(X) == 1 < X.shape[1]
    if is_long and lengths is None and not _carries(steps):  # in parts
        with suppress(DataError):
            own = apply_steps(steps, X[0][:, None], None, width, dtypes, where, place=place)
            return own.reshape(1, *shape)
    if isinstance(X, RowStore):
        return X.mapped(lambda rows: _of_store(steps, rows, dtype, where, place), shape, dtype)
    with np.errstate(over="ignore"):  # checked below
        if X.nbytes <= SCAN_BYTES:
            out = np.ascontiguousarray(_prepared(steps, X, lengths, where, place), kept)
        else:
            shape = (len(X), *shape)
            fits = overwrite and X.shape == shape and X.flags.c_contiguous
            fits = fits and X.itemsize % np.dtype(kept).itemsize == 0
            out = _front(X, kept, shape) if fits else np.empty(shape, kept)
            for first, piece in in_pieces(X, SCAN_BYTES // 4):  # float64 takes more
                rows = slice(first, first + len(piece))
                ends = None if lengths is None else lengths[rows]
                out[rows] = _prepared(steps, piece, ends, where, place, first)
            if fits and X.dtype != kept:
                del out, piece  # as no view of X may be left
                X.resize(-(-X.size // (X.itemsize // np.dtype(kept).itemsize)), refcheck=False)
                out = _front(X, kept, shape)
    check_range(out, None, dtype, where)
    return out


def _carries(steps: Sequence[Step]) -> bool:
    """Return whether a value of a row depends on those before it."""
    fill = step_of(steps, Fill)
    return fill is not None and fill.forward


def _front(X: Array, dtype: Any, shape: tuple[int, ...]) -> Array:
    """Return the first bytes of an array as an array of another type, in the same memory."""
    return X if X.dtype == dtype else X.reshape(-1).view(dtype)[: math.prod(shape)].reshape(shape)


def _of_store(steps: Sequence[Step], X: Array, dtype: Any, where: str, place: Place) -> Array:
    """Prepare rows of a store when they are read, which is when they are checked."""
    with np.errstate(over="ignore"):
        values = _prepared(steps, X, None, where, place).astype(dtype, copy=False)
    if np.isinf(values).any():
        raise DataError(f"{where}: values too large for {np.dtype(dtype)}; {advice(dtype)}")
    return values


def _prepared(
    steps: Sequence[Step],
    X: Array,
    lengths: Array | None,
    where: str,
    place: Place,
    first: int = 0,
) -> Array:
    """Prepare a piece of rows, of which `first` is the number of the first."""
    try:
        return prepared(steps, X, lengths)
    except Unreadable as error:
        name, file_row = place(first + error.row, error.position)
        raise missing_error(where, f"{name} {UNREADABLE[error.reason]}", file_row) from None


def restore_steps(steps: Sequence[Step], rows: Array, n_features: int) -> Array:
    """Return kept or reconstructed rows in the units of their `n_features` features."""
    if step_of(steps, Scale) is None and step_of(steps, Logarithm) is None:
        return restored(steps, rows)
    undone = np.empty_like(rows[..., :n_features])
    for first, piece in in_pieces(rows, SCAN_BYTES):
        undone[first : first + len(piece)] = restored(steps, piece)
    return undone


def check_range(X: Any, lengths: Array | None, dtype: Any, where: str) -> None:
    """Refuse values that are infinite in `dtype` (`DataError`)."""
    if X.dtype.kind != "f":
        return
    most = np.finfo(dtype).max
    for first, piece in in_pieces(X, SCAN_BYTES):
        too_large = np.abs(piece) > most
        if lengths is not None:
            ends = lengths[first : first + len(piece)]
            too_large &= ~after_end(ends, piece.shape[1])[..., None]
        if too_large.any():
            row = first + int(np.argwhere(too_large)[0][0])
            raise DataError(
                f"{where}: {amount(int(too_large.sum()), 'value')} too large for "
                f"{np.dtype(dtype)}, the first in row {row}; {advice(dtype)}"
            )


def advice(dtype: Any) -> str:
    """Return what helps against values that are too large for `dtype`."""
    if np.dtype(dtype) == np.float64:
        return "correct the data, or divide it by a power of ten"
    return "correct the data, or train with --dtype float64"
