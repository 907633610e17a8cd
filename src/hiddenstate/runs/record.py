"""Reads config.json, history.jsonl and journal.jsonl of a run, and checks them."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

import hiddenstate
from hiddenstate.config import Config
from hiddenstate.errors import DataError, MachineError, UntrustedFileError, printable
from hiddenstate.system.array_file import LARGE
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.checksums import CheckedLines, check_lines, check_object
from hiddenstate.system.memory import check_free

RUN_FORMAT = 3
"""Version of config.json and of the folder's layout; newer ones are refused."""

MAX_RECORD = 2**20
"""Longest config.json that is read, in bytes; ours have a few KiB."""


class RunRecord(TypedDict):
    """What config.json holds beside its format and checksum, as it is written.

    `weights` is the SHA-256 of the file that `--weights` names. A record that was read is checked
    for its format only, so readers treat the values as untrusted.
    """

    config: dict[str, Any]
    data: dict[str, Any]
    weights: NotRequired[str]
    engine: dict[str, Any]
    environment: dict[str, str]


def make_record(
    config: Config,
    data: Mapping[str, Any],
    engine: Mapping[str, Any],
    weights: str | None = None,
) -> RunRecord:
    """Return the record of a run: its settings, its data, and what computes.

    Parameters
    ----------
    config : Config
    data, engine : mapping
        As `PreparedDataset.facts` and `Engine.about` return them.
    weights : str, optional
        SHA-256 of the weights file, if training starts from one.
    """
    record: RunRecord = {
        "config": config.to_dict(),
        "data": dict(data),
        **({} if weights is None else {"weights": weights}),  # type: ignore[typeddict-item]  # str
        "engine": dict(engine),
        "environment": {
            "hiddenstate": hiddenstate.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }
    return record


def read_record(path: Path) -> dict[str, Any]:
    """Return what config.json at `path` holds, after a check of its checksum and format.

    Raises
    ------
    DataError
        If there is no such file.
    UntrustedFileError
        If it is damaged, changed, or newer than this version reads.
    MachineError
        If it cannot be read.
    """
    if not path.is_file():
        raise DataError(f"{printable(path.parent)}: not a run folder: it has no config.json")
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
            "you changed it, remove its sha256 line"
        ) from None
    version = record.get("format") if isinstance(record, dict) else None
    if not isinstance(record, dict) or type(version) is not int or version < 1:
        raise UntrustedFileError(f"{printable(path)}: not a run's config.json")
    if version > RUN_FORMAT:
        raise UntrustedFileError(
            f"{printable(path)}: written in format {version}, this version reads up to "
            f"{RUN_FORMAT}; update hiddenstate"
        )
    unknown = set(record) - {"format", *RunRecord.__annotations__}
    if unknown and version >= 3:  # a checksum whose name was damaged is one too
        raise UntrustedFileError(
            f"{printable(path)}: damaged: unknown field {printable(min(unknown), 40)}"
        )
    return record


def read_lines(path: Path, checksummed: bool, offset: int = 0, before: int = 0) -> CheckedLines:
    """Return the lines of a history or journal, and which of them are damaged.

    Parameters
    ----------
    path : Path
        Without such a file there are no lines.
    checksummed : bool
        Whether each line must have a checksum, as from format 3 on.
    offset : int
        Byte to read from, where a line starts.
    before : int
        Checksum of the line that ends there.

    Raises
    ------
    MachineError
        If it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGE:
                check_free(4 * size, f"reading {printable(path)}", "the file may be corrupt")
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return CheckedLines([], [], b"", 0, 0)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    return check_lines(data, checksummed, _is_sound, before)


_REQUIRED: dict[str, dict[str, type]] = {
    "log": {"step": int, "epoch": int, "loss": float, "mean_loss": float, "lr": float},
    "valid": {"step": int, "epoch": int, "valid_loss": float},
    "control": {"step": int, "do": str},
    "end": {"step": int},
}
"""Fields that a history's events must have; the other fields of these are numbers."""


def _is_sound(entry: dict[str, Any]) -> bool:
    if not isinstance(entry.get("event"), str):
        return False
    required = _REQUIRED.get(entry["event"], {})
    if not all(type(entry.get(name)) is kind for name, kind in required.items()):
        return False
    figures = [v for n, v in entry.items() if n not in ("event", "time", "why", "do", "name")]
    return entry["event"] not in _REQUIRED or all(type(v) in (int, float) for v in figures)
