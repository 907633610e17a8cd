"""Says what a column holds: numbers, dates, few or many different texts."""

from typing import Literal

from hiddenstate.data.prepare.encoding import MAX_VALUES
from hiddenstate.data.readers.columns import Columns, holds_numbers
from hiddenstate.data.readers.dates import compact_readings, looks_like_times, says_time

Content = Literal["number", "date", "category", "text", "nested"]
"""What a column holds: `category` is text with few different values, each of several rows."""


def content_of(columns: Columns, j: int) -> Content:
    """Return what column `j` holds.

    Text cells that are all numbers, or all true and false, are numbers; text of which at least
    half looks like dates or times of day is a date, and so are whole numbers such as 20241231 if
    the name of their column says so.
    """
    kind = columns.kinds[j]
    if kind == "nested":
        return "nested"
    if kind == "date" or not columns.n_rows:
        return "date" if kind == "date" else "number" if kind == "number" else "text"
    if kind == "number":
        return "date" if _holds_compact_dates(columns, j) else "number"
    cells = columns.arrays[j]
    if holds_numbers(columns, j):
        return "number"
    if looks_like_times(cells, columns.names[j]):
        return "date"
    n = len(set(cells) - {""})
    return "category" if n <= MAX_VALUES and 2 * n <= len(cells) else "text"


def _holds_compact_dates(columns: Columns, j: int) -> bool:
    """Return whether a column of numbers holds dates such as 20241231; reads few columns."""
    name = columns.names[j]
    return says_time(name) and bool(compact_readings(columns.arrays[j], name))
