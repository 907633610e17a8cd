"""The folder of a sweep: one file that says what it is, and one file of models for each shard.

Of two records of a group the later one counts. A group whose record is damaged has the status
"damaged", and is trained again.
"""

from collections.abc import Iterable, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from hiddenstate.errors import DataError, MachineError, UntrustedFileError, printable
from hiddenstate.scale.sweep.groups import Key
from hiddenstate.scale.sweep.records import Damage, Record, check_of, encode_record, scan
from hiddenstate.scale.sweep.work import DAMAGED
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

BATCH, BATCH_BYTES = 100, 2**24
"""Most records, and about the most bytes, that are copied before they are flushed to the disk."""

MAX_ABOUT = 2**24
"""Longest file that says what a sweep is, in bytes."""


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
        return self.contents()[0]

    def contents(self, is_writer: bool = False) -> tuple[dict[Key, Record], list[Damage]]:
        """Return the last record of each group, and the damage whose group is not known.

        A group whose last record is damaged has one with that status in its place. A record that
        another process is writing is no damage; `is_writer` is whether this one holds the lock.
        """
        found: dict[Key, Record] = {}
        unnamed: list[Damage] = []
        for path in self.files():
            was_writing = self._is_writing(path, is_writer)  # and may be done when it is read
            for each in scan(path):
                if (
                    isinstance(each, Damage)
                    and each.is_last
                    and (was_writing or self._is_writing(path, is_writer))
                ):
                    continue
                if isinstance(each, Damage) and not each.is_certain:
                    unnamed.append(each)
                    continue
                record = each.record() if isinstance(each, Damage) else each
                earlier = found.get(record.key)
                # Of several files, one that trained a group counts before one where it failed.
                status = None if earlier is None else earlier.outcome.status
                if earlier is None or earlier.path == path or status in (DAMAGED, "failed"):
                    found[record.key] = record
        if unnamed and len(found) >= self.about()["groups"]:  # every group is there again
            return found, []
        for damage in unnamed:
            if damage.key is not None and damage.key not in found:
                found[damage.key] = damage.record()
        return found, [each for each in unnamed if each.key is None]

    def _is_writing(self, path: Path, is_writer: bool) -> bool:
        return not is_writer and is_locked(self.path, f"{path.stem}.lock")

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
        if about.pop("check") != check_of(about):
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
        content = canonical_json({**body, "check": check_of(body)}).encode() + b"\n"
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
            if record.outcome.status == DAMAGED:
                continue
            if (
                before is None
                or before.outcome.status == DAMAGED
                or (before.outcome.status == "failed" and record.n_bytes)
            ):
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
