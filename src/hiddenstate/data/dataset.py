"""The one thing every reader gives and every job takes."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import DataError

Array = NDArray[Any]


@dataclass(frozen=True)
class SequenceDataset:
    """Rows to learn from and rows to test on.

    Parameters
    ----------
    name : str
        What the data is called where it is printed.
    X, X_test : ndarray
        Inputs (N, T, I), or (N, F) for an autoencoder; uint8 or float. uint8 is kept as it
        is and means fractions of 255 (:func:`fractions`). `X_test` may have no rows.
    y, y_test : ndarray or None
        Class numbers (N,), or targets (N, T, O) or (N, O); None where nothing is to be told.
    classes : list or None
        The label each class number stands for.
    times : ndarray or None
        Time of every step (N, T), for data that has a clock.
    picture : tuple of int or None
        The (height, width) of a row that is a picture.
    source : {"arrays", "bundled", "file"}
        Where it came from, and so whether it can be had again.
    """

    name: str
    X: Array
    y: Array | None
    X_test: Array
    y_test: Array | None
    classes: list[Any] | None = None
    times: Array | None = None
    picture: tuple[int, int] | None = None
    source: str = "arrays"

    def fingerprint(self) -> str:
        """SHA-256 over the training and test arrays, their types and shapes."""
        digest = hashlib.sha256()
        for array in (self.X, self.y, self.X_test, self.y_test):
            if array is not None:
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def about(self) -> dict[str, Any]:
        """What a run keeps to know its data again: name, source and fingerprint."""
        return {"name": self.name, "source": self.source, "fingerprint": self.fingerprint()}


def fractions(X: Array, dtype: Any) -> Array:
    """Return `X` as `dtype`; uint8 pixels become fractions of 255, floats stay as they are."""
    if X.dtype == np.uint8:
        return np.asarray(np.divide(X, np.asarray(255, dtype), dtype=dtype))
    return X.astype(dtype, copy=False)


def as_rows(X: Array, steps: int | None, where: str) -> Array:
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
    width = X[0].size if len(X) else 0
    if steps is None:
        return X[:, :, None]
    if width % steps:
        raise DataError(f"{where}: rows of {width} numbers do not make {steps} equal steps")
    return X.reshape(len(X), steps, width // steps)
