"""Loads the data a run was trained on, and detects changes."""

from pathlib import Path

from hiddenstate.config import Config
from hiddenstate.config.data_fields import STDIN
from hiddenstate.data import PreparedDataset, read_dataset
from hiddenstate.data.prepare.encoding import Encoding, encodings_from
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.split import SPLIT_RULE
from hiddenstate.data.readers.formats import STDIN_NAMES
from hiddenstate.data.readers.open import with_trained_columns
from hiddenstate.errors import DataError, UntrustedFileError, printable
from hiddenstate.runs import Run


def run_dataset(run: Run, config: Config | None = None) -> PreparedDataset:
    """Load the data a run was trained on, with the input columns and encodings that it had then.

    Parameters
    ----------
    run : Run
    config : Config, optional
        That of the run with options changed.

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
    config = config or run.config
    dataset = read_dataset(
        config,
        encodings=_encodings(run),
        numbers_as_text=numbers_as_text(run),
        stdin=kept_rows(run),
    )
    dataset = with_trained_columns(dataset, _columns(run), chosen=True)
    return prepare(dataset, config, split_rule=split_rule(run))


def kept_rows(run: Run) -> Path | None:
    """The file of rows that came from stdin, which the run folder keeps; None for other data.

    Raises
    ------
    DataError
        If it is missing.
    """
    if run.config.data.data != STDIN:
        return None
    kept = (run.path / name for name in STDIN_NAMES)
    path = next((path for path in kept if path.is_file()), None)
    if path is None:
        raise DataError(
            f"{printable(run.path)}: its rows came from stdin, and the file that kept them "
            "(stdin.csv or similar) is gone; restore it"
        )
    return path


def _columns(run: Run) -> tuple[str, ...] | None:
    """The names of the input columns, if config.json records them."""
    data = run.record.get("data")
    names = data.get("columns") if isinstance(data, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else None


def numbers_as_text(run: Run) -> tuple[str, ...]:
    """Return the ids, groups and labels that are text though all their cells are numbers.

    Runs of older versions have none, and read such columns as numbers.
    """
    data = run.record.get("data")
    names = data.get("numbers_as_text") if isinstance(data, dict) else None
    return tuple(map(str, names)) if isinstance(names, list) else ()


def split_rule(run: Run) -> int:
    """Return how the series of a run were split in time; runs of older versions by rule 1."""
    data = run.record.get("data")
    rule = data.get("split_rule") if isinstance(data, dict) else None
    if rule is None:
        return 1
    if isinstance(rule, int) and 1 <= rule <= SPLIT_RULE:
        return rule
    raise UntrustedFileError(
        f"{printable(run.path / 'config.json')}: split_rule is {printable(repr(rule), 20)}, "
        f"expected 1 or {SPLIT_RULE}; update hiddenstate, or restore the file"
    )


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
