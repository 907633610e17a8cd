"""Describes each column of a table: its type, examples, missing cells and role."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hiddenstate.data.readers.cells import text_cells
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.profiles import cell_text, missing_cells
from hiddenstate.errors import printable

MAX_DESCRIBED = 1000
"""Largest number of columns that are described."""

EXAMPLES, EXAMPLE_ROWS = 3, 100
"""Different values given as examples, and the number of first rows they are taken from."""


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of one column.

    Parameters
    ----------
    name : str
        As in the file, not yet made printable.
    kind : {"number", "boolean", "text", "date", "nested"}
    examples : tuple of str
        Some different values.
    missing : int
        Number of missing cells among the rows that were read.
    role : str
        What it is used for: `input`, `label`, ...; or `left out` and why.
    """

    name: str
    kind: str
    examples: tuple[str, ...]
    missing: int
    role: str


def describe_columns(columns: Columns, roles: Roles) -> tuple[ColumnFacts, ...]:
    """Describe the columns of a sample in memory; at most `MAX_DESCRIBED`.

    Columns with a role other than input come first where there are more columns than that.

    Parameters
    ----------
    columns : Columns
    roles : Roles
        Those that the columns have, or would get.
    """
    names = _role_names(roles)
    order = list(range(len(columns.names)))
    if len(order) > MAX_DESCRIBED:
        others = [j for j in order if names.get(j, "input") != "input"][: MAX_DESCRIBED // 2]
        order = sorted({*others, *order[: MAX_DESCRIBED - len(others)]})
    return tuple(_describe(columns, j, names) for j in order)


def _describe(columns: Columns, j: int, roles: Mapping[int, str]) -> ColumnFacts:
    kind, name, role = columns.kinds[j], columns.names[j], roles.get(j, "left out")
    if kind == "nested":
        return ColumnFacts(name, kind, (), 0, role)
    kind = "date" if columns.profile(j).content == "date" else kind
    cells = columns.arrays[j]
    if columns.profile(j).holds_truths:
        kind, cells = "boolean", text_cells(columns, j)
    absent = missing_cells(cells)
    present = np.flatnonzero(~absent[:EXAMPLE_ROWS])
    examples = dict.fromkeys(_example(cells[row]) for row in present.tolist())
    return ColumnFacts(name, kind, tuple(examples)[:EXAMPLES], int(absent.sum()), role)


def _example(value: object) -> str:
    """Return a value in at most 20 characters."""
    if isinstance(value, (float, np.floating)) and not float(value).is_integer():
        return f"{float(value):.6g}"
    return printable(cell_text(value), 20)


def _role_names(roles: Roles) -> dict[int, str]:
    """Return the role of each column that has one, in words."""
    names = dict.fromkeys(roles.inputs, "input")
    for which, words in ((roles.ahead, "known ahead"), (roles.static, "static")):
        names |= {j: f"{names[j]}, {words}" if j in names else words for j in which}
    for j in roles.targets:
        names[j] = f"{names[j]}, target" if j in names else "target"
    held = [(role, getattr(roles, role)) for role in ("label", "time", "group", "weight")]
    for role, j in [*(("id", j) for j in roles.id), *held]:
        if j is not None:
            names[j] = f"{names[j]}, {role}" if j in names else role
    return {j: f"left out ({why.value})" for j, why in roles.unused.items()} | names
