"""Finds the inputs of a table that are numbers but only identify a row: a customer number."""

from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import ALL
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.profiles import is_whole
from hiddenstate.data.readers.role_guesses import says_id, says_number
from hiddenstate.data.store import RowStore


def numbered_ids(d: SequenceDataset, options: DataConfig) -> tuple[str, ...]:
    """Return the inputs of a table that are numbers, but ids by their names, if others are left.

    Numbers of wide rows are ids too if their name says number, and none occurs twice. Those that
    `--input` names are meant to be inputs.
    """
    if options.input not in (None, ALL) or "layout" not in d.read_as:
        return ()
    names = d.names or ()
    ids = tuple(
        name
        for j, name in enumerate(names)
        if says_id(name) or (says_number(name) and _differ(d.X, j))
    )
    return ids if len(ids) < len(names) else ()


def _differ(X: Any, j: int) -> bool:
    """Return whether a column of wide rows (N, F) holds another whole number in each row."""
    if X.ndim > 2 or isinstance(X, RowStore) or j >= X.shape[1]:
        return False
    values = X[:, j].astype(np.float64)
    return is_whole(values) and len(np.unique(values)) == len(values)
