"""A run as it stood at any step: arrays and facts for the figures, no matplotlib."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.data import fractions
from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.runs import Arrays, Run
from hiddenstate.storage import read_arrays


@dataclass(frozen=True)
class Frame:
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
    history: list[dict[str, Any]]
    arrays: Arrays


class Scene:
    """Everything the views read of a run; :meth:`refresh` looks for what is new.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.job = run.config.job
        arrays, self.facts = run.keepsake
        self.kept = {
            name: fractions(array, np.float32) if array.dtype == np.uint8 else array
            for name, array in arrays.items()
        }
        self.picture: tuple[int, int] | None = (
            tuple(self.facts["picture"]) if self.facts.get("picture") else None
        )
        self._appended = bool(self.facts.get("appended"))
        self._snapshots: dict[int, Arrays] = {}
        self._history: list[dict[str, Any]] = []
        self.refresh()

    def refresh(self) -> None:
        """Read what the run wrote since the last time."""
        self._history = [event for event in self.run.history() if event["event"] == "log"]
        for path in self.run.snapshot_paths():
            if int(path.stem) not in self._snapshots:
                try:
                    self._snapshots[int(path.stem)] = read_arrays(path, "snapshot")[0]
                except (UntrustedFileError, MachineError):
                    continue

    @property
    def steps(self) -> list[int]:
        """Updates made at each moment that can be shown, in order."""
        logged = {event["step"] + 1 for event in self._history}
        if self._appended and self._snapshots:
            return list(range(1, max(self._snapshots) + 1))
        return sorted(logged | set(self._snapshots))

    def frame(self, step: int | None = None) -> Frame:
        """The run after `step` updates, or as it stands."""
        steps = self.steps
        step = (steps[-1] if steps else 0) if step is None else step
        taken = max((s for s in self._snapshots if s <= step), default=None)
        arrays: Arrays = {}
        if self._appended and self._snapshots:
            parts = [self._snapshots[s] for s in sorted(self._snapshots)]
            names = [name for name in parts[0] if all(name in part for part in parts)]
            arrays = {n: np.concatenate([part[n] for part in parts])[:step] for n in names}
        elif taken is not None:
            arrays = self._snapshots[taken]
        history = [event for event in self._history if event["step"] < step]
        return Frame(step, history, arrays)

    def label(self, number: Any) -> str:
        """The class label of a class number, as text."""
        classes = self.facts.get("classes")
        label = printable(classes[int(number)] if classes else number, 20)
        return label.replace("$", r"\$")  # no formula, to matplotlib
