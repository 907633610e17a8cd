"""Reads delimited text files: CSV, TSV and similar, gzipped or not.

Pieces of the file are read by the kernels; where these are off, lines are unlike or quotes stand
within cells, by Python's csv module, which also finds what is wrong. A column is text if one of its
cells is neither a number nor missing (`columns.MISSING`).
"""

import contextlib
import csv
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.columns import EXACT, Columns, Places, check_names
from hiddenstate.data.readers.header import is_header
from hiddenstate.data.readers.number_text import CommaCheck, NumberMarks, is_number, is_plain
from hiddenstate.data.readers.profiles import MISSING, is_missing, kind_of
from hiddenstate.data.readers.row_pieces import Piece, joined, packed
from hiddenstate.data.readers.text_lines import TextLines, is_blank
from hiddenstate.errors import DataError, OptionError, Setting, printable
from hiddenstate.kernels import is_off, native
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

MAX_COLUMNS = 1 << 18

SAMPLE_ROWS = 100_000
"""Most rows that are read if a sample is enough, and no more than a block of lines holds."""


def read_columns(
    path: Path, options: DataConfig, sample: bool = False, texts: Iterable[str] = ()
) -> Columns:
    """Read a delimited text file as columns; with `sample`, only its first block of lines.

    `texts` are the names of columns that are text, also where their cells look like numbers.
    Columns are separated by commas; in .tsv files by tabs; in .txt files by the separator that
    the first line has. `options.delimiter`, `options.decimal`, `options.thousands` and
    `options.encoding` override this. The first line is a header unless it looks like a row of data.
    Quoted cells, blank lines, a UTF-8 byte order mark and all newline styles are accepted.

    Raises
    ------
    DataError
        With the file, the line and the column.
    OptionError
        If the delimiter is not one character, or the encoding is unknown.
    """
    reading = _Reading(path, options, frozenset(texts), sample)
    reading.run()
    if reading.mixed():
        # The first pieces of a text column looked like numbers, and their text is lost.
        reading = _Reading(path, options, frozenset({*reading.texts(), *texts}), sample)
        reading.run()
    return reading.columns()


def delimiter_named(given: str) -> str:
    """Return the delimiter that `--delimiter` names: one character, or `tab` or `space`.

    Raises
    ------
    OptionError
        If it cannot separate columns.
    """
    given = {"\\t": "\t", "tab": "\t", "space": " "}.get(given, given)
    if len(given) != 1 or given in '"\r\n.+-_' or given.isalnum():
        raise OptionError(
            "--delimiter: expected one character that is not a letter, digit, quote, "
            f"point, sign or underscore, got {printable(repr(given), 40)}"
        )
    return given


class _Reading:
    """One pass over a file, or a sample of it.

    Columns whose number or name is in `as_text` keep the text of each cell; with `only_text`, the
    others keep nothing.
    """

    def __init__(
        self,
        path: Path,
        options: DataConfig,
        as_text: frozenset[int | str],
        sample: bool,
        only_text: bool = False,
    ) -> None:
        self.only_text = only_text
        self.path, self.options, self.as_text, self.sample = path, options, as_text, sample
        self.unread = ""
        self.where = printable(path)
        self.marks = NumberMarks.of(options)
        self.commas = CommaCheck(self.marks)
        self.pieces: deque[Piece] = deque()
        self.names: tuple[str, ...] = ()
        self.named = True
        self.plain: set[int] = set()
        """Columns of whole numbers that are written as Python writes them."""

    def run(self) -> None:
        """Read the whole file into pieces."""
        self.lines = TextLines(self.path, self.options.encoding, self.options.max_unpacked)
        try:
            while self.lines.fill() and not self.lines.text.strip():
                self.lines.at = self.lines.size
            if self.lines.at == self.lines.size:
                raise DataError(f"{self.where}: no rows")
            self.delimiter = self._delimiter()
            # A space after a delimiter is not part of a quoted cell.
            self.reader = csv.reader(
                self.lines, delimiter=self.delimiter, skipinitialspace=self.delimiter not in " \t"
            )
            self._read_header()
            self.plain = set(range(len(self.names)))
            while self.lines.fill():
                if self.sample:
                    self._read_sample()
                    break
                self._read_piece()
                self._check_memory()
            self._check_commas()
        finally:
            self.lines.close()

    def mixed(self) -> bool:
        """Return whether a column is text in some pieces and numbers in others."""
        return any(
            any(j not in p.special or p.special[j].dtype.kind != "O" for p in self.pieces)
            for j in self.texts()
        )

    def texts(self) -> frozenset[int]:
        """Return the columns that are text in some piece."""
        return frozenset(
            j for p in self.pieces for j, values in p.special.items() if values.dtype.kind == "O"
        )

    # --- the first lines

    def _delimiter(self) -> str:
        given = self.options.delimiter
        filled = [line for line in self.lines.block if line.strip()]
        if given is not None:
            given = delimiter_named(given)
            self._check_delimiter(filled[:20], given)
            return given
        suffixes = [s.lower() for s in self.path.suffixes]
        default = "\t" if ".tsv" in suffixes else ","
        if self.options.decimal == "," and ";" in filled[0]:
            default = ";"
        if ".txt" in suffixes:
            usual = ("\t", default, "" if self.options.thousands == "space" else " ")
            default = next((c for c in usual if c and c in filled[0].strip()), default)
        self._check_delimiter(filled[:20], default)
        return default

    def _check_delimiter(self, lines: list[str], delimiter: str) -> None:
        """Refuse lines that all contain another delimiter, and none this one."""
        bare = [_DECIMAL_COMMA.sub("", line) for line in lines]
        if delimiter == " " or any(delimiter in line for line in bare):
            return
        others = {";": "';'", "\t": "tab", ",": "','", "|": "'|'"}
        if self.options.thousands != "space" and _has_spaced_numbers(bare):
            others[" "] = "space"
        for other, name in others.items():
            if other != delimiter and all(other in line for line in bare):
                comma = other != "," and any(_DECIMAL_COMMA.search(line) for line in lines)
                decimal = {"decimal": ","} if comma else {}
                expected = "tab" if delimiter == "\t" else repr(delimiter)
                raise DataError(
                    f"{self.where}:1: columns are separated by {name}, not by {expected}",
                    Setting("add", delimiter=name.strip("'"), **decimal),
                )

    def _read_header(self) -> None:
        """Name the columns by the first line, or by number if it is a row of data."""
        while self._is_blank(self.lines.block[self.lines.at]):
            self.lines.at += 1
        line = self.lines.block[self.lines.at]
        if line.count(self.delimiter) >= MAX_COLUMNS:
            raise DataError(
                f"{self.where}:{self.lines.number + 1}: {line.count(self.delimiter) + 1} columns, "
                f"expected at most {MAX_COLUMNS}"
            )
        at, block = self.lines.at, self.lines.blocks
        first = [cell.strip() for cell in self._record()]
        if not first:
            raise DataError(f"{self.where}:{self.lines.number}: only empty quotes; delete the line")
        plain = [[self.marks.plain(c) for c in cells] for cells in (first, self._second())]
        if self.lines.blocks == block and not is_header(*plain):
            self.lines.at = at
            self.named = False
            self.names = tuple(str(j) for j in range(len(first)))
        else:
            self.names = tuple(name or f"Unnamed: {j}" for j, name in enumerate(first))
            check_names(self.names, f"{self.where}:{self.lines.number}")

    def _second(self) -> list[str]:
        """Return the cells of the next line without consuming it; none if there is none."""
        left = self.lines.block[self.lines.at :]
        following = next((line for line in left if not self._is_blank(line)), "")
        with contextlib.suppress(csv.Error):
            return next(csv.reader([following], delimiter=self.delimiter), [])
        return []

    # --- rows

    def _record(self) -> list[str]:
        """Return the next record, which may span several lines."""
        number = self.lines.number + 1
        try:
            record = next(self.reader)
        except csv.Error as error:
            raise DataError(
                f"{self.where}:{number}: {printable(error, 60)}; check for a quote that is not "
                "closed"
            ) from None
        if self.lines.overrun:
            raise DataError(
                f"{self.where}:{number}: a quote is opened but not closed; close it, or double it "
                "if it is part of the text"
            )
        return [cell for cell in record if cell] if self.delimiter == " " else record

    def _is_blank(self, line: str) -> bool:
        return is_blank(line, self.delimiter)

    def _read_piece(self) -> None:
        """Read the rest of the current block of lines."""
        if self._read_rows():
            return
        records, numbers = self._records()
        if records:
            self._keep(records, numbers)

    def _read_rows(self) -> bool:
        """Read the rest of the block in the kernels; false if they are off, or its lines differ."""
        read = None if is_off() else getattr(native(), "read_rows", None)
        if read is None or self.delimiter == " " or not self.delimiter.isascii():
            return False
        try:
            text = self.lines.rest().encode()
        except UnicodeEncodeError:
            return False
        n, n_columns = self.lines.size - self.lines.at, len(self.names)
        values, lines = np.empty((n, n_columns)), np.empty(n, np.int64)
        is_text = np.array([bool({j, name} & self.as_text) for j, name in enumerate(self.names)])
        plain = np.ones(n_columns, bool)
        # Which commas are decimal is seen in cells as they are written.
        mark = self.marks.decimal if self.commas.settled or self.marks.decimal == "." else "\0"
        read = read(text, self.delimiter + mark, sorted(MISSING), values, lines, is_text, plain)
        if read is None:
            return False
        n_rows, texts = read
        values, lines = values[:n_rows], lines[:n_rows] + self.lines.number + 1
        special, doubtful = {}, list[tuple[int, int, str]]()
        for j, cells in texts.items():
            codes = values[:, j].astype(np.int64)
            column = _column(cells, self.marks, bool({j, self.names[j]} & self.as_text))
            if column.dtype == np.float64:
                values[:, j] = column[codes]
                if not self.commas.settled:
                    firsts = np.unique(codes, return_index=True)[1]
                    doubtful += zip(lines[firsts].tolist(), [j] * len(cells), cells, strict=True)
            else:
                special[j] = column[codes]
                values[:, j] = np.nan
        for line, j, cell in sorted(doubtful):
            self.commas.see(line, j, [cell])
        self.plain -= {*texts, *np.flatnonzero(~plain).tolist()}
        self.lines.at = self.lines.size
        if n_rows:
            self._append(values, special, lines)
        return True

    def _records(self) -> tuple[list[list[str]], list[int]]:
        """Return the records up to the end of the block, or slightly beyond, and their lines."""
        lines, block = self.lines, self.lines.blocks
        records, numbers = [], []
        left = lines.block[lines.at :]
        if not any('"' in line or self._is_blank(line) for line in left):
            # Each line is a record.
            numbers = list(range(lines.number + 1, lines.number + 1 + len(left)))
            records = self._plain_records(left)
            lines.at = lines.size
        while lines.at < lines.size and lines.blocks == block:
            if self._is_blank(lines.block[lines.at]):
                lines.at += 1
                continue
            numbers.append(lines.number + 1)
            records.append(self._record())
        for record, number in zip(records, numbers, strict=True):
            if len(record) != len(self.names):
                few = len(record) < len(self.names)
                quote = "" if few else "quote cells that contain a delimiter, or "
                if not few and not self.pieces and number == numbers[0]:
                    quote = f"delete titles above the names of the columns, {quote}"
                raise DataError(
                    f"{self.where}:{number}: expected {len(self.names)} columns as in the first "
                    f"line, found {len(record)}; {quote}correct the line"
                )
        return records, numbers

    def _plain_records(self, lines: list[str]) -> list[list[str]]:
        """Return the records of lines without quotes."""
        try:
            records = list(csv.reader(lines, delimiter=self.delimiter))
        except csv.Error:
            return [self._record() for _ in lines]  # this error names the line
        return [[c for c in r if c] for r in records] if self.delimiter == " " else records

    def _keep(self, records: list[list[str]], numbers: list[int]) -> None:
        """Convert records to numbers, or text, column by column."""
        values = np.empty((len(records), len(self.names)))
        special = {}
        for j, cells in enumerate(zip(*records, strict=True)):
            column = _column(cells, self.marks, bool({j, self.names[j]} & self.as_text))
            if column.dtype == np.float64:
                values[:, j] = column
                if not self.commas.settled:
                    for number, cell in zip(numbers, cells, strict=True):
                        self.commas.see(number, j, [cell])
            else:
                special[j] = column
                values[:, j] = np.nan
        self.plain.clear()
        self._append(values, special, np.array(numbers, np.int64))

    def _append(
        self, values: NDArray[np.float64], special: dict[int, Array], lines: NDArray[np.int64]
    ) -> None:
        """Add a piece of `values` (n, C), which are NaN in special columns."""
        regular = lines[-1] - lines[0] + 1 == len(lines)
        numbers = range(lines[0], lines[-1] + 1) if regular else lines
        self.pieces.append(packed(values[:, :0] if self.only_text else values, special, numbers))

    def _check_memory(self) -> None:
        """After the first piece, refuse a file that does not fit into memory."""
        if len(self.pieces) == 1 and self.lines.blocks == 1:
            piece = self.pieces[0]
            share = (piece.small.nbytes + piece.large.nbytes) / len(self.lines.text)
            needed = 2 * share * self.path.stat().st_size
            check_free(int(needed), f"{self.where}: reading it", "convert it to Parquet")

    def _check_commas(self) -> None:
        """Refuse a file with a decimal comma whose commas could all be marks between thousands."""
        problem = self.commas.problem()
        if problem and self.commas.doubtful:
            line, j, cell = self.commas.doubtful
            at = f"{self.where}:{line}:{printable(self.names[j], 40)}"
            raise DataError(f"{at}: '{printable(cell.strip(), 40)}' {problem}")

    def _read_sample(self) -> None:
        """Read the first `SAMPLE_ROWS` lines of the block, and say so if there are more."""
        cut = self.lines.keep(SAMPLE_ROWS)
        self._read_piece()
        if cut or not self.lines.all_read():
            n_rows = sum(len(p.small) for p in self.pieces)
            self.unread = f"only the first {n_rows:,} rows were read"

    # --- the result

    def columns(self) -> Columns:
        """Join the pieces; each is freed as soon as it is copied."""
        n_rows = sum(len(p.small) for p in self.pieces)
        lines = [p.lines for p in self.pieces]
        all_lines = cache(lambda: np.concatenate([np.asarray(each, np.int64) for each in lines]))
        arrays = joined(self.pieces, n_rows, len(self.names))
        what = {"\t": "TSV table", " ": "text table"}.get(self.delimiter, "CSV table")
        kinds = tuple(map(kind_of, arrays))
        return Columns(
            self.names,
            arrays,
            kinds,
            n_rows,
            self.where,
            what,
            Places(lambda i: all_lines()[i]),
            self.named,
            self.marks,
            unread=self.unread,
            written=partial(_written, self.path, self.options, self.sample, n_rows),
            plain=frozenset(self.plain),
        )


def _written(
    path: Path, options: DataConfig, sample: bool, n_rows: int, which: Sequence[int]
) -> list[Array]:
    """Read the columns `which` (N,) of a file that was read before, each cell as it is written.

    Raises
    ------
    DataError
        If the file no longer has as many rows.
    """
    reading = _Reading(path, options, frozenset(which), sample, only_text=True)
    reading.run()
    if sum(len(p.small) for p in reading.pieces) != n_rows:
        raise DataError(f"{printable(path)}: changed while it was read; run again")
    none = np.empty(0, object)
    return [np.concatenate([none, *(p.special[j] for p in reading.pieces)]) for j in which]


_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


def _has_spaced_numbers(lines: list[str]) -> bool:
    """Return whether spaces cut all lines alike, with numbers; those in text would not."""
    cut = [line.split() for line in lines]
    return len({len(cells) for cells in cut}) == 1 and any(map(is_number, cut[-1]))


def _column(cells: Sequence[str], marks: NumberMarks, as_text: bool) -> Array:
    """Convert the cells of a column (n,) to float64, to int64 if only that is exact, or text."""
    if not as_text:
        values = _numbers(cells if marks == NumberMarks() else list(map(marks.plain, cells)))
        if values is not None:
            return values
    shared: dict[str, str] = {}  # equal cells share one string
    column = np.empty(len(cells), object)
    column[:] = [shared.setdefault(cell, cell) for cell in map(str.strip, cells)]
    return column


def _numbers(cells: Any) -> Array | None:
    """Convert cells to numbers (n,), NaN if missing; None if one is neither."""
    try:
        each = map(float, cells) if is_plain("".join(cells)) else _or_missing(cells)
        values = np.fromiter(each, np.float64, len(cells))
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
        if is_number(cell):
            yield float(cell)
        elif is_missing(cell):
            yield math.nan
        else:
            raise ValueError
