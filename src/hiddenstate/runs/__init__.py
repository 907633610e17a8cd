"""The run folder: everything that reads it or writes in it."""

from hiddenstate.runs.run import Run, find_run, list_runs

__all__ = ["Run", "find_run", "list_runs"]
