"""Turns cells that have types of their own, as in JSON, into the columns of a table."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from hiddenstate.data.readers.columns import EXACT, Columns
from hiddenstate.data.readers.profiles import is_whole, missing_cells
from hiddenstate.system.typing import Array


def plain_values(array: Array) -> Array:
    """Return ids or times (n,) as they are written: whole numbers as integers, dates as text.

    If a number is missing, all are text, of which that is empty.
    """
    if array.dtype.kind == "M":
        known = array[~np.isnat(array)]
        units = ("D", "s", "ms", "us")  # every cell has the same parts: days, or at least seconds
        whole = (unit for unit in units if (known == known.astype(f"M8[{unit}]")).all())
        unit: Any = next(whole, "ns")
        texts = np.datetime_as_string(array, unit=unit)
        return np.where(np.isnat(array), "", texts).astype(object)
    present = ~np.isnan(array) if array.dtype.kind == "f" else np.zeros(0, bool)
    some = array[present] if len(present) else present
    if not len(some) or not is_whole(some) or np.abs(some).max() >= 2.0**63:
        return array
    if present.all():
        return array.astype(np.int64)
    texts = np.full(len(array), "", object)
    texts[present] = [str(int(value)) for value in array[present]]
    return texts


def cell_array(cells: Sequence[Any]) -> Array:
    """Return cells as a column (n,) of numbers, text or dates, as in `Columns.arrays`.

    Parameters
    ----------
    cells : sequence
        Each a number, text, a truth value, a date or None if missing. One text, or truth value,
        makes all of them text: `true` and `false`, as they are written in text files.
    """
    if all(type(cell) in _NUMBERS for cell in cells):
        values = np.array([math.nan if cell is None else cell for cell in cells], np.float64)
        if np.abs(values).max(initial=0, where=np.isfinite(values)) >= EXACT:
            try:
                return np.array([_whole(cell) for cell in cells], np.int64)
            except (TypeError, OverflowError):
                pass
        return values
    if all(cell is None or isinstance(cell, datetime) for cell in cells):
        return np.array(cells, "datetime64[us]")
    shared: dict[str, str] = {}  # equal cells share one string
    column = np.empty(len(cells), object)
    column[:] = [shared.setdefault(text, text) for text in map(_text, cells)]
    return column


def joined(parts: Sequence[Array]) -> Array:
    """Join parts of a column, which becomes text if one of them is, or only some are dates."""
    kinds = {part.dtype.kind for part in parts if not missing_cells(part).all()}
    if kinds == {"M"}:
        return np.concatenate(
            [
                part if part.dtype.kind == "M" else np.full(len(part), "NaT", "datetime64[us]")
                for part in parts
            ]
        )
    if kinds & {"O", "M"}:
        return np.concatenate([as_text(part) for part in parts])
    parts = [part if part.dtype.kind in "fi" else np.full(len(part), np.nan) for part in parts]
    large = any(part.dtype == np.int64 for part in parts) and all(map(is_whole, parts))
    return np.concatenate([part.astype(np.int64 if large else np.float64) for part in parts])


def with_texts(columns: Columns, names: Sequence[str]) -> Columns:
    """Return a table whose columns `names`, but for nested ones, are text."""
    arrays, kinds = list(columns.arrays), list(columns.kinds)
    for name in names:
        j = columns.positions.get(name)
        if j is not None and kinds[j] != "nested":
            arrays[j], kinds[j] = text_cells(columns, j), "text"
    return replace(columns, arrays=arrays, kinds=tuple(kinds))


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
    if isinstance(cell, datetime):
        return cell.isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)


def text_cells(columns: Columns, j: int) -> Array:
    """Return column `j` (N,) as text; true and false are words."""
    cells = columns.arrays[j]
    if j not in columns.truths or cells.dtype.kind == "O":
        return as_text(cells)
    words = np.where(cells == 1, "true", "false").astype(object)
    words[missing_cells(cells)] = ""
    return words


def as_text(part: Array) -> Array:
    """Return a column (n,) as text, each cell as a text file has it; empty if missing."""
    if part.dtype.kind == "O":
        return part
    texts = np.empty(len(part), object)
    texts[:] = [
        "" if absent else _text(cell)
        for absent, cell in zip(missing_cells(part), plain_values(part).tolist(), strict=True)
    ]
    return texts
