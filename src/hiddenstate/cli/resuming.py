"""What may change when a run goes on, and the check that its data did not."""

from hiddenstate.cli.output import note
from hiddenstate.config import Config, make_config
from hiddenstate.data import SequenceDataset, load_dataset
from hiddenstate.errors import DataError, OptionError, printable
from hiddenstate.runs import Run


def changed_config(run: Run, changes: dict[str, str]) -> Config:
    """The run's config with `changes` by name, each `N` or, to add to what was, `+N`.

    Raises
    ------
    OptionError
        If a change is no whole number, is not this job's, or would take steps away.
    """
    values = run.config.flat()
    for name, text in changes.items():
        flag = "--" + name.replace("_", "-")
        if name not in values:
            raise OptionError(f"{flag}: a {run.config.job} run has no such option")
        digits = text.removeprefix("+")
        if not digits.isdecimal() or len(digits) > 12:
            raise OptionError(f"{flag}: expected N or +N, got {printable(text, 40)}")
        before = values[name] or 0
        values[name] = int(digits) + (before if text.startswith("+") else 0)
        if values[name] < before:
            raise OptionError(f"{flag}: the run has {before} already; use +N to add some")
    return make_config(run.config.job, values)


def run_dataset(run: Run) -> SequenceDataset:
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


def checked_dataset(run: Run, config: Config, allow_changed: bool) -> SequenceDataset:
    """Load the data of `config`, sure that it is what the run began with.

    Raises
    ------
    DataError
        If it changed and `allow_changed` is false.
    """
    before = run_dataset(run)
    old, new = run.data_fact("fingerprint"), before.fingerprint()
    if old != new:
        change = f"data changed: fingerprint {printable(old[:12])} became {new[:12]}"
        if not allow_changed:
            raise DataError(f"{before.name}: {change}; restore it or add --allow-changed")
        note(f"{before.name}: {change}; going on all the same")
    return before if config.data == run.config.data else load_dataset(config)
