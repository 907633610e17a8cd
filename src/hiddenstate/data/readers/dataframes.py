"""Reads data frames: those of pandas and polars as they are, and others through narwhals."""

import importlib.util
import numbers as abstract
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import positions_of
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns, Places, check_names, stacked
from hiddenstate.data.readers.encoded import with_encoded_inputs
from hiddenstate.data.readers.profiles import kind_of
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.errors import DataError, listed
from hiddenstate.system.typing import Array


def is_frame(value: Any) -> bool:
    """Return whether `value` is a pandas or polars data frame."""
    of_frame = hasattr(value, "iloc") or hasattr(value, "get_columns")
    return of_frame and hasattr(type(value), "columns")  # a lazy frame computes its own


def as_frame(value: Any) -> Any:
    """Return an Arrow table or batch, a DuckDB relation, a lazy frame or the like as one of polars,
    or without polars as one of pandas; anything else unchanged.

    Raises
    ------
    DataError
        If neither polars nor pandas is installed.
    """
    if is_frame(value) or not hasattr(type(value), "columns"):
        return value
    import narwhals

    frame = narwhals.from_native(value, pass_through=True)
    is_known = isinstance(frame, (narwhals.LazyFrame, narwhals.DataFrame))
    if not is_known and not hasattr(value, "__arrow_c_stream__"):
        return value
    library: Any = next(filter(importlib.util.find_spec, ("polars", "pandas")), None)
    if library is None:
        raise DataError(f"{type(value).__name__}: can be read if polars or pandas is installed")
    if not is_known:
        return narwhals.from_arrow(value, backend=library).to_native()
    if isinstance(frame, narwhals.LazyFrame):
        return frame.collect(library).to_native()
    return frame.to_polars() if library == "polars" else frame.to_pandas()


def read_frame(
    frame: Any, options: DataConfig, job: str, require_targets: bool = True, name: str = "frame"
) -> SequenceDataset:
    """Read a data frame; see :func:`~hiddenstate.data.readers.table.to_dataset`.

    The index is not read. Messages number rows from 0.

    Raises
    ------
    DataError
        If `frame` is not a data frame, or a column in use holds anything but numbers, text or
        dates.
    """
    if not is_frame(frame):
        raise DataError(f"{name}: expected a data frame, got {type(frame).__name__}")
    return to_dataset(frame_columns(frame, name), options, job, require_targets, name)


def frame_columns(frame: Any, name: str) -> Columns:
    """Return the columns of a data frame that messages call `name`."""
    labels = list(frame.columns)
    names = tuple(map(str, labels))
    arrays, kinds, truths = [], [], set()
    for j in range(len(names)):
        series = frame.iloc[:, j] if hasattr(frame, "iloc") else frame.to_series(j)
        values = _values(series)
        arrays.append(np.empty(0) if values is None else values)
        kinds.append("nested" if values is None else kind_of(values))
        if values is not None and _holds_truths(series):
            truths.add(j)
    return Columns(
        names,
        arrays,
        tuple(kinds),
        len(frame),
        name,
        "data frame",
        Places(lambda i: i, ":row {}"),
        named=labels != list(range(len(labels))),
        truths=frozenset(truths),
    )


def encode_frame(
    frame: Any, inputs: tuple[str, ...], encodings: tuple[Encoding, ...], name: str
) -> Array:
    """Return the columns `inputs` of a data frame as the features (N, I) of a model.

    Raises
    ------
    DataError
        If it is not a data frame, a column is missing, or a text is not one that the model knows.
    """
    if not is_frame(frame):
        raise DataError(
            f"{name}: expected a data frame, as the model encodes text or dates; its columns: "
            f"{listed(inputs)}"
        )
    columns = frame_columns(frame, name)
    check_names(columns.names, name)
    roles = Roles(False, positions_of(inputs, columns.names, name), [])
    columns, roles, _ = with_encoded_inputs(columns, roles, DataConfig(), encodings, columns.names)
    features: Array = stacked(columns, roles.inputs, may_be_pixels=False)
    return features


def _values(series: Any) -> Array | None:
    """Return a column of a frame (N,) as in :class:`Columns`; None if it is nested."""
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
        return np.asarray(values / np.timedelta64(1, "s"), np.float64)
    return _objects(values.tolist()) if kind in "OUT" else None


def _holds_truths(series: Any) -> bool:
    """Return whether a column of a frame holds true and false."""
    if str(series.dtype).casefold().startswith("bool"):
        return True
    cells = [cell for cell in series.to_numpy().tolist() if not _is_missing(cell)]
    return bool(cells) and all(type(cell) is bool for cell in cells)


def _objects(cells: list[Any]) -> Array | None:
    """Convert Python objects that are all numbers, all text or all dates (N,); None otherwise."""
    cells = [None if _is_missing(cell) else cell for cell in cells]
    present = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, str) for cell in present) and present:
        texts = np.empty(len(cells), object)
        texts[:] = ["" if cell is None else cell.strip() for cell in cells]
        return texts
    if all(isinstance(cell, (abstract.Real, Decimal, np.bool_)) for cell in present):
        if len(present) == len(cells) and all(isinstance(c, abstract.Integral) for c in cells):
            try:
                return np.array([int(cell) for cell in cells], np.int64)
            except OverflowError:
                pass
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    return _dates(cells)


def _dates(cells: list[Any]) -> Array | None:
    """Convert Python dates (N,), those with a time zone to UTC; None if one is not a date."""
    dates = np.full(len(cells), "NaT", "M8[us]")
    for i, cell in enumerate(cells):
        if cell is None:
            continue
        if not isinstance(cell, date):
            return None
        if isinstance(cell, datetime) and cell.tzinfo is not None:
            cell = cell.astimezone(UTC).replace(tzinfo=None)
        dates[i] = np.datetime64(cell, "us")
    return dates


def _is_missing(cell: Any) -> bool:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, Decimal)) and cell != cell
