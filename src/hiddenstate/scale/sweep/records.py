"""A file of models of a sweep: records, each a line of JSON and the bytes of a model file.

Records are only ever appended, so that a process may be killed at any moment: what it leaves of a
record is skipped. Nothing is pickled.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.scale.sweep.groups import Key
from hiddenstate.scale.sweep.work import DAMAGED, Outcome
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.strict_json import canonical_json, parse_json

MARK = b"hiddenstate-group "
"""What the line of each record begins with."""

MAX_LINE = 2**20
"""Longest line of a record, in bytes."""


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


@dataclass(frozen=True)
class Damage:
    """Bytes between records that are none: of a record that was damaged, or never complete.

    Parameters
    ----------
    path : Path
        The file.
    at : int
        Where they begin.
    key : tuple of str, optional
        The group of the record; None if that is lost.
    is_certain : bool, default False
        Whether the line that names the group is sound.
    is_last : bool, default False
        Whether they end with the file, as those of a record that is being written.
    """

    path: Path
    at: int
    key: Key | None = None
    is_certain: bool = False
    is_last: bool = False

    @property
    def reason(self) -> str:
        """What is wrong, for people."""
        where = f"in {printable(self.path.name)}, at byte {self.at:,}"
        if self.key is None:
            return f"a record {where}, is damaged or cut off, and its group cannot be read"
        name = "" if self.is_certain else ", and the name of the group may be too"
        return f"its record {where}, is damaged or cut off{name}"

    def record(self) -> Record:
        """Return what takes the place of the record of its group."""
        outcome = Outcome(DAMAGED, 0, self.reason)
        return Record(self.key or (), outcome, self.path, self.at, 0, "")


def encode_record(key: Key, outcome: Outcome, model: bytes) -> bytes:
    """Return the bytes of a record."""
    head = {
        "group": list(key),
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        **outcome.facts(),
    }
    head["check"] = check_of(head)
    # A record begins on a line of its own, whatever a killed process has left before it.
    return b"\n" + MARK + canonical_json(head).encode() + b"\n" + model


def check_of(head: Mapping[str, Any]) -> str:
    """Return the checksum of a record's line."""
    return hashlib.sha256(canonical_json(head).encode()).hexdigest()[:16]


def read_records(path: Path) -> Iterator[Record]:
    """Yield the complete and undamaged records of a file of models, in the order they were written.

    Raises
    ------
    MachineError
        If it cannot be read.
    """
    return (each for each in scan(path) if isinstance(each, Record))


def scan(path: Path) -> Iterator[Record | Damage]:
    """Yield the records of a file of models, and what stands between them and is none.

    The file is read up to the end that it has at the beginning.

    Raises
    ------
    MachineError
        If it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            yield from _scan(path, stream)
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be read: {error.strerror}") from None


def _scan(path: Path, stream: IO[bytes]) -> Iterator[Record | Damage]:
    damage: Damage | None = None
    end = os.fstat(stream.fileno()).st_size  # what is appended from now on completes no record
    while line := stream.readline(min(MAX_LINE, end - stream.tell())):
        at = stream.tell()
        if not (line.startswith(MARK) and line.endswith(b"\n")):
            if damage is None and line.strip():
                damage = Damage(path, at - len(line), _tentative(line))
            continue
        head = _head(line[len(MARK) : -1])
        content = stream.read(min(head["bytes"], end - at)) if head is not None else b""
        if damage is not None:
            yield damage
            damage = None
        if head is None:
            damage = Damage(path, at - len(line), _tentative(line))
        elif hashlib.sha256(content).hexdigest() != head["sha256"]:
            stream.seek(at)  # the next record may begin among the bytes of this one
            damage = Damage(path, at - len(line), _key(head), is_certain=True)
        else:
            outcome = Outcome.read(head)
            yield Record(_key(head), outcome, path, at, head["bytes"], head["sha256"])
    if damage is not None:
        yield replace(damage, is_last=True)


def _key(head: Mapping[str, Any]) -> Key:
    return tuple(head["group"])


def _tentative(line: bytes) -> Key | None:
    """Return the group that a damaged line of a record names, if it can still be read."""
    try:
        group = parse_json(line[line.index(b"{") :].decode())["group"]
    except (ValueError, LookupError, TypeError):
        return None
    is_key = isinstance(group, list) and group and all(isinstance(each, str) for each in group)
    return tuple(group) if is_key else None


def _head(line: bytes) -> dict[str, Any] | None:
    """Return the JSON of a record's line if it is complete and has its checksum."""
    try:
        head = parse_json(line.decode())
        check = head.pop("check")
        sound = check == check_of(head) and 0 <= head["bytes"] < 2**40
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return head if sound else None
