"""What X, y and weights may come as, and the numbers they become."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.errors import DataError, OptionError
from hiddenstate.system.typing import Array

DTYPES = [np.float64, np.float32, np.uint8]
"""What a net reads; anything else becomes the first."""


def as_series(X: Any, channels_first: bool) -> tuple[Any, Array | None]:
    """X as something with a shape, and the lengths of series that have several.

    Data frames and arrays stay as they are; torch tensors become arrays; series (T, I), or
    (T,) of unequal length, in a list or an array of objects, are padded with zeros.
    """
    X = untensored(X)
    if isinstance(X, (list, tuple)) or (_is_array_of_objects(X) and X.ndim == 1):
        series = [_one_series(row, i) for i, row in enumerate(X)]
        ndims = {row.ndim for row in series}
        if ndims == {2}:
            return _padded([row.T if channels_first else row for row in series])
        if ndims == {1} and len({len(row) for row in series}) > 1:
            return _padded([row[:, None] for row in series])
        if len(ndims) > 1 or max(ndims, default=0) > 2:
            found = " or ".join(map(str, sorted(ndims)))
            raise DataError(f"X: series have {found} axes; give each as (steps, features)")
        X = np.array(series) if series else np.asarray(X)
    X = X if hasattr(X, "shape") else np.asarray(X)
    if channels_first and len(X.shape) == 3:
        X = np.ascontiguousarray(np.swapaxes(np.asarray(X), 1, 2))
    return X, None


def _one_series(row: Any, number: int) -> Array:
    try:
        return np.asarray(untensored(row))
    except ValueError:
        raise DataError(f"X: series {number} is no array (steps, features)") from None


def _is_array_of_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "O"


def untensored(values: Any) -> Any:
    """A torch tensor as an array, without importing torch to ask; anything else as it is."""
    if not (hasattr(values, "detach") and hasattr(values, "cpu")):
        return values
    values = values.detach().cpu()
    return (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()


def _padded(series: list[Array]) -> tuple[Array, Array | None]:
    """Series (T, I) as one array (N, T, I), and their lengths where those differ."""
    widths = {row.shape[1] for row in series}
    if len(widths) > 1:
        raise DataError(
            f"X: series have {min(widths)} to {max(widths)} features; give all the same"
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
    """Series (N, T, I) as numbers of a type the nets read.

    Raises
    ------
    DataError
        If they are none, or there are none.
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
            raise DataError("X: expected numbers, got objects that are none") from None
    if 0 in values.shape:
        raise DataError(f"X: empty, its shape is {values.shape}")
    return values


def check_numbers(values: Array, name: str, mend: str = "", allow_nan: bool = False) -> None:
    """Refuse NaN and infinity, in scikit-learn's words.

    Raises
    ------
    DataError
        Naming the argument; `mend` follows where it is NaN.
    """
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    if np.isinf(values).any():
        raise DataError(
            f"Input {name} contains infinity or a value too large for dtype('{values.dtype}')."
        )
    if not allow_nan:
        raise DataError(f"Input {name} contains NaN{mend}.")


def float_type(X: Array) -> str:
    """The float type X is computed in: float32 for float32 and uint8, else float64."""
    return "float32" if X.dtype in (np.float32, np.uint8) else "float64"


def picture_of(rows: Rows) -> tuple[int, int] | None:
    """Height and width of rows that are pictures: bytes, in two axes or of a square."""
    X = rows.X
    if X.dtype != np.uint8 or rows.lengths is not None:
        return None
    side = math.isqrt(X.shape[1])
    if X.ndim == 3:
        return (int(X.shape[1]), int(X.shape[2])) if X.shape[2] > 1 else None
    return (side, side) if side * side == X.shape[1] > 1 else None


def without_weightless(rows: Rows) -> Rows:
    """The rows less those of weight 0, which are to teach nothing, not even how many there are."""
    if rows.weights is None or rows.weights.all() or not rows.weights.any():
        return rows
    return rows.take(np.flatnonzero(rows.weights))


@contextmanager
def python_words() -> Iterator[None]:
    """Let errors name parameters as Python has them, not as options of the commands."""
    try:
        yield
    except (DataError, OptionError) as error:
        text = re.sub(r"--no-([a-z][a-z-]*)", r"\1=False", str(error))
        text = text.replace("--seed", "random_state")
        text = re.sub(r"--([a-z][a-z-]*)", lambda found: found[1].replace("-", "_"), text)
        raise type(error)(text) from None


def by_series(values: Array, lengths: Array | None) -> Array:
    """Values (N, T, ...) as they are; of series of several `lengths` an array of objects (N,),
    one array (n, ...) a series, as scikit-learn gives such."""
    if lengths is None:
        return values
    found = np.empty(len(values), dtype=object)
    for i, n in enumerate(lengths):
        found[i] = values[i, :n]
    return found
