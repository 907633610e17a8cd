"""Paths among the options of a run, made absolute."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiddenstate.config.data_fields import STDIN
from hiddenstate.config.fields import NO_TEACHER, OWN_TEACHERS
from hiddenstate.errors import OptionError


def teacher_path(name: str, runs_dir: Path) -> str | None:
    """Return the absolute path of a run, model file or .npy file that a user names; the name of a
    teacher that is fitted on the training rows as it is; None for none."""
    from hiddenstate.runs import find_run

    if name in (NO_TEACHER, *OWN_TEACHERS):
        return None if name == NO_TEACHER else name
    path = os.path.expanduser(name)
    if not os.path.isfile(path):
        path = str(find_run(path, runs_dir).path)
    return os.path.abspath(path)


def absolute_paths(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with absolute paths, so that a run can be resumed from any folder."""
    paths = {name: values.get(name) for name in ("data", "test", "answers", "weights")}
    stated = {n: os.path.expanduser(path) for n, path in paths.items() if path}
    for name in ("test", "answers"):
        if stated.get(name) == STDIN:
            raise OptionError(f"--{name}: only DATA is read from stdin; name a file")
    files = {n: path for n, path in stated.items() if path != STDIN}
    absolute = {n: os.path.abspath(path) for n, path in files.items()}
    return {**values, **absolute}
