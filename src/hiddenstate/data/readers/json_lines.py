"""Reads JSON lines: one object a line, which is a row of a table or a whole series.

A row has numbers, text, true or false by column name; a column that a row does not have, or has as
null, is missing there. A line with arrays of numbers is a series: T numbers, or T lists of C
numbers, which become C columns. Each step of it is a row of a long table, and its other values
apply to all of them. With `--layout wide` the numbers of an array are columns instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.cells import cell_array, joined
from hiddenstate.data.readers.columns import Columns, Places
from hiddenstate.data.readers.profiles import kind_of
from hiddenstate.data.readers.role_guesses import ID_NAMES
from hiddenstate.data.readers.text_lines import TextLines
from hiddenstate.errors import DataError, printable
from hiddenstate.system.memory import check_free
from hiddenstate.system.strict_json import parse_json
from hiddenstate.system.typing import Array

MAX_COLUMNS = 1 << 18

SAMPLE_ROWS = 100_000
"""Most lines that are read if a sample is enough, and no more than a block of lines holds."""

SERIES = "series"
"""Name of the column that numbers the series by their lines, if they have no id of their own."""

MOST_CELLS, MOST_EMPTY = 1 << 22, 64
"""A table with more cells than this may have this many cells for each value, not more."""


def read_columns(path: Path, options: DataConfig, sample: bool = False) -> Columns:
    """Read JSON lines, gzipped or not, as columns; with `sample`, only the first block of lines.

    Parameters
    ----------
    path : Path
    options : DataConfig
        Uses `layout`, `id`, `encoding` and `max_unpacked`.
    sample : bool, default False

    Raises
    ------
    DataError
        With the file and the line.
    """
    reading = _Reading(path, options)
    reading.run(sample)
    return reading.columns()


@dataclass(frozen=True)
class _Piece:
    """The values of consecutive lines by field, and the number of each line.

    The value of a field is a column (n,), a list of n arrays (T,) or (T, C), or None if it is
    nested otherwise.
    """

    fields: dict[str, Array | list[Array] | None]
    lines: list[int]


class _Reading:
    """One pass over a file."""

    def __init__(self, path: Path, options: DataConfig) -> None:
        self.path, self.options, self.where = path, options, printable(path)
        self.pieces: list[_Piece] = []
        self.names: dict[str, None] = {}  # in the order of their first line
        self.n_values = 0
        self.unread = ""

    def run(self, sample: bool) -> None:
        """Read the file, or its first block, into pieces."""
        lines = TextLines(self.path, self.options.encoding, self.options.max_unpacked)
        try:
            while lines.fill():
                cut = sample and len(lines.block) > SAMPLE_ROWS
                self._read_block(lines.block[:SAMPLE_ROWS] if cut else lines.block, lines.number)
                if not cut:
                    lines.at = len(lines.block)
                if lines.blocks == 1 and not sample:
                    share = self.path.stat().st_size / max(sum(map(len, lines.block)), 1)
                    needed = 2 * share * sum(map(_n_bytes, self.pieces))
                    check_free(int(needed), f"{self.where}: reading it", "convert it to Parquet")
                if sample and self.pieces and (cut or not lines.all_read()):
                    n_rows = sum(len(piece.lines) for piece in self.pieces)
                    self.unread = f"only the first {n_rows:,} rows were read"
                    break
        finally:
            lines.close()

    def _read_block(self, block: list[str], before: int) -> None:
        """Parse lines, the first of which follows line `before`."""
        rows, numbers = [], []
        for number, line in enumerate(block, before + 1):
            if line and not line.isspace():
                rows.append(self._parsed(line, number))
                numbers.append(number)
        if not rows:
            return
        names = dict.fromkeys(name for row in rows for name in row)
        self.names.update(names)
        self.n_values += sum(map(len, rows))
        self._check_filled(len(rows), len(names))
        fields = {name: self._field(name, rows, numbers) for name in names}
        self.pieces.append(_Piece(fields, numbers))

    def _parsed(self, line: str, number: int) -> dict[str, Any]:
        """Return the object of a line."""
        at, hint = f"{self.where}:{number}", "each line must be one JSON object"
        try:
            value = parse_json(line.strip())
            if "\\u" in line:
                _check_text(value)
        except ValueError as error:
            position, what = getattr(error, "colno", None), getattr(error, "msg", str(error))
            at = at if position is None else f"{at}:{position}"
            raise DataError(f"{at}: {printable(what, 80)}; {hint}") from None
        if not isinstance(value, dict):
            what = "an array" if isinstance(value, list) else "a single value"
            raise DataError(f'{at}: {what}, not an object; {hint}, such as {{"x": 1.5}}')
        if not value:
            raise DataError(f"{at}: an object without values; remove the line")
        return value

    def _check_filled(self, n_rows: int, n_columns: int) -> None:
        """Refuse lines that have hardly a name in common: a table of them has no end."""
        n = n_rows * n_columns
        if n_columns > MAX_COLUMNS or (n > MOST_CELLS and n > MOST_EMPTY * self.n_values):
            raise DataError(
                f"{self.where}: {n_columns:,} names in {n_rows:,} lines, which have few of them in "
                "common; give all lines the same names"
            )

    def _field(
        self, name: str, rows: list[dict[str, Any]], numbers: list[int]
    ) -> Array | list[Array] | None:
        """Return the values of a field in some lines."""
        cells = [row.get(name) for row in rows]
        if not any(isinstance(cell, (list, dict)) for cell in cells):
            return cell_array(cells)
        arrays = [_number_array(cell) for cell in cells]
        if all(array is None for array in arrays):
            return None
        for array, cell, number in zip(arrays, cells, numbers, strict=True):
            if array is None:
                found = "nothing" if cell is None else f"{printable(cell, 40)}"
                raise DataError(
                    f"{self.where}:{number}:{printable(name, 40)}: expected an array of numbers, "
                    f"or of equally long arrays of numbers, found {found}"
                )
        return [array for array in arrays if array is not None]

    # --- the result

    def columns(self) -> Columns:
        """Join the pieces into a table."""
        numbers = np.array([n for piece in self.pieces for n in piece.lines], np.int64)
        self._check_filled(len(numbers), len(self.names))
        scalars: dict[str, Array | None] = {}
        arrays: dict[str, list[Array]] = {}
        for name in self.names:
            parts = [piece.fields.get(name, _NOTHING) for piece in self.pieces]
            if any(isinstance(part, list) for part in parts):
                arrays[name] = self._all_arrays(name, parts)
            elif any(part is None for part in parts):
                scalars[name] = None
            else:
                scalars[name] = joined(
                    [
                        np.full(len(piece.lines), np.nan) if part is _NOTHING else np.asarray(part)
                        for part, piece in zip(parts, self.pieces, strict=True)
                    ]
                )
        self.pieces = []
        if not arrays:
            return self._table(scalars, numbers)
        if self.options.layout in ("wide", "features"):
            return self._wide(scalars, arrays, numbers)
        return self._long(scalars, arrays, numbers)

    def _all_arrays(self, name: str, parts: Sequence[Any]) -> list[Array]:
        """Return the arrays of all lines of a field that is an array in some."""
        joined_: list[Array] = []
        for part, piece in zip(parts, self.pieces, strict=True):
            if not isinstance(part, list):
                raise DataError(
                    f"{self.where}:{piece.lines[0]}: {printable(name, 40)} is not an array here, "
                    "but is in other lines; make it one in all"
                )
            joined_ += part
        return joined_

    def _table(self, fields: dict[str, Array | None], lines: NDArray[np.int64]) -> Columns:
        """Return columns; `lines` is the line of each row."""
        arrays = [np.empty(0) if array is None else array for array in fields.values()]
        return Columns(
            tuple(fields),
            arrays,
            tuple("nested" if array is None else kind_of(array) for array in fields.values()),
            len(lines),
            self.where,
            "table of JSON lines",
            Places(lambda i: lines[i]),
            unread=self.unread,
        )

    def _wide(
        self,
        scalars: dict[str, Array | None],
        arrays: dict[str, list[Array]],
        lines: NDArray[np.int64],
    ) -> Columns:
        """Return one row a line: each number of its arrays is a column."""
        fields = dict(scalars)
        for name, rows in arrays.items():
            shape = rows[0].shape
            for row, line in zip(rows, lines, strict=True):
                if row.ndim != 1:
                    raise DataError(
                        f"{self.where}:{line}:{printable(name, 40)}: {_shape_text(row)}, and "
                        "--layout wide takes one number for each step; leave out --layout"
                    )
                if row.shape != shape:
                    raise DataError(
                        f"{self.where}:{line}:{printable(name, 40)}: {_shape_text(row)}, but "
                        f"{_shape_text(rows[0])} in line {lines[0]}; leave out --layout, or make "
                        "all arrays equally long"
                    )
            block = np.stack(rows)
            fields.update({f"{name}_{k}": block[:, k] for k in range(block.shape[1])})
        if len(fields) > MAX_COLUMNS:
            raise DataError(f"{self.where}: {len(fields):,} columns, at most {MAX_COLUMNS:,}")
        return self._table(fields, lines)

    def _long(
        self,
        scalars: dict[str, Array | None],
        arrays: dict[str, list[Array]],
        lines: NDArray[np.int64],
    ) -> Columns:
        """Return one row a step: each line is a series."""
        first = next(iter(arrays))
        lengths = np.array([len(row) for row in arrays[first]], np.int64)
        fields: dict[str, Array | None] = {}
        has_id = any(name.casefold() in ID_NAMES for name in self.names)
        if self.options.id in (None, (SERIES,)) and not has_id:
            fields[SERIES] = np.repeat(lines, lengths)
        n_steps = int(lengths.sum())
        needed = 16 * n_steps * (len(scalars) + sum(row[0].size for row in arrays.values()))
        check_free(needed, f"{self.where}: its series", "cut the file into several")
        for name, column in scalars.items():
            fields[name] = None if column is None else np.repeat(column, lengths)
        for name, rows in arrays.items():
            for row, n, line in zip(rows, lengths, lines, strict=True):
                if len(row) != n:
                    raise DataError(
                        f"{self.where}:{line}: {printable(name, 40)} has {len(row)} steps, "
                        f"{printable(first, 40)} has {n}; all arrays of a line must be equally long"
                    )
                if row.shape[1:] != rows[0].shape[1:]:
                    raise DataError(
                        f"{self.where}:{line}:{printable(name, 40)}: {_shape_text(row)}, but "
                        f"{_shape_text(rows[0])} in line {lines[0]}"
                    )
            block = np.concatenate(rows)
            if block.ndim == 1:
                fields[name] = block
            else:
                fields.update({f"{name}_{k}": block[:, k] for k in range(block.shape[1])})
        return self._table(fields, np.repeat(lines, lengths))


_NOTHING: Any = object()
"""What a piece has of a field that none of its lines have."""


def _n_bytes(piece: _Piece) -> int:
    """Return about how many bytes the values of a piece take."""
    columns = (c if isinstance(c, list) else [c] for c in piece.fields.values() if c is not None)
    return sum(array.nbytes for arrays in columns for array in arrays)


def _number_array(cell: Any) -> Array | None:
    """Return a list as an array (T,) or (T, C), NaN if missing; None if it is no such list."""
    if not isinstance(cell, list) or not cell:
        return None
    deep = isinstance(cell[0], list)
    if deep and not all(isinstance(row, list) and len(row) == len(cell[0]) > 0 for row in cell):
        return None
    values = [value for row in cell for value in row] if deep else cell
    if not all(type(value) in (int, float, bool, type(None)) for value in values):
        return None
    array = np.array([np.nan if value is None else value for value in values], np.float64)
    return array.reshape(len(cell), -1) if deep else array


def _shape_text(array: Array) -> str:
    n = len(array)
    return f"{n} numbers" if array.ndim == 1 else f"{n} steps of {array.shape[1]} numbers"


def _check_text(value: Any) -> None:
    """Refuse text that escapes make and no text file can hold."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("an escape stands for NUL or half a character")
    elif isinstance(value, dict):
        for each in (*value, *value.values()):
            _check_text(each)
    elif isinstance(value, list):
        for each in value:
            _check_text(each)
