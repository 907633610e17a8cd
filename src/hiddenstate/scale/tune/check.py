"""Checks the files of a study: its settings, its database, and each of its runs."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hiddenstate.errors import HiddenstateError, count, printable
from hiddenstate.runs import Run
from hiddenstate.scale.tune.settings import FILE, read_settings
from hiddenstate.scale.tune.storage import DATABASE
from hiddenstate.training.verify import check_files

LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def check_study(folder: Path) -> Iterator[tuple[str, str | None]]:
    """Yield each part of a study, and what is wrong with it, or None.

    Parts are `study.json`, the database if it is a file, and the run folders. A database on a
    server is not looked at.
    """
    name, storage, fault = None, None, None
    try:
        settings = read_settings(folder)
        name, storage = settings.name, settings.storage
    except HiddenstateError as error:
        fault = str(error)
    yield FILE, fault
    if storage is None:
        yield DATABASE, _database_fault(folder / DATABASE, name)
    elif storage.startswith("sqlite:///"):
        yield storage, _database_fault(Path(storage.removeprefix("sqlite:///")), name)
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.startswith(("trial-", "best")):
            yield path.name, _run_fault(path)


def _database_fault(path: Path, name: str | None) -> str | None:
    """Return what is wrong with a database of SQLite that holds a study `name`."""
    rebuild = "the command that began the search rebuilds it from the run folders"
    if not path.is_file():
        return f"missing; {rebuild}"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (result,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            names = {each for (each,) in connection.execute("SELECT study_name FROM studies")}
        finally:
            connection.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in LOCKED:
            return None
        return f"{printable(error, 100)}; move it away, and {rebuild}"
    if result != "ok":
        what = printable(result.splitlines()[-1], 100)
        return f"damaged: {what}; move it away, and {rebuild}"
    if name is not None and name not in names:
        return f"does not hold the study {printable(name, 60)}; {rebuild}"
    return None


def _run_fault(path: Path) -> str | None:
    """Return which files of a run are damaged, and what is wrong with the first."""
    try:
        damaged = {name: what for name, what in check_files(Run(path)) if what}
    except HiddenstateError as error:
        return str(error)
    if not damaged:
        return None
    first, *others = damaged
    more = f", and {count(len(others), 'more file')}" if others else ""
    return f"{first}: {damaged[first]}{more}"
