"""The run folder: the only code that writes in one, and what every reader reads it with.

Layout and schemas are written down in docs/format.md. Training writes through
:class:`RunWriter`; views, reports and commands read through :class:`Run`.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hiddenstate.config import Config, config_from_dict
from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    RunExistsError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.fitted import FittedModel, load_model
from hiddenstate.lock import is_locked, take_lock
from hiddenstate.records import FORMAT, read_lines, read_record
from hiddenstate.seals import seal_line, seal_lines, seal_object
from hiddenstate.storage import (
    TEMPORARY,
    Layout,
    append,
    clear_stale,
    flush,
    read_arrays,
    write_arrays,
    write_atomically,
)

Arrays = dict[str, NDArray[Any]]

SNAPSHOTS_IN_FULL = 100
"""Logged lines that each leave a snapshot; after them every second, fourth, ... does."""

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


class Run:
    """A run folder, read only.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    DataError
        If it is no run folder.
    UntrustedFileError
        If its config.json is damaged or newer than this version reads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.record: dict[str, Any] = read_record(path / "config.json")
        self.config: Config = self._read_config()

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def _read_config(self) -> Config:
        try:
            return config_from_dict(
                self.record.get("config"), printable(self.path / "config.json"), whole=True
            )
        except OptionError as error:
            raise UntrustedFileError(str(error)) from None

    def data_fact(self, name: str) -> str:
        """A fact config.json keeps of the data: name, source or fingerprint."""
        data = self.record.get("data")
        return str(data.get(name, "")) if isinstance(data, dict) else ""

    def history(self) -> list[dict[str, Any]]:
        """Every event of history.jsonl; damaged ones, and one still being written, left out."""
        return read_lines(self.path / "history.jsonl", self.sealed).entries

    def journal(self) -> list[dict[str, Any]]:
        """Every entry of journal.jsonl; damaged ones, and one still being written, left out."""
        return read_lines(self.path / "journal.jsonl", self.sealed).entries

    def damage(self, name: str) -> str | None:
        """What is wrong with history.jsonl or journal.jsonl, in a line; None if it is sound."""
        path = self.path / name
        lines = read_lines(path, self.sealed)
        if lines.damaged:
            more = f" (and {len(lines.damaged) - 1} more)" if len(lines.damaged) > 1 else ""
            return f"{printable(path)}:{lines.damaged[0]}: this line is damaged{more}"
        if lines.rest and not is_locked(self.path):
            return f"{printable(path)}: its last line is cut short"
        return None

    @property
    def sealed(self) -> bool:
        """Whether each line of history and journal has a check, as from format 3 on."""
        return bool(self.record["format"] >= 3)

    def lacking(self, step: int, n_since: int) -> str | None:
        """What of the lines logged up to a checkpoint the history lacks, in a line.

        Parameters
        ----------
        step : int
            The updates that the checkpoint was taken after.
        n_since : int
            The losses it holds that are not in a line: where the last step was to have one, and
            training was stopped as it was evaluated, that line is still due.
        """
        log_every = self.config.training.log_every
        wanted = -(-step // log_every) - ((step - 1) % log_every == 0 and n_since > 0)
        found = sum(e["event"] == "log" and e["step"] < step for e in self.history())
        if found >= wanted:
            return None
        path = printable(self.path / "history.jsonl")
        return f"{path}: has {found} logged lines of {wanted} up to step {step}"

    def results(self) -> dict[str, Any] | None:
        """The final figures, or None while there are none."""
        for event in reversed(self.history()):
            if event["event"] == "end":
                return {k: v for k, v in event.items() if k not in ("event", "step")}
        return None

    def state(self) -> str:
        """`running`, `done`, or how it ended: `interrupted`, `failed`, `stopped`."""
        if self.results() is not None:
            return "done"
        if is_locked(self.path):
            return "running"
        last = [entry["event"] for entry in self.journal()][-1:]
        return {"interrupted": "interrupted", "failed": "failed"}.get("".join(last), "stopped")

    def started(self) -> str:
        """Date and time of the first journal entry, local, to the minute."""
        try:
            first = self.journal()[0]
            return f"{datetime.fromisoformat(first['time']).astimezone():%Y-%m-%d %H:%M}"
        except (IndexError, KeyError, ValueError, TypeError, OverflowError):
            return "unknown"

    def seconds(self) -> float | None:
        """Wall time of the training that ended the run, if it ended."""
        for entry in reversed(self.journal()):
            if entry["event"] == "end" and "seconds" in entry:
                return float(entry["seconds"])
        return None

    @cached_property
    def keepsake(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and facts the views need that training never changed."""
        return read_arrays(self.path / "snapshots" / "shown.safetensors", "shown")

    def snapshot_paths(self) -> list[Path]:
        """Every snapshot in the order it was taken."""
        return _numbered(self.path / "snapshots")

    def checkpoint_paths(self) -> list[Path]:
        """Every checkpoint, newest first."""
        return _numbered(self.path / "checkpoints")[::-1]

    def checkpoint(self) -> tuple[Arrays, dict[str, Any]] | None:
        """The newest checkpoint that is whole; None where there is none.

        Raises
        ------
        UntrustedFileError
            If there are checkpoints and every one is damaged.
        """
        return self.sound_checkpoint()[0]

    def sound_checkpoint(
        self, fits: Callable[[str, Layout, dict[str, Any]], None] | None = None
    ) -> tuple[tuple[Arrays, dict[str, Any]] | None, list[str]]:
        """As :meth:`checkpoint`, and what is wrong with each newer one, in a line each.

        `fits` is asked of each before it is read, and told its name; see
        :func:`hiddenstate.storage.read_arrays`.
        """
        damaged: list[str] = []
        for path in self.checkpoint_paths():
            try:
                asked = partial(fits, str(path)) if fits else None
                return read_arrays(path, "checkpoint", asked), damaged
            except (UntrustedFileError, MachineError) as error:
                damaged.append(str(error))
        if damaged:
            raise UntrustedFileError(
                f"{damaged[0]}; no other checkpoint is sound: begin again with `hiddenstate "
                f"{self.config.job} --config {self.path / 'config.json'}`"
            )
        return None, []

    def model(self) -> FittedModel:
        """The trained model.

        Raises
        ------
        DataError
            If the run has not come to its end.
        """
        path = self.path / "model.safetensors"
        if not path.is_file():
            raise DataError(
                f"{printable(self.path)}: has no model yet; finish it with "
                f"`hiddenstate resume {self.path}`"
            )
        return load_model(path)[0]


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

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write config.json, whole."""
        write_atomically(self.path / "config.json", seal_object({"format": FORMAT, **record}))

    def add_history(self, event: Mapping[str, Any]) -> None:
        """Append one event."""
        self._append("history.jsonl", event)

    def add_journal(self, event: str, **details: Any) -> None:
        """Append one entry, stamped with the time."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._append("journal.jsonl", {"time": now, "event": event, **details})

    def _append(self, name: str, entry: Mapping[str, Any]) -> None:
        line, check = seal_line(entry, self._checks[name])
        append(self.path / name, line)
        self._checks[name] = check

    def _mend_journal(self) -> None:
        """Make the journal fit to be added to: no line cut short at its end, each sealed."""
        path = self.path / "journal.jsonl"
        lines = read_lines(path, self._sealed)
        if not self._sealed:
            data, check = seal_lines(lines.entries)
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

    def write_keepsake(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write what the views need that training never changes."""
        write_arrays(self.path / "snapshots" / "shown.safetensors", "shown", arrays, facts)

    def write_snapshot(self, step: int, arrays: Arrays) -> None:
        """Write what the views draw of the net after `step` updates."""
        path = self.path / "snapshots" / f"{step:09d}.safetensors"
        write_arrays(path, "snapshot", arrays, {"step": step}, durable=False)
        self._unflushed.append(path)

    def write_checkpoint(self, step: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write a checkpoint and drop all but the newest `CHECKPOINTS_KEPT`.

        What led up to it is on the disk before it is.
        """
        self.flush()
        folder = self.path / "checkpoints"
        write_arrays(folder / f"{step:09d}.safetensors", "checkpoint", arrays, facts)
        for old in _numbered(folder)[:-CHECKPOINTS_KEPT]:
            old.unlink()

    def write_model(self, model: FittedModel, extra: Mapping[str, Any]) -> None:
        """Write the trained model."""
        model.save(self.path / "model.safetensors", extra)

    def cut_back(self, step: int, log_every: int) -> None:
        """Take away what the run wrote after `step` updates, so that it can go on there."""
        path = self.path / "history.jsonl"
        events = read_lines(path, self._sealed).entries
        kept = [e for e in events if e["event"] in ("log", "valid") and e["step"] < step]
        text, self._checks[path.name] = seal_lines(kept)
        write_atomically(path, text)
        self._mend_journal()
        for path in _numbered(self.path / "snapshots"):
            after = int(path.stem)
            n_logged, rest = divmod(after - 1, log_every)
            if after > step or rest or not leaves_snapshot(n_logged):
                path.unlink()
        for path in _numbered(self.path / "checkpoints"):
            if int(path.stem) > step:
                path.unlink()

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
        for name in ("snapshots", "checkpoints", "figures"):
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
    clear_stale(path.parent)
    write_atomically(path, data, durable=False)
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
        for left in run.path.rglob(f"{TEMPORARY}*"):
            if left.parent.name != "figures":
                left.unlink()
        clear_stale(run.path / "figures")  # which are drawn without the lock
    except BaseException as error:
        writer.close()
        if isinstance(error, OSError):
            raise MachineError(
                f"{printable(run.path)}: cannot be written: {error.strerror}"
            ) from None
        raise
    return writer


def find_run(name: str, runs_dir: Path) -> Run:
    """The run a user names: a path, a folder name in `runs_dir`, or `last`.

    Raises
    ------
    DataError
        With the nearest name there is.
    """
    if name == "last":
        found = list_runs(runs_dir)
        if not found:
            raise DataError(f"{printable(runs_dir)}: holds no runs; start one with a job")
        return max(found, key=lambda run: (run.path / "config.json").stat().st_mtime)
    for path in (Path(name), runs_dir / name):
        try:
            if path.is_dir():
                return Run(path)
        except OSError as error:
            raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    known = [run.name for run in list_runs(runs_dir)]
    raise DataError(
        f"{printable(name)}: no such run{did_you_mean(Path(name).name, known)}; "
        "`hiddenstate runs` lists them"
    )


def list_runs(runs_dir: Path, tell: Callable[[str], None] = lambda why: None) -> list[Run]:
    """Every run folder in `runs_dir` that can be read, by job and number.

    `tell` is told of each that cannot, in a line.
    """
    runs: list[Run] = []
    for path in runs_dir.iterdir() if runs_dir.is_dir() else ():
        if path.name.startswith(TEMPORARY):
            continue
        try:
            runs.append(Run(path))
        except DataError:  # some other folder
            continue
        except (UntrustedFileError, MachineError) as error:
            tell(str(error))
    return sorted(runs, key=_by_number)


def _by_number(run: Run) -> tuple[str, int]:
    """Sorts `classify-9` before `classify-10`."""
    base, _, number = str(run.name).rpartition("-")
    return (base, int(number)) if number.isdecimal() else (base + number, 0)


def _numbered(folder: Path) -> list[Path]:
    """The files `NNNNNNNNN.safetensors` in `folder`, in order."""
    return sorted(p for p in folder.glob("*.safetensors") if re.fullmatch(r"[0-9]{9,}", p.stem))
