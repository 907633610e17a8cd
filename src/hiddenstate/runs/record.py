"""What a run's config.json, history and journal say: their format, checked as they are read."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import hiddenstate
from hiddenstate.config import Config
from hiddenstate.errors import DataError, MachineError, UntrustedFileError, printable
from hiddenstate.system.array_file import LARGE
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.checksums import CheckedLines, check_lines, check_object
from hiddenstate.system.memory import check_free

FORMAT = 3
"""Version of config.json and the folder's layout; newer ones are refused."""

MAX_RECORD = 2**20
"""Longest config.json taken, in bytes; ours are a few KiB."""


def make_record(
    config: Config,
    data: Mapping[str, Any],
    engine: Mapping[str, Any],
    weights: str | None = None,
) -> dict[str, Any]:
    """What a run's config.json says beside its format: settings, data, and what computes.

    `weights` is the SHA-256 of the file it starts from, if it does.
    """
    return {
        "config": config.to_dict(),
        "data": dict(data),
        **({} if weights is None else {"weights": weights}),
        "engine": dict(engine),
        "environment": {
            "hiddenstate": hiddenstate.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }


def read_record(path: Path) -> dict[str, Any]:
    """What config.json at `path` holds, its seal and its format checked.

    Raises
    ------
    DataError
        If there is none.
    UntrustedFileError
        If it is damaged, changed, or newer than this version reads.
    """
    if not path.is_file():
        raise DataError(f"{printable(path.parent)}: no run folder: there is no config.json in it")
    try:
        with open_regular(path) as stream:
            data = stream.read(MAX_RECORD + 1)
        if len(data) > MAX_RECORD:
            raise ValueError(f"longer than {MAX_RECORD} bytes")
        record: Any = check_object(data)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UntrustedFileError(
            f"{printable(path)}: damaged or changed: {printable(error)}; restore it, or, if "
            "you changed it, take out its sha256 line"
        ) from None
    version = record.get("format") if isinstance(record, dict) else None
    if not isinstance(record, dict) or type(version) is not int or version < 1:
        raise UntrustedFileError(f"{printable(path)}: not a run's config.json")
    if record["format"] > FORMAT:
        raise UntrustedFileError(
            f"{printable(path)}: written in format {record['format']}, this version reads up "
            f"to {FORMAT}; update hiddenstate"
        )
    unknown = set(record) - {"format", "config", "data", "weights", "engine", "environment"}
    if unknown and version >= 3:  # a seal whose name was damaged is one too
        raise UntrustedFileError(
            f"{printable(path)}: damaged: {printable(min(unknown), 40)} is no part of it"
        )
    return record


def read_lines(path: Path, sealed: bool, offset: int = 0, before: int = 0) -> CheckedLines:
    """What a history or journal holds, and which of its lines are damaged; nothing if it is not.

    Or what it holds from byte `offset` on, where a line begins; `before` is the check of the line
    that ends there.

    Raises
    ------
    MachineError
        If it is there and cannot be read.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGE:
                check_free(4 * size, f"reading {printable(path)}", "it may not be what it says")
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return CheckedLines([], [], b"", 0, 0)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    return check_lines(data, sealed, _is_sound, before)


_NEEDED: dict[str, dict[str, type]] = {
    "log": {"step": int, "epoch": int, "loss": float, "mean_loss": float, "lr": float},
    "control": {"step": int, "do": str},
    "end": {"step": int},
}
"""What a history's events must hold; a journal's `end` also has seconds."""


def _is_sound(entry: dict[str, Any]) -> bool:
    if not isinstance(entry.get("event"), str):
        return False
    needed = _NEEDED.get(entry["event"], {})
    if not all(type(entry.get(name)) is kind for name, kind in needed.items()):
        return False
    figures = [v for n, v in entry.items() if n not in ("event", "time", "why", "do", "name")]
    return entry["event"] not in _NEEDED or all(type(v) in (int, float) for v in figures)
