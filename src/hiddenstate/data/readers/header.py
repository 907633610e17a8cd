"""Tells whether the first line of a text file names its columns."""

import itertools

from hiddenstate.data.readers.number_text import is_number
from hiddenstate.data.readers.profiles import is_missing

MIN_COUNTING = 10
"""Smallest number of cells 0, 1, 2, ... that are a header and not a row of data."""


def is_header(first: list[str], second: list[str]) -> bool:
    """Return whether the first line is a header and not a row like the second.

    It is a header if no cell is a number; if there is a name above a number; if there is a name and
    the numbers count up (columns 0, 1, 2, ... or years); or if it is long and counts up from 0.
    """
    texts = [k for k, cell in enumerate(first) if not is_number(cell) and not is_missing(cell)]
    counts = _counts_up(first)
    if texts:
        over_number = any(k < len(second) and is_number(second[k]) for k in texts)
        no_number = not any(is_number(cell) and not is_missing(cell) for cell in first)
        return no_number or over_number or (counts and not _counts_up(second))
    plain = first[1:] if first[0] == "" else first  # pandas leaves the name of row numbers empty
    return counts and len(plain) >= MIN_COUNTING and plain[0] == "0"


def _counts_up(cells: list[str]) -> bool:
    """Return whether the numbers among cells are at least 3 whole numbers, each 1 larger."""
    numbers = [cell for cell in cells if is_number(cell) and not is_missing(cell)]
    if len(numbers) < 3 or not all(cell.isdecimal() and len(cell) < 10 for cell in numbers):
        return False
    return all(int(b) == int(a) + 1 for a, b in itertools.pairwise(numbers))
