"""The run folder: everything that reads it or writes in it."""

from hiddenstate.runs.listing import find_run, list_runs
from hiddenstate.runs.run import Run

__all__ = ["Run", "find_run", "list_runs"]
