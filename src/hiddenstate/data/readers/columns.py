"""Holds the columns of a table, whatever file they come from, and converts them to numbers."""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.encoding import MAX_VALUES
from hiddenstate.data.readers.dates import compact_readings, looks_like_times, says_time
from hiddenstate.data.readers.number_text import NumberMarks, is_number
from hiddenstate.errors import DataError, Flag, Hint, did_you_mean, listed, printable
from hiddenstate.system.typing import Array

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-"})
"""Spellings of a missing number, in any case; in a text column only an empty cell is missing."""

TRUTHS = {"true": 1.0, "false": 0.0}
"""Words for truth values, in any case."""

EXACT = 2.0**53
"""From here on, not every whole number is a float; such numbers are kept as int64."""

MIN_PIXELS = 64
"""Smallest number of columns that are pixels if all hold whole numbers from 0 to 255, one above 1;
they stay uint8."""


Content = Literal["number", "date", "category", "text", "nested"]
"""What a column holds: `category` is text with few different values, each of several rows."""


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
    profiles: "dict[int, ColumnProfile]" = field(init=False, repr=False, default_factory=dict)

    def profile(self, j: int) -> "ColumnProfile":
        """Return what column `j` holds."""
        if j not in self.profiles:
            on_disk = self.stack is not None
            self.profiles[j] = ColumnProfile(
                self.names[j], self.kinds[j], self.arrays, j, self.marks, j in self.truths, on_disk
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


@dataclass(frozen=True)
class ColumnProfile:
    """What a column holds; each fact is found once, when it is first asked for.

    Parameters
    ----------
    name, kind : str
        As in :class:`Columns`.
    arrays : sequence of ndarray
        The columns of the table, of which this is number `j`.
    j : int
    marks : NumberMarks, optional
    are_truths : bool
        Whether its numbers are true and false in the file.
    on_disk : bool
        Whether it may be on disk, and is not read to be described.
    """

    name: str
    kind: str
    arrays: Sequence[Array]
    j: int
    marks: NumberMarks | None
    are_truths: bool
    on_disk: bool

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each text occurs, in the order of the file; none of a column without text."""
        return Counter(self.arrays[self.j] if self.kind == "text" else ())

    @cached_property
    def texts(self) -> frozenset[str]:
        """The different texts that are not empty."""
        return frozenset(self.counts) - {""}

    @cached_property
    def is_empty(self) -> bool:
        """Whether no cell of a column in memory has a value."""
        if self.on_disk or self.kind == "nested":
            return False
        cells = self.arrays[self.j]
        return bool(missing_cells(cells[:1]).all() and missing_cells(cells).all())

    @cached_property
    def holds_numbers(self) -> bool:
        """Whether it holds numbers, or text that is all numbers, or all true and false."""
        if self.kind != "text":
            return self.kind == "number"
        return text_to_numbers(list(self.counts), self.marks) is not None

    @cached_property
    def holds_truths(self) -> bool:
        """Whether it holds true and false, and nothing else."""
        if self.kind != "text":
            return self.are_truths
        words = {cell.casefold() for cell in self.counts}
        return bool(words & TRUTHS.keys()) and all(w in TRUTHS or is_missing(w) for w in words)

    @cached_property
    def sign(self) -> str:
        """The sign, such as %, of text that is numbers with it; empty if none."""
        cells = {cell: n for cell, n in self.counts.items() if not is_missing(cell)}
        signed = {cell: match for cell in cells if (match := _SIGNED.fullmatch(cell))}
        signs = {match[1] or match[2] for match in signed.values()}
        n = sum(cells[cell] for cell in signed)
        return min(signs) if signs and 2 * n >= sum(cells.values()) else ""

    @cached_property
    def content(self) -> Content:
        """What it holds.

        Text cells that are all numbers, or all true and false, are numbers; text of which at least
        half looks like dates or times of day is a date, and so are whole numbers such as 20241231
        if the name of their column says so.
        """
        if self.kind == "nested":
            return "nested"
        if self.kind == "date":
            return "date"
        if self.kind == "number":
            dated = says_time(self.name) and len(cells := self.arrays[self.j])
            return "date" if dated and compact_readings(cells, self.name) else "number"
        if self.counts and self.holds_numbers:
            return "number"
        if self.counts and looks_like_times(self.arrays[self.j], self.name):
            return "date"
        n = len(self.texts)
        few = self.counts and n <= MAX_VALUES and 2 * n <= self.counts.total()
        return "category" if few else "text"


def kind_of(array: Array) -> str:
    """Return the kind of a column in memory, as in :class:`Columns`."""
    return {"O": "text", "M": "date"}.get(array.dtype.kind, "number")


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


def is_missing(cell: str) -> bool:
    """Return whether a cell of a column of numbers is a missing value."""
    return cell.strip().casefold() in MISSING


def missing_cells(array: Array) -> NDArray[np.bool_]:
    """Return which cells of a column are missing (N,)."""
    if array.dtype.kind == "O":
        return np.asarray(array == "", bool)
    if array.dtype.kind == "M":
        return np.isnat(array)
    return np.isnan(array) if array.dtype.kind == "f" else np.zeros(len(array), bool)


def refuse_missing(columns: Columns, j: int, what: str) -> None:
    """Refuse a column with a missing cell, without which its row `what`."""
    absent = missing_cells(columns.arrays[j])
    if absent.any():
        count = f" ({absent.sum()} such rows)" if absent.sum() > 1 else ""
        raise DataError(
            f"{columns.at(int(np.argmax(absent)), j)}: empty, so the row {what}{count}; fill it in "
            "or drop the row"
        )


def is_whole(array: Array) -> bool:
    """Return whether all values are whole numbers and none is missing."""
    if array.dtype.kind != "f":
        return array.dtype.kind in "iu"
    return bool((np.isfinite(array) & (array == np.floor(array))).all())


def fits_byte(array: Array) -> bool:
    """Return whether all values are whole numbers from 0 to 255."""
    if array.dtype == np.uint8:
        return True
    return bool(((array >= 0) & (array <= 255) & (array == np.floor(array))).all())


def cell_text(value: Any) -> str:
    """Return a value as messages show it: whole numbers without a decimal point."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)
    return printable(value, 40)


def text_to_numbers(
    cells: Sequence[str] | Array, marks: NumberMarks | None = None
) -> NDArray[np.float64] | None:
    """Convert text cells that are all numbers, or all true and false (N,); None otherwise.

    `marks` are those of numbers in the file, as of `Columns`.
    """
    plain = str if marks is None else marks.plain
    only_truths = all(cell.casefold() in TRUTHS or is_missing(cell) for cell in cells)
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        if is_missing(cell):
            values[i] = np.nan
        elif only_truths:
            values[i] = TRUTHS[cell.casefold()]
        elif is_number(plain(cell)):
            values[i] = float(plain(cell))
        else:
            return None
    return values


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
        return DataError(f"{where}: {_quoted(text)} {problem}")
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


_SIGNED = re.compile(r"[(+\u2212-]*\s*(?:([$€£¥₹])\s*-?\d[\d.,' ]*|\d[\d.,' ]*([%$€£¥₹]))\)?")
"""A number with a sign of percent or of a currency."""


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
