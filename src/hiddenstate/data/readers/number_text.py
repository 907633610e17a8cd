"""Reads numbers as people write them: with a decimal mark, and a mark between thousands."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from hiddenstate.config import DataConfig
from hiddenstate.errors import Hint, OptionError, Setting

SPACES = " \u00a0\u202f"
"""What `--thousands space` means: a space, or one that does not break the line."""

_SWAPPED = str.maketrans(",.", ".,")

_LIKE_THOUSANDS = re.compile(r"\s*[-+]?[1-9][0-9]{0,2}(,[0-9]{3})+\s*")
"""A number whose commas could be marks between thousands."""


def is_number(cell: str) -> bool:
    """Return whether a cell is a number as Python writes it; NaN and inf are numbers too.

    Digits are those of ASCII, as in all other formats. Exported programs and pages have this rule
    too, in `export/python/values` and `web/table.js`.
    """
    try:
        float(cell)
    except ValueError:
        return False
    return is_plain(cell)


def is_plain(cell: str) -> bool:
    """Return whether a cell has only what Python allows in a number and other formats do too."""
    return "_" not in cell and (cell.isascii() or cell.strip().isascii())


@dataclass(frozen=True)
class NumberMarks:
    """The marks of numbers in a text file.

    Parameters
    ----------
    decimal : {".", ","}
    thousands : {",", ".", "'", "space"}, optional
    """

    decimal: str = "."
    thousands: str | None = None

    @classmethod
    def of(cls, options: DataConfig) -> "NumberMarks":
        """Return the marks that reading options name.

        Raises
        ------
        OptionError
            If one mark has two meanings.
        """
        decimal, thousands = options.decimal, options.thousands
        if decimal == thousands:
            other = Setting("add", decimal=",") if decimal == "." else "leave out --decimal"
            text = f"--thousands: {decimal} is the decimal mark already"
            raise OptionError(text, "leave it out", other)
        return cls(decimal, thousands)

    @cached_property
    def _grouped(self) -> re.Pattern[str]:
        """A number with a mark between all its thousands."""
        mark, point = f"[{self._thousands}]", re.escape(self.decimal)
        fraction = rf"({point}[0-9]*)?([eE][-+]?[0-9]+)?"
        return re.compile(rf"\s*[-+]?[0-9]{{1,3}}({mark}[0-9]{{3}})+{fraction}\s*")

    @property
    def _thousands(self) -> str:
        return SPACES if self.thousands == "space" else self.thousands or ""

    def plain(self, cell: str) -> str:
        """Return a number as Python writes it; a cell with marks elsewhere is then no number."""
        if self.thousands is not None and self._grouped.fullmatch(cell):
            cell = cell.strip().translate(dict.fromkeys(map(ord, self._thousands)))
        return cell.translate(_SWAPPED) if self.decimal == "," else cell

    def reads(self, cell: str) -> bool:
        """Return whether a cell is a number with these marks."""
        return is_number(self.plain(cell))

    def problem(self, texts: Mapping[str, int]) -> tuple[str, Hint] | None:
        """Say with which marks at least half of the cells of a column would be numbers.

        Parameters
        ----------
        texts : mapping
            Cells that are no numbers, in the order of the file, and how often each occurs.

        Returns
        -------
        tuple of str and Hint, or None
            What is wrong with the first text, and a hint; None if nothing would help.
        """
        comma = NumberMarks(",")
        others = [NumberMarks(self.decimal, mark) for mark in (",", ".", "'", "space")]
        choices = [comma, *others, NumberMarks(",", ".")]
        choices = [c for c in choices if c.decimal != c.thousands and self.thousands is None]
        choices = [c for c in choices if self.decimal in (".", c.decimal) and c != self]
        counts = {
            marks: sum(n for text, n in texts.items() if marks.reads(text)) for marks in choices
        }
        most = max(counts.values(), default=0)
        if 2 * most < max(sum(texts.values()), 1):
            return None
        best = [marks for marks in choices if counts[marks] == most]
        first = next(iter(texts))
        if {comma, NumberMarks(".", ",")} <= set(best):
            return (
                f"may be {_grouped_value(first)} or, with a decimal comma, {comma.plain(first)}",
                "add --thousands ',' or --decimal ',' --thousands '.'",
            )
        options: dict[str, str | int | bool] = {}
        if best[0].decimal != self.decimal:
            options["decimal"] = best[0].decimal
        if best[0].thousands is not None:
            options["thousands"] = best[0].thousands
        what = "a mark between thousands" if best[0].thousands else "a decimal comma"
        return f"has {what}", Setting("add", **options)


class CommaCheck:
    """Checks that commas which are read as decimal commas cannot be marks between thousands.

    A single number that can only have a decimal comma, such as 0,5, settles it for the file.
    """

    def __init__(self, marks: NumberMarks) -> None:
        self.settled = marks != NumberMarks(",")
        self.doubtful: tuple[int, int, str] | None = None
        """Line, column and text of the first number that could be either."""

    def see(self, line: int, column: int, cells: Iterable[str]) -> None:
        """Look at cells of a line, which are numbers or missing, from `column` on."""
        for j, cell in enumerate(cells, column):
            if self.settled or "," not in cell:
                continue
            if not _LIKE_THOUSANDS.fullmatch(cell):
                self.settled = True
            elif self.doubtful is None:
                self.doubtful = line, j, cell

    def problem(self) -> str | None:
        """Say that the commas could be marks between thousands; None if they cannot."""
        if self.settled or self.doubtful is None:
            return None
        cell = self.doubtful[2]
        return (
            f"may be {NumberMarks(',').plain(cell).strip()} or, with marks between thousands, "
            f"{_grouped_value(cell)}, as all numbers with a comma; add --thousands '.' or use "
            "--thousands ',' without --decimal"
        )


def _grouped_value(cell: str) -> str:
    return NumberMarks(".", ",").plain(cell).strip()
