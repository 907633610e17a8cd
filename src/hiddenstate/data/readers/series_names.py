"""Numbers the series of a long table, and names them."""

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data.readers.cells import plain_values
from hiddenstate.data.readers.column_roles import Roles
from hiddenstate.data.readers.columns import Columns, numbered, refuse_missing
from hiddenstate.data.readers.profiles import cell_text
from hiddenstate.errors import printable
from hiddenstate.system.typing import Array


def ids_of_rows(columns: Columns, roles: Roles, rows: Array) -> Array | None:
    """Return the names of the series of some rows (n,), or None if they have none."""
    if len(roles.id) < 2:
        return plain_values(columns.arrays[roles.id[0]])[rows] if roles.id else None
    names = np.empty(len(rows), object)
    names[:] = [series_words(columns, roles, row) for row in rows]
    return names


def series_words(columns: Columns, roles: Roles, row: int) -> str:
    """Return the name of the series of a row: `A` or, of two columns, `site=A, sensor=3`."""
    values = [cell_text(plain_values(columns.arrays[j][row : row + 1])[0]) for j in roles.id]
    if len(values) == 1:
        return values[0]
    names = (printable(columns.names[j], 40) for j in roles.id)
    return ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def series_of_rows(columns: Columns, roles: Roles) -> NDArray[np.int64]:
    """Return the number of each row's series (N,), in the order of first appearance."""
    for j in roles.id:
        refuse_missing(columns, j, "belongs to no series")
    return numbered(columns, roles.id)


def series_name(columns: Columns, roles: Roles, row: int) -> str:
    return f"series {series_words(columns, roles, row)}" if roles.id else "the file"
