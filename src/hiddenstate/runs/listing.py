"""Finds runs by name and lists those in a folder."""

import re
from collections.abc import Callable
from pathlib import Path

from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.runs.run import Run
from hiddenstate.system.atomic_file import TEMPORARY

MAX_NAME = 100
"""Longest name of a run, in bytes."""


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
            start = "start a run, for example with `hiddenstate classify`"
            if not runs_dir.is_dir():
                raise DataError(f"{missing_folder(runs_dir)}; {start}, or name its folder")
            raise DataError(f"{printable(runs_dir)}: no runs in this folder; {start}")
        return max(runs, key=lambda run: (run.path / "config.json").stat().st_mtime)
    paths = (Path(name), runs_dir / name)
    try:
        folders = [path for path in paths if path.is_dir()]
        is_there = paths[0].exists()
    except OSError as error:
        raise DataError(f"{printable(paths[0])}: cannot be read: {error.strerror}") from None
    for path in folders:
        if path is folders[-1] or (path / "config.json").exists():  # not data of the same name
            return Run(path)
    if is_there:
        raise DataError(f"{printable(name)}: a file, not a run; `hiddenstate runs` lists the runs")
    runs = list_runs(runs_dir)
    if not runs_dir.is_dir() and not name.startswith(str(runs_dir)):
        raise DataError(f"{printable(name)}: no such run; {missing_folder(runs_dir)}")
    raise DataError(
        f"{printable(name)}: no such run{did_you_mean(Path(name).name, [r.name for r in runs])}; "
        "`hiddenstate runs` lists them"
    )


def check_name(name: object, option: str) -> str:
    """Return the name of a new run, or of a folder of runs: no path, and plain in a shell.

    Raises
    ------
    OptionError
        If it is anything else; `option` is what the message calls it.
    """
    is_plain = (
        isinstance(name, str)
        and re.fullmatch(r"\w[\w.-]*", name)
        and len(name.encode()) <= MAX_NAME
        and name != "last"
    )
    if not is_plain:
        raise OptionError(
            f"{option}: expected letters, digits, -, _ and . ({MAX_NAME} bytes at most, and not "
            f"last), got {printable(repr(name), 40)}"
        )
    return str(name)


def missing_folder(folder: Path) -> str:
    """Say that a folder is missing, with the nearest name beside it."""
    parent = folder.absolute().parent
    beside = [path.name for path in parent.iterdir() if path.is_dir()] if parent.is_dir() else []
    return f"{printable(folder)}: no such folder{did_you_mean(folder.name, beside)}"


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
