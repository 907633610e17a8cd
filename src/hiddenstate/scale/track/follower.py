"""Follows runs: reads what is new in their folders, and hands it to a tracker.

The history is the queue: nothing is kept in memory but what the tracker already has, in 16 bytes a
point. After a failure, and whenever a follower starts, the tracker is asked what it has.
"""

import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from hiddenstate.errors import (
    DataError,
    HiddenstateError,
    printable,
)
from hiddenstate.report.model_card import card_text
from hiddenstate.runs import Run
from hiddenstate.runs.events import Event, figures_of
from hiddenstate.scale.track.destination import (
    AwayError,
    Destination,
    Ending,
    Line,
    RefusedError,
)
from hiddenstate.scale.track.facts import Clock, RunFacts, facts_of
from hiddenstate.scale.track.written import Written
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.typing import Array

POLL_SECONDS = 0.5
"""Time between two looks at a run."""

CHUNK = 2**20
"""Bytes of a history that are read and handed over at a time."""

END = 200
"""Bytes at the end of what was read that must stay the same."""

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 15.0)
"""Waits before the first attempts to reach a tracker that is away; the last one repeats."""

Notes = Callable[[str], None]
_Stamp = tuple[int, int, int]


class Follower:
    """Follows one run to one tracker.

    Parameters
    ----------
    run : Run
    destination : Destination
    note : callable
        Called with a line for people: what is left out, and why.

    Attributes
    ----------
    is_finished : bool
        Whether everything of the run as it stands is at the tracker.
    has_reached : bool
        Whether the tracker has answered before.
    n_points : int
        Points that were written.
    """

    def __init__(self, run: Run, destination: Destination, note: Notes) -> None:
        self.run, self.destination, self._note = run, destination, note
        self.is_finished = self.has_reached = self._is_open = False
        self.n_points = 0
        self._identity: str | None = None
        self._over: tuple[str, _Stamp] | None = None
        self._written = Written()
        self._stamp: _Stamp = (0, 0, 0)
        self._ending: Ending | None = None
        self._said: set[str] = set()
        self._start_over()

    def _start_over(self) -> None:
        """Read the history from its start: another one is in its place, or the tracker differs."""
        self._offset = self._check = self._n_lines = 0
        self._end = b""
        self._inode: int | None = None
        self._last_step = -1
        self._results: Mapping[str, float] = {}

    def look(self) -> bool:
        """Hand over what is new, up to `CHUNK` bytes; return whether there may be more at once.

        Raises
        ------
        AwayError
            If the tracker cannot be reached; call again later.
        HiddenstateError
            If the run is damaged or gone, or the tracker refuses.
        """
        stamp = self._history_stamp()
        if self.is_finished and stamp == self._stamp:
            return False
        if self._over is None:  # the status of a run that is done takes a look at its whole history
            status = self.run.status()  # before the lines are read, or the last are missed
            if status == "gone":
                raise DataError(f"{printable(self.run.path)}: the run was moved or removed")
            self._over = None if status == "running" else (status, stamp)
        try:
            return self._look()
        except AwayError:
            self.close()
            raise

    @property
    def is_catching_up(self) -> bool:
        """Whether there is more to read at once of a run that no process trains."""
        return self._over is not None

    def _look(self) -> bool:
        self.is_finished = False
        if not self._is_open and not self._open():
            self._over = None
            return False
        events, more = self._read()
        if not self._hand_over(list(self._lines(events))):
            return True
        if more or self._over is None:
            return more
        status, stamp = self._over
        self._finish(status)
        self.is_finished, self._stamp = True, stamp
        self.close()
        return False

    def _history_stamp(self) -> _Stamp:
        try:
            status = (self.run.path / "history.jsonl").lstat()
        except OSError:
            return (0, 0, 0)
        return (status.st_ino, status.st_size, status.st_mtime_ns)

    def _open(self) -> bool:
        """Connect; return False while the run has not begun."""
        facts = self._facts()
        if facts is None:
            return False
        self._written = self.destination.open(facts)
        self._is_open = self.has_reached = True
        self._start_over()
        return True

    def _facts(self) -> RunFacts | None:
        """Read what the run is; one that was resumed may have other options.

        Raises
        ------
        DataError
            If it is another run than before.
        """
        self.run = Run(self.run.path)
        facts = facts_of(self.run)
        if facts is not None:
            if self._identity not in (None, facts.identity):
                raise DataError(f"{printable(self.run.path)}: another run is in its place now")
            self._identity = facts.identity
        return facts

    def _read(self) -> tuple[list[Event], bool]:
        """Return the next events, and whether there may be more."""
        inode = self._history_stamp()[0]
        if self._inode in (None, inode) and self._end_of_read() == self._end:
            self._inode = inode
            before = self._offset
            events, self._offset, self._check = self.run.history_from(before, self._check, CHUNK)
            self._end = self._end_of_read()
            if self._history_stamp()[0] == inode:
                return events, self._offset != before
        self.close()  # resuming replaces the file, or another run is in its place: open again
        return [], True

    def _end_of_read(self) -> bytes:
        """The last bytes of what was read: the checksum in them is of all lines up to there."""
        if not self._offset:
            return b""
        try:
            with open_regular(self.run.path / "history.jsonl") as stream:
                start = max(self._offset - END, 0)
                stream.seek(start)
                return stream.read(self._offset - start)
        except OSError:
            return b""

    def _lines(self, events: Iterable[Event]) -> Iterator[Line]:
        """Yield the events that have numbers as lines, and keep the results."""
        clock: Clock | None = None
        now = time.time() if self._over is None else None
        for event in events:
            figures = figures_of(event)
            step = int(figures.pop("step", 0))
            if event["event"] == "end":
                self._last_step, self._results = step - 1, figures
            if event["event"] not in ("log", "valid"):
                continue
            clock = Clock(self.run.journal()) if clock is None else clock
            figures.pop("epoch", None)
            yield Line(self._n_lines, step, figures, clock.before(step), clock.estimate(step, now))
            self._n_lines += 1
            self._last_step = step

    def _hand_over(self, lines: list[Line]) -> bool:
        """Write what the tracker does not have; return False if the history is to be read again."""
        fresh = []
        for line in lines:
            there = {name: self._written.has(name, line.step, v) for name, v in line.values.items()}
            if None in there.values():
                if self.destination.rewind(line.step):
                    self._note_once(
                        f"has other values from step {line.step} on; they replace the earlier ones"
                    )
                    self._written.cut(line.step)
                    self._start_over()
                    return False
                self._note_once(
                    f"has other values from step {line.step} on, since it was resumed; "
                    "the tracker keeps both"
                )
            missing = {name: v for name, v in line.values.items() if not there[name]}
            if missing:
                fresh.append(line._replace(values=missing))
        if fresh:
            self.destination.write(fresh)
        for line in fresh:
            for name, value in line.values.items():
                self._written.add(name, line.step, value)
            self.n_points += len(line.values)
        return True

    def _note_once(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._note(f"{self.run.name}: {what}")

    def _finish(self, status: str) -> None:
        """Hand over how the run ended, unless that was done before."""
        step = self._last_step + 1
        ended = Clock(self.run.journal()).last
        check = f"{zlib.crc32(self._end):08x}"
        ending = Ending(status, step, self._results, self._n_lines, check, ended, {}, {}, "")
        if self.destination.is_finished(ending.name):
            return
        if self._ending is None or self._ending.name != ending.name:  # drawn again for no retry
            figures, files = self._figures(), self._files(status)
            self._ending = ending._replace(
                figures=figures, files=files, card=self._card(), example=self._example()
            )
            self._facts()  # figures take their time: they are still of this run
        self.destination.finish(self._ending)
        self._ending = None

    def _figures(self) -> dict[str, bytes]:
        from hiddenstate.views.save import draw_figures

        figures: dict[str, bytes] = {}
        try:
            for name, data in draw_figures(self.run):
                figures[name] = data
        except HiddenstateError as error:
            self._note_once(f"some figures are left out: {error}")
        return figures

    def _card(self) -> str:
        """The model card, without the lines at its start that are for programs."""
        text = card_text(self.run)
        return text.split("---\n", 2)[-1].lstrip("\n") if text.startswith("---\n") else text

    def _example(self) -> Array | None:
        """A row that the run shows, without the steps that it lacks; None if it cannot be read."""
        try:
            shown = self.run.static_arrays[0]
        except HiddenstateError:
            return None
        row = next((shown[name][0] for name in ("shown", "example") if name in shown), None)
        return row if row is None or row.ndim < 2 else row[np.isfinite(row).any(-1)]

    def _files(self, status: str) -> dict[str, Path]:
        files = {"config.json": self.run.path / "config.json"}
        if status == "done":
            try:
                self.run.model()  # a damaged one is not passed on
                files["model.safetensors"] = self.run.path / "model.safetensors"
            except HiddenstateError as error:
                self._note_once(f"the model is left out: {error}")
        return files

    def close(self) -> None:
        """Let go of the tracker; the next look connects again and asks what it has."""
        if self._is_open:
            self._is_open = False
            self.destination.close()
        self._written = Written()
        self._over = None


def follow(
    find: Callable[[], Iterable[Follower]],
    should_stop: Callable[[], bool],
    note: Notes,
    *,
    keep: bool = False,
    finished: Callable[[Follower], None] = lambda follower: None,
    failed: Callable[[Follower, HiddenstateError], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Follow runs until all have ended, or `should_stop`.

    Parameters
    ----------
    find : callable
        Returns the followers of runs that were not returned before; called again and again.
    should_stop : callable
    note : callable
        Called with a line when the tracker goes away, and when it is back.
    keep : bool, default False
        Whether to wait for runs that begin or are resumed later, and for a tracker that is away at
        the start.
    finished : callable, optional
        Called whenever everything of a run is at the tracker.
    failed : callable, optional
        Called with an error that concerns one run, which is then left out. Without it the error
        is raised.
    sleep : callable

    Raises
    ------
    RefusedError
        If the tracker refuses, or is away at the start without `keep`.
    HiddenstateError
        Without `failed`, for any other error.
    """
    followers: list[Follower] = []
    link = _Link(note, keep, should_stop, sleep)
    try:
        while not should_stop():
            followers += find()
            more = False
            for follower in list(followers):
                if should_stop():
                    return
                before = follower.is_finished
                try:
                    more |= link.look(follower)
                    while follower.is_catching_up and not should_stop():
                        link.look(follower)  # to its end: of many runs, few are open at a time
                except RefusedError:
                    raise
                except HiddenstateError as error:
                    if failed is None:
                        raise
                    followers.remove(follower)
                    follower.close()
                    link.forget(follower)
                    failed(follower, error)
                if follower.is_finished and not before:
                    finished(follower)
            if more:
                continue
            if not keep and all(follower.is_finished for follower in followers):
                return
            sleep(POLL_SECONDS)
    finally:
        for follower in followers:
            follower.close()


class _Link:
    """The connection to a tracker, which all followers share: if it is away, all wait."""

    def __init__(
        self,
        note: Notes,
        keep: bool,
        should_stop: Callable[[], bool],
        sleep: Callable[[float], None],
    ) -> None:
        self._note, self._keep, self._should_stop, self._sleep = note, keep, should_stop, sleep
        self._reached = False
        self._failures = 0
        self._away: list[Follower] = []

    def look(self, follower: Follower) -> bool:
        """Have a follower look; return whether there may be more at once."""
        try:
            more = follower.look()
        except AwayError as error:
            self._reached |= follower.has_reached
            self._wait(follower, str(error))
            return True
        self._reached |= follower.has_reached
        if follower in self._away:  # others may not have asked it anything since
            self._note(f"{follower.destination.where}: is back")
            self._failures, self._away = 0, []
        return more

    def forget(self, follower: Follower) -> None:
        """Wait no more for what this follower was to write."""
        if follower in self._away:
            self._away.remove(follower)
            self._failures = self._failures if self._away else 0

    def _wait(self, follower: Follower, why: str) -> None:
        where = follower.destination.where
        if not self._reached and not self._keep:
            raise RefusedError(
                f"{where}: cannot be reached: {why}; start it, or correct the address "
                "(--keep waits for it)"
            )
        if not self._failures:
            self._note(f"{where}: away ({why}); training goes on, what is missed is written later")
        wait = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        if follower not in self._away:
            self._away.append(follower)
        while wait > 0 and not self._should_stop():
            self._sleep(min(0.2, wait))
            wait -= 0.2
