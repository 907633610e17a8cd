"""Tables of text: CSV, TSV and their kin, gzipped or not.

A piece of the file that holds nothing but numbers goes through numpy's reader in C; another
through Python's csv module, which also finds out what is wrong with it. A column is text where
one cell is neither a number nor missing (`columns.MISSING`).
"""

import contextlib
import csv
import itertools
import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.columns import (
    SWAPPED,
    Columns,
    check_names,
    is_missing,
    is_number,
    is_whole,
    kind_of,
)
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.data.readers.text_lines import Lines
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

SUFFIXES = (".csv", ".tsv", ".txt")

MAX_COLUMNS = 1 << 18

EXACT = 2.0**53
"""Whole numbers from here on are not all floats; they are kept as int64."""

MIN_COUNTING = 10
"""Fewest names 0, 1, 2, ... that are a header and not a row of data."""


def read_delimited(path: Path, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read a table of text; see :func:`~hiddenstate.data.readers.table.to_dataset`.

    Columns stand between commas, in .tsv between tabs, in .txt between what its first line
    has; `how.delimiter`, `how.decimal` and `how.encoding` say otherwise. The first line is a
    header unless it has numbers as data has. Quotes are respected, blank lines skipped; a
    UTF-8 mark and any newlines are accepted.

    Raises
    ------
    DataError
        Naming file, line and column.
    OptionError
        If the delimiter is not one character, or the encoding unknown.
    """
    return to_dataset(read_columns(path, how), how, job, answered, path.name)


def read_columns(path: Path, how: DataConfig) -> Columns:
    """Read a table of text as columns; errors as :func:`read_delimited`."""
    reading = _Reading(path, how, frozenset())
    reading.run()
    if reading.mixed():
        # The first pieces of a text column looked like numbers, and their spelling is gone.
        reading = _Reading(path, how, reading.texts())
        reading.run()
    return reading.columns()


@dataclass(frozen=True)
class _Piece:
    """Rows of a piece of the file, as small as they can be kept.

    `small` (n, S) are the columns that fit a byte, `is_small` (C,); `large` (n, C - S) the
    others; `special` the columns that are text or large whole numbers, in place of `large`.
    """

    is_small: NDArray[np.bool_]
    small: NDArray[np.uint8]
    large: NDArray[np.float64]
    special: dict[int, Array]
    lines: range | NDArray[np.int64]

    def whole(self) -> NDArray[np.float64]:
        """All columns as floats (n, C)."""
        values = np.empty((len(self.small), len(self.is_small)))
        values[:, self.is_small] = self.small
        values[:, ~self.is_small] = self.large
        return values


def _packed(
    values: NDArray[np.float64], special: dict[int, Array], lines: range | NDArray[np.int64]
) -> _Piece:
    """Keep `values` (n, C), NaN in special columns, as a piece."""
    small = ((values >= 0) & (values <= 255) & (values == np.floor(values))).all(axis=0)
    return _Piece(
        small, values[:, small].astype(np.uint8), values[:, ~small].copy(), special, lines
    )


class _Reading:
    """One pass over a file; columns numbered in `as_text` keep every cell as it is written."""

    def __init__(self, path: Path, how: DataConfig, as_text: frozenset[int]) -> None:
        self.path, self.how, self.as_text = path, how, as_text
        self.where = printable(path)
        self.pieces: deque[_Piece] = deque()
        self.names: tuple[str, ...] = ()
        self.named = True

    def run(self) -> None:
        """Read the whole file into pieces."""
        self.lines = Lines(self.path, self.how.encoding, self.how.max_unpacked)
        try:
            while self.lines.fill() and not any(line.strip() for line in self.lines.block):
                self.lines.at = len(self.lines.block)
            if self.lines.at == len(self.lines.block):
                raise DataError(f"{self.where}: no rows")
            self.delimiter = self._delimiter()
            # A space after a delimiter is no part of a quoted field.
            self.reader = csv.reader(
                self.lines, delimiter=self.delimiter, skipinitialspace=self.delimiter not in " \t"
            )
            self._read_header()
            while self.lines.fill():
                self._read_piece()
                self._check_memory()
        finally:
            self.lines.close()

    def mixed(self) -> bool:
        """Whether a column is text in some pieces and numbers in others."""
        return any(
            any(j not in p.special or p.special[j].dtype.kind != "O" for p in self.pieces)
            for j in self.texts()
        )

    def texts(self) -> frozenset[int]:
        """The columns that are text in some piece."""
        return frozenset(
            j for p in self.pieces for j, values in p.special.items() if values.dtype.kind == "O"
        )

    # --- the first lines

    def _delimiter(self) -> str:
        given = self.how.delimiter
        filled = [line for line in self.lines.block if line.strip()]
        if given is not None:
            given = {"\\t": "\t", "tab": "\t", "space": " "}.get(given, given)
            if len(given) != 1 or given in '"\r\n.+-_' or given.isalnum():
                raise OptionError(
                    "--delimiter: expected one character, no letter, digit, quote, point or sign, "
                    f"got {printable(repr(given), 40)}"
                )
            self._check_delimiter(filled[:20], given)
            return given
        suffixes = [s.lower() for s in self.path.suffixes]
        default = "\t" if ".tsv" in suffixes else ","
        if self.how.decimal == "," and ";" in filled[0]:
            default = ";"
        if ".txt" in suffixes:
            default = next((c for c in ("\t", default, " ") if c in filled[0].strip()), default)
        self._check_delimiter(filled[:20], default)
        return default

    def _check_delimiter(self, lines: list[str], delimiter: str) -> None:
        """Refuse lines that hold another delimiter each, and this one in none."""
        bare = [_DECIMAL_COMMA.sub("", line) for line in lines]
        if delimiter == " " or any(delimiter in line for line in bare):
            return
        for other, name in ((";", "';'"), ("\t", "tab"), (",", "','"), ("|", "'|'")):
            if other != delimiter and all(other in line for line in bare):
                comma = other != "," and any(_DECIMAL_COMMA.search(line) for line in lines)
                decimal = " --decimal ','" if comma else ""
                raise DataError(
                    f"{self.where}:1: columns stand between {name}, not "
                    f"{'tabs' if delimiter == chr(9) else repr(delimiter)}; "
                    f"add --delimiter {name}{decimal}"
                )

    def _read_header(self) -> None:
        """Name the columns from the first line, or by number if that is a row of data."""
        while self._is_blank(self.lines.block[self.lines.at]):
            self.lines.at += 1
        line = self.lines.block[self.lines.at]
        if line.count(self.delimiter) >= MAX_COLUMNS:
            raise DataError(
                f"{self.where}:{self.lines.number + 1}: {line.count(self.delimiter) + 1} columns; "
                f"at most {MAX_COLUMNS} are read"
            )
        at, block = self.lines.at, self.lines.blocks
        first = [cell.strip() for cell in self._record()]
        if self.lines.blocks == block and not _is_header(first, self._second()):
            self.lines.at = at
            self.named = False
            self.names = tuple(str(j) for j in range(len(first)))
        else:
            self.names = tuple(name or f"Unnamed: {j}" for j, name in enumerate(first))
            check_names(self.names, f"{self.where}:{self.lines.number}")

    def _second(self) -> list[str]:
        """The cells of the line after the first, which is not used up; none if there is none."""
        left = self.lines.block[self.lines.at :]
        following = next((line for line in left if not self._is_blank(line)), "")
        with contextlib.suppress(csv.Error):
            return next(csv.reader([following], delimiter=self.delimiter), [])
        return []

    # --- rows

    def _record(self) -> list[str]:
        """The next record, which may go over several lines."""
        number = self.lines.number + 1
        try:
            record = next(self.reader)
        except csv.Error as error:
            raise DataError(
                f"{self.where}:{number}: {printable(error, 60)}; is a quote never closed?"
            ) from None
        if self.lines.overrun:
            raise DataError(
                f"{self.where}:{number}: a quote is opened and never closed; close it, or double "
                "it where it is part of the text"
            )
        return [cell for cell in record if cell] if self.delimiter == " " else record

    def _is_blank(self, line: str) -> bool:
        """Whether a line holds no row; one of delimiters alone does."""
        return not line or (
            line.isspace() and (self.delimiter == " " or self.delimiter not in line)
        )

    def _read_piece(self) -> None:
        """Read what is left of the lines' block."""
        lines = self.lines
        if not self.as_text and (values := self._all_numbers()) is not None:
            start = lines.number + 1
            filled = range(start, start + len(values))
            if len(values) != len(lines.block) - lines.at:
                blank = np.array([self._is_blank(line) for line in lines.block[lines.at :]])
                filled = start + np.flatnonzero(~blank)  # type: ignore[assignment]
            lines.at = len(lines.block)
            self.pieces.append(_packed(values, {}, filled))
            return
        records, numbers = self._records()
        if records:
            self._keep(records, numbers)

    def _all_numbers(self) -> NDArray[np.float64] | None:
        """The block's rows (n, C) if they are numbers throughout, each of which a float holds."""
        left = self.lines.block[self.lines.at :]
        filled = [line for line in left if not self._is_blank(line)]
        if not filled:
            return None
        if self.how.decimal == ",":
            if self.delimiter == "," or any("." in line for line in filled):
                return None
            filled = [line.replace(",", ".") for line in filled]
        quoted = '"' if any('"' in line for line in filled) else None
        try:
            values = np.loadtxt(
                filled,
                delimiter=None if self.delimiter == " " else self.delimiter,
                comments=None,
                quotechar=quoted,
                ndmin=2,
            )
        except (ValueError, OverflowError):
            return None
        if values.shape != (len(filled), len(self.names)):
            return None
        largest = np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max()
        return values if largest < EXACT else None

    def _records(self) -> tuple[list[list[str]], list[int]]:
        """The records up to the block's end, or a little beyond, and the line of each."""
        lines, block = self.lines, self.lines.blocks
        records, numbers = [], []
        left = lines.block[lines.at :]
        if not any('"' in line or self._is_blank(line) for line in left):
            # Each line is a record: no need to look at each.
            numbers = list(range(lines.number + 1, lines.number + 1 + len(left)))
            records = self._plain_records(left)
            lines.at = len(lines.block)
        while lines.at < len(lines.block) and lines.blocks == block:
            if self._is_blank(lines.block[lines.at]):
                lines.at += 1
                continue
            numbers.append(lines.number + 1)
            records.append(self._record())
        for record, number in zip(records, numbers, strict=True):
            if len(record) != len(self.names):
                few = len(record) < len(self.names)
                raise DataError(
                    f"{self.where}:{number}: expected {len(self.names)} columns as in the first "
                    f"line, found {len(record)}; "
                    + (
                        "mend the line"
                        if few
                        else "quote a cell that holds a delimiter, or mend the line"
                    )
                )
        return records, numbers

    def _plain_records(self, lines: list[str]) -> list[list[str]]:
        """The record of each line; none has a quote."""
        try:
            found = list(csv.reader(lines, delimiter=self.delimiter))
        except csv.Error:
            return [self._record() for _ in lines]  # which says where
        return [[c for c in r if c] for r in found] if self.delimiter == " " else found

    def _keep(self, records: list[list[str]], numbers: list[int]) -> None:
        """Turn records into numbers, column by column, and text where they are none."""
        values = np.empty((len(records), len(self.names)))
        special = {}
        for j, cells in enumerate(zip(*records, strict=True)):
            column = _column(cells, self.how.decimal, j in self.as_text)
            if column.dtype == np.float64:
                values[:, j] = column
            else:
                special[j] = column
                values[:, j] = np.nan
        regular = numbers[-1] - numbers[0] + 1 == len(numbers)
        lines = range(numbers[0], numbers[-1] + 1) if regular else np.array(numbers, np.int64)
        self.pieces.append(_packed(values, special, lines))

    def _check_memory(self) -> None:
        """Refuse, after the first piece, a file that will not fit into memory."""
        if len(self.pieces) == 1 and self.lines.blocks == 1:
            piece = self.pieces[0]
            share = (piece.small.nbytes + piece.large.nbytes) / sum(map(len, self.lines.block))
            needed = 2 * share * self.path.stat().st_size
            check_free(int(needed), f"{self.where}: reading it", "convert it to Parquet")

    # --- the result

    def columns(self) -> Columns:
        """Put the pieces together, each let go when it is copied."""
        n_rows = sum(len(p.small) for p in self.pieces)
        lines = [p.lines for p in self.pieces]
        starts = np.cumsum([0, *map(len, lines)])
        arrays = _together(self.pieces, n_rows, len(self.names))

        def row(i: int) -> str:
            piece = int(np.searchsorted(starts, i, side="right")) - 1
            return f"{self.where}:{lines[piece][int(i) - int(starts[piece])]}"

        what = {"\t": "TSV table", " ": "text table"}.get(self.delimiter, "CSV table")
        kinds = tuple(map(kind_of, arrays))
        return Columns(
            self.names, arrays, kinds, n_rows, self.where, what, row, self.named, self.how.decimal
        )


def _together(pieces: deque[_Piece], n_rows: int, n_columns: int) -> list[Array]:
    """The columns of all pieces (N,), which are taken from the queue one by one."""
    small = np.ones(n_columns, bool)
    parts: dict[int, list[Array]] = {j: [] for p in pieces for j in p.special}
    for piece in pieces:
        small &= piece.is_small
    large = ~small
    large[list(parts)] = False
    bytes_ = np.empty((n_rows, int(small.sum())), np.uint8)
    floats = np.empty((n_rows, int(large.sum())))
    done = 0
    while pieces:
        piece = pieces.popleft()
        rows = slice(done, done + len(piece.small))
        bytes_[rows] = piece.small[:, small[piece.is_small]]
        if parts or large.any():
            values = piece.whole()
            floats[rows] = values[:, large]
            for j, found in parts.items():
                found.append(piece.special.get(j, values[:, j]))
        done += len(piece.small)
    arrays: list[Array] = [np.empty(0)] * n_columns
    for block, which in ((bytes_, small), (floats, large)):
        for k, j in enumerate(np.flatnonzero(which).tolist()):
            arrays[j] = block[:, k]
    for j, found in parts.items():
        texts = any(part.dtype.kind == "O" for part in found)
        dtype = object if texts else np.int64 if all(map(is_whole, found)) else np.float64
        arrays[j] = np.concatenate([part.astype(dtype, copy=False) for part in found])
    return arrays


_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


def _column(cells: tuple[str, ...], decimal: str, as_text: bool) -> Array:
    """A column's cells (n,) as float64, as int64 where only that is exact, or as text."""
    if not as_text:
        values = _numbers([cell.translate(SWAPPED) for cell in cells] if decimal == "," else cells)
        if values is not None:
            return values
    # Equal cells are kept once.
    kept: dict[str, str] = {}
    found = np.empty(len(cells), object)
    found[:] = [kept.setdefault(cell, cell) for cell in map(str.strip, cells)]
    return found


def _numbers(cells: Any) -> Array | None:
    """Cells as numbers (n,), NaN where missing, or None if one is neither."""
    if "_" in "".join(cells):  # which Python takes for a part of a number
        return None
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        try:
            values = np.fromiter(_or_missing(cells), np.float64, len(cells))
        except ValueError:
            return None
    if np.abs(values).max(initial=0, where=np.isfinite(values)) >= EXACT:
        try:
            return np.array([int(cell) for cell in cells], np.int64)
        except (ValueError, OverflowError):
            pass
    return values


def _or_missing(cells: Any) -> Iterator[float]:
    for cell in cells:
        try:
            yield float(cell)
        except ValueError:
            if not is_missing(cell):
                raise
            yield math.nan


def _is_header(first: list[str], second: list[str]) -> bool:
    """Whether the first line names the columns, and is not a row like the second.

    It does if no cell is a number; if a name stands over a number; or if the numbers count on
    (columns 0, 1, 2, ... or years) beside a name, or from 0 in a long line of nothing else.
    """
    texts = [k for k, cell in enumerate(first) if not is_number(cell) and not is_missing(cell)]
    counts = _counts_on(first)
    if texts:
        over_number = any(k < len(second) and is_number(second[k]) for k in texts)
        no_number = not any(is_number(cell) and not is_missing(cell) for cell in first)
        return no_number or over_number or (counts and not _counts_on(second))
    plain = first[1:] if first[0] == "" else first  # pandas writes no name over its row numbers
    return counts and len(plain) >= MIN_COUNTING and plain[0] == "0"


def _counts_on(cells: list[str]) -> bool:
    """Whether the numbers among cells are three or more whole ones, each 1 above the last."""
    numbers = [cell for cell in cells if is_number(cell) and not is_missing(cell)]
    if len(numbers) < 3 or not all(cell.isdecimal() and len(cell) < 10 for cell in numbers):
        return False
    return all(int(b) == int(a) + 1 for a, b in itertools.pairwise(numbers))
