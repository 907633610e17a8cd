"""Carries a hidden state over rows that are consecutive windows of one signal."""

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.engines import Predictor
from hiddenstate.errors import DataError
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array


def check_equal(rows: Rows) -> None:
    """Refuse rows of unequal length, which have no state in common (`DataError`)."""
    if rows.lengths is not None:
        raise DataError("forward: the rows of X must have equal length; pass them one by one")


def follow_each(predictor: Predictor, rows: Rows, lengths: Array) -> Array:
    """Return the outputs of consecutive windows of unequal length, padded with zeros."""
    state: Params = {}
    parts = []
    for row, n in zip(rows.X, lengths, strict=True):
        output, state = predictor.follow(row[None, :n], state)
        if output.ndim == 3:
            output = np.pad(output, ((0, 0), (0, len(row) - n), (0, 0)))
        parts.append(output)
    return np.concatenate(parts)
