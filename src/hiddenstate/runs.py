"""The run folder: the only code that writes in one, and what every reader reads it with.

Layout and schemas are written down in docs/format.md. Training writes through
:class:`RunWriter`; views, reports and commands read through :class:`Run`.
"""

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hiddenstate
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
from hiddenstate.storage import parse_json, read_arrays, write_arrays, write_atomically

FORMAT = 2
"""Version of config.json and the folder's layout; newer ones are refused."""

Arrays = dict[str, NDArray[Any]]

SNAPSHOTS_IN_FULL = 100
"""Logged lines that each leave a snapshot; after them every second, fourth, ... does."""

CLOSING = "closing.safetensors"
"""What the views draw of a run's end alone, among its snapshots."""

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
        self.record: dict[str, Any] = self._read_record()
        self.config: Config = self._read_config()

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    def _read_record(self) -> dict[str, Any]:
        path = self.path / "config.json"
        if not path.is_file():
            raise DataError(f"{printable(self.path)}: no run folder: there is no config.json in it")
        try:
            record: Any = parse_json(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UntrustedFileError(f"{printable(path)}: damaged: {printable(error)}") from None
        version = record.get("format") if isinstance(record, dict) else None
        if not isinstance(record, dict) or type(version) is not int or version < 1:
            raise UntrustedFileError(f"{printable(path)}: not a run's config.json")
        if record["format"] > FORMAT:
            raise UntrustedFileError(
                f"{printable(path)}: written in format {record['format']}, this version reads up "
                f"to {FORMAT}; update hiddenstate"
            )
        return record

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
        """Every event of history.jsonl; a last line still being written is left out."""
        return list(_json_lines(self.path / "history.jsonl"))

    def journal(self) -> list[dict[str, Any]]:
        """Every entry of journal.jsonl."""
        return list(_json_lines(self.path / "journal.jsonl"))

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
        first = next(iter(_json_lines(self.path / "journal.jsonl")), {})
        try:
            return f"{datetime.fromisoformat(first['time']).astimezone():%Y-%m-%d %H:%M}"
        except (KeyError, ValueError, TypeError):
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

    def closing(self) -> Arrays:
        """Arrays the views need that only the run's end shows; none before it."""
        path = self.path / "snapshots" / CLOSING
        return read_arrays(path, "closing")[0] if path.is_file() else {}

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
        damaged = None
        for path in self.checkpoint_paths():
            try:
                return read_arrays(path, "checkpoint")
            except UntrustedFileError as error:
                damaged = damaged or error
        if damaged:
            raise damaged
        return None

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

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = take_lock(path)

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write config.json, whole."""
        text = json.dumps({"format": FORMAT, **record}, indent=2, allow_nan=False) + "\n"
        write_atomically(self.path / "config.json", text.encode())

    def add_history(self, event: Mapping[str, Any]) -> None:
        """Append one event and flush it."""
        _append(self.path / "history.jsonl", event)

    def add_journal(self, event: str, **details: Any) -> None:
        """Append one entry, stamped with the time, and flush it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        _append(self.path / "journal.jsonl", {"time": now, "event": event, **details})

    def write_keepsake(self, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write what the views need that training never changes."""
        write_arrays(self.path / "snapshots" / "shown.safetensors", "shown", arrays, facts)

    def write_snapshot(self, step: int, arrays: Arrays) -> None:
        """Write what the views draw of the net after `step` updates."""
        path = self.path / "snapshots" / f"{step:09d}.safetensors"
        write_arrays(path, "snapshot", arrays, {"step": step}, durable=False)

    def has_snapshot(self, step: int) -> bool:
        """Whether there is a snapshot of the net after `step` updates."""
        return (self.path / "snapshots" / f"{step:09d}.safetensors").is_file()

    def write_closing(self, arrays: Arrays) -> None:
        """Write what only the run's end shows."""
        write_arrays(self.path / "snapshots" / CLOSING, "closing", arrays, {}, durable=False)

    def write_checkpoint(self, step: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Write a checkpoint and drop all but the newest `CHECKPOINTS_KEPT`."""
        folder = self.path / "checkpoints"
        write_arrays(folder / f"{step:09d}.safetensors", "checkpoint", arrays, facts)
        for old in _numbered(folder)[:-CHECKPOINTS_KEPT]:
            old.unlink()

    def write_model(self, model: FittedModel, extra: Mapping[str, Any]) -> None:
        """Write the trained model."""
        model.save(self.path / "model.safetensors", extra)

    def cut_back(self, step: int, log_every: int) -> None:
        """Take away what the run wrote after `step` updates, so that it can go on there."""
        events = _json_lines(self.path / "history.jsonl")
        kept = [event for event in events if _stays(event, step)]
        asked_for = {e["step"] for e in kept if e["event"] == "control" and e["do"] == "snapshot"}
        text = "".join(json.dumps(event) + "\n" for event in kept)
        write_atomically(self.path / "history.jsonl", text.encode())
        (self.path / "snapshots" / CLOSING).unlink(missing_ok=True)
        for path in _numbered(self.path / "snapshots"):
            after = int(path.stem)
            n_logged, rest = divmod(after - 1, log_every)
            regular = not rest and leaves_snapshot(n_logged)
            if after > step or not (regular or after in asked_for):
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
        If it is there already, or cannot be made.
    """
    try:
        path.mkdir(parents=True)
        for name in ("snapshots", "checkpoints", "figures"):
            (path / name).mkdir()
    except FileExistsError:
        raise RunExistsError(
            f"{printable(path)}: is there already; name a new folder or remove it"
        ) from None
    except OSError as error:
        raise MachineError(
            f"{printable(path)}: no run folder can be made: {error.strerror}; "
            "use another --runs-dir"
        ) from None
    writer = RunWriter(path)
    writer.write_record(record)
    (path / "history.jsonl").touch()
    return writer


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
    write_atomically(path, data, durable=False)
    return path


def append_request(run: Run, entry: Mapping[str, Any]) -> None:
    """Append a line to the run's control.jsonl, where whoever trains it looks.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    _append(run.path / "control.jsonl", entry)


def write_page(run: Run, name: str, text: str) -> Path:
    """Write `text` to the run's file `name`, as report.html, whole or not at all; return its path.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    path = run.path / name
    write_atomically(path, text.encode("utf-8", "backslashreplace"), durable=False)
    return path


def reopen_run(run: Run) -> RunWriter:
    """Open an existing run for writing, and clear what a killed writer left half done."""
    writer = RunWriter(run.path)
    for left in run.path.rglob(".tmp-*"):
        left.unlink()
    # What is added must not be glued to a line a crash cut short.
    journal = run.path / "journal.jsonl"
    data = journal.read_bytes() if journal.exists() else b""
    if data and not data.endswith(b"\n"):
        write_atomically(journal, data[: data.rfind(b"\n") + 1])
    return writer


def make_record(
    config: Config, data: Mapping[str, Any], engine: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run's config.json says beside its format: settings, data, and what computes."""
    return {
        "config": config.to_dict(),
        "data": dict(data),
        "engine": dict(engine),
        "environment": {
            "hiddenstate": hiddenstate.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}",
        },
    }


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


def list_runs(runs_dir: Path) -> list[Run]:
    """Every run folder in `runs_dir` that can be read, by job and number."""
    runs: list[Run] = []
    for path in runs_dir.iterdir() if runs_dir.is_dir() else ():
        try:
            runs.append(Run(path))
        except (DataError, UntrustedFileError):
            continue
    return sorted(runs, key=_by_number)


def _by_number(run: Run) -> tuple[str, int]:
    """Sorts `classify-9` before `classify-10`."""
    base, _, number = str(run.name).rpartition("-")
    return (base, int(number)) if number.isdecimal() else (base + number, 0)


def _append(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one JSON line and flush it (`MachineError`)."""
    line = json.dumps(entry, allow_nan=False)
    try:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError as error:
        raise MachineError(f"{printable(path)}: cannot be written: {error.strerror}") from None


def _stays(event: Mapping[str, Any], step: int) -> bool:
    """Whether a run that is taken up after `step` updates has `event` behind it."""
    if event["event"] == "control":  # named by the updates made before it
        return bool(event["step"] <= step) and event["do"] != "stop"
    return event["event"] in ("log", "valid") and event["step"] < step


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of a history or journal, as far as they are sound."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines(keepends=True):
        try:
            entry = parse_json(line) if line.endswith("\n") else None
        except ValueError:
            return
        if not isinstance(entry, dict) or not _is_sound(entry):
            return
        yield entry


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


def _numbered(folder: Path) -> list[Path]:
    """The files `NNNNNNNNN.safetensors` in `folder`, in order."""
    return sorted(p for p in folder.glob("*.safetensors") if re.fullmatch(r"[0-9]{9,}", p.stem))
