"""How a run stands: the one place that says so, from its last lines and its lock."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from hiddenstate.system.lock import is_locked

DIVERGED = "training diverged"
"""How the error of training that diverged begins, as the journal holds it."""

Status = Literal["running", "done", "interrupted", "diverged", "failed", "stopped", "gone"]
"""How a run stands; `stopped` without a record of why, `gone` once its folder is."""


def status_of(path: Path, last: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> Status:
    """Return how a run stands.

    Parameters
    ----------
    path : Path
        Its folder.
    last : mapping
        The last line of its history; empty without one, or if it is damaged.
    journal : iterable of mapping
        The lines of its journal, the last one first; read if they are needed.
    """
    if last.get("event") == "end":
        return "done"
    if is_locked(path):
        return "running"
    if not (path / "config.json").exists():  # moved or removed since it was opened
        return "gone"
    match next((entry for entry in journal if entry), {}):
        case {"event": "interrupted"}:
            return "interrupted"
        case {"event": "failed", **details}:
            return "diverged" if str(details.get("why")).startswith(DIVERGED) else "failed"
    return "stopped"
