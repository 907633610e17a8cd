"""Starts Python so that no file of the current folder is imported in place of a module.

Python puts the current folder before the standard library for `-m` and `-c`: a `json.py` among
somebody's data would run. Every process of Python that the project starts is started from here.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SAFE_PATH = {"PYTHONSAFEPATH": "1"}
"""What -P is for one process, for all that descend from it."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder that the package itself is imported from."""


def python_command(*words: str) -> list[str]:
    """Return the words that start Python; `words` are `-m` and a module, or `-c` and code, and
    their arguments. It is started with :func:`python_environment`."""
    return [sys.executable, "-P", *words]


def python_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of a process of Python: those of this process, and `changes`.

    An empty entry of PYTHONPATH means the current folder, of which -P knows nothing; it is left
    out, and other relative entries keep their meaning in whatever folder the process starts.
    """
    variables = {**os.environ, **SAFE_PATH, **(changes or {})}
    if path := variables.pop("PYTHONPATH", ""):
        kept = [entry for entry in path.split(os.pathsep) if not _is_current(entry)]
        if kept:
            variables["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept))
    return variables


def import_path() -> list[str]:
    """Return where this process imports modules from, without the current folder."""
    return [entry for entry in sys.path if not _is_current(entry)]


@contextmanager
def safe_children(changes: Mapping[str, str] | None = None) -> Iterator[None]:
    """Have processes that a library starts begin as those of :func:`python_command` do."""
    names = ("PYTHONPATH", *SAFE_PATH, *(changes or {}))
    before = {name: os.environ.get(name) for name in names}
    safe = python_environment(changes)
    try:
        for name in before:
            _set(name, safe.get(name))
        yield
    finally:
        for name, value in before.items():
            _set(name, value)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _is_current(entry: str) -> bool:
    """Whether an entry of the path is the current folder, and not that of the package itself."""
    try:
        folder, current = os.path.realpath(entry), os.path.realpath(os.curdir)
    except OSError:  # the current folder is gone
        return not os.path.isabs(entry)
    return folder == current != os.path.realpath(_PACKAGE)
