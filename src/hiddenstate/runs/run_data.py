"""Loads the data a run was trained on, and detects changes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from hiddenstate.config import Config
from hiddenstate.config.data_fields import STDIN
from hiddenstate.data import PreparedDataset, read_dataset
from hiddenstate.data.leaks import leaks_from
from hiddenstate.data.prepare.augment_choice import choice_from
from hiddenstate.data.prepare.encoding import Encoding, encodings_from
from hiddenstate.data.prepare.linear_path import LinearPath, groups_from
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.season import Why
from hiddenstate.data.prepare.split import SPLIT_RULE
from hiddenstate.data.readers.formats import STDIN_NAMES
from hiddenstate.data.readers.open import with_trained_columns
from hiddenstate.data.readers.role_guesses import says_unit_of_time
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
    where = printable(run.path / "config.json")
    return dataset_of(config, run.data_record(), where, kept_rows(run), _path_of(run))


def _path_of(run: Run) -> LinearPath | None:
    """Return the linear path of a run, from its model or from the weights of its last moment, so
    that it is not fitted again; None if it has none yet."""
    if not run.config.data.linear:
        return None
    if (run.path / "model.safetensors").is_file():
        model = run.model()
    elif paths := run.weights_paths():
        model = run.weights(paths[-1])
    else:
        return None
    path = model.transform.linear
    return path and replace(path, nearer_share=None)


def dataset_of(
    config: Config,
    recorded: Mapping[str, Any],
    where: str,
    stdin: Path | None = None,
    path: LinearPath | None = None,
) -> PreparedDataset:
    """Load data as it was read when `recorded` was: with the same input columns and encodings.

    Parameters
    ----------
    config : Config
    recorded : mapping
        What a run records of its data; see :meth:`PreparedDataset.facts`.
    where : str
        The file it stands in, for errors.
    stdin : Path, optional
        The file with what stdin held, for data named `-`.
    path : LinearPath, optional
        As :func:`prepare` takes it.

    Raises
    ------
    DataError
        If the data cannot be read, or a column is missing.
    UntrustedFileError
        If `recorded` is damaged.
    """
    stored, names = recorded.get("encodings"), recorded.get("columns")
    encodings = None if stored is None else encodings_from(stored, None, where)
    columns = tuple(map(str, names)) if isinstance(names, list) else None
    dataset = read_dataset(
        _with_times_as_inputs(config, columns or (), encodings or ()),
        encodings=encodings,
        numbers_as_text=_numbers_as_text(recorded),
        stdin=stdin,
    )
    dataset = with_trained_columns(dataset, columns, chosen=True)
    path = path and replace(path, groups=groups_from(recorded))
    prepared = prepare(dataset, config, split_rule=_split_rule(recorded, where), path=path)
    why = recorded.get("season_why")
    season_why = why if why in get_args(Why) else None
    return replace(
        prepared, leaks=leaks_from(recorded), season_why=season_why, augment=choice_from(recorded)
    )


def _with_times_as_inputs(
    config: Config, columns: tuple[str, ...], encodings: tuple[Encoding, ...]
) -> Config:
    """Name the inputs of runs of older versions that read times such as `time_s` as inputs."""
    data = config.data
    if data.input is not None or data.time is not None or not any(map(says_unit_of_time, columns)):
        return config
    encoded = {feature: e.column for e in encodings for feature in e.features}
    inputs = tuple(dict.fromkeys(encoded.get(name, name) for name in columns))
    return replace(config, data=replace(data, input=inputs))


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


def numbers_as_text(run: Run) -> tuple[str, ...]:
    """Return the ids, groups and labels that are text though all their cells are numbers.

    Runs of older versions have none, and read such columns as numbers.
    """
    return _numbers_as_text(run.data_record())


def _numbers_as_text(recorded: Mapping[str, Any]) -> tuple[str, ...]:
    names = recorded.get("numbers_as_text")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def split_rule(run: Run) -> int:
    """Return how the series of a run were split in time; runs of older versions by rule 1."""
    return _split_rule(run.data_record(), printable(run.path / "config.json"))


def _split_rule(recorded: Mapping[str, Any], where: str) -> int:
    rule = recorded.get("split_rule")
    if rule is None:
        return 1
    if isinstance(rule, int) and 1 <= rule <= SPLIT_RULE:
        return rule
    raise UntrustedFileError(
        f"{where}: split_rule is {printable(repr(rule), 20)}, expected 1 or {SPLIT_RULE}; update "
        "hiddenstate, or restore the file"
    )


def unchanged_dataset(run: Run, config: Config | None = None) -> PreparedDataset:
    """As :func:`run_dataset`, but refuse data that changed since the run started (`DataError`)."""
    dataset = run_dataset(run, config)
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
