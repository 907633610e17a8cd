"""A run as it stood at any step: arrays and facts for the figures, no matplotlib."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.data import fractions
from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import Event, LogEvent
from hiddenstate.system.typing import NamedArrays

APPENDED = ("time", "target", "prediction")
"""Arrays of a run whose windows follow one another: each snapshot has those since the last."""


LARGEST = 1e100
"""No float32 is larger; numbers beyond it, whose squares overflow, are not drawn."""


@dataclass(frozen=True)
class Moment:
    """What was known after some updates.

    Parameters
    ----------
    step : int
        Updates made.
    history : list of dict
        Logged events up to then.
    arrays : dict of ndarray
        The newest snapshot; where windows are predicted, all of them up to then.
    """

    step: int
    history: list[LogEvent]
    arrays: NamedArrays


class Timeline:
    """Everything the views read of a run; :meth:`refresh` looks for what is new.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.job = run.config.job
        arrays, self.facts = run.static_arrays
        self.static_arrays = _as_drawn(arrays)
        self.picture: tuple[int, int] | None = (
            tuple(self.facts["picture"]) if self.facts.get("picture") else None
        )
        self._appended = bool(self.facts.get("appended"))
        self._snapshots: dict[int, NamedArrays] = {}
        self.events: list[Event] = []  # every event, also looks and controls
        self._history: list[LogEvent] = []
        self._file, self._read = -1, (0, 0)  # how far which file was read
        self.final_arrays: NamedArrays = {}
        self.refresh()

    def refresh(self) -> bool:
        """Read what the run wrote since the last time; whether it wrote anything."""
        before = (len(self.events), len(self._snapshots), bool(self.final_arrays))
        self._read_events()
        paths = {int(path.stem): path for path in self.run.snapshot_paths()}
        for step in self._snapshots.keys() - paths.keys():  # a resumed run was cut back
            del self._snapshots[step]
        for step in sorted(paths.keys() - self._snapshots.keys()):
            with suppress(UntrustedFileError, MachineError):
                self._snapshots[step] = _as_drawn(self.run.snapshot(paths[step]))
        if not (self.final_arrays and self.run.has_final_arrays):
            with suppress(UntrustedFileError, MachineError):
                self.final_arrays = _as_drawn(self.run.final_arrays())
        return before != (len(self.events), len(self._snapshots), bool(self.final_arrays))

    def _read_events(self) -> None:
        """Read what was added to the history; all of it where it was written anew."""
        try:
            about = (self.run.path / "history.jsonl").stat()
        except OSError:
            return
        if about.st_ino != self._file or about.st_size < self._read[0]:
            self._file, self._read, self.events = about.st_ino, (0, 0), []
        if about.st_size > self._read[0]:
            events, *read = self.run.history_from(*self._read)
            self._read, self.events = (read[0], read[1]), self.events + events
            self._history = [event for event in self.events if event["event"] == "log"]

    @property
    def steps(self) -> Sequence[int]:
        """Updates made at each moment that can be shown, in order."""
        logged = {event["step"] + 1 for event in self._history}
        if self._appended and self._snapshots:
            return range(1, max(self._snapshots) + 1)
        return sorted(logged | set(self._snapshots))

    def moment(self, step: int | None = None) -> Moment:
        """The run after `step` updates, or as it stands."""
        steps = self.steps
        step = (steps[-1] if steps else 0) if step is None else step
        taken = max((s for s in self._snapshots if s <= step), default=None)
        arrays: NamedArrays = {} if taken is None else dict(self._snapshots[taken])
        if self._appended:
            arrays |= self._windows(step)
        if steps and step >= steps[-1]:
            arrays |= self.final_arrays
        history = [event for event in self._history if event["step"] < step]
        return Moment(step, history, arrays)

    def _windows(self, step: int) -> NamedArrays:
        """The windows predicted in the first `step` updates, out of all snapshots."""
        parts = [self._snapshots[s] for s in sorted(self._snapshots)]
        parts = [part for part in parts if "prediction" in part]
        names = [name for name in APPENDED if all(name in part for part in parts)]
        return {n: np.concatenate([part[n] for part in parts])[:step] for n in names if parts}

    def label(self, number: Any) -> str:
        """The class label of a class number, as text."""
        classes = self.facts.get("classes")
        return printable(classes[int(number)] if classes else number)


def _as_drawn(arrays: NamedArrays) -> NamedArrays:
    """Arrays as they are, but pixels as fractions, and numbers none can draw as NaN."""
    return {name: _drawable(array) for name, array in arrays.items()}


def _drawable(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == np.uint8:
        return fractions(array, np.float32)
    if array.dtype.kind != "f":
        return array
    beyond = ~(np.abs(array) <= min(LARGEST, float(np.finfo(array.dtype).max)))
    return np.where(beyond, array.dtype.type(np.nan), array) if beyond.any() else array
