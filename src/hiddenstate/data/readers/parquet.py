"""Reads Parquet files in batches; wide tables larger than memory stay on disk.

pyarrow, an extra (`pip install 'hiddenstate[tables]'`), is imported only here.
"""

import contextlib
import functools
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.columns import (
    MIN_PIXELS,
    Columns,
    OnDemand,
    Places,
    check_names,
    copy_columns,
)
from hiddenstate.data.readers.npy import MAX_RATIO
from hiddenstate.data.readers.profiles import fits_byte
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, MachineError, Setting, printable
from hiddenstate.system.extras import require
from hiddenstate.system.memory import check_free
from hiddenstate.system.reading_progress import report_read
from hiddenstate.system.typing import Array

IN_MEMORY = 1 << 30
"""Largest size in bytes of the inputs of a wide table in memory; larger ones stay on disk."""

SAMPLE, SAMPLE_ROWS = 1 << 20, 64
"""Cells that are read if a sample is enough, and the number of rows that is read in any case."""

BATCH = 1 << 25
"""Bytes of one batch as floats."""

PAGES = 1 << 27
"""Largest number of bytes of pages unpacked at once, one or two for each column."""

PAGE = 1 << 21
"""Common size in bytes of a page and its dictionary."""


def read_columns(
    path: Path, options: DataConfig, sample: bool = False, texts: Iterable[str] = ()
) -> Columns:
    """Read a Parquet file as columns; with `sample`, only its first rows, about `SAMPLE` cells.

    The types of columns are those of the file, whatever `texts` names. Inputs of a wide table that
    are larger than `IN_MEMORY` become a
    :class:`~hiddenstate.data.store.RowStore` on an unnamed file in the system's temporary folder.
    The file disappears when the process ends, even if it is killed.

    Raises
    ------
    DataError
        If it is not a Parquet file, is damaged, or a column in use is nested.
    MachineError
        If pyarrow is not installed, or memory or disk space is not sufficient.
    """
    table = _Table(path, options)
    return table.first_rows() if sample else table.columns()


def _pyarrow() -> tuple[Any, Any]:
    """Import pyarrow and pyarrow.parquet (`MissingExtraError`)."""
    require("pyarrow", "reading Parquet")
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet


class _Table:
    """An open Parquet file whose columns are read on demand."""

    def __init__(self, path: Path, options: DataConfig) -> None:
        self.pa, self.parquet = _pyarrow()
        self.path, self.where = path, printable(path)
        try:
            with path.open("rb") as stream:
                magic = stream.read(4)
            size = path.stat().st_size
        except OSError as error:
            raise DataError(f"{self.where}: cannot be read: {error.strerror or error}") from None
        if magic != b"PAR1":
            start = magic.hex() or "nothing"
            raise DataError(f"{self.where}: not a Parquet file: starts with {start}, not PAR1")
        with self._damage():
            # With a buffer, a page of each column is in memory, not a whole row group. Small files
            # are read without one, so that the size a damaged page claims takes no memory.
            buffer = 1 << 16 if size > BATCH else 0
            self.file = self.parquet.ParquetFile(path, buffer_size=buffer, pre_buffer=False)
            self.schema = self.file.schema_arrow
            self.n_rows = int(self.file.metadata.num_rows)
            groups = self.file.metadata.num_row_groups
            counted = sum(self.file.metadata.row_group(k).num_rows for k in range(groups))
        if self.n_rows < 0 or counted != self.n_rows:
            raise DataError(
                f"{self.where}: damaged: declares {self.n_rows} rows, its row groups have {counted}"
            )
        self.names = tuple(map(str, self.schema.names))
        check_names(self.names, self.where)
        self.kinds = tuple(self._kind(field.type) for field in self.schema)
        self._check_unpacked(size, options.max_unpacked)

    def columns(self) -> Columns:
        """Return the columns; none is read yet."""
        return Columns(
            self.names,
            OnDemand(len(self.names), functools.lru_cache(8)(self.read)),
            self.kinds,
            self.n_rows,
            self.where,
            "Parquet table",
            Places(lambda i: i, ":row {}"),
            stack=self.stack,
            truths=frozenset(j for j, f in enumerate(self.schema) if self._is_truth(f.type)),
            clocks=frozenset(j for j, f in enumerate(self.schema) if self.pa.types.is_time(f.type)),
        )

    def first_rows(self) -> Columns:
        """Return the columns with their first rows, read at once: about `SAMPLE` cells."""
        n = min(self.n_rows, max(SAMPLE_ROWS, SAMPLE // max(len(self.names), 1)))
        which = [j for j, kind in enumerate(self.kinds) if kind != "nested"]
        arrays = [np.empty(0)] * len(self.names)
        rows = next(self._batches(which, max(1, BATCH // max(n, 1))), []) if which and n else []
        for j, array in zip(which, rows, strict=False):
            arrays[j] = array[:n]
        if rows:
            n = min(n, len(rows[0]))  # a batch ends where its row group does
        return replace(
            self.columns(),
            arrays=arrays,
            n_rows=n,
            stack=None,
            unread=f"only the first {n:,} of {self.n_rows:,} rows were read"
            if n < self.n_rows
            else "",
        )

    # --- the schema

    def _kind(self, kind: Any) -> str:
        """Return the kind of a column of an Arrow type, as in :class:`Columns`."""
        types = self.pa.types
        if types.is_dictionary(kind):
            return self._kind(kind.value_type)
        if types.is_date(kind) or types.is_timestamp(kind):
            return "date"
        numbers = (
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_decimal,
            types.is_time,
            types.is_duration,
            types.is_null,
        )
        if any(is_kind(kind) for is_kind in numbers):
            return "number"
        texts = (types.is_string, types.is_large_string, getattr(types, "is_string_view", None))
        return "text" if any(is_kind and is_kind(kind) for is_kind in texts) else "nested"

    def _is_truth(self, kind: Any) -> bool:
        """Return whether the cells of an Arrow type are true and false."""
        types = self.pa.types
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_boolean(kind))

    def _check_unpacked(self, size: int, most: float | None) -> None:
        """Refuse a file that unpacks to too much."""
        total = self.n_rows * len(self.names) * 8
        if total > most * 2**30 if most is not None else total > max(2**24, MAX_RATIO * size):
            limit = f"{MAX_RATIO} times as much" if most is None else f"{most:g} GiB"
            raise DataError(
                f"{self.where}: unpacks from {size} to {total} bytes, expected at most {limit}",
                Setting("add", max_unpacked=f"{total / 2**30 + 0.01:.2f}"),
            )

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        """Turn exceptions of pyarrow into a `DataError`."""
        try:
            yield
        except (
            self.pa.ArrowException,
            OSError,
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            OverflowError,
            MemoryError,
        ) as error:
            raise DataError(
                f"{self.where}: damaged or unreadable ({printable(error, 100)}); write the file "
                "again"
            ) from None

    # --- reading

    def read(self, j: int) -> Array:
        """Read one column (N,), as in :class:`Columns`."""
        name = printable(self.names[j], 40)
        check_free(
            8 * self.n_rows, f"{self.where}: column {name}", "use a computer with more memory"
        )
        parts = [arrays[0] for arrays in self._batches([j], 8)]
        column = np.concatenate(parts) if parts else np.empty(0)
        self._check_count(len(column), self.n_rows)
        return column

    def _batches(
        self, which: list[int], row_bytes: int, group: int | None = None
    ) -> Iterator[list[Array]]:
        """Yield columns (n,) of one row group, or all, in batches of about `BATCH` bytes."""
        names = [self.names[j] for j in which]
        batches = self.file.iter_batches(
            batch_size=max(1, BATCH // row_bytes),
            row_groups=None if group is None else [group],
            columns=names,
            use_threads=False,
        )
        while True:
            with self._damage():
                batch = next(batches, None)
                if batch is None:
                    return
                # Columns of a batch are in the order of the file; a look-up by name is slow.
                own = dict(zip(batch.schema.names, batch.columns, strict=True))
                columns = [
                    self._converted(own[name], j) for name, j in zip(names, which, strict=True)
                ]
            yield columns

    def _converted(self, values: Any, j: int) -> Array:
        """Convert an Arrow array (n,) to numpy: numbers with NaN, text, or dates."""
        types = self.pa.types
        if types.is_dictionary(values.type):
            values = values.dictionary_decode()
        kind = values.type
        if self.kinds[j] == "text":
            texts = np.empty(len(values), object)
            shared: dict[str, str] = {}  # equal cells share one string
            cells = ((cell or "").strip() for cell in values.to_pylist())
            texts[:] = [shared.setdefault(cell, cell) for cell in cells]
            return texts
        if self.kinds[j] == "date":
            return np.asarray(values.cast(self.pa.timestamp("us"), safe=False).to_numpy(False))
        if types.is_time(kind) or types.is_duration(kind):
            values = values.cast(self.pa.int32() if kind.bit_width == 32 else self.pa.int64())
            per_second = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
            return (
                np.asarray(values.cast(self.pa.float64(), safe=False).to_numpy(False)) / per_second
            )
        if types.is_float32(kind) or types.is_float16(kind):
            return np.asarray(values.cast(self.pa.float32()).to_numpy(False))
        if types.is_boolean(kind):
            values = values.cast(self.pa.uint8())
        if types.is_integer(values.type) and values.null_count == 0 and kind != self.pa.uint64():
            as_bytes = values.type == self.pa.uint8()
            return np.asarray(values if as_bytes else values.cast(self.pa.int64()))
        return np.asarray(values.cast(self.pa.float64(), safe=False).to_numpy(False))

    # --- inputs

    def stack(self, which: list[int]) -> Any:
        """Read columns of numbers as (N, F), in memory or, if they are large, on disk."""
        kinds = [self.schema.field(j).type for j in which]
        single = all(self.pa.types.is_float32(k) or self.pa.types.is_float16(k) for k in kinds)
        shape = (self.n_rows, len(which))
        if len(which) >= MIN_PIXELS:
            pixels = self._filled(_storage(shape, np.uint8, self.where), which)
            if pixels is not None:
                return pixels
        dtype = np.float32 if single else np.float64
        return self._filled(_storage(shape, dtype, self.where), which)

    def _filled(self, storage: "_Memory | _Disk", which: list[int]) -> Any:
        """Copy columns into storage (N, F); None if it holds bytes and they are not pixels."""
        n_at_once, start, largest = self._columns_at_once(which), 0, 0
        for group in range(self.file.metadata.num_row_groups):
            n_rows = int(self.file.metadata.row_group(group).num_rows)
            for column in range(0, len(which), n_at_once):
                some, done = which[column : column + n_at_once], 0
                for arrays in self._batches(some, 8 * len(which), group):
                    if storage.dtype == np.uint8:
                        if not all(map(fits_byte, arrays)):
                            return None
                        largest = max(largest, *(array.max() for array in arrays))
                    block = np.empty((len(arrays[0]), len(arrays)), storage.dtype)
                    copy_columns(arrays, block)
                    done += len(block)
                    if done <= n_rows:
                        storage.add(start + done - len(block), column, block)
                self._check_count(done, n_rows)
                report_read(
                    self.where, start * len(which) + n_rows * column, self.n_rows * len(which)
                )
            start += n_rows
        return None if storage.dtype == np.uint8 and largest <= 1 else storage.result()

    def _columns_at_once(self, which: list[int]) -> int:
        """Return the number of columns whose pages fit in `PAGES`."""
        with self._damage():
            meta = self.file.metadata
            groups = [meta.row_group(k) for k in range(meta.num_row_groups)]
            sizes = [group.total_byte_size // max(len(self.names), 1) for group in groups]
        return max(1, PAGES // max(1, min(max(sizes, default=1), PAGE)))

    def _check_count(self, n: int, declared: int) -> None:
        if n != declared:
            raise DataError(f"{self.where}: damaged: declares {declared} rows, found {n}")


def _storage(shape: tuple[int, int], dtype: Any, where: str) -> "_Memory | _Disk":
    """Return storage for an array: memory up to `IN_MEMORY`, else disk."""
    large = math.prod(shape) * np.dtype(dtype).itemsize > IN_MEMORY
    return (_Disk if large else _Memory)(shape, dtype, where)


class _Memory:
    """Storage for an array in memory."""

    def __init__(self, shape: tuple[int, int], dtype: Any, where: str) -> None:
        self.dtype = np.dtype(dtype)
        check_free(
            math.prod(shape) * self.dtype.itemsize, f"{where}: reading it", "use fewer columns"
        )
        self._array = np.empty(shape, dtype)

    def add(self, row: int, column: int, block: Array) -> None:
        """Store `block` at its first row and column."""
        n_rows, n_columns = block.shape
        self._array[row : row + n_rows, column : column + n_columns] = block

    def result(self) -> Array:
        """Return the array."""
        return self._array


class _Disk:
    """Storage for an array in an unnamed file, which disappears once nobody has it open."""

    def __init__(self, shape: tuple[int, int], dtype: Any, where: str) -> None:
        self.shape, self.dtype, self._where = shape, np.dtype(dtype), where
        folder = tempfile.gettempdir()
        needed = math.prod(shape) * self.dtype.itemsize
        free = shutil.disk_usage(folder).free
        if needed > free:
            raise MachineError(
                f"{where}: training on it requires {needed / 2**30:,.1f} GiB on disk, and "
                f"{printable(folder)} has {free / 2**30:,.1f} GiB free; set TMPDIR to a larger disk"
            )
        self._file = tempfile.TemporaryFile(prefix="hiddenstate-", buffering=0)  # noqa: SIM115

    def add(self, row: int, column: int, block: Array) -> None:
        """Store `block` at its first row and column; blocks of column 0 must come first."""
        width = self.shape[1] * self.dtype.itemsize
        try:
            rows = block
            if block.shape[1] < self.shape[1]:
                rows = np.zeros((len(block), self.shape[1]), self.dtype)
                if column > 0:
                    self._file.seek(row * width)
                    self._file.readinto(rows.reshape(-1).view(np.uint8).data)
                rows[:, column : column + block.shape[1]] = block
            self._file.seek(row * width)
            left = rows.reshape(-1).view(np.uint8).data
            while left.nbytes:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise MachineError(
                f"{self._where}: cannot store its rows in {printable(tempfile.gettempdir())}: "
                f"{error.strerror or error}; set TMPDIR to a larger disk"
            ) from None

    def result(self) -> RowStore:
        """Return the rows as a store."""
        with self._file:
            number = os.dup(self._file.fileno())
            return RowStore(Path(f"/dev/fd/{number}"), 0, self.shape, self.dtype, number)
