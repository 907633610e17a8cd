"""Reads a run as it was after any number of updates: arrays and facts, without matplotlib."""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hiddenstate.data import fractions
from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.metrics.comparison import Baseline, compare
from hiddenstate.metrics.target_scores import TargetScore, target_scores, with_targets
from hiddenstate.runs import Run
from hiddenstate.runs.events import Event, Figures, LogEvent, ValidationEvent, figures_of
from hiddenstate.runs.snapshots import (
    FileArrays,
    typed,
)
from hiddenstate.system.typing import Array, Arrays, NamedArrays
from hiddenstate.views.clock import clock_of
from hiddenstate.views.limits import Limits, limits_of, turned_like, unit_order
from hiddenstate.views.row_form import row_form

APPENDED = ("time", "target", "prediction", "first_counted")
"""Arrays that each snapshot continues, if the windows of a run follow one another."""

BASELINE_ARRAYS = {
    "classes": {"test_accuracy": "majority_evaluated"},
    "targets": {"loss": "baseline_train", "valid_loss": "baseline_valid"},
    "codes": {
        "loss": "pca_train_mse",
        "valid_loss": "pca_valid_mse",
        "test_mse": "pca_evaluated_mse",
    },
}
"""Static arrays that hold a score without a network, by the logged figure on the same rows."""

LONGEST_STEP = 10.0
"""Seconds of a step up to which frequencies are in hertz."""

MAX_DRAWN = 1e100
"""Larger numbers are not drawn, since their squares may overflow; no float32 is larger."""


@dataclass(frozen=True)
class Moment:
    """A run after some updates.

    Parameters
    ----------
    step : int
        Updates made.
    history : list of dict
        The events logged until then.
    arrays : dict of ndarray
        Those of the newest snapshot; if windows follow one another, of all windows until then;
        at the end also the final arrays.
    results : dict
        The results of the run; none before its end.
    """

    step: int
    history: list[LogEvent]
    arrays: NamedArrays
    results: Figures = field(default_factory=dict)

    def arrays_as(self, file: type[FileArrays]) -> FileArrays:
        """Return the arrays with the names and types of `file`."""
        return typed(self.arrays, file)


class Timeline:
    """Everything that views read of a run; :meth:`refresh` reads what is new.

    Parameters
    ----------
    run : Run

    Attributes
    ----------
    job : str
    facts : StaticFacts
    kind : JobKind
        What the job is.
    form : RowForm
        What a row is, and the scales to draw it in.
    static_arrays, final_arrays : dict of ndarray
    events : list of dict
        All events of the history.

    Raises
    ------
    UntrustedFileError
        If the file of static arrays is damaged or missing.
    MachineError
        If it cannot be read.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.job, self.kind = run.config.job, run.config.kind
        arrays, self.facts = run.static_arrays
        self.static_arrays = _drawable_arrays(arrays)
        self.form = row_form(self.facts, self.static_arrays)
        self._snapshots: dict[int, NamedArrays] = {}
        self.events: list[Event] = []
        self._history: list[LogEvent] = []
        self._inode, self._position = -1, (0, 0)  # how far which history file is read
        self.final_arrays: NamedArrays = {}
        self._end: int | None = None
        self._limits: Limits | None = None
        self._limits_before: Limits | None = None
        self.refresh()

    def static_as(self, file: type[FileArrays]) -> FileArrays:
        """Return the static arrays with the names and types of `file`."""
        return typed(self.static_arrays, file)

    def refresh(self) -> bool:
        """Read what the run wrote since the last call; return whether it wrote anything."""
        before = (len(self.events), len(self._snapshots), bool(self.final_arrays))
        self._read_events()
        paths = {int(path.stem): path for path in self.run.snapshot_paths()}
        for step in self._snapshots.keys() - paths.keys():  # removed when the run was resumed
            del self._snapshots[step]
        for step in sorted(paths.keys() - self._snapshots.keys()):
            with suppress(UntrustedFileError, MachineError):
                arrays = _drawable_arrays(self.run.snapshot(paths[step]))
                earlier = max((s for s in self._snapshots if s < step), default=None)
                known = {} if earlier is None else self._snapshots[earlier]
                self._snapshots[step] = turned_like(arrays, known)
        if not (self.final_arrays and self.run.has_final_arrays):
            with suppress(UntrustedFileError, MachineError):
                self.final_arrays = _drawable_arrays(self.run.final_arrays())
        changed = before != (len(self.events), len(self._snapshots), bool(self.final_arrays))
        if changed:
            self._end = self._limits = None
        return changed

    def _read_events(self) -> None:
        """Read what was appended to the history; all of it if the file was replaced."""
        try:
            status = (self.run.path / "history.jsonl").stat()
        except OSError:
            return
        if status.st_ino != self._inode or status.st_size < self._position[0]:
            self._inode, self._position, self.events = status.st_ino, (0, 0), []
        if status.st_size > self._position[0]:
            events, *position = self.run.history_from(*self._position)
            self._position, self.events = (position[0], position[1]), self.events + events
            self._history = [event for event in self.events if event["event"] == "log"]

    @property
    def steps(self) -> Sequence[int]:
        """Updates made at each moment that can be shown, in order."""
        logged = {event["step"] + 1 for event in self._history}
        if self.facts.appended and self._snapshots:
            return range(1, max(self._snapshots) + 1)
        return sorted(logged | set(self._snapshots))

    def moment(self, step: int | None = None) -> Moment:
        """Return the run after `step` updates; by default, as it is now."""
        steps = self.steps
        step = (steps[-1] if steps else 0) if step is None else step
        newest = max((s for s in self._snapshots if s <= step), default=None)
        arrays: NamedArrays = {} if newest is None else dict(self._snapshots[newest])
        if self.facts.appended:
            arrays |= self._windows(step)
        results: Figures = {}
        if steps and step >= steps[-1]:
            arrays |= self.final_arrays
            results = next((figures_of(e) for e in self.events if e["event"] == "end"), {})
        history = [event for event in self._history if event["step"] < step]
        return Moment(step, history, arrays, results)

    @property
    def limits(self) -> Limits:
        """The limits of axes over the whole run, as far as it is known."""
        if self._limits is None:
            shown = [self._snapshots[step] for step in sorted(self._snapshots)]
            if self.kind.has_targets:
                shown = [self.static_arrays, *shown, self.final_arrays]
            levels, events = self.baselines(), self.events
            before = self._limits_before.plane if self._limits_before else None
            axes = before.axes if before else None
            self._limits = limits_of(self.end, events, levels, shown, axes)
            self._limits_before = self._limits
        return self._limits

    @property
    def unit_order(self) -> Array | None:
        """The hidden units by when they respond in the newest snapshot that has states."""
        for step in sorted(self._snapshots, reverse=True):
            if "hidden" in self._snapshots[step]:
                return unit_order(self._snapshots[step]["hidden"])
        return None

    def between(self, step: float) -> Moment:
        """Return the run at any `step`; codes move evenly from one snapshot to the next."""
        moment, code = self.moment(int(step)), "code"
        with_codes = [s for s in sorted(self._snapshots) if code in self._snapshots[s]]
        place = bisect_right(with_codes, step)
        if 0 < place < len(with_codes) and code in moment.arrays:
            first, last = with_codes[place - 1], with_codes[place]
            one, other = self._snapshots[first][code], self._snapshots[last][code]
            if one.shape == other.shape:
                share = (step - first) / (last - first)
                moment.arrays[code] = one + share * (other - one)
        return moment

    def drawn_of(self, step: float) -> str:
        """Say of which snapshots pictures between two of them are; empty at one, and if each step
        has arrays of its own."""
        steps = sorted(self._snapshots)
        place = bisect_right(steps, step)
        if not place or steps[place - 1] == step or place == len(steps) or self.facts.appended:
            return ""
        first, last = steps[place - 1], steps[place]
        moved = all("code" in self._snapshots[each] for each in (first, last))
        between = f", codes between it and step {last:,}" if moved else ""
        return f"pictures of step {first:,}{between}"

    def validations(self, moment: Moment) -> list[ValidationEvent]:
        """Return the evaluations on validation rows until `moment`."""
        return [e for e in self.events if e["event"] == "valid" and e["step"] < moment.step]

    def kept(self, moment: Moment) -> int | None:
        """Return the updates after which the weights were best until `moment`, which are kept.

        None without validation rows: then the last weights are kept.
        """
        if moment.results:
            return int(moment.results["best_step"]) if "best_step" in moment.results else None
        valid = self.validations(moment)
        return min(valid, key=lambda event: event["valid_loss"])["step"] + 1 if valid else None

    @property
    def evaluated(self) -> str:
        """The test rows that scores during training are computed on, in words."""
        n, asked = self.run.n_rows("test"), self.run.config.display.n_evaluated
        if n is None:
            return f"the first {asked:,} test rows or fewer"
        return f"the first {asked:,} test rows" if asked < n else f"all {n:,} test rows"

    def baselines(self) -> dict[str, float]:
        """Return scores without a network by the logged figure that is on the same rows."""
        return {
            figure: float(self.static_arrays[name][0])
            for figure, name in BASELINE_ARRAYS[self.kind.answers].items()
            if name in self.static_arrays
        }

    @property
    def options(self) -> dict[str, Any]:
        """The options of the run by name, with the names of its targets."""
        return with_targets(self.run.config.flat(), self.run.data_record())

    def compared(self, moment: Moment) -> Baseline | None:
        """Return the result of the run beside that of its baseline; None before the end."""
        return compare(self.job, moment.results, self.options)

    def scores(self, moment: Moment) -> list[TargetScore]:
        """Return the scores of each target in its own unit; none before the end."""
        return target_scores(moment.results, self.options)

    def over_time(self, *names: str, until: int | None = None) -> tuple[Array, list[Array]]:
        """Return how arrays developed, from the snapshots that have them all, and at the end.

        Parameters
        ----------
        *names : str
        until : int, optional
            Updates after which snapshots are left out.

        Returns
        -------
        steps : ndarray (S,)
            Updates made at each snapshot.
        arrays : list of ndarray (S, ...)
            The arrays at these steps, by the order of `names`; those of another shape than the
            newest are left out.
        """
        files = self._snapshots
        if self.final_arrays:
            files = files | {self.end: files.get(self.end, {}) | self.final_arrays}
        parts = [
            (step, [files[step][name] for name in names])
            for step in sorted(files)
            if (until is None or step <= until) and set(names) <= set(files[step])
        ]
        shapes = [[array.shape for array in arrays] for _, arrays in parts]
        parts = [part for part, shape in zip(parts, shapes, strict=True) if shape == shapes[-1]]
        steps = np.array([step for step, _ in parts], int)
        return steps, [np.array([arrays[n] for _, arrays in parts]) for n in range(len(names))]

    def _windows(self, step: int) -> NamedArrays:
        """Return the windows predicted in the first `step` updates, from all snapshots."""
        parts = [self._snapshots[s] for s in sorted(self._snapshots)]
        parts = [part for part in parts if "prediction" in part]
        names = [name for name in APPENDED if all(name in part for part in parts)]
        made = self.n_windows(step)
        return {n: np.concatenate([part[n] for part in parts])[:made] for n in names if parts}

    def n_windows(self, step: int) -> int:
        """Return the windows of the drawn stream predicted in the first `step` updates.

        The first updates of an epoch are those of its round, if there are several.
        """
        if self.facts.stream_round is None:
            return step
        windows, steps = self.facts.stream_round
        return step // steps * windows + min(step % steps, windows)

    @property
    def end(self) -> int:
        """Updates of the whole run: made once it has ended, before that as many as planned."""
        if self._end is None:
            ended = any(event["event"] == "end" for event in self.events)
            starts = [entry for entry in self.run.journal() if entry["event"] == "start"]
            planned = starts[-1].get("total_steps", 0) if starts else 0
            made = max([event["step"] + 1 for event in self._history[-1:]] + [*self._snapshots, 0])
            self._end = made if ended else max(made, planned)
        return self._end

    @property
    def row_steps(self) -> int | None:
        """Steps of the longest row, or of a window; None where the snapshots have no rows."""
        shown = self.static_arrays.get("shown")
        if shown is not None and shown.ndim == 3:
            return int(shown.shape[1])
        windows = next((a["time"] for a in self._snapshots.values() if "time" in a), None)
        return None if windows is None or windows.ndim < 2 else int(windows.shape[1])

    @property
    def unit(self) -> str:
        """What an update of this run learns from, in a word."""
        return "window" if self.facts.appended else "step"

    def clock(self, time: Array) -> str:
        """Return what the times of a regression are: the column that has them, steps, or rows."""
        return clock_of(self.run, self.facts, time)

    @property
    def step_seconds(self) -> float | None:
        """Seconds of a step; None where they are not known, or long."""
        step, unit = self.facts.time_step, self.facts.time_unit
        return step if step is not None and unit == "s" and step <= LONGEST_STEP else None

    @property
    def drawn_series(self) -> str:
        """Which series and which stream the drawn training windows are of, if there are several."""
        stream = self.facts.stream
        number = f"stream {stream[0]:,} of {stream[1]:,}" if stream else ""
        return ", ".join(part for part in (self.facts.series or "", number) if part)

    @property
    def class_names(self) -> list[str]:
        """The class labels in the order of their numbers, as text."""
        return [printable(label) for label in self.facts.classes or ()]

    def labels(self, name: str, moment: Moment) -> list[str] | None:
        """Return the class labels whose numbers an array of the run or of a moment has, as text;
        None if there is no such array."""
        numbers = self.static_arrays.get(name, moment.arrays.get(name))
        return None if numbers is None else [self.label(number) for number in numbers]

    def label(self, number: Any) -> str:
        """Return the class label of a class number, as text; without labels, the number."""
        classes = self.facts.classes or ()
        return printable(classes[int(number)] if 0 <= int(number) < len(classes) else number)


def _drawable_arrays(arrays: Arrays) -> NamedArrays:
    """Return the arrays with pixels as fractions, and numbers that cannot be drawn as NaN."""
    return {name: _drawable(array) for name, array in arrays.items()}


def _drawable(array: Array) -> Array:
    if array.dtype == np.uint8:
        pixels: Array = fractions(array, np.float32)
        return pixels
    if array.dtype.kind != "f":
        return array
    too_large = ~(np.abs(array) <= min(MAX_DRAWN, float(np.finfo(array.dtype).max)))
    return np.where(too_large, array.dtype.type(np.nan), array) if too_large.any() else array
