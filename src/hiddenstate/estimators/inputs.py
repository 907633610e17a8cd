"""Converts X, y and weights of any supported type into arrays."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.column_names import positions_of
from hiddenstate.data.origin import whole
from hiddenstate.data.readers.columns import check_names
from hiddenstate.data.readers.dataframes import as_frame, frame_columns, is_frame
from hiddenstate.data.readers.number_text import is_number
from hiddenstate.data.readers.profiles import text_to_numbers
from hiddenstate.data.rows import check_pixels
from hiddenstate.errors import DataError, listed, printable
from hiddenstate.system.typing import Array

DTYPES = [np.float64, np.float32, np.uint8]
"""Types that networks read; other types are converted to the first."""


def as_series(X: Any, channels_first: bool, pixels: bool = False) -> tuple[Any, Array | None]:
    """Return X with a shape, and the lengths of its series if they are unequal.

    Parameters
    ----------
    X : array-like, data frame, tensor, or list of series
        Series are (T, I), or (T,) if their lengths are unequal; an object array works like a list.
    channels_first : bool
        X is (N, I, T), and a series in a list is (I, T).
    pixels : bool, default False
        The model reads pixels, and so integers of no other type.

    Returns
    -------
    X : ndarray or data frame
        Series of unequal length are padded with zeros.
    lengths : ndarray (N,) or None

    Raises
    ------
    DataError
        If the series do not have the same number of axes and features, or one has no steps, or
        are integers where pixels are read.
    """
    X, lengths = _with_axes(unwrapped(X), channels_first)
    if pixels:
        check_pixels(np.asarray(X), "X")
    return X, lengths


def _with_axes(X: Any, channels_first: bool) -> tuple[Any, Array | None]:
    if isinstance(X, (list, tuple)) or (_is_array_of_objects(X) and X.ndim == 1):
        series = [_one_series(row, i) for i, row in enumerate(X)]
        ndims = {row.ndim for row in series}
        if ndims == {2}:
            return _padded([row.T if channels_first else row for row in series])
        if ndims == {1} and len({len(row) for row in series}) > 1:
            return _padded([row[:, None] for row in series])
        if len(ndims) > 1 or max(ndims, default=0) > 2:
            axes = " or ".join(map(str, sorted(ndims)))
            raise DataError(f"X: series have {axes} axes; expected (steps, features)")
        X = np.array(series) if series else np.asarray(X)
    X = X if hasattr(X, "shape") else np.asarray(X)
    if channels_first and len(X.shape) == 3:
        X = np.ascontiguousarray(np.swapaxes(np.asarray(X), 1, 2))
    return X, None


def frame_names(values: Any) -> tuple[str, ...] | None:
    """Return the column names of a data frame if all are text; None of anything else.

    Raises
    ------
    DataError
        If two columns have one name.
    """
    if not is_frame(values):
        return None
    names = tuple(values.columns)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    check_names(names, "data frame")
    return names


def refuse_text_columns(X: Any, trained: tuple[str, ...] | None) -> None:
    """Refuse a data frame with text, as scikit-learn's estimators do.

    Parameters
    ----------
    X : data frame, or anything else
    trained : tuple of str or None
        Column names that the model was fitted with; the text of others is no reason.

    Raises
    ------
    DataError
        Names the first such column, a text in it, and how to encode it.
    """
    if not is_frame(X) or frame_names(X) is None:
        return
    columns = frame_columns(X, "X")
    for j, kind in enumerate(columns.kinds):
        if trained is not None and columns.names[j] not in trained:
            continue
        if kind == "text" and text_to_numbers(columns.arrays[j]) is None:
            text = next(cell for cell in columns.arrays[j] if cell and not is_number(cell))
            raise DataError(
                f"X: column {printable(columns.names[j], 40)}: could not convert string to float: "
                f"'{printable(text, 40)}'; encode text first, for example with "
                "sklearn.preprocessing.OneHotEncoder, or leave the column out"
            )


def in_order(X: Any, trained: tuple[str, ...] | None) -> Any:
    """Return series with the columns of each data frame in the order of `trained`.

    Parameters
    ----------
    X : data frame, or list of series
        A series is (T, I); one that is not a data frame stays as it is.
    trained : tuple of str or None
        Column names that the model was fitted with.

    Raises
    ------
    DataError
        If a frame lacks a column, or has column names where `trained` is None.
    """
    if isinstance(X, (list, tuple)):
        return [_frame_in_order(row, trained, f"X: series {i}") for i, row in enumerate(X)]
    return _frame_in_order(X, trained, "X")


def _frame_in_order(frame: Any, trained: tuple[str, ...] | None, where: str) -> Any:
    names = frame_names(frame)
    if names is None:
        return frame
    if trained is None:
        raise DataError(
            f"{where}: has column names ({listed(names)}), but the model was fitted without; put "
            "the columns in the order of fit and pass X.to_numpy()"
        )
    return frame[[names[j] for j in positions_of(trained, names, where)]]


def _one_series(row: Any, number: int) -> Array:
    try:
        series = np.asarray(unwrapped(row))
    except ValueError:
        series = np.asarray(None)
    if series.ndim == 0 and series.dtype.kind == "O":  # a sparse matrix, or another object
        raise DataError(f"X: series {number} is not an array (steps, features)")
    return series


def _is_array_of_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "O"


def unwrapped(values: Any) -> Any:
    """Return a torch tensor or a masked array as a plain array, a lazy frame, a DuckDB relation or
    the like as a frame, and anything else unchanged.

    Masked numbers become NaN. Does not import torch.

    Raises
    ------
    DataError
        If values are masked that are not numbers.
    """
    if isinstance(values, np.ma.MaskedArray):
        plain, mask = np.asarray(values.data), np.broadcast_to(values.mask, values.shape)
        if not mask.any():
            return plain
        if plain.dtype.kind not in "fiub":
            raise DataError(f"masked values in an array of {plain.dtype}; drop those rows")
        return np.where(mask, np.nan, plain if plain.dtype.kind == "f" else plain.astype(float))
    if not (hasattr(values, "detach") and hasattr(values, "cpu")):
        return as_frame(values)
    values = values.detach().cpu()
    return (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()


def _padded(series: list[Array]) -> tuple[Array, Array | None]:
    """Series (T, I) as one array (N, T, I), and their lengths (N,) if unequal."""
    widths = {row.shape[1] for row in series}
    if len(widths) > 1:
        raise DataError(
            f"X: series have {min(widths)} to {max(widths)} features; all must have the same number"
        )
    lengths = np.array([len(row) for row in series])
    if not lengths.all():
        raise DataError(f"X: series {int(lengths.argmin())} has no steps; leave it out")
    if len(set(lengths.tolist())) == 1:
        return np.stack(series), None
    X = np.zeros((len(series), lengths.max(), widths.pop()), np.result_type(*series))
    for row, values in zip(X, series, strict=True):
        row[: len(values)] = values
    return X, lengths


def as_numbers(X: Any) -> Array:
    """Return series (N, T, I) as numbers of one of `DTYPES`.

    Raises
    ------
    DataError
        If X does not consist of real numbers, or is empty.
    """
    values: Array = np.asarray(X)
    if values.dtype.kind == "c":
        raise DataError(f"Complex data not supported: X is {values.dtype}")
    if values.dtype.kind not in "fiubO":
        raise DataError(f"X: expected numbers, got {values.dtype}")
    if values.dtype not in DTYPES:
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError("X: expected numbers, got other objects") from None
    if 0 in values.shape:
        raise DataError(f"X: empty; its shape is {values.shape}")
    return values


def check_numbers(values: Array, name: str, hint: str = "") -> None:
    """Reject NaN and infinity with the messages of scikit-learn.

    Raises
    ------
    DataError
        Names the argument; `hint` is added.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    if np.isinf(values).any():
        what = f"infinity or a value too large for dtype('{values.dtype}')"
        raise DataError(f"Input {name} contains {what}{hint}.")
    raise DataError(f"Input {name} contains NaN{hint}.")


def check_labels(labels: Any, name: str) -> None:
    """Refuse labels (N,) of any type if one is missing: None, NaN, or that of a data frame.

    Raises
    ------
    DataError
        Names the argument and the first such row. NaN among numbers is left to `check_numbers`.
    """
    try:
        values = np.asarray(labels)
        if values.dtype.kind not in "fiubcMm" and isinstance(labels, (list, tuple)):
            values = np.asarray(labels, dtype=object)  # text would hold NaN as 'nan'
    except ValueError:
        return  # not one label for each row, which is refused elsewhere
    if values.ndim == 0 or values.dtype.kind in "fiubcUS":
        return
    missing = np.flatnonzero(np.fromiter(map(_is_missing, values), bool, len(values)))
    if len(missing):
        raise DataError(
            f"{name}: {len(missing)} of {len(values)} labels are missing, the first in row "
            f"{missing[0]} ({printable(values[missing[0]], 20)}); leave those rows out"
        )


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # pandas.NA is neither equal nor unequal; arrays are no labels
        return np.ndim(value) == 0


def float_type(X: Array) -> str:
    """The float type to compute in: float32 for float32 and uint8 X, otherwise float64."""
    return "float32" if X.dtype in (np.float32, np.uint8) else "float64"


COLORS_ARE = "; pictures in colour are uint8 (n_samples, height, width, 3), from 0 to 255"
"""What an error says of arrays of four axes."""


def color_rows(X: Any, pixels: bool = False) -> Any:
    """Return pictures in colour, bytes (N, h, w, 3), as series (N, h, 3 w), and anything else
    unchanged; for a model of `pixels`, pictures in fractions too."""
    shape = tuple(X.shape)
    floats = pixels and getattr(X.dtype, "kind", "") == "f"
    if len(shape) != 4 or shape[3] != 3 or not (floats or X.dtype == np.uint8):
        return X
    return np.ascontiguousarray(X).reshape(shape[0], shape[1], 3 * shape[2])


def picture_of(rows: Rows, X: Any) -> tuple[int, ...] | None:
    """Height and width of rows that are images, and 3 if X (N, h, w, 3) is in colour: uint8, with
    two axes or square when flat."""
    given = tuple(getattr(X, "shape", ()))
    X = rows.X
    if X.dtype != np.uint8 or rows.lengths is not None:
        return None
    if len(given) == 4:
        return int(given[1]), int(given[2]), 3
    side = math.isqrt(X.shape[1])
    if X.ndim == 3:
        return (int(X.shape[1]), int(X.shape[2])) if X.shape[2] > 1 else None
    return (side, side) if side * side == X.shape[1] > 1 else None


def without_weightless(rows: Rows) -> Rows:
    """Leave out the rows of weight 0, so that they do not count as rows either."""
    if rows.weights is None or rows.weights.all() or not rows.weights.any():
        return rows
    kept = np.flatnonzero(rows.weights)
    return replace(rows, origin=rows.origin or whole(len(rows))).take(kept)


def by_series(values: Array, lengths: Array | None) -> Array:
    """Return padded values (N, T, ...) as an object array of one array (n, ...) per series.

    If `lengths` is None, return the values unchanged.
    """
    if lengths is None:
        return values
    series = np.empty(len(values), dtype=object)
    for i, n in enumerate(lengths):
        series[i] = values[i, :n]
    return series


def as_targets(y: Any, rows: Rows, dtype: str, steps: tuple[int, ...]) -> Array:
    """Return targets as an array of `dtype`; those of unequal series are padded like the series.

    Parameters
    ----------
    y : array-like
    rows : Rows
    dtype : str
    steps : tuple of int
        The steps (T,) of a row that have targets each; () of one answer for a row.

    Raises
    ------
    DataError
        If they are not numbers, or not one or several for each row, or each of its steps.
    """
    n_rows, lengths = len(rows), rows.lengths
    y = unwrapped_parts(y)
    if lengths is not None and isinstance(y, list) and len(y) == n_rows:
        each = [np.asarray(part) for part in y]
        if all(part.ndim for part in each):
            if [len(part) for part in each] != lengths.tolist():
                raise DataError("y: a series of targets and its series of X have different lengths")
            y = np.zeros((n_rows, rows.X.shape[1], *each[0].shape[1:]), np.result_type(*each))
            for row, part in zip(y, each, strict=True):
                row[: len(part)] = part
    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    try:
        values = np.asarray(y)
    except ValueError:
        raise DataError("y: series of unequal length, although those of X are equal") from None
    try:
        values = values.astype(dtype)
    except (TypeError, ValueError):
        raise DataError(f"y: Unknown label type: expected numbers, got {values.dtype}") from None
    if values.ndim == 0 or len(values) != n_rows:
        raise DataError(f"y: {values.shape} targets for {n_rows} rows of X")
    check_numbers(values, "y")
    expected = (n_rows, *steps)
    if values.shape[: len(expected)] != expected or values.ndim > len(expected) + 1:
        output = "steps" if steps else "last"
        raise DataError(
            f'y: expected {expected} or {(*expected, "targets")} for output="{output}", '
            f"got {values.shape}"
        )
    return values


def unwrapped_parts(y: Any) -> Any:
    """Return y without torch tensors; a list if it consists of one part per series."""
    y = unwrapped(y)
    if isinstance(y, np.ndarray) and y.dtype.kind == "O" and y.ndim == 1:
        y = list(y)
    return [unwrapped(part) for part in y] if isinstance(y, (list, tuple)) else y
