"""Holds the columns of a table, whatever file they come from, and converts them to numbers."""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.number_text import NumberMarks, is_number
from hiddenstate.data.readers.profiles import (
    ColumnProfile,
    fits_byte,
    is_missing,
    missing_cells,
    text_to_numbers,
)
from hiddenstate.errors import DataError, Flag, Hint, did_you_mean, listed, printable
from hiddenstate.system.typing import Array

EXACT = 2.0**53
"""From here on, not every whole number is a float; such numbers are kept as int64."""

MIN_PIXELS = 64
"""Smallest number of columns that are pixels if all hold whole numbers from 0 to 255, one above 1;
they stay uint8."""


@dataclass(frozen=True)
class Places:
    """Where the rows and cells of a table are, as messages name them after its file.

    Parameters
    ----------
    number : callable
        Returns the number of a row in the file, or those of rows (n,); None for a step that
        `--every` added.
    form : str, default ":{}"
        How a number is written.
    letters : tuple of str
        Those of the columns of a sheet, whose cells have names such as `B7`.
    """

    number: Callable[[Any], Any]
    form: str = ":{}"
    letters: tuple[str, ...] = ()

    def row(self, i: int) -> str:
        """Return `:17` of row `i`."""
        number = self.number(i)
        return ", a step that --every added" if number is None else self.form.format(number)

    def cell(self, i: int, j: int) -> str:
        """Return `:B7` of a cell of a sheet, else where its row is."""
        if not self.letters:
            return self.row(i)
        number = self.number(i)
        return "" if number is None else f":{self.letters[j]}{number}"


@dataclass(frozen=True)
class Columns:
    """A table of N rows with named columns.

    Parameters
    ----------
    names : tuple of str
    arrays : sequence of ndarray
        One column (N,) each: numbers as uint8, int64, float32 or float64, NaN if missing; text as
        str objects, empty if missing (a numpy text type would need the size of the longest cell
        for every cell); or datetime64.
    kinds : tuple of {"number", "text", "date", "nested"}
        The kind of each column, known without reading it; a nested column cannot be read.
    n_rows : int
    where, what : str
        Name of the file in messages, and what it is: `CSV table`.
    places : Places
        Where in the file its rows and cells are.
    named : bool
        False if the names are only the numbers of the columns.
    marks : NumberMarks, optional
        Marks of numbers in text, for a file in which numbers are text.
    stack : callable, optional
        Returns columns, all of them numbers, as one array or store (N, F); used instead of
        :func:`stacked`.
    unread : str
        What was not read if only a sample was wanted; empty if all was.
    written : callable, optional
        Returns columns as text (N,), each cell as it is written, for a file in which numbers are
        text.
    plain : frozenset of int
        Columns whose cells are all whole numbers as Python writes them, or missing.
    truths : frozenset of int
        Columns of numbers that are true and false in the file.
    clocks : frozenset of int
        Columns of numbers that are times of day in the file, in seconds.
    """

    names: tuple[str, ...]
    arrays: Sequence[Array]
    kinds: tuple[str, ...]
    n_rows: int
    where: str
    what: str
    places: Places
    named: bool = True
    marks: NumberMarks | None = None
    stack: Callable[[list[int]], Any] | None = None
    unread: str = ""
    written: Callable[[list[int]], list[Array]] | None = None
    plain: frozenset[int] = frozenset()
    truths: frozenset[int] = frozenset()
    clocks: frozenset[int] = frozenset()
    profiles: dict[int, ColumnProfile] = field(init=False, repr=False, default_factory=dict)

    def profile(self, j: int) -> ColumnProfile:
        """Return what column `j` holds."""
        if j not in self.profiles:
            on_disk = self.stack is not None
            self.profiles[j] = ColumnProfile(
                self.names[j],
                self.kinds[j],
                self.arrays,
                j,
                self.marks,
                j in self.truths,
                j in self.clocks,
                on_disk,
            )
        return self.profiles[j]

    @cached_property
    def positions(self) -> dict[str, int]:
        """The index of each column by name."""
        return {name: j for j, name in enumerate(self.names)}

    def row(self, i: int) -> str:
        """Return where row `i` is: `digits.csv:17`."""
        return self.where + self.places.row(i)

    def at(self, row: int, column: int) -> str:
        """Return where a cell is, as errors begin: `digits.csv:17:label`."""
        name = printable(self.names[column], 40)
        return f"{self.where}{self.places.cell(row, column)}:{name}"

    def listed(self, which: Iterable[int] | None = None) -> str:
        """Return the names of all columns, or of `which`, as many as fit on a line."""
        return listed(self.names if which is None else [self.names[j] for j in which])


class OnDemand(Sequence[Array]):
    """The `n` columns that `read` returns by number, each when it is used."""

    def __init__(self, n: int, read: Callable[[int], Array]) -> None:
        self._n, self._read = n, read

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, j: int) -> Array: ...
    @overload
    def __getitem__(self, j: slice) -> list[Array]: ...
    def __getitem__(self, j: int | slice) -> Array | list[Array]:
        if isinstance(j, slice):
            return [self._read(k) for k in range(self._n)[j]]
        return self._read(range(self._n)[j])


def check_names(names: Sequence[str], where: str) -> None:
    """Refuse two columns of the same name.

    Raises
    ------
    DataError
        With the name and both positions, counted from 1.
    """
    first: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if first.setdefault(name, position) != position:
            raise DataError(
                f"{where}: columns {first[name]} and {position} are both named "
                f"{printable(name, 40)}; rename one"
            )


def numbered(columns: Columns, ids: tuple[int, ...]) -> NDArray[np.int64]:
    """Return a number for each row (N,), the same for equal `ids`, in the order of appearance."""
    series = np.zeros(columns.n_rows, np.int64)
    for j in ids:
        values = columns.arrays[j]
        if values.dtype.kind == "O":
            first: dict[str, int] = {}
            each = np.array([first.setdefault(value, len(first)) for value in values], np.int64)
        else:
            each = _in_order(values)
        series = each if j == ids[0] else _in_order(series * (int(each.max()) + 1) + each)
    return series


def _in_order(values: Array) -> NDArray[np.int64]:
    """Return the number of each value (N,), in the order of first appearance."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def refuse_missing(columns: Columns, j: int, what: str) -> None:
    """Refuse a column with a missing cell, without which its row `what`."""
    absent = missing_cells(columns.arrays[j])
    if absent.any():
        count = f" ({absent.sum()} such rows)" if absent.sum() > 1 else ""
        raise DataError(
            f"{columns.at(int(np.argmax(absent)), j)}: empty, so the row {what}{count}; fill it in "
            "or drop the row"
        )


def number_error(columns: Columns, j: int) -> DataError | None:
    """Return the error of a text column that was meant to hold numbers, or None.

    A column was meant to hold numbers if its text cells would be numbers with other marks, or if at
    least half of its cells are numbers.
    """
    # Columns of text repeat few values: each is looked at once, in the order of the file.
    counts = columns.profile(j).counts
    marks = columns.marks or NumberMarks()
    n_numbers, texts = 0, Counter[str]()
    for cell, n in counts.items():
        if marks.reads(cell):
            n_numbers += n
        elif not is_missing(cell):
            texts[cell] = n
    n_texts = texts.total()
    if n_texts == 0:
        return None
    text = next(iter(texts))
    where = columns.at(int(np.argmax(columns.arrays[j] == text)), j)
    if columns.marks is not None and (problem := marks.problem(texts)) is not None:
        what, hint = problem
        return DataError(f"{where}: {_quoted(text)} {what}", hint)
    left_out = ("leave the column out with ", Flag("--drop", typed(columns.names[j])))
    if marks.decimal == "," and 2 * sum(n for t, n in texts.items() if is_number(t)) >= n_texts:
        return DataError(
            f"{where}: {_quoted(text)} has a decimal point, where the file has decimal commas",
            "write it with a comma",
            left_out,
        )
    if n_numbers < n_texts:
        return None
    return DataError(
        f"{where}: {_quoted(text)} is not a number", "correct or empty the cell", left_out
    )


def _quoted(cell: Any) -> str:
    return f"'{printable(cell, 40)}'"


def typed(name: str) -> str:
    """Return the name of a column as a user types it after an option."""
    return shlex.quote(printable(name, 40))


def text_error(columns: Columns, j: int, flag: str) -> DataError:
    """Return the error of a column that is used as numbers, or as `flag` says, and cannot be.

    Parameters
    ----------
    columns : Columns
    j : int
        The column.
    flag : str
        The option that gives it its role: `--input`.
    """
    if columns.kinds[j] == "text" and (error := number_error(columns, j)) is not None:
        return error
    if sign := columns.profile(j).sign:
        return DataError(
            f"{columns.where}: column {printable(columns.names[j], 40)} holds numbers with {sign}, "
            f"expected numbers; remove the sign from its cells"
        )
    name = printable(columns.names[j], 40)
    hints: tuple[Hint, ...] = (("name another column with ", Flag(flag)),)
    if flag == "--input":
        is_date, column = columns.kinds[j] == "date", typed(columns.names[j])
        order, drop = ("order rows by it with ", Flag("--time", column)), Flag("--drop", column)
        hints = (("leave it out of ", Flag("--input")), order if is_date else ("add ", drop))
    if columns.kinds[j] == "nested":
        return DataError(f"{columns.where}: column {name} has a type that cannot be read", *hints)
    what = "dates"
    if columns.kinds[j] == "text":
        cells = columns.arrays[j]
        present = np.flatnonzero(~missing_cells(cells))
        what = f"text ({_quoted(cells[present[0]])})" if len(present) else "no values"
    if flag == "--target" and columns.kinds[j] == "text":
        label = Flag("--label", typed(columns.names[j]))
        hints = (("to predict classes use classify with ", label),)
    expected = "classes" if flag == "--label" else "numbers"
    return DataError(f"{columns.where}: column {name} holds {what}, expected {expected}", *hints)


def numbers(columns: Columns, j: int, flag: str = "--input") -> Array:
    """Return a column as numbers (N,), NaN if missing; true and false are 1 and 0.

    Parameters
    ----------
    columns : Columns
    j : int
        The column.
    flag : str
        The option that gives it its role.

    Raises
    ------
    DataError
        With the first cell that is not a number.
    """
    if columns.kinds[j] == "number":
        return columns.arrays[j]
    if columns.kinds[j] == "text":
        values = text_to_numbers(columns.arrays[j], columns.marks)
        if values is not None:
            return values
    raise text_error(columns, j, flag)


def stacked(columns: Columns, which: list[int], may_be_pixels: bool = True) -> Any:
    """Return the columns `which` as an array or store (N, F); uint8 if they are pixels."""
    if columns.stack is not None and all(columns.kinds[j] == "number" for j in which):
        return columns.stack(which)
    arrays = [numbers(columns, j) for j in which]
    if may_be_pixels and len(arrays) >= MIN_PIXELS and all(map(fits_byte, arrays)):
        dtype: Any = np.uint8 if max(a.max() for a in arrays) > 1 else np.float64
    else:
        dtype = np.float32 if all(a.dtype == np.float32 for a in arrays) else np.float64
    X = np.empty((columns.n_rows, len(arrays)), dtype)
    copy_columns(arrays, X)
    return X


def copy_columns(arrays: Sequence[Array], out: Array) -> None:
    """Copy columns (N,) into `out` (N, F), in blocks of rows that stay in the cache."""
    for first in range(0, len(out), 1024):
        rows = slice(first, first + 1024)
        for k, array in enumerate(arrays):
            out[rows, k] = array[rows]


def column_index(columns: Columns, flag: str, name: str) -> int:
    """Return the index of the column `name` that the option `flag` names.

    Raises
    ------
    DataError
        If there is none; with the most similar name, and the columns there are.
    """
    if name not in columns.positions:
        raise DataError(
            f"{columns.where}: no column {printable(name, 40)} ({flag})"
            f"{did_you_mean(name, columns.names)}; columns: {columns.listed()}"
        )
    return columns.positions[name]
