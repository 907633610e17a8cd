"""Runs that modules train once."""

import shutil
from pathlib import Path

import pytest

from hiddenstate.runs import Run


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Run:
    """The run of the folder that a module has made, where `cli` finds it by its name."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (path,) = (tmp_path / "runs").iterdir()
    return Run(path)
