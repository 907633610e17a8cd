"""Turns cells that have types of their own, as in JSON, into the columns of a table."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hiddenstate.data.readers.columns import EXACT, is_whole, plain_values
from hiddenstate.system.typing import Array


def cell_array(cells: Sequence[Any]) -> Array:
    """Return cells as a column (n,) of numbers or text, as in `Columns.arrays`.

    Parameters
    ----------
    cells : sequence
        Each a number, text, a truth value or None if missing. One text, or truth value, makes all
        of them text: `true` and `false`, as they are written in text files.
    """
    if all(type(cell) in _NUMBERS for cell in cells):
        values = np.array([math.nan if cell is None else cell for cell in cells], np.float64)
        if np.abs(values).max(initial=0, where=np.isfinite(values)) >= EXACT:
            try:
                return np.array([_whole(cell) for cell in cells], np.int64)
            except (TypeError, OverflowError):
                pass
        return values
    shared: dict[str, str] = {}  # equal cells share one string
    column = np.empty(len(cells), object)
    column[:] = [shared.setdefault(text, text) for text in map(_text, cells)]
    return column


def joined(parts: Sequence[Array]) -> Array:
    """Join parts of a column, which becomes text if one of them is."""
    if any(part.dtype.kind == "O" for part in parts):
        return np.concatenate([_as_text(part) for part in parts])
    large = any(part.dtype == np.int64 for part in parts) and all(map(is_whole, parts))
    return np.concatenate([part.astype(np.int64 if large else np.float64) for part in parts])


_NUMBERS = (int, float, type(None))


def _whole(cell: Any) -> int:
    if type(cell) is not int:
        raise TypeError("not a whole number")
    return cell


def _text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def _as_text(part: Array) -> Array:
    if part.dtype.kind == "O":
        return part
    texts = np.empty(len(part), object)
    texts[:] = [
        "" if isinstance(cell, float) and math.isnan(cell) else _text(cell)
        for cell in plain_values(part).tolist()
    ]
    return texts
