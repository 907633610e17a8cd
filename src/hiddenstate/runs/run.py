"""Reads run folders; `writer.py` alone writes in them.

docs/format.md describes the layout and every file.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hiddenstate.config import Config, config_from_dict
from hiddenstate.errors import (
    DataError,
    MachineError,
    OptionError,
    UntrustedFileError,
    printable,
)
from hiddenstate.runs.events import Event, Figures, JournalEntry
from hiddenstate.runs.last_lines import lines_from_end
from hiddenstate.runs.record import (
    CLOSED,
    TEACHER,
    TEXTS,
    is_kept,
    own_facts,
    read_closing_lines,
    read_lines,
    read_record,
    seed_of,
)
from hiddenstate.runs.status import Status, status_of
from hiddenstate.system.checksums import CheckedLines
from hiddenstate.system.lock import is_locked

if TYPE_CHECKING:
    from hiddenstate.models.fitted import FittedModel
    from hiddenstate.runs.snapshot_files import Sizes
    from hiddenstate.runs.static_facts import StaticFacts
    from hiddenstate.system.array_file import Layout
    from hiddenstate.system.typing import NamedArrays

    Fits = Callable[[str, Layout, dict[str, Any]], None]

STATIC_ARRAYS = "shown.safetensors"
"""File of the arrays that training never changes, among a run's snapshots."""

FINAL_ARRAYS = "closing.safetensors"
"""File of the arrays that exist only at a run's end, among its snapshots."""

_NUMBERED = re.compile(r"[0-9]{9,18}\.safetensors")


def own_names() -> tuple[str, ...]:
    """Return the names that training writes; `figures`, reports and others are drawn again."""
    from hiddenstate.data.readers.formats import STDIN_NAMES

    folders = ("checkpoints", "snapshots", "weights")
    files = ("config.json", "control.jsonl", "lock", "model.safetensors", CLOSED, TEACHER)
    return *STDIN_NAMES, *TEXTS, *files, *folders


class Run:
    """A run folder, read only.

    What reads arrays is imported by the methods that do: a list of runs needs no numpy.

    Parameters
    ----------
    path : str or Path
        The folder.

    Attributes
    ----------
    record : dict
        The contents of config.json; only its format is checked.
    config : Config
        The settings in it, checked.

    Raises
    ------
    DataError
        If it is not a run folder.
    UntrustedFileError
        If its config.json is damaged or newer than this version reads.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.record: dict[str, Any] = read_record(self.path / "config.json")
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
        """Return what config.json records of the data: its name, source or fingerprint."""
        return str(self.data_record().get(name, ""))

    def data_record(self) -> dict[str, Any]:
        """Return all that config.json records of the data."""
        data = self.record.get("data")
        return data if isinstance(data, dict) else {}

    def n_rows(self, part: str) -> int | None:
        """Return the number of rows of `train`, `valid` or `test`; None if it is not recorded."""
        data = self.data_record()
        rows = data.get("rows")
        if isinstance(rows, dict):
            n = rows.get(part)
            return n if type(n) is int and n >= 0 else None
        # Version 0.4 recorded the sizes as lines of text alone.
        lines = data.get("sizes")
        for line in lines if isinstance(lines, list) else ():
            if size := re.match(rf"{part} data: \((\d{{1,15}})\b", str(line)):
                return int(size[1])
        return None

    def history(self) -> list[Event]:
        """Return the events of history.jsonl, without damaged or unfinished lines."""
        return self.history_from(0, 0)[0]

    def history_from(
        self, offset: int, check: int, most: int | None = None
    ) -> tuple[list[Event], int, int]:
        """Return the events from byte `offset` of history.jsonl on, and where to read on.

        Parameters
        ----------
        offset : int
            Where a line starts; 0 at first.
        check : int
            Checksum of the line that ends there; 0 at first.
        most : int, optional
            Read about so many bytes, not all; nothing is left if the offset stays the same.

        Returns
        -------
        events, offset, check
        """
        before = check if offset else self._seed
        lines = read_lines(self.path / "history.jsonl", self.checksummed, before, offset, most)
        return cast(list[Event], lines.entries), offset + lines.size, lines.check

    def journal(self) -> list[JournalEntry]:
        """Return the entries of journal.jsonl, without damaged or unfinished lines."""
        return cast(list[JournalEntry], self._lines("journal.jsonl").entries)

    def damaged_lines(self, name: str) -> str | None:
        """Say which line of history.jsonl or journal.jsonl is damaged first; None if none is."""
        return self._damaged_lines(name, self._lines(name).damaged)

    def _lines(self, name: str) -> CheckedLines:
        return read_lines(self.path / name, self.checksummed, self._seed)

    def _damaged_lines(self, name: str, damaged: Sequence[int]) -> str | None:
        if not damaged:
            return None
        more = f" (and {len(damaged) - 1} more)" if len(damaged) > 1 else ""
        other = ", or another run's" if self.id and damaged[0] == 1 else ""
        return f"{printable(self.path / name)}:{damaged[0]}: this line is damaged{other}{more}"

    def damage(self, name: str) -> str | None:
        """Say what is wrong with history.jsonl or journal.jsonl; None if it is sound."""
        lines = self._lines(name)
        if lines.damaged:
            return self._damaged_lines(name, lines.damaged)
        if lines.rest and not is_locked(self.path):
            return f"{printable(self.path / name)}: its last line is cut short"
        return None

    def lost_lines(self, name: str) -> str | None:
        """Say how many lines a text has lost, as :meth:`cut_lines`; None if that is not known."""
        with suppress(UntrustedFileError, MachineError):
            return self.cut_lines(name)
        return None

    @property
    def id(self) -> str | None:
        """What the files of this run have in common; None for runs of formats 1 to 3."""
        return self.record.get("id")

    @property
    def _seed(self) -> int:
        return seed_of(self.id)

    @property
    def checksummed(self) -> bool:
        """Whether each line of history and journal has a checksum, as from format 3 on."""
        return bool(self.record["format"] >= 3)

    def missing_lines(self, step: int, n_since: int, n_lines: int | None = None) -> str | None:
        """Say how many of a checkpoint's history lines are missing; None if none is.

        Parameters
        ----------
        step : int
            Updates made before the checkpoint.
        n_since : int
            Losses in it that no line holds yet. If the last step is a logged one and training
            was stopped while it was evaluated, its line is still pending.
        n_lines : int, optional
            How many lines it states (:func:`is_kept` counts them); older ones state none, and
            only logged lines are counted.
        """
        if n_lines is None:
            log_every = self.config.training.log_every
            n_lines = -(-step // log_every) - ((step - 1) % log_every == 0 and n_since > 0)
            n_kept = sum(e["event"] == "log" and e["step"] < step for e in self.history())
        else:
            # The step of a request counts the updates made before it.
            up_to = [e["step"] - (e["event"] == "control") for e in self.history() if is_kept(e)]
            n_kept = sum(each < step for each in up_to)
        if n_kept >= n_lines:
            return None
        path = printable(self.path / "history.jsonl")
        return f"{path}: has {n_kept} of {n_lines} lines up to step {step}"

    def cut_lines(self, name: str) -> str | None:
        """Say how many lines a text has lost since training ended; None if none is missing.

        Nothing is known of a run that was killed, or is being trained.

        Raises
        ------
        UntrustedFileError
            If the numbers of lines, in closed.json, are damaged.
        MachineError
            If they cannot be read.
        """
        stated = read_closing_lines(self.path / CLOSED, self.id).get(name, 0)
        lines = self._lines(name)
        n_lines = len(lines.entries) + len(lines.damaged)
        if n_lines >= stated:
            return None
        return f"{printable(self.path / name)}: has {n_lines} of {stated} lines"

    def lines_from_end(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the last lines of history.jsonl or journal.jsonl, the last one first; {} for a
        damaged one. Read from the end of the file, so it costs the same for any length."""
        return lines_from_end(self.path / name, self._seed, self.checksummed)

    def results(self) -> Figures | None:
        """Return the results of a run that is done, else None."""
        for event in reversed(self.history()):
            if event["event"] == "end":
                figures = cast(Mapping[str, Any], event)
                return {k: v for k, v in figures.items() if k not in ("event", "step")}
        return None

    def status(self) -> Status:
        """Return `running`, `done`, how training ended (`interrupted`, `diverged`, `failed`, or
        `stopped` without a record of why), or `gone` once the folder is."""
        last = next(self.lines_from_end("history.jsonl"), {})
        return status_of(self.path, last, self.lines_from_end("journal.jsonl"))

    def failure(self) -> str | None:
        """Return the error that ended training; None if no error did."""
        match self.journal()[-1:]:
            case [{"event": "failed", **details}]:
                return printable(details.get("why", "unknown"), 400)
        return None

    def started(self) -> str:
        """Return the local date and time of the first journal entry, to the minute."""
        try:
            first = self.journal()[0]
            return f"{datetime.fromisoformat(first['time']).astimezone():%Y-%m-%d %H:%M}"
        except (IndexError, KeyError, ValueError, TypeError, OverflowError):
            return "unknown"

    def seconds(self) -> float | None:
        """Return the wall time, in seconds, of the training that finished a run that is done."""
        for entry in reversed(self.journal()):
            if entry["event"] == "end" and "seconds" in entry:
                return float(entry["seconds"])
        return None

    @cached_property
    def static_arrays(self) -> "tuple[NamedArrays, StaticFacts]":
        """Arrays and facts that views need and training never changes."""
        from hiddenstate.runs.snapshot_files import read_static_arrays

        path = self.path / "snapshots" / STATIC_ARRAYS
        return read_static_arrays(path, self.config.job, self.id)

    def _sizes(self) -> "Sizes":
        """Sizes of the arrays in snapshots, as far as sound files state them."""
        from hiddenstate.runs.snapshot_files import sizes_of_static_arrays

        try:
            return self._window | sizes_of_static_arrays(*self.static_arrays)
        except (UntrustedFileError, MachineError):
            return dict(self._window)

    @property
    def has_final_arrays(self) -> bool:
        """Whether there is a file of arrays of the run's end."""
        return (self.path / "snapshots" / FINAL_ARRAYS).is_file()

    def final_arrays(self) -> "NamedArrays":
        """Return the arrays that exist only at the run's end; none before it."""
        from hiddenstate.runs.snapshot_files import read_final_arrays

        path = self.path / "snapshots" / FINAL_ARRAYS
        if not self.has_final_arrays:
            return {}
        return read_final_arrays(path, self.config.job, self.id, self._sizes())

    def snapshot_paths(self) -> list[Path]:
        """Return the path of every snapshot, in the order they were taken."""
        return numbered(self.path / "snapshots")

    def snapshot(self, path: Path) -> "NamedArrays":
        """Return the arrays of one of `snapshot_paths`.

        Windows have one shape in all of them; the first that is read sets it.

        Raises
        ------
        UntrustedFileError
            If it is damaged, or does not hold the arrays of a snapshot of this run.
        MachineError
            If it cannot be read.
        """
        from hiddenstate.runs.snapshot_files import read_snapshot

        one = self.config.flat().get("output") == "last"
        arrays, sizes = read_snapshot(path, self.config.job, self.id, one, self._sizes())
        self._window = {name: sizes[name] for name in ("T", "O") if name in sizes}
        return arrays

    def damaged_snapshots(self) -> Iterator[str]:
        """Yield what is wrong with each damaged snapshot, one line each."""
        for path in self.snapshot_paths():
            try:
                self.snapshot(path)
            except UntrustedFileError as error:
                yield str(error)
            except MachineError:  # the run was resumed and truncated meanwhile
                continue

    def weights_paths(self) -> list[Path]:
        """Return the path of the weights of every moment that has some, in their order."""
        return numbered(self.path / "weights")

    def weights(self, path: Path) -> "FittedModel":
        """Return the net of one of `weights_paths`, after the updates that its name counts.

        Errors as :meth:`snapshot`.
        """
        from hiddenstate.models.fitted import load_model
        from hiddenstate.runs.snapshot_files import check_step

        model, extra = load_model(path)
        check_step(path, own_facts(extra, self.id, printable(path)))
        return model

    def checkpoint_paths(self) -> list[Path]:
        """Return the path of every checkpoint, newest first."""
        return numbered(self.path / "checkpoints")[::-1]

    def read_checkpoint(
        self, path: Path, fits: "Fits | None" = None
    ) -> "tuple[NamedArrays, dict[str, Any]]":
        """Return the arrays and facts of one of `checkpoint_paths`; see `sound_checkpoint`.

        Raises
        ------
        UntrustedFileError
            If it is damaged, or not the checkpoint of this run that its name says.
        MachineError
            If it cannot be read.
        """
        from hiddenstate.runs.snapshot_files import check_step
        from hiddenstate.system.array_file import read_arrays

        def check(layout: "Layout", values: dict[str, Any]) -> None:
            facts = own_facts(values, self.id, printable(path))
            check_step(path, facts)
            if fits:
                fits(str(path), layout, facts)

        arrays, facts = read_arrays(path, "checkpoint", check)
        return arrays, own_facts(facts, self.id, printable(path))

    def checkpoint(self) -> "tuple[NamedArrays, dict[str, Any]] | None":
        """Return the arrays and facts of the newest sound checkpoint; None without one.

        Raises
        ------
        UntrustedFileError
            If there are checkpoints and every one is damaged.
        """
        return self.sound_checkpoint()[0]

    def sound_checkpoint(
        self, fits: "Fits | None" = None
    ) -> "tuple[tuple[NamedArrays, dict[str, Any]] | None, list[UntrustedFileError]]":
        """As :meth:`checkpoint`, with the error of each newer one.

        Parameters
        ----------
        fits : callable, optional
            Called with a checkpoint's path, layout and facts before its arrays are read; raises
            `UntrustedFileError` if these are not what the caller needs.
        """
        damaged: list[UntrustedFileError] = []
        for path in self.checkpoint_paths():
            try:
                return self.read_checkpoint(path, fits), damaged
            except UntrustedFileError as error:
                damaged.append(error)
        if damaged:
            raise UntrustedFileError(
                f"{damaged[0]}; no other checkpoint is sound: start again with `hiddenstate "
                f"{self.config.job} --config {self.path / 'config.json'}`"
            )
        return None, []

    def model(self) -> "FittedModel":
        """Return the trained model.

        Raises
        ------
        DataError
            If the run is not done.
        UntrustedFileError
            If the model file is damaged, another run's, or the weights of a moment.
        """
        from hiddenstate.models.fitted import load_model

        path = self.path / "model.safetensors"
        if not path.is_file():
            if self.results() is not None:
                raise DataError(f"{printable(path)}: missing, although the run is done; restore it")
            raise DataError(
                f"{printable(self.path)}: has no model yet; finish it with "
                f"`hiddenstate resume {self.path}`"
            )
        model, extra = load_model(path)
        if "step" in own_facts(extra, self.id, printable(path)):
            raise UntrustedFileError(
                f"{printable(path)}: holds weights from the middle of training; restore the model"
            )
        return model


def is_own_file(path: Path) -> bool:
    """Return whether a path is a file that training writes in a run folder."""
    path = path.resolve()
    return any(
        path.relative_to(folder).parts[0] in own_names()
        and (folder / "config.json").is_file()
        and (folder / "history.jsonl").is_file()
        for folder in path.parents[:2]
    )


def numbered(folder: Path) -> list[Path]:
    """Return the files `NNNNNNNNN.safetensors` in `folder`, in the order of their numbers.

    Raises
    ------
    MachineError
        If the folder exists but cannot be read.
    """
    try:
        with os.scandir(folder) as entries:  # a folder with such a name is not ours
            named = (entry for entry in entries if _NUMBERED.fullmatch(entry.name))
            paths = [Path(entry.path) for entry in named if entry.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MachineError(f"{printable(folder)}: cannot be read: {error.strerror}") from None
    return sorted(paths, key=lambda path: int(path.stem))
