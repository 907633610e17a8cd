"""The folder of a sweep: one file that says what it is, and one file of models for each shard.

A file of models is a list of records, each a line of JSON and the bytes of a model file. Records
are only ever appended, so that a process may be killed at any moment: what it leaves of a record is
skipped, and its group is trained again. Of two records of a group the later one counts. Nothing is
pickled.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO, Any

from hiddenstate.errors import DataError, MachineError, UntrustedFileError, printable
from hiddenstate.scale.sweep.groups import Key
from hiddenstate.scale.sweep.work import Outcome
from hiddenstate.system.atomic_file import (
    append,
    clear_stale,
    make_folder,
    open_regular,
    write_atomically,
)
from hiddenstate.system.lock import is_locked, take_lock
from hiddenstate.system.strict_json import canonical_json, check_fields, parse_json

SWEEP_FORMAT = 1
"""Version of the format that is written; folders of a newer version are refused."""

ABOUT = "sweep.json"
"""The file that says what a sweep is; a folder with one is a sweep."""

MARK = b"hiddenstate-group "
"""What the line of each record begins with."""

MAX_LINE = 2**20
"""Longest line of a record, in bytes."""

BATCH, BATCH_BYTES = 100, 2**24
"""Most records, and about the most bytes, that are copied before they are flushed to the disk."""

MAX_ABOUT = 2**24
"""Longest file that says what a sweep is, in bytes."""


@dataclass(frozen=True)
class Record:
    """What a file of models says of one group.

    Parameters
    ----------
    key : tuple of str
        The values of the group.
    outcome : Outcome
    path : Path
        The file.
    at, n_bytes : int
        Where the bytes of the model are in it; none if the group failed.
    sha256 : str
        Their checksum.
    """

    key: Key
    outcome: Outcome
    path: Path
    at: int
    n_bytes: int
    sha256: str

    def model_bytes(self) -> bytes:
        """Return the model file.

        Raises
        ------
        MachineError
            If it cannot be read.
        UntrustedFileError
            If it does not have its checksum.
        """
        try:
            with open_regular(self.path) as stream:
                stream.seek(self.at)
                content = stream.read(self.n_bytes)
        except OSError as error:
            raise MachineError(
                f"{printable(self.path)}: cannot be read: {error.strerror}"
            ) from None
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise UntrustedFileError(
                f"{printable(self.path)}: the model of {printable(', '.join(self.key), 60)} does "
                "not have its SHA-256; the file was damaged or changed, use another copy"
            )
        return content


def encode_record(key: Key, outcome: Outcome, model: bytes) -> bytes:
    """Return the bytes of a record."""
    head = {
        "group": list(key),
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        **outcome.facts(),
    }
    head["check"] = _check(head)
    # A record begins on a line of its own, whatever a killed process has left before it.
    return b"\n" + MARK + canonical_json(head).encode() + b"\n" + model


def _check(head: Mapping[str, Any]) -> str:
    """Return the checksum of a record's line."""
    return hashlib.sha256(canonical_json(head).encode()).hexdigest()[:16]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the complete and undamaged records of a file of models, in the order they were written.

    Raises
    ------
    MachineError
        If it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            while (record := _next_record(path, stream)) is not None:
                yield record
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None


def _next_record(path: Path, stream: IO[bytes]) -> Record | None:
    """Return the next sound record, or None at the end of the file."""
    while line := stream.readline(MAX_LINE):
        if not line.startswith(MARK) or not line.endswith(b"\n"):
            continue  # what stands between records: an empty line, or what a killed process left
        head = _head(line[len(MARK) : -1])
        if head is None:
            continue
        at = stream.tell()
        content = stream.read(head["bytes"])
        if hashlib.sha256(content).hexdigest() != head["sha256"]:
            stream.seek(at)  # the next record may begin among the bytes of this one
            continue
        outcome = Outcome.read(head)
        return Record(tuple(head["group"]), outcome, path, at, head["bytes"], head["sha256"])
    return None


def _head(line: bytes) -> dict[str, Any] | None:
    """Return the JSON of a record's line if it is complete and has its checksum."""
    try:
        head = parse_json(line.decode())
        check = head.pop("check")
        sound = check == _check(head) and 0 <= head["bytes"] < 2**40
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return head if sound else None


class SweepFolder:
    """The folder of a sweep.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether the folder holds a sweep."""
        return (self.path / ABOUT).is_file()

    def files(self) -> list[Path]:
        """Return the files of models, by name."""
        return sorted(self.path.glob("shard-*-of-*.groups"))

    def records(self) -> dict[Key, Record]:
        """Return the last record of each group, by its values."""
        found: dict[Key, Record] = {}
        for path in self.files():
            for record in read_records(path):
                earlier = found.get(record.key)
                # Of several files, one that trained a group counts before one where it failed.
                if earlier is None or earlier.path == path or earlier.outcome.status == "failed":
                    found[record.key] = record
        return found

    def about(self) -> dict[str, Any]:
        """Return what the sweep is, as :meth:`create` wrote it.

        Raises
        ------
        DataError
            If the folder holds no sweep.
        UntrustedFileError
            If the file is damaged or newer.
        """
        where = printable(self.path / ABOUT)
        try:
            with open_regular(self.path / ABOUT) as stream:
                content = stream.read(MAX_ABOUT + 1)
            if len(content) > MAX_ABOUT:
                raise ValueError("too long")
            about = parse_json(content.decode())
            version = about.get("format")
        except OSError:
            raise DataError(f"{printable(self.path)}: not a sweep; it has no {ABOUT}") from None
        except (ValueError, AttributeError) as error:
            raise UntrustedFileError(f"{where}: damaged: {printable(error, 80)}") from None
        if isinstance(version, int) and version > SWEEP_FORMAT:
            raise UntrustedFileError(
                f"{where}: written in format {version}, this version reads up to {SWEEP_FORMAT}; "
                "update hiddenstate"
            )
        fields: dict[str, Any] = {
            "format": int,
            "job": str,
            "by": list,
            "by_text": list,
            "options": dict,
            "table": dict,
            "groups": int,
            "check": str,
        }
        about = check_fields(about, fields, f"{where}: damaged")
        if about.pop("check") != _check(about):
            raise UntrustedFileError(f"{where}: damaged: it does not have its checksum")
        return about

    def create(self, about: Mapping[str, Any]) -> None:
        """Make the folder, and write what the sweep is.

        Raises
        ------
        MachineError
            If it cannot be written.
        """
        body = {"format": SWEEP_FORMAT, **about}
        content = canonical_json({**body, "check": _check(body)}).encode() + b"\n"
        make_folder(self.path)  # by several commands at once, where each trains a shard
        write_atomically(self.path / ABOUT, content)

    def lock(self, shard: int, n_shards: int) -> FileIO:
        """Lock a shard for this process until the returned stream is closed.

        Raises
        ------
        MachineError
            If another command writes this shard, or cuts the sweep into another number of shards.
        """
        stream = take_lock(self.path, _lock_of(shard, n_shards))
        for path in self.path.glob("shard-*.lock"):
            is_own_cut = path.name.endswith(f"-of-{n_shards}.lock")
            if not is_own_cut and is_locked(self.path, path.name):
                stream.close()
                raise MachineError(
                    f"{printable(self.path)}: another command is writing "
                    f"{path.name.removesuffix('.lock')}; wait for it or stop it, or use the same N "
                    "in --shard I/N"
                )
        if n_shards == 1:  # otherwise processes of other machines may be writing here
            clear_stale(self.path)
        return stream

    def add(self, shard: int, n_shards: int, records: Iterable[bytes]) -> None:
        """Append records to the file of a shard; they are on the disk when this returns."""
        content = b"".join(records)
        if content:
            append(self.path / f"shard-{shard}-of-{n_shards}.groups", content, durable=True)

    def copy_from(self, other: "SweepFolder") -> int:
        """Append the groups of another folder that this one does not have; return their number."""
        own, added = self.records(), 0
        batch: list[bytes] = []
        for record in other.records().values():
            before = own.get(record.key)
            if before is None or (before.outcome.status == "failed" and record.n_bytes):
                content = record.model_bytes() if record.n_bytes else b""
                batch.append(encode_record(record.key, record.outcome, content))
                added += 1
            if sum(map(len, batch)) >= BATCH_BYTES or len(batch) == BATCH:
                self.add(0, 1, batch)
                batch = []
        self.add(0, 1, batch)
        return added

    def write_results(self, content: bytes) -> None:
        """Write the table of results."""
        write_atomically(self.path / "results.csv", content)


def _lock_of(shard: int, n_shards: int) -> str:
    return f"shard-{shard}-of-{n_shards}.lock"


def is_sweep(path: Path) -> bool:
    """Return whether a folder holds a sweep."""
    try:
        return (path / ABOUT).is_file()
    except OSError:
        return False
