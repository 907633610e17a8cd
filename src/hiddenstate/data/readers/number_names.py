"""Reads numbers that are names as text, where 007 and 7, or 1 and 1.0, would become one number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data.description import like_numbers
from hiddenstate.data.readers.cells import text_cells
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.number_text import is_number
from hiddenstate.data.readers.profiles import cell_text, missing_cells
from hiddenstate.errors import DataError, listed, printable
from hiddenstate.system.typing import Array

_ZERO_FIRST = re.compile(r"[-+]?0\d")


@dataclass(frozen=True)
class Names:
    """Which columns of a table may be read as text, though all their cells are numbers.

    Parameters
    ----------
    columns : sequence of str, optional
        The only ids, groups and labels that may be; by default, all of them.
    label : bool, optional
        Whether the label is; by default, that follows from its cells.
    """

    columns: Sequence[str] | None = None
    label: bool | None = None

    @classmethod
    def like(cls, labels: Sequence[object]) -> "Names":
        """Return how to read further data, for training data with these labels, if any."""
        if not labels:
            return cls()
        texts = [label for label in labels if isinstance(label, str) and is_number(label)]
        return cls(label=reason_for_text(texts, [float(text) for text in texts]) != "")


def with_names_as_text(
    columns: Columns, roles: Roles, names: Names, where: str
) -> tuple[Columns, tuple[str, ...], tuple[str, ...]]:
    """Return a table with the text of its ids, groups and labels, where their numbers say less.

    Parameters
    ----------
    columns : Columns
    roles : Roles
    names : Names
    where : str
        Name of the data in remarks.

    Returns
    -------
    columns : Columns
    as_text : tuple of str
        The names of the columns that became text.
    remarks : tuple of str
        Which they are, and why.

    Raises
    ------
    DataError
        If such a column is an input too, which reads different texts as one number.
    """
    held = [j for j in (*roles.id, roles.group, roles.label) if j is not None]
    which = [j for j in dict.fromkeys(held) if _may_be_text(columns, j, roles, names)]
    truths = [j for j in which if j in columns.truths and j not in roles.inputs]
    if truths and names.label is not False:
        arrays, kinds = list(columns.arrays), list(columns.kinds)
        for j in truths:
            arrays[j], kinds[j] = text_cells(columns, j), "text"
        columns = replace(columns, arrays=arrays, kinds=tuple(kinds))
        return columns, tuple(columns.names[j] for j in truths), ()
    # Plain cells are as different as their numbers.
    which = [j for j in which if j not in columns.plain or (j == roles.label and names.label)]
    if columns.written is None or not which:
        return columns, (), ()
    arrays, kinds = list(columns.arrays), list(columns.kinds)
    reasons, merged = {}, []
    for j, cells in zip(which, columns.written(which), strict=True):
        cells[missing_cells(arrays[j])] = ""
        present = cells != ""
        reason = reason_for_text(cells[present].tolist(), arrays[j][present].tolist())
        is_label = j == roles.label and j not in roles.id and names.label is not None
        if not reason and not (is_label and names.label):
            continue
        name = printable(columns.names[j], 40)
        if is_label and not names.label:
            merged += [f"{where}: {name} is read as numbers, as in training: {reason}"]
        elif j in roles.inputs:
            _refuse_one_number(columns, j, cells)
        else:
            arrays[j], kinds[j] = cells, "text"
            reasons[columns.names[j]] = f"{name} ({reason})" if reason else name
    if not reasons:
        return columns, (), tuple(merged)
    remark = f"{where}: read as text: {listed(list(reasons.values()), each=80)}"
    columns = replace(columns, arrays=arrays, kinds=tuple(kinds))
    return columns, tuple(reasons), (remark, *merged)


def _may_be_text(columns: Columns, j: int, roles: Roles, names: Names) -> bool:
    """Return whether a column holds numbers that may be names."""
    if columns.kinds[j] != "number":
        return False
    if names.columns is not None and columns.names[j] not in names.columns:
        return False
    return j != roles.label or names.label is not None or not like_numbers(columns.arrays[j])


def reason_for_text(texts: Sequence[str], values: Sequence[float]) -> str:
    """Say why texts, which are these numbers, say more than those; empty if they do not."""
    first: dict[float, str] = {}
    zero = ""
    for text, value in dict(zip(texts, values, strict=True)).items():
        if first.setdefault(value, text) != text:
            pair = sorted((first[value], text), key=len, reverse=True)
            return f"{printable(pair[0], 40)} and {printable(pair[1], 40)} would be one number"
        zero = zero or (text if _ZERO_FIRST.match(text) else "")
    return f"{printable(zero, 40)} starts with a zero" if zero else ""


def _refuse_one_number(columns: Columns, j: int, cells: Array) -> None:
    """Refuse different texts of one number in a column that is an input too."""
    first: dict[float, int] = {}
    for row, (value, text) in enumerate(zip(columns.arrays[j].tolist(), cells, strict=True)):
        before = first.setdefault(value, row)
        if text and cells[before] != text:
            raise DataError(
                f"{columns.at(row, j)}: {printable(text, 40)} here and "
                f"{printable(cells[before], 40)} at {columns.row(before)} are the number "
                f"{cell_text(np.float64(value))} as an input; leave the column out of --input, or "
                "write them alike"
            )
