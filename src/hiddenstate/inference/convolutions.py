"""Says for which rows fixed convolutions are a baseline of a net.

They are what people would otherwise use for labelled series: see
:mod:`hiddenstate.models.convolutions`.
"""

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.kernels import level
from hiddenstate.models.convolutions import MOST_ROWS

LEAST_STEPS, MOST_NUMBERS = 9, 3_000_000
"""What is read as a series, and what takes a few seconds."""


def applies_to(train: Rows, test: Rows) -> bool:
    """Return whether rows are series of nine steps or more, few enough to be quick with kernels."""
    n_rows, shape = len(train) + len(test), train.X.shape
    steps = shape[1] if train.lengths is None else int(np.median(train.lengths))
    enough = train.y is not None and len(np.unique(train.y)) > 1
    small = n_rows <= MOST_ROWS and n_rows * shape[1] * shape[2] <= MOST_NUMBERS
    return level() is not None and enough and small and steps >= LEAST_STEPS
