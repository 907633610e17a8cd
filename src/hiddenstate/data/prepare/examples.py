"""Decides whether the rows of a table are the time steps of one series, or examples of their own.

Rows of a series resemble the rows before them. Rows that do not, in any column, are examples, and
:mod:`hiddenstate.data.prepare.wide` decides what their columns are.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.store import RowStore
from hiddenstate.errors import Setting, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.notice import offering
from hiddenstate.system.typing import Array

FIRST_ROWS, FEWEST_ROWS = 2000, 50
"""Number of first rows that are compared, and the smallest number of rows that tells anything."""

DEVIATIONS, LEAST = 3.0, 0.2
"""Rows follow one another if the correlation of a column with itself one row later exceeds this
many standard deviations of the correlation of random rows, 1 / sqrt(rows), and this value."""

FAR, NEARER = 3, 0.75
"""And if the mean square difference of neighbours is below this share of that of rows `FAR` apart.
Measured: 0.1 to 0.35 for smooth signals, 0.57 for a correlation of 0.5; 0.77 to 0.86 for iris,
which is sorted by class, so that distant rows are alike too."""

OF_STEPS = ("horizon", "window", "stride", "change", "linear", "future", "static", "id", "time")
"""Options that say that rows are time steps, whatever their value."""


def are_examples(
    dataset: SequenceDataset, job: str, given: Mapping[str, Any], trained: str | None = None
) -> bool:
    """Return whether rows that `regress` read as one series are examples of their own.

    Parameters
    ----------
    dataset : SequenceDataset
        As read, X (1, T, I).
    job : str
        Name of a job.
    given : mapping
        The options that were set, by name.
    trained : str, optional
        The layout of the model whose weights training starts from, which then decides.
    """
    if not kind_of(job).has_targets or given.get("layout") not in (None, "auto"):
        return False
    if dataset.read_as.keys() & {"layout", "id", "time"} != {"layout"}:
        return False
    of_steps = any(given.get(name) not in (None, False) for name in (*OF_STEPS, "stateful"))
    of_steps |= given.get("output") == "steps" or given.get("recipe") == "classic"
    of_steps |= given.get("missing") == "forward" or given.get("split") == "time"
    rows = dataset.train
    if of_steps or len(rows) != 1 or rows.y is None or isinstance(rows.X, RowStore):
        return False
    if trained is not None:
        return trained != "long"
    return not rows_follow(np.concatenate([rows.X[0, :FIRST_ROWS], rows.y[0, :FIRST_ROWS]], axis=1))


def examples_remark(dataset: SequenceDataset) -> str:
    """Say that rows are read as examples, and how to say otherwise."""
    text = (
        f"{printable(dataset.name)}: each row is read as an example of its own: neighbouring rows "
        "are no more alike than others; if rows are time steps of one series, "
    )
    return offering(text, Setting("add", layout="long"))


def rows_follow(rows: Array) -> bool:
    """Return whether the rows (N, F) of a table are alike one after the other, as in a series.

    Columns that only rise or fall do not count: they number the rows, or the table is sorted by
    them. Few rows are taken to follow one another.
    """
    rows = rows[:FIRST_ROWS].astype(np.float64)
    if len(rows) < FEWEST_ROWS:
        return True
    return any(_follows(column[np.isfinite(column)]) for column in rows.T)


def _follows(values: Array) -> bool:
    """Return whether values (n,) are correlated with those one row later, by their ranks.

    Those of a table that is sorted in blocks are not, as rows further apart are as much alike.
    """
    steps = np.diff(values)
    if len(values) < FEWEST_ROWS or (steps >= 0).all() or (steps <= 0).all():
        return False
    ranks = np.unique(values, return_inverse=True)[1].astype(np.float64)
    ranks -= ranks.mean()
    correlation = float(ranks[1:] @ ranks[:-1] / (ranks @ ranks))
    if abs(correlation) <= max(LEAST, DEVIATIONS / math.sqrt(len(values))):
        return False
    near, far = (float(np.square(ranks[k:] - ranks[:-k]).mean()) for k in (1, FAR))
    return correlation < 0 or near < NEARER * far
