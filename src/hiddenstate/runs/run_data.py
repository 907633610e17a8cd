"""The data a run was made from, unchanged or refused."""

from hiddenstate.data import PreparedDataset, load_dataset
from hiddenstate.errors import (
    DataError,
    printable,
)
from hiddenstate.runs import Run


def run_dataset(run: Run) -> PreparedDataset:
    """Load the data a run was made from.

    Raises
    ------
    DataError
        If it was arrays in Python, which no command can load again.
    """
    if run.data_fact("source") == "arrays":
        raise DataError(
            f"{printable(run.path)}: was made from arrays in Python, which no command can load; "
            "name a file, or go on from Python"
        )
    return load_dataset(run.config)


def unchanged_dataset(run: Run) -> PreparedDataset:
    """As :func:`run_dataset`, sure that it is what the run began with (`DataError`)."""
    dataset = run_dataset(run)
    change = data_change(run, dataset)
    if change:
        raise DataError(f"{change}; restore it, or name the data to use")
    return dataset


def data_change(run: Run, dataset: PreparedDataset) -> str | None:
    """What became of the run's data in words, or None if nothing did."""
    old, new = run.data_fact("fingerprint"), dataset.fingerprint()
    if old == new:
        return None
    return (
        f"{printable(dataset.name)}: data changed: fingerprint {printable(old[:12])} became "
        f"{new[:12]}"
    )
