"""Copies of a run with other names and values, for the list and the comparison."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from hiddenstate.runs.record import seed_of
from hiddenstate.system.checksums import lines_with_checksums, object_with_checksum


def copies(run: Path, folder: Path, n: int, prefix: str = "copy") -> list[str]:
    """Copy a run `n` times; copy k has seed k, hidden size 8 or 16, and score 1 - k / (2 n).

    Copy 0 is the oldest. Returns the names.
    """
    names = []
    for k in range(n):
        name = f"{prefix}-{k:03d}"
        record = json.loads((run / "config.json").read_text())
        record.pop("sha256")
        record["id"] = f"{k:032x}"
        record["config"]["training"]["seed"] = k
        record["config"]["model"]["hidden_size"] = 8 if k % 2 else 16
        path = folder / name
        path.mkdir(parents=True)
        (path / "config.json").write_bytes(object_with_checksum(record))
        for each in ("history.jsonl", "journal.jsonl"):
            entries = [_other(line, 1 - k / (2 * n)) for line in (run / each).open()]
            (path / each).write_bytes(lines_with_checksums(entries, seed_of(record["id"]))[0])
        shutil.copy(run / "lock", path / "lock")
        os.utime(path / "config.json", (1.7e9 + 60 * k, 1.7e9 + 60 * k))
        names.append(name)
    return names


def _other(line: str, score: float) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(line)
    entry.pop("check")
    return {n: score if n == "test_accuracy" else v for n, v in entry.items()}
