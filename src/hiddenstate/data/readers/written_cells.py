"""Reads single columns of a delimited text file as they are written, without the others."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.text_lines import TextLines
from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array


def is_blank(line: str, delimiter: str) -> bool:
    """Return whether a line holds no row; a line of delimiters alone is a row."""
    return not line or (line.isspace() and (delimiter == " " or delimiter not in line))


@dataclass(frozen=True)
class WrittenCells:
    """The cells of a file whose rows were read before, so that each is known to be complete.

    Parameters
    ----------
    path : Path
    options : DataConfig
    delimiter : str
    has_header : bool
        Whether the first row names the columns.
    n_columns, n_rows : int
        Number of columns, and of rows that are read below the header.
    """

    path: Path
    options: DataConfig
    delimiter: str
    has_header: bool
    n_columns: int
    n_rows: int

    def columns(self, which: Sequence[int]) -> list[Array]:
        """Read the columns `which` (N,) as str objects, without the spaces around a cell.

        Raises
        ------
        DataError
            If the file cannot be read, or no longer has as many rows as before.
        """
        found: list[list[str]] = [[] for _ in which]
        shared: dict[str, str] = {}  # equal cells share one string
        lines = TextLines(self.path, self.options.encoding, self.options.max_unpacked)
        reader = csv.reader(
            lines, delimiter=self.delimiter, skipinitialspace=self.delimiter not in " \t"
        )
        skip = int(self.has_header)
        try:
            while lines.fill() and (not found or len(found[0]) < self.n_rows):
                line = lines.block[lines.at]
                if is_blank(line, self.delimiter):
                    lines.at += 1
                    continue
                if '"' in line:
                    cells = self._without_empty(next(reader))
                    cells = [cells[j] for j in which]
                else:
                    lines.at += 1
                    cells = [self._cell(line, j) for j in which]
                if skip:
                    skip = 0
                    continue
                for column, cell in zip(found, cells, strict=True):
                    cell = cell.strip()
                    column.append(shared.setdefault(cell, cell))
        except (IndexError, StopIteration, csv.Error):
            raise self._changed() from None
        finally:
            lines.close()
        if any(len(column) != self.n_rows for column in found):
            raise self._changed()
        return [np.array(column, object) for column in found]

    def _cell(self, line: str, j: int) -> str:
        """Return cell `j` of a line without quotes."""
        if self.delimiter == " ":
            cells = self._without_empty(line.split(" "))
            return (cells if len(cells) == self.n_columns else line.split())[j]
        if 2 * j < self.n_columns:
            return line.split(self.delimiter, j + 1)[j]
        return line.rsplit(self.delimiter, self.n_columns - j)[j - self.n_columns]

    def _without_empty(self, cells: list[str]) -> list[str]:
        return [cell for cell in cells if cell] if self.delimiter == " " else cells

    def _changed(self) -> DataError:
        return DataError(f"{printable(self.path)}: changed while it was read; run again")
