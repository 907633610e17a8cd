"""Exported programs and the scripts of pages, run by other processes."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def imported(path: Path) -> Any:
    """The model of an exported Python file."""
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.model


def run_file(path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What an exported Python file does, in a process without hiddenstate in its path."""
    command = [sys.executable, "-I", str(path), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def answer_of_node(script: str) -> Any:
    """The JSON that a script prints in node."""
    done = subprocess.run(
        ["node", "-"], input=script, capture_output=True, encoding="utf-8", check=True
    )
    return json.loads(done.stdout)
