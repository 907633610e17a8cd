"""A run folder as every reader reads it; `writing` alone writes in one.

Layout and schemas are written down in docs/format.md.
"""

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from hiddenstate.config import Config, config_from_dict
from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.runs.record import read_lines, read_record
from hiddenstate.runs.snapshots import (
    Sizes,
    read_final_arrays,
    read_snapshot,
    read_static_arrays,
    sizes_of_static_arrays,
)
from hiddenstate.system.array_file import Layout, read_arrays
from hiddenstate.system.atomic_file import TEMPORARY
from hiddenstate.system.lock import is_locked

Arrays = dict[str, NDArray[Any]]

STATIC_ARRAYS = "shown.safetensors"
"""What the views draw that training never changes, among a run's snapshots."""

FINAL_ARRAYS = "closing.safetensors"
"""What the views draw of a run's end alone, among its snapshots."""

_NUMBERED = re.compile(r"[0-9]{9,18}\.safetensors")

LAST_LINE = 64 * 1024
"""Bytes looked at for the end of a history; its last line has some hundreds."""


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
        self._window: Sizes = {}

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

    def history_from(self, offset: int, check: int) -> tuple[list[dict[str, Any]], int, int]:
        """Events from byte `offset` of history.jsonl on, where a line begins after one whose check
        was `check`; and offset and check to read on with. Both are 0 at the start."""
        lines = read_lines(self.path / "history.jsonl", self.sealed, offset, check)
        return lines.entries, offset + lines.size, lines.check

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

    def missing_lines(self, step: int, n_since: int) -> str | None:
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

    def _says_end(self) -> bool:
        """Whether the history's last line looks like an end: asked often, so without the rest."""
        try:
            with (self.path / "history.jsonl").open("rb") as stream:
                stream.seek(-min(LAST_LINE, stream.seek(0, os.SEEK_END)), os.SEEK_END)
                return b'"event": "end"' in stream.read().rstrip(b"\n").rpartition(b"\n")[2]
        except OSError:
            return False

    def results(self) -> dict[str, Any] | None:
        """The final figures, or None while there are none."""
        for event in reversed(self.history()):
            if event["event"] == "end":
                return {k: v for k, v in event.items() if k not in ("event", "step")}
        return None

    def status(self) -> str:
        """`running`, `done`, or how it ended: `interrupted`, `failed`, `stopped`; or `gone`."""
        if self._says_end() and self.results() is not None:
            return "done"
        if is_locked(self.path):
            return "running"
        if not (self.path / "config.json").exists():  # moved or removed since it was found
            return "gone"
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
    def static_arrays(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and facts the views need that training never changed."""
        return read_static_arrays(self.path / "snapshots" / STATIC_ARRAYS, self.config.job)

    def _sizes(self) -> Sizes:
        """What is known of the sizes of what snapshots hold; nothing while that is damaged."""
        try:
            return self._window | sizes_of_static_arrays(*self.static_arrays, self.config.job)
        except (UntrustedFileError, MachineError):
            return dict(self._window)

    @property
    def has_final_arrays(self) -> bool:
        """Whether there is what only the run's end shows."""
        return (self.path / "snapshots" / FINAL_ARRAYS).is_file()

    def final_arrays(self) -> Arrays:
        """Arrays the views need that only the run's end shows; none before it."""
        path = self.path / "snapshots" / FINAL_ARRAYS
        return (
            read_final_arrays(path, self.config.job, self._sizes()) if self.has_final_arrays else {}
        )

    def snapshot_paths(self) -> list[Path]:
        """Every snapshot in the order it was taken."""
        return numbered(self.path / "snapshots")

    def snapshot(self, path: Path) -> Arrays:
        """Arrays of one of `snapshot_paths`.

        Windows are to be alike in all of them; the first that is read says how they are.

        Raises
        ------
        UntrustedFileError
            If it is damaged, or holds other than such a file of this run does.
        MachineError
            If it cannot be read.
        """
        one = self.config.flat().get("output") == "last"
        arrays, sizes = read_snapshot(path, self.config.job, one, self._sizes())
        self._window = {name: sizes[name] for name in ("T", "O") if name in sizes}
        return arrays

    def damaged_snapshots(self) -> Iterator[str]:
        """What is wrong with each snapshot that the views leave out, in a line."""
        for path in self.snapshot_paths():
            try:
                self.snapshot(path)
            except UntrustedFileError as error:
                yield str(error)
            except MachineError:  # a resumed run was cut back meanwhile
                continue

    def checkpoint_paths(self) -> list[Path]:
        """Every checkpoint, newest first."""
        return numbered(self.path / "checkpoints")[::-1]

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
        :func:`hiddenstate.system.array_file.read_arrays`.
        """
        damaged: list[str] = []
        for path in self.checkpoint_paths():
            try:
                asked = partial(fits, str(path)) if fits else None
                return read_arrays(path, "checkpoint", asked), damaged
            except UntrustedFileError as error:
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
            if self.results() is not None:
                raise DataError(f"{printable(path)}: is missing, of a run that is done; restore it")
            raise DataError(
                f"{printable(self.path)}: has no model yet; finish it with "
                f"`hiddenstate resume {self.path}`"
            )
        return load_model(path)[0]


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


def numbered(folder: Path) -> list[Path]:
    """The files `NNNNNNNNN.safetensors` in `folder`, in the order of their numbers.

    Raises
    ------
    MachineError
        If the folder is there but cannot be read.
    """
    try:
        with os.scandir(folder) as entries:  # a folder of such a name is not ours
            named = (entry for entry in entries if _NUMBERED.fullmatch(entry.name))
            found = [Path(entry.path) for entry in named if entry.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MachineError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
    return sorted(found, key=lambda path: int(path.stem))
