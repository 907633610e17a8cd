"""Writes in run folders, for training and for the few files that readers may leave.

Training writes through :class:`RunWriter`; views leave figures, a page or a request.
docs/format.md describes the layout and every file.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Container, Iterator, Mapping, Sequence
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
from hiddenstate.runs.events import WITH_SNAPSHOT
from hiddenstate.runs.record import (
    CLOSED,
    RUN_FORMAT,
    TEACHER,
    TEXTS,
    RunRecord,
    is_kept,
    read_lines,
    seed_of,
    with_run,
)
from hiddenstate.runs.retention import WEIGHTS_LIMIT, leaves_snapshot, leaves_weights
from hiddenstate.runs.run import FINAL_ARRAYS, STATIC_ARRAYS, numbered
from hiddenstate.system.array_file import read_arrays, write_arrays
from hiddenstate.system.atomic_file import (
    TEMPORARY,
    append,
    clear_stale,
    flush,
    make_folder,
    open_regular,
    refuse_irregular,
    write_atomically,
)
from hiddenstate.system.checksums import (
    line_with_checksum,
    lines_with_checksums,
    object_with_checksum,
)
from hiddenstate.system.lock import follow, holds, take_lock
from hiddenstate.system.typing import Arrays

FOLDERS = ("snapshots", "weights", "checkpoints", "figures")

CHECKPOINTS_KEPT = 2
"""The newest checkpoint, and the one before it in case the newest is damaged."""


class RunWriter:
    """The only writer of a run folder; holds its lock until :meth:`close`.

    Make one with :func:`create_run` or :func:`reopen_run`.

    Parameters
    ----------
    path : Path
    run_id : str, optional
        What the run's files have in common; None for runs that older versions started.
    checksummed : bool, default True
        Whether the lines already there have checksums, as from format 3 on.

    Raises
    ------
    MachineError
        If another process holds the lock, or the folder cannot be written.
    """

    def __init__(self, path: Path, run_id: str | None = None, checksummed: bool = True) -> None:
        self.path = path
        self._lock = take_lock(path)
        self._folder = os.stat(path)  # the open lock keeps its number from being used again
        self._id, self._checksummed = run_id, checksummed
        self._seed = seed_of(run_id)
        self._checks = dict.fromkeys(TEXTS, self._seed)
        self._lines: dict[str, int] = {}  # in each of the texts, once they are this writer's
        self._kept = 0  # lines of the history that a checkpoint needs
        self._unflushed: list[Path] = []

    def check(self) -> None:
        """Check that the folder is still the one that was locked.

        Raises
        ------
        RunMovedError
            If the folder or its lock was moved or removed: another run may be in its place.
        """
        if not holds(self._lock, self.path) or not self._is_same_folder():
            raise RunMovedError(
                f"{printable(self.path)}: the run folder or its lock was moved or removed during "
                "training; nothing more is written there"
            )

    def _is_same_folder(self) -> bool:
        """Whether the path still leads to the folder: another may have a hard link of the lock."""
        try:
            return os.path.samestat(self._folder, os.stat(self.path))
        except OSError:
            return False

    def _place(self, *names: str) -> Path:
        """Return a path in the folder, after a check of the folder and of the one in it."""
        self.check()
        if names[0] in FOLDERS:
            _refuse_link(self.path / names[0])
        return self.path.joinpath(*names)

    def write_record(self, record: RunRecord) -> None:
        """Write config.json."""
        data = object_with_checksum({"format": RUN_FORMAT, **record})
        write_atomically(self._place("config.json"), data)

    def keep_rows(self, path: Path) -> None:
        """Keep a copy of a file with the rows that came from stdin, under its name."""
        write_atomically(self._place(path.name), path.read_bytes())

    def add_history(self, event: Mapping[str, Any]) -> None:
        """Append an event to history.jsonl."""
        self._append("history.jsonl", event)
        self._kept += is_kept(event)

    def add_journal(self, event: str, **details: Any) -> None:
        """Append an entry to journal.jsonl, with the time."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._append("journal.jsonl", {"time": now, "event": event, **details})

    def _append(self, name: str, entry: Mapping[str, Any]) -> None:
        line, check = line_with_checksum(entry, self._checks[name])
        append(self._place(name), line)
        self._checks[name] = check
        self._lines[name] = self._lines.get(name, 0) + 1

    def _repair_journal(self) -> None:
        """Prepare the journal for new lines: remove an unfinished one, add missing checksums."""
        path = self.path / "journal.jsonl"
        lines = read_lines(path, self._checksummed, self._seed)
        self._lines[path.name] = len(lines.entries) + len(lines.damaged)
        if not self._checksummed:
            self._rewrite(path, lines.entries)
            return
        self._checks[path.name] = lines.check
        if lines.rest:
            with open_regular(path) as stream:
                write_atomically(path, stream.read(lines.size))

    def _rewrite(self, path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
        """Replace a text by lines of `entries`."""
        text, self._checks[path.name] = lines_with_checksums(entries, self._seed)
        write_atomically(path, text)
        self._lines[path.name] = len(entries)

    def flush(self) -> None:
        """Wait until everything is on the disk, except the last lines of the journal."""
        for path in (self.path / "history.jsonl", *self._unflushed):
            with contextlib.suppress(FileNotFoundError):
                flush(path)
        for folder in dict.fromkeys(path.parent for path in self._unflushed):
            flush(folder)
        self._unflushed = []

    def write_static_arrays(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write the arrays and facts that views need and training never changes."""
        path = self._place("snapshots", STATIC_ARRAYS)
        write_arrays(path, "shown", arrays, with_run(facts, self._id))

    def write_snapshot(self, step: int, arrays: Arrays) -> None:
        """Write what views draw of the net after `step` updates."""
        path = self._place("snapshots", f"{step:09d}.safetensors")
        facts = with_run({"step": step}, self._id)
        write_arrays(path, "snapshot", arrays, facts, durable=False)
        self._unflushed.append(path)

    def has_snapshot(self, step: int) -> bool:
        """Whether there is a snapshot taken after `step` updates."""
        return (self.path / "snapshots" / f"{step:09d}.safetensors").is_file()

    def snapshot(self, step: int) -> Arrays | None:
        """Return the arrays of this snapshot; None if there is none."""
        path = self.path / "snapshots" / f"{step:09d}.safetensors"
        return read_arrays(path, "snapshot")[0] if self.has_snapshot(step) else None

    def write_weights(self, step: int, model: FittedModel, extra: Mapping[str, Any]) -> None:
        """Write the net after `step` updates as a model file."""
        path = self._place("weights", f"{step:09d}.safetensors")
        data = model.encode(with_run({**extra, "step": step}, self._id))
        write_atomically(path, data, durable=False)
        self._unflushed.append(path)

    def has_space_for_weights(self, step: int) -> bool:
        """Whether a request may leave weights after `step` updates: there are none of that step
        yet, and all others have less than `WEIGHTS_LIMIT` bytes."""
        paths = numbered(self.path / "weights")
        sizes = sum(path.stat().st_size for path in paths)
        return sizes < WEIGHTS_LIMIT and all(int(path.stem) != step for path in paths)

    def write_final_arrays(self, arrays: Arrays) -> None:
        """Write the arrays that exist only at the run's end."""
        path = self._place("snapshots", FINAL_ARRAYS)
        write_arrays(path, "closing", arrays, with_run({}, self._id), durable=False)
        self._unflushed.append(path)

    def write_checkpoint(self, step: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write a checkpoint and remove all but the newest `CHECKPOINTS_KEPT`.

        The history, snapshots and weights before it are on the disk first, and it states how
        many lines of the history a run needs that is resumed from it.
        """
        folder = self._place("checkpoints")
        self.flush()
        facts = with_run({**facts, "lines": self._kept}, self._id)
        write_arrays(folder / f"{step:09d}.safetensors", "checkpoint", arrays, facts)
        for old in numbered(folder)[:-CHECKPOINTS_KEPT]:
            old.unlink()

    def write_model(self, model: FittedModel, extra: Mapping[str, Any]) -> None:
        """Write the trained model."""
        path = self._place("model.safetensors")
        write_atomically(path, model.encode(with_run(extra, self._id)))

    def truncate_after(
        self, step: int, log_every: int, in_full: int, pending: Container[str] = ()
    ) -> bool:
        """Remove what the run wrote after `step` updates, so that it can be resumed there.

        Parameters
        ----------
        step, log_every : int
        in_full : int
            Logged lines that all leave weights, as :func:`weights_in_full` returns it.
        pending : container of str
            Events of the last step that will be repeated, and are removed too: `log`, `valid`.

        Returns
        -------
        bool
            Whether there is a snapshot after `step` updates that was requested. It holds the
            predictions that a checkpoint before it keeps for the next snapshot.
        """
        (self._place(CLOSED)).unlink(missing_ok=True)  # it has more lines than are left
        path = self.path / "history.jsonl"
        events = read_lines(path, self._checksummed, self._seed).entries
        kept = [event for event in events if _stays(event, step, pending)]
        waits = [n for n, event in enumerate(kept) if event.get("do") in ("pause", "go", "step")]
        if waits and kept[waits[-1]]["do"] == "pause":  # a resumed run does not wait any longer
            del kept[waits[-1]]
        requested = {event["step"] for event in kept if event.get("do") in WITH_SNAPSHOT}
        self._rewrite(path, kept)
        self._kept = sum(map(is_kept, kept))
        self._repair_journal()
        (self.path / "snapshots" / FINAL_ARRAYS).unlink(missing_ok=True)
        for path in numbered(self.path / "snapshots") + numbered(self.path / "weights"):
            after = int(path.stem)
            n_logged, rest = divmod(after - 1, log_every)
            of_weights = path.parent.name == "weights"
            regular = leaves_weights(n_logged, in_full) if of_weights else leaves_snapshot(n_logged)
            if after > step or not ((regular and not rest) or after in requested):
                path.unlink()
        for path in numbered(self.path / "checkpoints"):
            if int(path.stem) > step:
                path.unlink()
        return step in requested and self.has_snapshot(step)

    def close(self) -> None:
        """State how many lines there are, if this writer wrote any, and release the lock."""
        if self._lines and not self._lock.closed:
            with contextlib.suppress(MachineError, UntrustedFileError):
                lines = {name: self._lines.get(name, 0) for name in TEXTS}
                record = object_with_checksum(with_run(lines, self._id))
                write_atomically(self._place(CLOSED), record)
        self._lock.close()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def create_run(path: Path, record: RunRecord, teacher: Arrays | None = None) -> RunWriter:
    """Create the run folder `path`, with the answers of a teacher, and open it for writing.

    Raises
    ------
    RunExistsError
        If there is something at `path`.
    MachineError
        If it cannot be created; then nothing is left behind.
    """
    with _making(path) as making:
        writer = RunWriter(making, record.get("id"))
        for name in FOLDERS:
            (making / name).mkdir()
        (making / "history.jsonl").touch()
        if teacher is not None:
            write_arrays(making / TEACHER, "teacher", teacher, with_run({}, record.get("id")))
        writer.write_record(record)
    writer.path = path
    follow(writer._lock, path)
    return writer


@contextlib.contextmanager
def _making(path: Path) -> Iterator[Path]:
    """Yield a new folder, which becomes the run folder `path` at the end.

    Until it is complete it has another name, so that a kill leaves nothing like a run.

    Raises
    ------
    RunExistsError
        If there is something at `path`.
    MachineError
        If it cannot be written; then nothing is left behind.
    """
    if path.exists():
        raise _run_exists(path)
    making = path.parent / f"{TEMPORARY}{os.getpid()}-{path.name}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        clear_stale(path.parent)
        making.mkdir()
    except OSError as error:
        raise _not_created(path, error) from None
    try:
        yield making
        making.rename(path)  # it is a run from here on
        flush(path.parent)
    except BaseException as error:
        shutil.rmtree(making, ignore_errors=True)
        if isinstance(error, OSError):
            raise _run_exists(path) if path.exists() else _not_created(path, error) from None
        raise


def _run_exists(path: Path) -> RunExistsError:
    return RunExistsError(f"{printable(path)}: already exists; name a new folder or remove it")


def _not_created(path: Path, error: OSError) -> MachineError:
    return MachineError(
        f"{printable(path)}: cannot create the run folder: {error.strerror}; use another --runs-dir"
    )


def create_next_run(
    runs_dir: Path, job: str, record: RunRecord, teacher: Arrays | None = None
) -> RunWriter:
    """Create and open the next free folder `<job>-N` in `runs_dir`; see :func:`create_run`."""
    pattern = re.compile(re.escape(job) + r"-(\d{1,9})")
    names = os.listdir(runs_dir) if runs_dir.is_dir() else []
    taken = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    number = max(taken, default=0) + 1
    while True:
        try:
            return create_run(runs_dir / f"{job}-{number}", record, teacher)
        except RunExistsError:  # another process was faster
            number += 1


def write_figure(run: Run, name: str, data: bytes) -> Path:
    """Write `data` to figures/`name` of the run, atomically; return its path.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    path = run.path / "figures" / name
    _refuse_link(path.parent)
    make_folder(path.parent)  # a copy of the run may have left the empty folder out
    clear_stale(path.parent)
    write_atomically(path, data, durable=False)
    return path


def append_request(run: Run, entry: Mapping[str, Any]) -> None:
    """Append a request to the run's control.jsonl, which training reads, on a line of its own.

    Raises
    ------
    MachineError
        If it cannot be written.
    UntrustedFileError
        If the file is a link, a pipe or a device.
    """
    path, line = run.path / "control.jsonl", json.dumps(entry, allow_nan=False).encode() + b"\n"
    append(path, line if _ends_a_line(path) else b"\n" + line)


def _ends_a_line(path: Path) -> bool:
    """Return whether a file ends with a newline, or is empty or not there; an error is not."""
    with contextlib.suppress(OSError), open_regular(path) as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"
    return True


def write_page(run: Run, name: str, text: str) -> Path:
    """Write `text` to the file `name` of the run, atomically; return its path.

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
    """Open an existing run for writing, and remove what a killed writer left unfinished.

    Raises
    ------
    MachineError
        If another process is writing it, or it cannot be written.
    """
    writer = RunWriter(run.path, run.id, run.checksummed)
    try:
        for name in FOLDERS:
            _refuse_link(run.path / name)
        for name in ("config.json", *TEXTS, CLOSED, "model.safetensors"):
            refuse_irregular(run.path / name)
        for left in run.path.rglob(f"{TEMPORARY}*"):
            if left.parent not in (run.path, run.path / "figures"):
                left.unlink()
        for folder in (
            run.path,
            run.path / "figures",
        ):  # pages and figures are written without the lock
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
    """Refuse a folder of a run that is a link: its target does not belong to the run."""
    if folder.is_symlink():
        raise UntrustedFileError(f"{printable(folder)}: is a link; replace it by the folder itself")


def _stays(event: Mapping[str, Any], step: int, pending: Container[str]) -> bool:
    """Whether `event` belongs to a run that is resumed after `step` updates."""
    if event["event"] == "control":  # its step counts the updates made before it
        return bool(event["step"] <= step) and event["do"] != "stop"
    last = step - 1 if event["event"] in pending else step
    return event["event"] in ("log", "valid") and event["step"] < last


def copy_run(run: Run, path: Path) -> None:
    """Copy what resuming `run` needs to the new folder `path`, while it may still be written.

    A file that is cut short by this is found when the copy is resumed.

    Raises
    ------
    RunExistsError
        If there is something at `path`.
    MachineError
        If it cannot be copied; then nothing is left behind.
    """
    with _making(path) as making:
        for name in reversed(FOLDERS):  # the checkpoints first, as the rest is older than they say
            (making / name).mkdir()
            for file in () if name == "figures" else (run.path / name).glob("*.safetensors"):
                _copy(file, making / name / file.name)
        for name in ("config.json", *TEXTS):
            _copy(run.path / name, making / name)


def _copy(path: Path, to: Path) -> None:
    """Copy a file, unless it is gone: an older checkpoint is removed as training goes on."""
    with contextlib.suppress(FileNotFoundError), open_regular(path) as stream:
        write_atomically(to, stream.read(), durable=False)
