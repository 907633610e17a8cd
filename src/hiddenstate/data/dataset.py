"""The one thing every reader gives and every job takes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array


@dataclass(frozen=True)
class Rows:
    """Rows of one part of the data, and what is known of each.

    Parameters
    ----------
    X : ndarray or RowStore
        Inputs (N, T, I), or (N, F) for an autoencoder; uint8 or float. uint8 is kept as it
        is and means fractions of 255 (:func:`fractions`). NaN is a missing value.
    y : ndarray, optional
        Labels or, prepared, class numbers (N,), or targets (N, T, O) or (N, O).
    lengths : ndarray, optional
        Steps of each row (N,) int64; what X holds after them is zero and means nothing. None
        where every row has T.
    weights : ndarray, optional
        How much each row counts (N,) float64; None where all count alike.
    groups : ndarray, optional
        What each row belongs to (N,): a group is never torn between training and testing.
    times : ndarray, optional
        Time of every step (N, T), for data that has a clock.
    ids : ndarray, optional
        What each row is called (N,), where it has a name.
    """

    X: Any
    y: Array | None = None
    lengths: Array | None = None
    weights: Array | None = None
    groups: Array | None = None
    times: Array | None = None
    ids: Array | None = None

    def __len__(self) -> int:
        return len(self.X)

    def take(self, which: Any) -> "Rows":
        """The rows `which`, a slice or row numbers; of a store nothing is read."""
        found = {}
        for part in fields(self):
            values = getattr(self, part.name)
            if values is not None:
                take = isinstance(values, RowStore)
                found[part.name] = values.take(which) if take else values[which]
        return Rows(**found)

    def series(self) -> Any:
        """X as the estimators take it: a list of series (T, I) where their lengths differ."""
        if self.lengths is None:
            return self.X
        return [row[:n] for row, n in zip(self.X, self.lengths, strict=True)]

    def arrays(self) -> Iterator[Array]:
        """Yield all it holds, piece by piece and always in the same order."""
        for part in fields(self):
            values = getattr(self, part.name)
            if isinstance(values, RowStore):
                yield from (piece for _, piece in values.pieces())
            elif values is not None and part.name not in ("times", "ids"):
                yield values


@dataclass(frozen=True)
class SequenceDataset:
    """Rows to learn from and rows to test on.

    Parameters
    ----------
    name : str
        What the data is called where it is printed.
    train : Rows
        Rows to learn from; all there are, where a reader found no test rows.
    test, valid : Rows, optional
        Rows to measure on at the end, and rows to decide by when to stop.
    kind : str
        What the data is, in words: `a wide CSV table`.
    classes : list, optional
        The label each class number stands for; None until labels became numbers.
    columns, targets : tuple of str, optional
        The name of each feature and of each target, where they have one.
    picture : tuple of int, optional
        The (height, width) of a row that is a picture.
    source : {"arrays", "bundled", "file"}
        Where it came from, and so whether it can be had again.
    read_as : dict
        Options of reading that the reader settled where they were left to it, by name.
    preparation : Preparation, optional
        What was done to X and y, to be done to other rows too.
    fingerprint_read : str, optional
        Of the data as it was read, kept when it is prepared.
    remarks : tuple of str
        What a user should know of how it was read, a line each.
    """

    name: str
    train: Rows
    test: Rows | None = None
    valid: Rows | None = None
    kind: str = "arrays"
    classes: list[Any] | None = None
    columns: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    picture: tuple[int, int] | None = None
    source: str = "arrays"
    read_as: Mapping[str, Any] = field(default_factory=dict)
    preparation: Any = None
    fingerprint_read: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def X(self) -> Any:  # noqa: N802
        """Inputs to learn from; see :class:`Rows`."""
        return self.train.X

    @property
    def y(self) -> Array | None:
        """Their labels, class numbers or targets."""
        return self.train.y

    @property
    def times(self) -> Array | None:
        """The time of every step, where the data has a clock."""
        return self.train.times

    @property
    def X_test(self) -> Any:  # noqa: N802
        """Inputs to measure on; no rows where none are held out."""
        return self.X[:0] if self.test is None else self.test.X

    @property
    def y_test(self) -> Array | None:
        """Their labels, class numbers or targets."""
        return None if self.test is None else self.test.y

    def fingerprint(self) -> str:
        """SHA-256 over the arrays as they were read, their types and shapes."""
        if self.fingerprint_read is not None:
            return self.fingerprint_read
        digest = hashlib.sha256()
        for part in (self.train, self.test or self.train.take(slice(0, 0))):
            for array in part.arrays():
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        return digest.hexdigest()

    def about(self) -> dict[str, Any]:
        """What a run keeps to know its data again: name, source and fingerprint."""
        return {"name": self.name, "source": self.source, "fingerprint": self.fingerprint()}


def in_pieces(X: Any, n_bytes: int = PIECE) -> Iterator[tuple[int, Array]]:
    """Yield `(first row, rows)` of an array or a store, in order, each at most `n_bytes`."""
    if isinstance(X, RowStore):
        yield from X.pieces(n_bytes)
        return
    step = max(1, n_bytes // max(X[:1].nbytes, 1))
    for first in range(0, len(X), step):
        yield first, X[first : first + step]


def fractions(X: Array, dtype: Any) -> Array:
    """Return `X` as `dtype`; uint8 pixels become fractions of 255, floats stay as they are."""
    if X.dtype == np.uint8:
        return np.asarray(np.divide(X, np.asarray(255, dtype), dtype=dtype))
    return X.astype(dtype, copy=False)


def as_rows(X: Any, steps: int | None, where: str) -> Any:
    """Give `X` its time axis: (N, T, I).

    2-D rows have one feature a step, or, with `steps`, are cut into that many steps.

    Raises
    ------
    DataError
        If `X` has another number of axes or its rows cannot be cut so.
    """
    if X.ndim == 3 and steps in (None, X.shape[1]):
        return X
    if X.ndim not in (2, 3):
        raise DataError(
            f"{where}: expected (rows, steps, features) or (rows, steps), got {X.shape}"
        )
    width = int(np.prod(X.shape[1:])) if len(X) else 0
    if steps is not None and width % steps:
        raise DataError(f"{where}: rows of {width} numbers do not make {steps} equal steps")
    shape = (width, 1) if steps is None else (steps, width // steps)
    if isinstance(X, RowStore):
        return X.reshaped(shape)
    return X.reshape(len(X), *shape)


def flat_rows(X: Any) -> Any:
    """`X` with each row flat: (N, F)."""
    width = int(np.prod(X.shape[1:]))
    return X.reshaped((width,)) if isinstance(X, RowStore) else X.reshape(len(X), width)
