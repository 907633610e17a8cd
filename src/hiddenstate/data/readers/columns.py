"""A table's columns, whatever file they came from, and what each of them is for."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import DataError, did_you_mean, printable
from hiddenstate.system.typing import Array

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-"})
"""What stands for a missing number, in any case; of text only the empty cell is missing."""

MIN_PIXELS = 64
"""Fewest columns of whole numbers in 0..255, some above 1, that are pixels and stay uint8."""


SWAPPED = str.maketrans(",.", ".,")
"""Makes a number with a decimal comma one with a point, and the other way round."""


@dataclass(frozen=True)
class Columns:
    """A table: N rows of named columns.

    Parameters
    ----------
    names : tuple of str
    arrays : sequence of ndarray
        A column each (N,): uint8, int64, float32 or float64 numbers, NaN where missing;
        text as str objects, empty where missing (not of a numpy text type, whose size is that
        of the longest cell times N); or datetime64.
    kinds : tuple of {"number", "text", "date", "nested"}
        What each column is, so that it need not be read to know; a nested one cannot be.
    where, what : str
        The file's name as it is printed, and what it is: `CSV table`.
    row : callable
        Says where row i is: `digits.csv:17`.
    decimal : str
        The decimal mark of numbers among text.
    named : bool
        False where the names are only the columns' numbers.
    stack : callable, optional
        Gives these columns, all of numbers, as one (N, F) array or store, instead of
        :func:`stacked`.
    """

    names: tuple[str, ...]
    arrays: Sequence[Array]
    kinds: tuple[str, ...]
    n_rows: int
    where: str
    what: str
    row: Callable[[int], str]
    named: bool = True
    decimal: str = "."
    stack: Callable[[list[int]], Any] | None = None

    def at(self, row: int, column: int) -> str:
        """Where a cell is, as an error begins: `digits.csv:17:label`."""
        return f"{self.row(row)}:{printable(self.names[column], 40)}"

    def some(self, which: Iterable[int] | None = None) -> str:
        """The names of columns, all or `which`, as many as fit a line."""
        names = self.names if which is None else [self.names[j] for j in which]
        shown = ", ".join(printable(name, 40) for name in names[:8])
        return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def kind_of(array: Array) -> str:
    """The kind of a column that is in memory; see :class:`Columns`."""
    return {"O": "text", "M": "date"}.get(array.dtype.kind, "number")


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse a name that is there twice.

    Raises
    ------
    DataError
        Naming it and both positions, counted from 1.
    """
    first: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if first.setdefault(name, position) != position:
            raise DataError(
                f"{where}: columns {first[name]} and {position} are both named "
                f"{printable(name, 40)}; rename one"
            )


def is_number(cell: str) -> bool:
    """Whether a cell is written as a number, as NaN and inf are too."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_missing(cell: str) -> bool:
    """Whether a cell of a number column stands for no value."""
    return cell.strip().casefold() in MISSING


def missing(array: Array) -> NDArray[np.bool_]:
    """Which cells of a column hold nothing (N,)."""
    if array.dtype.kind == "O":
        return np.asarray(array == "", bool)
    if array.dtype.kind == "M":
        return np.isnat(array)
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)


def is_whole(array: Array) -> bool:
    """Whether all numbers are whole and there are no missing ones."""
    if array.dtype.kind != "f":
        return array.dtype.kind in "iu"
    return bool((np.isfinite(array) & (array == np.floor(array))).all())


def fits_a_byte(array: Array) -> bool:
    """Whether all numbers are whole and in 0..255."""
    if array.dtype == np.uint8:
        return True
    return bool(((array >= 0) & (array <= 255) & (array == np.floor(array))).all())


def word(value: Any) -> str:
    """A cell's value as it is printed: whole numbers without a point."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return printable(value, 40)


def instants(array: Array) -> NDArray[np.int64] | None:
    """Dates as whole numbers that order them (N,), or None where a cell is none.

    A date is written year first, as ISO 8601 has it, or with slashes; all with a time zone or
    none.
    """
    if array.dtype.kind == "M":
        return None if np.isnat(array).any() else array.view(np.int64)
    epochs = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
    found = np.empty(len(array), np.int64)
    aware = None
    for i, cell in enumerate(array):
        date = _date(cell)
        if date is None or aware not in (None, date.tzinfo is not None):
            return None
        aware = date.tzinfo is not None
        found[i] = (date - epochs[aware]) // timedelta(microseconds=1)
    return found


def _date(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell.strip().replace("/", "-"))
    except (ValueError, OverflowError):
        return None


def _read_numbers(cells: Array) -> NDArray[np.float64] | None:
    """Text cells that are all numbers, or all true and false, as numbers (N,); else None."""
    truths = {"true": 1.0, "false": 0.0}
    only_truths = all(cell.casefold() in truths or is_missing(cell) for cell in cells)
    found = np.empty(len(cells))
    for i, cell in enumerate(cells):
        if is_missing(cell):
            found[i] = np.nan
        elif only_truths:
            found[i] = truths[cell.casefold()]
        elif is_number(cell):
            found[i] = float(cell)
        else:
            return None
    return found


_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def spoilt(columns: Columns, j: int) -> DataError | None:
    """The error of a text column that was meant to be numbers, or None.

    That is one with decimal commas, or at least half of whose cells are numbers.
    """
    cells = columns.arrays[j]
    comma = columns.decimal == ","
    kinds = [
        0 if is_number(c.translate(SWAPPED) if comma else c) else 1 if is_missing(c) else 2
        for c in cells
    ]
    n_texts = kinds.count(2)
    if n_texts == 0:
        return None
    first = kinds.index(2)
    n_commas = sum(_DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    if not comma and n_commas * 2 >= n_texts:
        return DataError(
            f"{columns.at(first, j)}: {_quoted(cells[first])} has a decimal comma; "
            "add --decimal ','"
        )
    if kinds.count(0) < n_texts:
        return None
    return DataError(
        f"{columns.at(first, j)}: {_quoted(cells[first])} is not a number; mend or empty the "
        "cell, or leave the column out with --input COL,..."
    )


def _quoted(cell: Any) -> str:
    return f"'{printable(cell, 40)}'"


def refuse_text(columns: Columns, j: int, among: Iterable[int] = ()) -> NoReturn:
    """Raise the error of a column that is to be a number and is none.

    Those of `among` that are numbers are offered as inputs.
    """
    if columns.kinds[j] == "text" and (error := spoilt(columns, j)) is not None:
        raise error
    name = printable(columns.names[j], 40)
    if columns.kinds[j] == "nested":
        raise DataError(
            f"{columns.where}: column {name} is of a type that cannot be read; "
            "leave it out with --input COL,..."
        )
    inputs = [k for k in among if columns.kinds[k] == "number"]
    what = "dates" if columns.kinds[j] == "date" else "text"
    role = "--time" if what == "dates" else "--label"
    example = ""
    if what == "text" and columns.n_rows:
        cells = columns.arrays[j]
        what = f"text ({_quoted(cells[int(np.argmax(~missing(cells)))])})"
        role = "--time" if instants(cells[:1]) is not None else role
    if inputs:
        example = f", or the columns to read with --input {columns.some(inputs)}"
    raise DataError(
        f"{columns.where}: column {name} is {what}, not numbers; say what it is for with "
        f"{role} {name}{example}"
    )


def numbers(columns: Columns, j: int, among: Iterable[int] = ()) -> Array:
    """A column as numbers (N,), NaN where missing; true and false are 1 and 0.

    `among` are the columns its error may offer instead.

    Raises
    ------
    DataError
        Naming the first cell that is none.
    """
    if columns.kinds[j] == "number":
        return columns.arrays[j]
    if columns.kinds[j] == "text":
        found = _read_numbers(columns.arrays[j])
        if found is not None:
            return found
    refuse_text(columns, j, among)


def stacked(columns: Columns, which: list[int]) -> Any:
    """The columns `which` as an array or store (N, F); uint8 where they are pixels."""
    if columns.stack is not None and all(columns.kinds[j] == "number" for j in which):
        return columns.stack(which)
    arrays = [numbers(columns, j) for j in which]
    if len(arrays) >= MIN_PIXELS and all(map(fits_a_byte, arrays)):
        dtype: Any = np.uint8 if max(a.max() for a in arrays) > 1 else np.float64
    else:
        dtype = np.float32 if all(a.dtype == np.float32 for a in arrays) else np.float64
    X = np.empty((columns.n_rows, len(arrays)), dtype)
    beside(arrays, X)
    return X


def beside(arrays: Sequence[Array], out: Array) -> None:
    """Copy columns (N,) into `out` (N, F), few enough rows at once to stay in cache."""
    for first in range(0, len(out), 1024):
        rows = slice(first, first + 1024)
        for k, array in enumerate(arrays):
            out[rows, k] = array[rows]


def find(columns: Columns, flag: str, name: str) -> int:
    """The number of the column an option names.

    Raises
    ------
    DataError
        With the nearest name and those there are.
    """
    if name not in columns.names:
        raise DataError(
            f"{columns.where}: no column {printable(name, 40)} ({flag})"
            f"{did_you_mean(name, columns.names[:2000])}; it has {columns.some()}"
        )
    return columns.names.index(name)
