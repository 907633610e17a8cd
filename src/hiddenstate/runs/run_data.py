"""Loads the data a run was trained on, and detects changes."""

from hiddenstate.data import PreparedDataset, read_dataset
from hiddenstate.data.prepare.encoding import Encoding, encodings_from
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.open import with_trained_columns
from hiddenstate.errors import (
    DataError,
    printable,
)
from hiddenstate.runs import Run


def run_dataset(run: Run) -> PreparedDataset:
    """Load the data a run was trained on, with the input columns and encodings that it had then.

    Raises
    ------
    DataError
        If it was arrays in Python, which no command can load, or a column is missing.
    UntrustedFileError
        If config.json states encodings that are damaged.
    """
    if run.data_fact("source") == "arrays":
        raise DataError(
            f"{printable(run.path)}: was trained on arrays in Python, which no command can "
            "load; name a file, or continue in Python"
        )
    config = run.config
    dataset = read_dataset(config, encodings=_encodings(run))
    dataset = with_trained_columns(dataset, _columns(run), chosen=True)
    return prepare(dataset, config)


def _columns(run: Run) -> tuple[str, ...] | None:
    """The names of the input columns, if config.json records them."""
    data = run.record.get("data")
    names = data.get("columns") if isinstance(data, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else None


def _encodings(run: Run) -> tuple[Encoding, ...] | None:
    """The encodings of text and dates, if config.json records them."""
    data = run.record.get("data")
    stored = data.get("encodings") if isinstance(data, dict) else None
    where = printable(run.path / "config.json")
    return None if stored is None else encodings_from(stored, None, where)


def unchanged_dataset(run: Run) -> PreparedDataset:
    """As :func:`run_dataset`, but refuse data that changed since the run started (`DataError`)."""
    dataset = run_dataset(run)
    change = data_change(run, dataset)
    if change:
        raise DataError(f"{change}; restore it, or name the data to use")
    return dataset


def data_change(run: Run, dataset: PreparedDataset) -> str | None:
    """Say how the run's data changed; None if it did not."""
    old, new = run.data_fact("fingerprint"), dataset.fingerprint()
    if old == new:
        return None
    return (
        f"{printable(dataset.name)}: data changed: fingerprint {printable(old[:12])} became "
        f"{new[:12]}"
    )
