"""Reads config.json, history.jsonl and journal.jsonl of a run, and checks them."""

import os
import platform
import re
import shlex
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NotRequired, TypedDict

from hiddenstate.config import Config
from hiddenstate.errors import DataError, MachineError, UntrustedFileError, printable
from hiddenstate.runs.events import WITH_SNAPSHOT
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.checksums import CheckedLines, check_lines, check_object
from hiddenstate.system.memory import LARGE, check_free
from hiddenstate.system.strict_json import check_fields
from hiddenstate.version import __version__

RUN_FORMAT = 5
"""Version of config.json and of the folder's layout; newer ones are refused."""

MAX_RECORD = 2**20
"""Longest config.json that is read, in bytes; ours have a few KiB."""

MAX_LINE = 2**20
"""Bytes after which a text without a newline is not read on; lines have some hundreds."""

TEXTS = ("history.jsonl", "journal.jsonl")
"""The files of lines with checksums."""

CLOSED = "closed.json"
"""File that states how many lines each of `TEXTS` has, once training has ended."""

TEACHER = "teacher.safetensors"
"""File of the answers of a teacher for the training rows."""

_ID = re.compile(r"[0-9a-f]{32}")


class RunRecord(TypedDict):
    """What config.json holds beside its format and checksum, as it is written.

    `id` is what the run's other files state too (docs/format.md); runs that older versions started
    have none. `weights` is the SHA-256 of the file that `--weights` names. Of a record that was
    read only format and id are checked, so readers treat the other values as untrusted.
    """

    id: NotRequired[str]
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
    run_id: str | None = None,
) -> RunRecord:
    """Return the record of a run: its settings, its data, and what computes.

    Parameters
    ----------
    config : Config
    data, engine : mapping
        As `PreparedDataset.facts` and `Engine.about` return them.
    weights : str, optional
        SHA-256 of the weights file, if training starts from one.
    run_id : str, optional
        What the run's files have in common.
    """
    import numpy as np

    record: RunRecord = {
        **({} if run_id is None else {"id": run_id}),  # type: ignore[typeddict-item]  # str
        "config": config.to_dict(),
        "data": dict(data),
        **({} if weights is None else {"weights": weights}),  # type: ignore[typeddict-item]  # str
        "engine": dict(engine),
        "environment": {
            "hiddenstate": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }
    return record


def read_closing_lines(path: Path, run_id: str | None) -> dict[str, int]:
    """Return the numbers of lines in the closed.json at `path`, by file; empty without one.

    Raises
    ------
    UntrustedFileError
        If it is damaged, or does not belong to the run `run_id`.
    MachineError
        If it cannot be read.
    """
    try:
        record: Any = _read_object(path, required=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UntrustedFileError(f"{printable(path)}: damaged: {printable(error)}") from None
    lines = own_facts(record, run_id, printable(path))
    return check_fields(lines, dict.fromkeys(TEXTS, int), f"{printable(path)}: damaged")


def own_facts(facts: Mapping[str, Any], run_id: str | None, where: str) -> dict[str, Any]:
    """Return what a file states, without the run it belongs to.

    Raises
    ------
    UntrustedFileError
        If that is not the run `run_id`; runs that older versions started have no id.
    """
    if facts.get("run") != run_id:
        raise UntrustedFileError(f"{where}: belongs to another run", "restore this run's own")
    return {name: value for name, value in facts.items() if name != "run"}


def with_run(facts: Mapping[str, Any], run_id: str | None) -> dict[str, Any]:
    """Return `facts` with the run they belong to, as :func:`own_facts` reads it."""
    return dict(facts) if run_id is None else {**facts, "run": run_id}


def is_kept(event: Mapping[str, Any]) -> bool:
    """Whether a resumed run keeps this event, if it is not after its checkpoint.

    Of the requests, `stop` and the last `pause` are not kept; no `pause` or `go` counts here.
    """
    return event["event"] in ("log", "valid") or event.get("do") in ("lr", *WITH_SNAPSHOT)


def _read_object(path: Path, required: bool = False) -> Any:
    """Return the JSON object in the file `path` without its checksum, after checking it."""
    with open_regular(path) as stream:
        data = stream.read(MAX_RECORD + 1)
    if len(data) > MAX_RECORD:
        raise ValueError(f"longer than {MAX_RECORD} bytes")
    return check_object(data, required)


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
    try:
        is_there = path.is_file()
        record: Any = _read_object(path) if is_there else None
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UntrustedFileError(
            f"{printable(path)}: damaged or changed: {printable(error)}; restore it, or, if "
            "you changed it, remove its sha256 line"
        ) from None
    if not is_there:
        raise DataError(f"{printable(path.parent)}: not a run folder: {_instead(path.parent)}")
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
    if "id" in record and not (isinstance(record["id"], str) and _ID.fullmatch(record["id"])):
        raise UntrustedFileError(f"{printable(path)}: damaged: expected an id of 32 hex digits")
    return record


def _instead(folder: Path) -> str:
    """Say what a folder without config.json is: a sweep or a search, if it is known."""
    name = printable(shlex.quote(str(folder)))
    if (folder / "sweep.json").is_file():
        return f"it is a sweep, which predict, forecast and `hiddenstate sweep {name}` read"
    if (folder / "study.json").is_file():
        best = f"; its best run is {name}/best" if (folder / "best").is_dir() else ""
        return f"it is a search, whose trials `hiddenstate runs --runs-dir {name}` lists{best}"
    return "it has no config.json"


def seed_of(run_id: str | None) -> int:
    """Return the checksum that the first line of a run's history and journal starts from."""
    return 0 if run_id is None else zlib.crc32(run_id.encode())


def read_lines(
    path: Path, checksummed: bool, before: int, offset: int = 0, most: int | None = None
) -> CheckedLines:
    """Return the lines of a history or journal, and which of them are damaged.

    Parameters
    ----------
    path : Path
        Without such a file there are no lines.
    checksummed : bool
        Whether each line must have a checksum, as from format 3 on.
    before : int
        Checksum of the line that ends at `offset`; :func:`seed_of` the run for the first.
    offset : int
        Byte to read from, where a line starts.
    most : int, optional
        Read so many bytes, at least `MAX_LINE`, instead of all.

    Raises
    ------
    MachineError
        If it cannot be read.
    UntrustedFileError
        If it is not a regular file.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGE and most is None:
                check_free(4 * size, f"reading {printable(path)}", "the file may be corrupt")
            stream.seek(offset)
            data = _read_text(stream) if most is None else stream.read(max(most, MAX_LINE))
    except FileNotFoundError:
        return CheckedLines([], [], b"", before, 0)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    return check_lines(data, checksummed, is_sound, before)


def _read_text(stream: IO[bytes]) -> bytes:
    """Return the rest of `stream`, up to `MAX_LINE` bytes without a newline: no line is longer."""
    pieces: list[bytes] = []
    while piece := stream.read(MAX_LINE):
        pieces.append(piece)
        if len(piece) == MAX_LINE and b"\n" not in piece:
            break
    return b"".join(pieces)


_REQUIRED: dict[str, dict[str, type]] = {
    "log": {"step": int, "epoch": int, "loss": float, "mean_loss": float, "lr": float},
    "valid": {"step": int, "epoch": int, "valid_loss": float},
    "control": {"step": int, "do": str},
    "end": {"step": int},
}
"""Fields that a history's events must have; the other fields of these are numbers."""


def is_sound(entry: dict[str, Any]) -> bool:
    """Return whether an entry has the fields of its event, of their types."""
    if not isinstance(entry.get("event"), str):
        return False
    required = _REQUIRED.get(entry["event"], {})
    if not all(type(entry.get(name)) is kind for name, kind in required.items()):
        return False
    figures = [v for n, v in entry.items() if n not in ("event", "time", "why", "do", "name")]
    return entry["event"] not in _REQUIRED or all(type(v) in (int, float) for v in figures)
