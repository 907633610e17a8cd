"""Finds runs by name and lists those in a folder."""

from collections.abc import Callable
from pathlib import Path

from hiddenstate.errors import (
    DataError,
    MachineError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.runs.run import Run
from hiddenstate.system.atomic_file import TEMPORARY


def find_run(name: str, runs_dir: Path) -> Run:
    """Return the run that a user names: a path, a folder name in `runs_dir`, or `last`.

    Raises
    ------
    DataError
        If there is no such run; the message has the nearest name.
    """
    if name == "last":
        runs = list_runs(runs_dir)
        if not runs:
            raise DataError(
                f"{printable(runs_dir)}: no runs in this folder; start one, for example with "
                "`hiddenstate classify`"
            )
        return max(runs, key=lambda run: (run.path / "config.json").stat().st_mtime)
    for path in (Path(name), runs_dir / name):
        try:
            if path.is_dir():
                return Run(path)
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    names = [run.name for run in list_runs(runs_dir)]
    raise DataError(
        f"{printable(name)}: no such run{did_you_mean(Path(name).name, names)}; "
        "`hiddenstate runs` lists them"
    )


def list_runs(runs_dir: Path, tell: Callable[[str], None] = lambda why: None) -> list[Run]:
    """Return the run folders in `runs_dir`, by job and number.

    `tell` is called with one line for each run that cannot be read.
    """
    runs: list[Run] = []
    for path in runs_dir.iterdir() if runs_dir.is_dir() else ():
        if path.name.startswith(TEMPORARY):
            continue
        try:
            runs.append(Run(path))
        except DataError:  # some other folder
            continue
        except (UntrustedFileError, MachineError) as error:
            tell(str(error))
    return sorted(runs, key=_by_number)


def _by_number(run: Run) -> tuple[str, int]:
    """Sorts `classify-9` before `classify-10`."""
    base, _, number = str(run.name).rpartition("-")
    return (base, int(number)) if number.isdecimal() else (base + number, 0)
