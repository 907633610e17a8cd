"""What the times of a regression are called: as the column that has them is."""

from typing import Any

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.runs import Run

LETTERS = 40
"""Letters of a column's name that are kept."""


def time_column(run: Run) -> str:
    """Return the column that orders steps, named by an option or found by its name; empty if there
    is none, and for runs of release 0.5 without the option."""
    column = run.config.flat().get("time") or run.data_fact("time")
    return printable(column, LETTERS) if column else ""


def clock_of(run: Run, facts: Any, time: Any) -> str:
    """Return what times are: the column that has them, "time" without one, steps, or rows.

    Parameters
    ----------
    run : Run
    facts : StaticFacts
        Those of the run.
    time : array-like
        Some of the times.
    """
    column = "" if facts.dates else time_column(run)  # dates are numbered
    if column:
        return column
    steps = np.diff(np.asarray(time, float).ravel()[:2])
    has_time = facts.time_step is not None and not facts.dates
    if has_time or run.data_fact("source") == "bundled" or not (steps == 1).all():
        return "time"
    of_table = "columns" in run.data_record() and run.data_fact("source") == "file"
    alone = of_table and not time_column(run) and not run.config.flat().get("id")
    return "row" if alone else "step"


def axis_of(run: Run, facts: Any, time: Any) -> str:
    """Return the same of held-out steps, whose dates are not numbered."""
    return (time_column(run) or "date") if facts.dates else clock_of(run, facts, time)
