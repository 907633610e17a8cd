"""Reads a sheet of an Excel workbook (.xlsx) as a table.

openpyxl, an extra (`pip install 'hiddenstate[excel]'`), is imported only here. A first pass over
the XML of the sheet finds its size, merged cells, and formulas whose result was not saved, none of
which openpyxl tells when it reads row by row.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.cells import cell_array, joined
from hiddenstate.data.readers.columns import Columns, Places, check_names
from hiddenstate.data.readers.header import is_header
from hiddenstate.data.readers.npy import check_unpacked
from hiddenstate.data.readers.profiles import kind_of
from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    OptionError,
    did_you_mean,
    listed,
    printable,
)
from hiddenstate.system.extras import require
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

MAX_ROW, MAX_COLUMN = 1 << 20, 1 << 14
"""Largest number of rows and columns of a sheet."""

MOST_CELLS, MOST_EMPTY = 1 << 22, 64
"""A sheet that spans more cells than this may span this many for each that is there, not more."""

SAMPLE_ROWS = 10_000
"""Most rows that are read if a sample is enough."""

AT_ONCE = 10_000
"""Rows that are turned into columns at once."""

Row = list[Any]
_Numbered = tuple[Row, int]


def read_columns(path: Path, options: DataConfig, sample: bool = False) -> Columns:
    """Read a sheet as columns; with `sample`, only its first rows.

    The first row that is not empty names the columns, unless it looks like a row of data. Empty
    rows, and empty columns without a name, are left out. All cells of a merged area have its value.

    Parameters
    ----------
    path : Path
    options : DataConfig
        Uses `sheet` and `max_unpacked`.
    sample : bool, default False

    Raises
    ------
    DataError
        If it is not a workbook, is damaged, or a cell cannot be used; with the name of the cell.
    MachineError
        If openpyxl is not installed.
    OptionError
        If there is no such sheet.
    """
    openpyxl = require("openpyxl", "reading Excel workbooks")
    where = printable(path)
    _check_archive(path, options, where)
    with _damage(where), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that have no values
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheet, what = _chosen(book, options, where)
            with zipfile.ZipFile(path) as archive:
                layout = _Layout(where)
                layout.scan(archive, sheet._worksheet_path)
            hint = _other_sheets(book, options)
            return _Sheet(sheet, layout, where, what, sample, hint).columns()
        finally:
            book.close()


def _check_archive(path: Path, options: DataConfig, where: str) -> None:
    """Refuse what is no workbook, or unpacks to too much."""
    old = False
    try:
        with path.open("rb") as stream:
            magic = stream.read(8)
        old = magic.startswith(b"\xd0\xcf\x11\xe0")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        if old:
            raise DataError(
                f"{where}: an old or encrypted workbook; save it as .xlsx without a password"
            ) from None
        what = getattr(error, "strerror", None) or "not a zip archive"
        raise DataError(f"{where}: not an .xlsx workbook, or damaged ({what})") from None
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise DataError(f"{where}: damaged: a part occurs twice; save the workbook again")
    limit = None if options.max_unpacked is None else options.max_unpacked * 2**30
    check_unpacked(members, where, limit, "save it as .csv")
    check_free(3 * sum(m.file_size for m in members), f"{where}: reading it", "save it as .csv")


@contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn what openpyxl raises for a damaged workbook, which may be anything, into `DataError`."""
    try:
        yield
    except HiddenstateError:
        raise
    except Exception as error:  # noqa: BLE001  openpyxl raises anything on a damaged workbook
        raise DataError(
            f"{where}: damaged, or not an .xlsx workbook ({printable(error, 100)}); save it again"
        ) from None


def _chosen(book: Any, options: DataConfig, where: str) -> tuple[Any, str]:
    """Return the sheet that the options name, or the first, and what it is."""
    sheets = book.worksheets
    titles = [sheet.title for sheet in sheets]
    if not sheets:
        raise DataError(f"{where}: no sheet with cells")
    wanted, number = options.sheet, 0
    if wanted is not None:
        if wanted in titles:
            number = titles.index(wanted)
        elif wanted.isdecimal() and 1 <= int(wanted[:9]) <= len(sheets):
            number = int(wanted) - 1
        else:
            hint = did_you_mean(wanted, titles)
            raise OptionError(
                f"--sheet: {where} has no sheet {printable(wanted, 40)}{hint}; sheets: "
                f"{listed(titles)}"
            )
    several = f", sheet {printable(titles[number], 40)} of {len(titles)}" if titles[1:] else ""
    return sheets[number], f"Excel table{several}"


def letters(column: int) -> str:
    """Return the name of a column, counted from 1: `A`, `Z`, `AA`."""
    name = ""
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def _other_sheets(book: Any, options: DataConfig) -> str:
    """Return the hint that another sheet holds the table, if there are some and none was named."""
    others = [sheet.title for sheet in book.worksheets[1:]]
    if options.sheet is not None or not others:
        return ""
    return f"; if the table is on another sheet, add --sheet with its name: {listed(others)}"


@dataclass
class _Layout:
    """What a pass over the XML of a sheet finds.

    Parameters
    ----------
    where : str
    last_row, last_column : int
        The last cell that is there; 0 if there is none.
    merged : list of tuple
        First row, first column, last row and last column of each merged area.
    """

    where: str
    last_row: int = 0
    last_column: int = 0
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    _row: int = 0
    _column: int = 0
    _n_cells: int = 0
    _formula: bool = False
    _valued: bool = False
    _inside: bool = False

    def scan(self, archive: zipfile.ZipFile, part: str) -> None:
        """Read the XML of a sheet."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_entities
        with archive.open(part) as stream:
            parser.ParseFile(stream)
        spanned = self.last_row * self.last_column
        if spanned > max(MOST_CELLS, MOST_EMPTY * self._n_cells):
            raise DataError(
                f"{self.where}: {self._n_cells:,} cells spread over {self.last_row:,} rows and "
                f"{self.last_column:,} columns; delete the rows and columns beside the table"
            )

    def _refuse_entities(self, *declared: Any) -> NoReturn:
        raise DataError(f"{self.where}: its XML declares a document type; save the workbook again")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if tag == "c":
            place, left = attributes.get("r"), self._column
            row, self._column = self._parsed(place) if place else (self._row, left + 1)
            if row != self._row or self._column <= left:
                raise self._disordered(f"cell {printable(place or '', 20)} in row {self._row}")
            self._formula = self._inside = False
            self._valued = attributes.get("t") == "str"  # text, which may be empty
        elif tag == "row":
            above, self._row = self._row, int(attributes.get("r", self._row + 1))
            self._column = 0
            if self._row <= above:
                raise self._disordered(f"row {self._row} below row {above}")
        elif tag == "f":
            self._formula = True
        elif tag in ("v", "is"):
            self._inside = True
        elif tag == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            self.merged.append((*self._parsed(first), *self._parsed(last or first)))

    def _disordered(self, what: str) -> DataError:
        """Return the error for a place out of order: openpyxl would leave cells or rows out."""
        return DataError(
            f"{self.where}: damaged: {what}; open the workbook in a spreadsheet program and save "
            "it again"
        )

    def _end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        if tag in ("v", "is"):
            self._inside = False
        if tag != "c":
            return
        if self._formula and not self._valued:
            raise DataError(
                f"{self.where}:{letters(self._column)}{self._row}: a formula without a saved "
                "result; open the workbook in a spreadsheet program and save it again"
            )
        if not (1 <= self._row <= MAX_ROW and 1 <= self._column <= MAX_COLUMN):
            raise DataError(
                f"{self.where}: damaged: a cell in row {self._row} and column {self._column}"
            )
        if self._valued:
            self._n_cells += 1
            self.last_row = max(self.last_row, self._row)
            self.last_column = max(self.last_column, self._column)

    def _text(self, text: str) -> None:
        self._valued |= self._inside and not text.isspace()

    def _parsed(self, place: str) -> tuple[int, int]:
        """Return row and column of a cell such as `B7`."""
        match = _CELL.fullmatch(place)
        if match is None:
            raise DataError(f"{self.where}: damaged: a cell is named {printable(place, 20)}")
        column = 0
        for letter in match[1]:
            column = 26 * column + ord(letter) - 64
        return int(match[2]), column


_CELL = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})")


class _Sheet:
    """The rows of a sheet, as they become columns."""

    def __init__(
        self, sheet: Any, layout: _Layout, where: str, what: str, sample: bool, hint: str
    ) -> None:
        self._sheet, self._layout, self._where, self._what = sheet, layout, where, what
        self._sample, self._hint = sample, hint
        self._numbers: list[int] = []
        self._clocks: set[int] = set()  # columns with a time of day

    def columns(self) -> Columns:
        """Return the columns, with the header as names."""
        rows = self._rows()
        first, top = next(rows, ([], 0))
        if not first:
            raise DataError(f"{self._where}: no rows{self._hint}")
        second, below = next(rows, ([], 0))
        head = [_text(cell) for cell in first]
        named = is_header(head, [_text(cell) for cell in second])
        width = max((k + 1 for k, cell in enumerate(first) if cell is not None), default=0)
        if not named:
            width = len(first)
        start = [] if named else [(first, top)]
        start += [(second, below)] if second else []
        self._check_header(top, width)
        parts = self._parts((*start,), rows, width, top)
        arrays = [joined(part) for part in zip(*parts, strict=True)] if parts else []
        if not arrays:
            raise DataError(f"{self._where}: no rows below the header in row {top}{self._hint}")
        kept = [j for j in range(width) if (named and head[j]) or not _is_empty(arrays[j])]
        names = tuple(head[j] or f"Unnamed: {j}" if named else str(k) for k, j in enumerate(kept))
        check_names(names, f"{self._where}:{top}")
        numbers = np.array(self._numbers)
        unread = ""
        if self._sample and self._layout.last_row > numbers[-1]:
            unread = f"only the first {len(numbers):,} rows were read"
        return Columns(
            names,
            [arrays[j] for j in kept],
            tuple(kind_of(arrays[j]) for j in kept),
            len(numbers),
            self._where,
            self._what,
            Places(lambda i: numbers[i], letters=tuple(letters(j + 1) for j in kept)),
            named,
            unread=unread,
            clocks=frozenset(
                k for k, j in enumerate(kept) if j in self._clocks and _are_clocks(arrays[j])
            ),
        )

    def _rows(self) -> Iterator[tuple[Row, int]]:
        """Yield each row that is not empty, merged areas filled in, and its number."""
        last_row, last_column = self._layout.last_row, self._layout.last_column
        if not last_row:
            return
        waiting = sorted(self._layout.merged, reverse=True)
        active: list[tuple[int, int, int, Any]] = []
        cells = self._sheet.iter_rows(max_row=last_row, max_col=last_column, values_only=True)
        for number, values in enumerate(cells, 1):
            self._clocks.update(k for k, value in enumerate(values) if type(value) is time)
            row = [_plain(value) for value in values]
            while waiting and waiting[-1][0] <= number:
                _, left, bottom, right = waiting.pop()
                if left <= len(row):
                    active.append((bottom, left, right, row[left - 1]))
            active = [area for area in active if area[0] >= number]
            for _, left, right, value in active:
                row[left - 1 : right] = [value] * (min(right, len(row)) - left + 1)
            if any(cell is not None for cell in row):
                yield row, number

    def _check_header(self, top: int, width: int) -> None:
        """Refuse a header of merged cells: its columns have no name of their own."""
        for first, left, last, right in self._layout.merged:
            if first <= top <= last and left <= width:
                area = f"{letters(left)}{first}:{letters(right)}{last}"
                raise DataError(
                    f"{self._where}:{area}: merged cells in the first row of the table; give each "
                    f"column a name of its own, and delete titles above the names{self._hint}"
                )

    def _parts(
        self,
        start: Sequence[tuple[Row, int]],
        rows: Iterator[tuple[Row, int]],
        width: int,
        top: int,
    ) -> list[list[Array]]:
        """Return the columns of each block of rows."""
        parts: list[list[Array]] = []
        block: list[Row] = []
        for source in (start, rows):
            for row, number in source:
                outside = [k for k in range(width, len(row)) if row[k] is not None]
                if outside:
                    raise DataError(
                        f"{self._where}:{letters(outside[0] + 1)}{number}: a value outside the "
                        f"table, for which row {top} names columns up to {letters(width)}; name "
                        "the column or clear the cell, and delete titles above the names"
                        f"{self._hint}"
                    )
                block.append(row[:width])
                self._numbers.append(number)
                if len(block) == AT_ONCE:
                    parts.append([cell_array(cells) for cells in zip(*block, strict=True)])
                    block = []
                if self._sample and len(self._numbers) >= SAMPLE_ROWS:
                    break
        if block:
            parts.append([cell_array(cells) for cells in zip(*block, strict=True)])
        return parts


def _plain(value: Any) -> Any:
    """Return a cell as :func:`cell_array` takes it: durations and times of day in seconds."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def _text(cell: Any) -> str:
    """Return a cell as text, as it would be in a CSV file."""
    return "" if cell is None else str(cell_array([cell, "x"])[0])


def _are_clocks(array: Array) -> bool:
    """Return whether all numbers are seconds of a day."""
    return array.dtype.kind == "f" and bool(((array >= 0) & (array < 86400)).all())


def _is_empty(array: Array) -> bool:
    return array.dtype.kind == "f" and bool((array != array).all())
