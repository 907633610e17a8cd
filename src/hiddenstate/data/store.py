"""Rows that stay on disk and are read when asked for, so that data may be larger than memory."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array

IN_MEMORY = 2**30
"""Largest file, in bytes, that is read whole; the rows of a larger one stay on disk."""

PIECE = 64 * 2**20
"""Bytes of rows that are read at once."""


Change = Callable[[Array], Array]
"""What is done to rows when they are read."""


class RowStore:
    """The rows of an array that lies in a file, row after row, read in pieces.

    It has an array's `shape`, `dtype`, `ndim` and length, and is indexed by a slice, row
    numbers or a mask, as an array is, which reads those rows into memory. One row alone, and
    what only an array can do, is refused, so that nothing reads the whole file unawares.

    Parameters
    ----------
    path : Path
        The file; it is opened now and stays open.
    offset : int
        Where in the file the first row begins, in bytes.
    shape : tuple of int
        (N, T, I) or (N, F).
    dtype : dtype
        The type of its numbers.

    Raises
    ------
    DataError
        If the file cannot be opened, or, on reading, became shorter.
    """

    def __init__(self, path: Path, offset: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.path, self._offset = path, offset
        self._row_shape, self._stored = shape[1:], np.dtype(dtype)
        self._rows: NDArray[np.int64] | range = range(shape[0])
        self._changes: tuple[Change, ...] = ()
        self.shape, self.dtype = shape, self._stored.newbyteorder("=")
        self._file = _File(path)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row in memory."""
        return math.prod(self.shape[1:]) * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> Array:
        """The rows `which` (a slice, row numbers or a mask), read into memory."""
        values = self._read(self._numbers(which))
        for change in self._changes:
            values = change(values)
        return values

    def take(self, which: Any) -> "RowStore":
        """The rows `which` as a store of their own; nothing is read."""
        rows = self._numbers(which)
        return self._copy(_rows=rows, shape=(len(rows), *self.shape[1:]))

    def mapped(self, change: Change, shape: tuple[int, ...], dtype: Any) -> "RowStore":
        """The same rows passed through `change` whenever they are read.

        `change` takes rows (n, ...) and gives (n, `*shape`) of `dtype`, for any n.
        """
        changes = (*self._changes, change)
        return self._copy(_changes=changes, shape=(len(self), *shape), dtype=np.dtype(dtype))

    def reshaped(self, shape: tuple[int, ...]) -> "RowStore":
        """The same rows, each in another `shape`."""
        return self.mapped(lambda rows: rows.reshape(len(rows), *shape), shape, self.dtype)

    def joined(self) -> "RowStore":
        """All rows, one after another, as a single row (1, N, ...); nothing is read.

        For a store as it was opened: of chosen or changed rows there is no such thing.
        """
        if self._changes or self._rows != range(len(self)):
            raise TypeError("only a whole store can be joined")
        return self._copy(_row_shape=self.shape, _rows=range(1), shape=(1, *self.shape))

    def windows(self, window: int) -> "RowStore":
        """A signal that is one row (1, T, I) as rows (T // window, window, I) that follow on.

        Nothing is read; steps that fill no window are left out. As :meth:`joined`, for a store
        whose rows were not changed.
        """
        _, T, width = self.shape
        if self._changes or self._row_shape != (T, width):
            raise TypeError("only a whole signal can be cut")
        n, shape = T // window, (window, width)
        return self._copy(_row_shape=shape, _rows=range(n), shape=(n, *shape))

    def pieces(self, n_bytes: int = PIECE) -> Iterator[tuple[int, Array]]:
        """Yield `(first row, rows)`, in order, each at most `n_bytes` or one row."""
        step = max(1, n_bytes // max(self.row_bytes, 1))
        for first in range(0, len(self), step):
            yield first, self[first : first + step]

    def _copy(self, **changes: Any) -> "RowStore":
        other = object.__new__(RowStore)
        other.__dict__.update(self.__dict__ | changes)
        return other

    def _numbers(self, which: Any) -> NDArray[np.int64] | range:
        """Rows in the file for rows of the store."""
        if isinstance(which, slice):
            return self._rows[which]
        chosen: NDArray[Any] = np.asarray(which)
        if chosen.dtype == np.bool_ and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise TypeError("rows of a store are read by a slice, row numbers or a mask")
        chosen = chosen.astype(np.int64)
        chosen += (chosen < 0) * len(self)
        if chosen.size and not 0 <= chosen.min() <= chosen.max() < len(self):
            raise IndexError(f"row out of range: there are {len(self)}")
        rows = self._rows
        return chosen * rows.step + rows.start if isinstance(rows, range) else rows[chosen]

    def _read(self, numbers: NDArray[np.int64] | range) -> Array:
        """Rows (n, ...) by their number in the file; neighbours in one go."""
        if isinstance(numbers, range):
            numbers = np.arange(numbers.start, numbers.stop, numbers.step)
        order = np.argsort(numbers, kind="stable")
        wanted = numbers[order]
        out = np.empty((len(wanted), *self._row_shape), self._stored)
        width = math.prod(self._row_shape) * self._stored.itemsize
        ends = np.flatnonzero(np.diff(wanted) != 1) + 1
        for begin, end in zip([0, *ends], [*ends, len(wanted)], strict=True):
            if begin < end:
                self._fill(out[begin:end], self._offset + int(wanted[begin]) * width)
        if (order[1:] > order[:-1]).all():
            return out.astype(self._stored.newbyteorder("="), copy=False)
        values = np.empty(out.shape, self._stored.newbyteorder("="))
        values[order] = out
        return values

    def _fill(self, out: Array, offset: int) -> None:
        left = out.reshape(-1).view(np.uint8).data
        while left.nbytes:
            try:
                n = os.preadv(self._file.number, [left[: 2**30]], offset)
            except OSError as error:
                raise DataError(
                    f"{printable(self.path)}: cannot be read: {error.strerror}"
                ) from None
            if n == 0:
                raise DataError(f"{printable(self.path)}: became shorter while it was read")
            left, offset = left[n:], offset + n


class _File:
    """An open file that all copies of a store share; closed with the last of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.number = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)

    def __reduce__(self) -> Any:
        return _File, (self._path,)
