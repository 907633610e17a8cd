"""Finds what a column of a table holds: all that its role, order and encoding follow from."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.prepare.encoding import MAX_VALUES
from hiddenstate.data.readers.dates import (
    are_times_of_day,
    are_unix_times,
    compact_readings,
    looks_like_times,
    says_time,
)
from hiddenstate.data.readers.number_text import NumberMarks, is_number
from hiddenstate.errors import printable
from hiddenstate.system.typing import Array

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-"})
"""Spellings of a missing number, in any case; in a text column only an empty cell is missing."""

TRUTHS = {"true": 1.0, "false": 0.0}
"""Words for truth values, in any case."""

MAX_CLASSES = 100
"""Largest number of different whole numbers that look like classes."""

Content = Literal["number", "date", "category", "text", "nested"]
"""What a column holds: `category` is text with few different values, each of several rows."""


_SIGNED = re.compile(r"[(+\u2212-]*\s*(?:([$€£¥₹])\s*-?\d[\d.,' ]*|\d[\d.,' ]*([%$€£¥₹]))\)?")
"""A number with a sign of percent or of a currency."""


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
    are_clocks : bool
        Whether its numbers are times of day in the file.
    on_disk : bool
        Whether it may be on disk, and is not read to be described.
    """

    name: str
    kind: str
    arrays: Sequence[Array]
    j: int
    marks: NumberMarks | None
    are_truths: bool
    are_clocks: bool
    on_disk: bool

    @property
    def cells(self) -> Array:
        """The column itself (N,)."""
        return self.arrays[self.j]

    @cached_property
    def has_gaps(self) -> bool:
        """Whether a cell is missing."""
        return bool(missing_cells(self.cells).any())

    @cached_property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers, and none is missing."""
        return self.kind == "number" and is_whole(self.cells)

    @cached_property
    def n_values(self) -> int:
        """Number of different values, that of a missing cell among them."""
        return len(self.counts) if self.kind == "text" else len(np.unique(self.cells))

    @property
    def repeats(self) -> bool:
        """Whether a value occurs twice."""
        return self.n_values < len(self.cells)

    @cached_property
    def is_flag(self) -> bool:
        """Whether it holds the numbers 0 and 1, and nothing else."""
        return self.kind == "number" and np.array_equal(np.unique(self.cells), (0, 1))

    @cached_property
    def looks_like_classes(self) -> bool:
        """Whether it holds few different whole numbers, each many times."""
        return self.is_whole and 2 <= self.n_values <= min(MAX_CLASSES, len(self.cells) // 2)

    @cached_property
    def counts_rows(self) -> bool:
        """Whether each row has a larger number than the one before, or each a smaller one."""
        steps = np.diff(self.cells.astype(float)) if self.kind == "number" else np.zeros(0)
        return len(steps) > 0 and bool((steps > 0).all() or (steps < 0).all())

    @cached_property
    def holds_times_of_day(self) -> bool:
        """Whether it holds times of day without a date."""
        return self.are_clocks if self.kind != "text" else are_times_of_day(self.cells)

    @cached_property
    def holds_unix_times(self) -> bool:
        """Whether it holds numbers that look like times since 1970."""
        finite = self.kind == "number" and bool(np.isfinite(self.cells).all())
        return finite and are_unix_times(self.cells)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each text occurs, in the order of the file; none of a column without text."""
        return Counter(self.cells if self.kind == "text" else ())

    @cached_property
    def texts(self) -> frozenset[str]:
        """The different texts that are not empty."""
        return frozenset(self.counts) - {""}

    @cached_property
    def is_empty(self) -> bool:
        """Whether no cell of a column in memory has a value."""
        if self.on_disk or self.kind == "nested":
            return False
        return bool(missing_cells(self.cells[:1]).all() and missing_cells(self.cells).all())

    @cached_property
    def has_few_texts(self) -> bool:
        """Whether it holds several texts that are no dates, each of many rows."""
        return self.content == "category" and len(self.texts) > 1

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
            dated = says_time(self.name) and len(self.cells)
            return "date" if dated and compact_readings(self.cells, self.name) else "number"
        if self.counts and self.holds_numbers:
            return "number"
        if self.counts and looks_like_times(self.cells, self.name):
            return "date"
        n = len(self.texts)
        few = self.counts and n <= MAX_VALUES and 2 * n <= self.counts.total()
        return "category" if few else "text"


def kind_of(array: Array) -> str:
    """Return the kind of a column in memory, as in :class:`Columns`."""
    return {"O": "text", "M": "date"}.get(array.dtype.kind, "number")


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
