"""pandas' and polars' data frames as tables; neither is imported, only its methods called."""

import numbers as abstract
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.columns import Columns, kind_of
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array


def is_frame(value: Any) -> bool:
    """Whether `value` is a data frame of pandas or polars."""
    return hasattr(value, "columns") and (hasattr(value, "iloc") or hasattr(value, "get_columns"))


def read_frame(
    frame: Any, how: DataConfig, job: str, answered: bool = True, name: str = "frame"
) -> SequenceDataset:
    """Take a data frame; see :func:`hiddenstate.data.readers.table.to_dataset` for what it gives.

    Its index is not read. Rows are named in errors by their number, counted from 0.

    Raises
    ------
    DataError
        If `frame` is none, or a column in use holds what is neither number, text nor date.
    """
    if not is_frame(frame):
        raise DataError(f"{name}: expected a data frame, got {type(frame).__name__}")
    labels = list(frame.columns)
    names = tuple(map(str, labels))
    arrays, kinds = [], []
    for j in range(len(names)):
        series = frame.iloc[:, j] if hasattr(frame, "iloc") else frame.to_series(j)
        values = _values(series)
        arrays.append(np.empty(0) if values is None else values)
        kinds.append("nested" if values is None else kind_of(values))
    columns = Columns(
        names,
        arrays,
        tuple(kinds),
        len(frame),
        name,
        "data frame",
        lambda i: f"{name}:row {i}",
        named=labels != list(range(len(labels))),
    )
    return to_dataset(columns, how, job, answered, name)


def _values(series: Any) -> Array | None:
    """A frame's column (N,) as :class:`Columns` has it; None where it is nested."""
    try:
        values = np.asarray(series.to_numpy())
    except (TypeError, ValueError, NotImplementedError):
        return None
    kind = values.dtype.kind
    if values.ndim != 1:
        return None
    if kind == "f":
        return values.astype(np.float32 if values.dtype.itemsize < 8 else np.float64, copy=False)
    if kind in "iub":
        if values.dtype in (np.bool_, np.uint8):
            return values.astype(np.uint8)
        return values.astype(np.float64 if values.dtype == np.uint64 else np.int64, copy=False)
    if kind == "M":
        return values
    if kind == "m":
        found = values / np.timedelta64(1, "s")
        return np.asarray(found, np.float64)
    return _objects(values.tolist()) if kind in "OUT" else None


def _objects(cells: list[Any]) -> Array | None:
    """Python objects as numbers or text (N,), whichever all that are not missing are."""
    cells = [None if _is_missing(cell) else cell for cell in cells]
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, str) for cell in there) and there:
        found = np.empty(len(cells), object)
        found[:] = ["" if cell is None else cell.strip() for cell in cells]
        return found
    if all(isinstance(cell, (abstract.Real, Decimal, np.bool_)) for cell in there):
        if len(there) == len(cells) and all(isinstance(c, abstract.Integral) for c in cells):
            try:
                return np.array([int(cell) for cell in cells], np.int64)
            except OverflowError:
                pass
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    return _dates(cells)


def _dates(cells: list[Any]) -> Array | None:
    """Python's dates (N,), those of a time zone as UTC, or None."""
    found = np.full(len(cells), "NaT", "M8[us]")
    for i, cell in enumerate(cells):
        if cell is None:
            continue
        if not isinstance(cell, date):
            return None
        if getattr(cell, "tzinfo", None) is not None:
            cell = cell.astimezone(UTC).replace(tzinfo=None)  # type: ignore[attr-defined]
        found[i] = np.datetime64(cell, "us")
    return found


def _is_missing(cell: Any) -> bool:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, Decimal)) and cell != cell
