"""The facts of a run that trackers keep: which run it is, its options, its tags, its times."""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hiddenstate.config import job_options
from hiddenstate.errors import UntrustedFileError, printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import JournalEntry

MAX_VALUE = 500
"""Most characters of an option or tag, which trackers limit."""

SHAPING, COMPUTING = ("model", "training"), ("device", "threads", "engine", "checkpoint_every")
"""Sections of the options that decide what a run learns, and those of them that do not."""

TIMED = ("start", "checkpoint", "interrupted", "failed", "end")
"""Entries of a journal whose step is the number of updates made."""


@dataclass(frozen=True)
class RunFacts:
    """A run as trackers know it.

    Parameters
    ----------
    name : str
        Name of its folder.
    job : str
    identity : str
        The same for this run wherever its folder lies, and never that of another run: its id and
        when it was started.
    started : int
        When it was started, in ms since 1970; 0 if that is not known.
    options : dict
        Its options as text, those that differ from their defaults first.
    numbers : dict
        Those of its options that decide what it learns: numbers, truth values and text.
    tags : dict
        Identity, job, data and versions, as text.
    """

    name: str
    job: str
    identity: str
    started: int
    options: Mapping[str, str]
    numbers: Mapping[str, Any]
    tags: Mapping[str, str]


def facts_of(run: Run) -> RunFacts | None:
    """Return the facts of a run; None before its training has begun.

    Raises
    ------
    UntrustedFileError
        If the first entry of its journal is damaged: it says which run this is.
    """
    times = _times(run.journal())
    damage = run.damaged_lines("journal.jsonl") or ""
    is_first = damage.startswith(f"{printable(run.path / 'journal.jsonl')}:1: ")
    if is_first or (damage and not times):
        raise UntrustedFileError(f"{damage}; it says which run this is: restore it")
    if not times and run.status() == "running":
        return None
    started = times[0][1] if times else 0
    own = run.id or hashlib.sha256((run.path / "config.json").read_bytes()).hexdigest()[:32]
    flat = run.config.flat()
    defaults = {o.name: o.default_for(run.config.job) for _, o in job_options(run.config.job)}
    shaping = {o.name for section, o in job_options(run.config.job) if section in SHAPING}
    names = sorted(flat, key=lambda name: flat[name] == defaults[name])  # stable
    given = {name: flat[name] for name in names if flat[name] is not None}
    identity = f"{own}-{started}"
    environment = run.record.get("environment")
    version = environment.get("hiddenstate", "") if isinstance(environment, dict) else ""
    return RunFacts(
        name=run.path.resolve().name,
        job=run.config.job,
        identity=identity,
        started=started,
        options={name: _text(value) for name, value in given.items()},
        numbers={
            name: value if type(value) in (bool, int, float) else _text(value)
            for name, value in given.items()
            if name in shaping - set(COMPUTING)
        },
        tags={
            "hiddenstate.run": identity,
            "hiddenstate.id": run.id or "",
            "hiddenstate.job": run.config.job,
            "hiddenstate.data": printable(run.data_fact("name"), MAX_VALUE),
            "hiddenstate.fingerprint": printable(run.data_fact("fingerprint"), MAX_VALUE),
            "hiddenstate.version": printable(version, MAX_VALUE),
        },
    )


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return printable(",".join(map(str, value)), MAX_VALUE)
    return printable(value, MAX_VALUE)


def _times(journal: Iterable[JournalEntry]) -> list[tuple[int, int]]:
    """Updates made and ms since 1970 of each entry that has both, in the order of the journal."""
    times = []
    for entry in journal:
        step = entry.get("step")
        if entry["event"] not in TIMED or type(step) is not int:
            continue
        try:
            moment = datetime.fromisoformat(entry["time"]).timestamp()
        except (KeyError, ValueError, TypeError, OverflowError):
            continue
        times.append((step, round(1000 * moment)))
    return times


class Clock:
    """When the steps of a run were made, as far as its journal says; a history has no times.

    Parameters
    ----------
    journal : iterable of JournalEntry
    """

    def __init__(self, journal: Iterable[JournalEntry]) -> None:
        times = _times(journal)
        first: dict[int, int] = {}
        for step, time in times:  # after a resumed training the same steps come again
            first.setdefault(step, time)
        self._steps = sorted(first)
        self._times = [first[step] for step in self._steps]
        self.last = times[-1][1] if times else 0

    def before(self, step: int) -> int:
        """Return a time in ms before `step` was made, at most a checkpoint earlier.

        It is the same whenever it is asked, as entries that are added later are of later steps:
        a point that is sent twice has one time.
        """
        place = bisect_right(self._steps, step) - 1
        return self._times[max(place, 0)] if self._times else 0

    def estimate(self, step: int, now: float | None = None) -> float:
        """Return about when `step` was made, in seconds: between two entries, by its share.

        Parameters
        ----------
        step : int
        now : float, optional
            The time after the last entry; without it, that of the last entry.
        """
        place = bisect_left(self._steps, step)
        if place < len(self._steps):
            if self._steps[place] == step or place == 0:
                return self._times[place] / 1000
            (low, high), (early, late) = (
                self._steps[place - 1 : place + 1],
                self._times[place - 1 : place + 1],
            )
            return (early + (late - early) * (step - low) / (high - low)) / 1000
        return now if now is not None else self.last / 1000
