"""All writing in a run folder: training's, and the few files that readers may leave.

Layout and schemas are written down in docs/format.md. Training writes through :class:`RunWriter`;
views leave figures, a page or a request.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hiddenstate.errors import (
    MachineError,
    RunExistsError,
    RunMovedError,
    UntrustedFileError,
    printable,
)
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run
from hiddenstate.runs.record import FORMAT, read_lines
from hiddenstate.runs.run import FINAL_ARRAYS, STATIC_ARRAYS, Arrays, numbered
from hiddenstate.system.array_file import write_arrays
from hiddenstate.system.atomic_file import TEMPORARY, append, clear_stale, flush, write_atomically
from hiddenstate.system.checksums import (
    line_with_checksum,
    lines_with_checksums,
    object_with_checksum,
)
from hiddenstate.system.lock import holds, take_lock

SNAPSHOTS_IN_FULL = 100
"""Logged lines that each leave a snapshot; after them every second, fourth, ... does."""

FOLDERS = ("snapshots", "checkpoints", "figures")

CHECKPOINTS_KEPT = 2
"""The newest checkpoint and the one before it, should the newest be damaged."""


def leaves_snapshot(n_logged: int) -> bool:
    """Whether logged line `n_logged` (from 0) leaves a snapshot.

    All of the first `SNAPSHOTS_IN_FULL` do, then half as many per doubling, so a run of any
    length keeps some hundreds at the most, and a resumed run keeps the same ones.
    """
    spacing = 1
    while n_logged >= SNAPSHOTS_IN_FULL * spacing:
        spacing *= 2
    return n_logged % spacing == 0


class RunWriter:
    """The one writer of a run folder; holds its lock from creation to :meth:`close`.

    Make one with :func:`create_run` or :func:`reopen_run`.
    """

    def __init__(self, path: Path, sealed: bool = True) -> None:
        self.path = path
        self._lock = take_lock(path)
        self._sealed = sealed
        self._checks = {"history.jsonl": 0, "journal.jsonl": 0}
        self._unflushed: list[Path] = []

    def check(self) -> None:
        """See that the folder is still the one that was locked.

        Raises
        ------
        RunMovedError
            If it was moved or removed, or its lock was: another run may have its place.
        """
        if not holds(self._lock, self.path):
            raise RunMovedError(
                f"{printable(self.path)}: the run was moved or removed while it was trained, or "
                "its lock was; nothing more is written there"
            )

    def _place(self, *names: str) -> Path:
        """Where to write in the folder, which is checked first."""
        self.check()
        return self.path.joinpath(*names)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write config.json, whole."""
        data = object_with_checksum({"format": FORMAT, **record})
        write_atomically(self._place("config.json"), data)

    def add_history(self, event: Mapping[str, Any]) -> None:
        """Append one event."""
        self._append("history.jsonl", event)

    def add_journal(self, event: str, **details: Any) -> None:
        """Append one entry, stamped with the time."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._append("journal.jsonl", {"time": now, "event": event, **details})

    def _append(self, name: str, entry: Mapping[str, Any]) -> None:
        line, check = line_with_checksum(entry, self._checks[name])
        append(self._place(name), line)
        self._checks[name] = check

    def _mend_journal(self) -> None:
        """Make the journal fit to be added to: no line cut short at its end, each sealed."""
        path = self.path / "journal.jsonl"
        lines = read_lines(path, self._sealed)
        if not self._sealed:
            data, check = lines_with_checksums(lines.entries)
            write_atomically(path, data)
            self._checks[path.name] = check
            return
        self._checks[path.name] = lines.check
        if lines.rest:
            write_atomically(path, path.read_bytes()[: -len(lines.rest)])

    def flush(self) -> None:
        """Wait until the disk has all that was written, but for the journal's last lines."""
        for path in (self.path / "history.jsonl", *self._unflushed):
            with contextlib.suppress(FileNotFoundError):
                flush(path)
        if self._unflushed:
            flush(self.path / "snapshots")
        self._unflushed = []

    def write_static_arrays(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write what the views need that training never changes."""
        write_arrays(self._place("snapshots", STATIC_ARRAYS), "shown", arrays, facts)

    def write_snapshot(self, step: int, arrays: Arrays) -> None:
        """Write what the views draw of the net after `step` updates."""
        path = self._place("snapshots", f"{step:09d}.safetensors")
        write_arrays(path, "snapshot", arrays, {"step": step}, durable=False)
        self._unflushed.append(path)

    def has_snapshot(self, step: int) -> bool:
        """Whether there is a snapshot of the net after `step` updates."""
        return (self.path / "snapshots" / f"{step:09d}.safetensors").is_file()

    def write_final_arrays(self, arrays: Arrays) -> None:
        """Write what only the run's end shows."""
        path = self._place("snapshots", FINAL_ARRAYS)
        write_arrays(path, "closing", arrays, {}, durable=False)
        self._unflushed.append(path)

    def write_checkpoint(self, step: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write a checkpoint and drop all but the newest `CHECKPOINTS_KEPT`.

        What led up to it is on the disk before it is.
        """
        folder = self._place("checkpoints")
        self.flush()
        write_arrays(folder / f"{step:09d}.safetensors", "checkpoint", arrays, facts)
        for old in numbered(folder)[:-CHECKPOINTS_KEPT]:
            old.unlink()

    def write_model(self, model: FittedModel, extra: Mapping[str, Any]) -> None:
        """Write the trained model."""
        model.save(self._place("model.safetensors"), extra)

    def truncate_after(self, step: int, log_every: int, due: Container[str] = ()) -> bool:
        """Take away what the run wrote after `step` updates, so that it can go on there.

        Parameters
        ----------
        step, log_every : int
        due : container of str
            Events of the last step that are still to come, and so taken away too: `log`, `valid`.

        Returns
        -------
        bool
            Whether there is a snapshot after `step` updates that was asked for, and holds what a
            checkpoint before it keeps for the next one.
        """
        path = self.path / "history.jsonl"
        events = read_lines(path, self._sealed).entries
        kept = [event for event in events if _stays(event, step, due)]
        waits = [n for n, event in enumerate(kept) if event.get("do") in ("pause", "go")]
        if waits and kept[waits[-1]]["do"] == "pause":  # going on, it does not wait any more
            del kept[waits[-1]]
        asked_for = {e["step"] for e in kept if e["event"] == "control" and e["do"] == "snapshot"}
        text, self._checks[path.name] = lines_with_checksums(kept)
        write_atomically(path, text)
        self._mend_journal()
        (self.path / "snapshots" / FINAL_ARRAYS).unlink(missing_ok=True)
        for path in numbered(self.path / "snapshots"):
            after = int(path.stem)
            n_logged, rest = divmod(after - 1, log_every)
            regular = not rest and leaves_snapshot(n_logged)
            if after > step or not (regular or after in asked_for):
                path.unlink()
        for path in numbered(self.path / "checkpoints"):
            if int(path.stem) > step:
                path.unlink()
        return step in asked_for and self.has_snapshot(step)

    def close(self) -> None:
        """Let go of the lock."""
        self._lock.close()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def create_run(path: Path, record: Mapping[str, Any]) -> RunWriter:
    """Make the run folder `path` and open it for writing.

    Raises
    ------
    MachineError
        If it is there already, or cannot be made; then nothing is left of it.
    """
    if path.exists():
        raise _is_there(path)
    # Under another name until it is a run, so that a kill leaves nothing that looks like one.
    making = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_stale(path.parent)
        making.mkdir()
    except OSError as error:
        raise _not_made(path, error) from None
    try:
        writer = RunWriter(making)
        for name in FOLDERS:
            (making / name).mkdir()
        (making / "history.jsonl").touch()
        writer.write_record(record)
        making.rename(path)  # it is a run from here on
        writer.path = path
        flush(path.parent)
    except BaseException as error:
        shutil.rmtree(making, ignore_errors=True)
        if isinstance(error, OSError):
            raise _is_there(path) if path.exists() else _not_made(path, error) from None
        raise
    return writer


def _is_there(path: Path) -> RunExistsError:
    return RunExistsError(f"{printable(path)}: is there already; name a new folder or remove it")


def _not_made(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{printable(path)}: no run folder can be made: {error.strerror}; use another --runs-dir"
    )


def create_next_run(runs_dir: Path, job: str, record: Mapping[str, Any]) -> RunWriter:
    """Make and open the next free folder `<job>-N` in `runs_dir`; errors as `create_run`."""
    pattern = re.compile(re.escape(job) + r"-(\d{1,9})")
    names = os.listdir(runs_dir) if runs_dir.is_dir() else []
    taken = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    number = max(taken, default=0) + 1
    while True:
        try:
            return create_run(runs_dir / f"{job}-{number}", record)
        except RunExistsError:  # another process was quicker
            number += 1


def write_figure(run: Run, name: str, data: bytes) -> Path:
    """Write `data` to the run's figures/`name`, whole or not at all; return its path.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    path = run.path / "figures" / name
    _refuse_link(path.parent)
    clear_stale(path.parent)
    write_atomically(path, data, durable=False)
    return path


def append_request(run: Run, entry: Mapping[str, Any]) -> None:
    """Append a line to the run's control.jsonl, where whoever trains it looks.

    Raises
    ------
    MachineError
        If it cannot be written.
    UntrustedFileError
        If it is a link, a pipe or a device.
    """
    append(run.path / "control.jsonl", json.dumps(entry, allow_nan=False).encode() + b"\n")


def write_page(run: Run, name: str, text: str) -> Path:
    """Write `text` to the run's file `name`, as report.html, whole or not at all; return its path.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    path = run.path / name
    clear_stale(run.path)
    write_atomically(path, text.encode("utf-8", "backslashreplace"))
    return path


def reopen_run(run: Run) -> RunWriter:
    """Open an existing run for writing, and clear what a killed writer left half done.

    Raises
    ------
    MachineError
        If another process is writing it, or nothing can be written in it.
    """
    writer = RunWriter(run.path, run.sealed)
    try:
        for name in FOLDERS:
            _refuse_link(run.path / name)
        for left in run.path.rglob(f"{TEMPORARY}*"):
            if left.parent not in (run.path, run.path / "figures"):
                left.unlink()
        for folder in (run.path, run.path / "figures"):  # pages and figures come without the lock
            clear_stale(folder)
        for name in FOLDERS:
            (run.path / name).mkdir(exist_ok=True)
    except BaseException as error:
        writer.close()
        if isinstance(error, OSError):
            raise MachineError(
                f"{printable(run.path)}: cannot be written: {error.strerror}"
            ) from None
        raise
    return writer


def _refuse_link(folder: Path) -> None:
    """Refuse a folder of a run that is a link: what it leads to is not the run's to write in."""
    if folder.is_symlink():
        raise UntrustedFileError(
            f"{printable(folder)}: is a link; put the folder itself in its place"
        )


def _stays(event: Mapping[str, Any], step: int, due: Container[str]) -> bool:
    """Whether a run that is taken up after `step` updates has `event` behind it."""
    if event["event"] == "control":  # named by the updates made before it
        return bool(event["step"] <= step) and event["do"] != "stop"
    last = step - 1 if event["event"] in due else step
    return event["event"] in ("log", "valid") and event["step"] < last
