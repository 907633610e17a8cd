"""Chooses the moment of a run that a live view shows, and limits how often it draws.

Every live view has a :class:`Player`. It follows the newest moment of a run in progress, or
replays the moments at a pace that people can follow. It can be paused and moved.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from hiddenstate.kernels import processors
from hiddenstate.runs.status import Status
from hiddenstate.views.timeline import Moment, Timeline

REPLAY_SECONDS = 12.0
"""Approximate time of a replay at speed 1."""

MAX_MOMENT_SECONDS = 0.5
"""Longest time that a moment is shown at speed 1, however few there are."""

SPEEDS = (1 / 16, 16.0)
"""The slowest and the fastest replay."""

SHARE, CROWDED = 20, 40
"""Rest after a drawing, in multiples of its processor time, while the run is in progress: usually,
and if training uses every processor, since all its threads wait for the one that is interrupted."""


class Pace:
    """Limits how often a view draws, so that it takes little time from training.

    After a drawing it rests for a multiple of the processor time that the drawing took.

    Parameters
    ----------
    shortest : float, default 0.0
        Shortest time between the starts of two drawings, in seconds.
    clock, worked : callable
        Return the time, and the processor time of this process, in seconds.
    """

    def __init__(
        self,
        shortest: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        worked: Callable[[], float] = time.process_time,
    ) -> None:
        self.shortest = shortest
        self._clock, self._worked = clock, worked
        self._due = clock()

    @contextmanager
    def drawing(self, share: float = SHARE) -> Iterator[None]:
        """Draw in the block, then rest `share` times its processor time."""
        began, worked = self._clock(), self._worked()
        yield
        rest = share * (self._worked() - worked)
        self._due = max(began + self.shortest, self._clock() + rest)

    def wait(self) -> float:
        """Return the seconds until the next drawing is due; 0 if it is."""
        return max(0.0, self._due - self._clock())


class Player:
    """The moment of a run that a view shows.

    Parameters
    ----------
    timeline : Timeline
    replay : bool, default False
        Start at the first moment instead of following a run in progress. A run that has ended is
        always replayed.
    speed : float, default 1.0
        Speed of a replay; 2 is twice as fast.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(
        self,
        timeline: Timeline,
        replay: bool = False,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timeline, self.speed, self.paused = timeline, speed, False
        self.status: Status = timeline.run.status()
        self.following = self.live and not replay
        self._clock, self._before = clock, clock()
        self._place = 0.0  # among all moments; a fraction of the way to the next
        self._shown: int | None = None
        self._at_end = False

    @property
    def live(self) -> bool:
        """Whether the run is in progress."""
        return self.status == "running"

    @property
    def share(self) -> int:
        """Rest after a drawing, in multiples of its processor time; 0 if the run has ended."""
        return (CROWDED if self._crowded else SHARE) if self.live else 0

    @cached_property
    def _crowded(self) -> bool:
        """Whether training uses every processor."""
        starts = [entry for entry in self.timeline.run.journal() if entry["event"] == "start"]
        if not starts:
            return False
        return starts[-1].get("device") == "cpu" and starts[-1].get("threads", 0) >= processors()

    @property
    def finished(self) -> bool:
        """Whether the run has ended and its last moment is shown."""
        return not self.live and self._at_end

    @property
    def step(self) -> int:
        """Updates made at the moment shown."""
        return self._shown or 0

    @property
    def steps(self) -> Sequence[int]:
        """Updates made at each moment that can be shown."""
        return self.timeline.steps

    def advance(self) -> bool:
        """Read what the run wrote and move on with time; return whether the moment changed."""
        was_live, self.status = self.live, self.timeline.run.status()
        changed = self.timeline.refresh()
        if was_live and not self.live:  # it may have written more since the refresh
            changed = self.timeline.refresh() or changed
        now, steps = self._clock(), self.steps
        passed, self._before = now - self._before, now
        last = len(steps) - 1
        if last < 0:
            return False
        self._place = min(self._place, float(last))  # resuming a run may remove moments
        if self.following:
            self._place = float(last)
        elif not self.paused:
            whole = min(REPLAY_SECONDS, MAX_MOMENT_SECONDS * len(steps))
            ahead = passed * self.speed * len(steps) / whole if self._shown is not None else 0.0
            self._place = min(self._place + ahead, float(last))
            self.following = self.live and self._place >= last
        return self._show(steps, changed)

    def _show(self, steps: Sequence[int], changed: bool = False) -> bool:
        """Show the moment at `_place`; new data counts as a change only at the newest moment."""
        before, place = self._shown, int(self._place)
        self._shown, self._at_end = steps[place], place == len(steps) - 1
        return before != self._shown or (changed and self._at_end)

    def moment(self) -> Moment:
        """Return the run at the moment shown."""
        return self.timeline.moment(self._shown)

    def pause(self) -> None:
        """Pause, or resume."""
        self.paused, self.following = not self.paused, False

    def jump(self, moments: int) -> bool:
        """Move by a number of moments and pause; return whether the moment changed."""
        return self._go(int(self._place) + moments)

    def seek(self, share: float) -> bool:
        """Move to a share, 0 to 1, of all moments and pause; return whether the moment changed."""
        return self._go(round(share * (len(self.steps) - 1)))

    def _go(self, place: int) -> bool:
        steps = self.steps
        if not steps:
            return False
        self.paused, self.following = True, False
        self._place = float(min(max(place, 0), len(steps) - 1))
        return self._show(steps)

    def restart(self) -> None:
        """Replay from the first moment."""
        self._go(0)
        self.paused, self._before = False, self._clock()

    def follow(self) -> None:
        """Show the newest moment, and follow the run."""
        self._go(len(self.steps) - 1)
        self.paused, self.following = False, self.live

    def change_speed(self, factor: float) -> None:
        """Multiply the speed of a replay, within `SPEEDS`."""
        self.speed = min(max(self.speed * factor, SPEEDS[0]), SPEEDS[1])
