"""Which moment of a run a view shows, and how often it may draw one.

Every live view has a :class:`Player`: it follows the newest moment of a run under way, or goes
through the moments there are at a human pace, and can be paused, stepped and sent elsewhere.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from hiddenstate.kernels import processors
from hiddenstate.views.timeline import Moment, Timeline

REPLAY_SECONDS = 12.0
"""About how long a replay takes at speed 1."""

LONGEST_LOOK = 0.5
"""Seconds a moment stays at speed 1, however few there are."""

SPEEDS = (1 / 16, 16.0)
"""The slowest and the fastest replay."""

SHARE, CROWDED = 20, 40
"""Processor times of a frame that pass before the next one of a run under way; and where training
has a thread on every processor, all of which wait for the one that is drawn on."""


class Pace:
    """Says when the next frame may be drawn, so that drawing never takes much from training.

    The next one comes no sooner than so many times the last one's processor time after it, and
    not within `shortest` seconds.

    Parameters
    ----------
    shortest : float
        Seconds between two frames at the least.
    clock, worked : callable
        Seconds that went by, and seconds of processor time this process used.
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
        """Draw one frame in the block, and rest `share` times as long; with 0, `shortest` alone."""
        began, worked = self._clock(), self._worked()
        yield
        rest = share * (self._worked() - worked)
        self._due = max(began + self.shortest, self._clock() + rest)

    def wait(self) -> float:
        """Seconds until the next frame may be drawn; 0 when it is due."""
        return max(0.0, self._due - self._clock())


class Player:
    """The moment of a run that is shown.

    Parameters
    ----------
    timeline : Timeline
    replay : bool
        Begin at the first moment; else follow the newest while the run goes on. A run that is
        over is always replayed.
    speed : float
        How much faster than usual a replay goes.
    clock : callable
        Seconds that went by.
    """

    def __init__(
        self,
        timeline: Timeline,
        replay: bool = False,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timeline, self.speed, self.paused = timeline, speed, False
        self.state = timeline.run.status()
        self.following = self.live and not replay
        self._clock, self._before = clock, clock()
        self._place = 0.0  # of the moment shown among all moments, a fraction on its way
        self._shown: int | None = None
        self._at_end = False

    @property
    def live(self) -> bool:
        """Whether the run is under way."""
        return self.state == "running"

    @property
    def share(self) -> int:
        """Processor times of a frame that are to pass before the next; 0 when the run is over."""
        return (CROWDED if self._crowded else SHARE) if self.live else 0

    @cached_property
    def _crowded(self) -> bool:
        """Whether training, as it began, left no processor free."""
        starts = [entry for entry in self.timeline.run.journal() if entry["event"] == "start"]
        if not starts:
            return False
        return starts[-1].get("device") == "cpu" and starts[-1].get("threads", 0) >= processors()

    @property
    def finished(self) -> bool:
        """Whether the run is over and its last moment is shown."""
        return not self.live and self._at_end

    @property
    def step(self) -> int:
        """Updates made at the moment that is shown."""
        return self._shown or 0

    @property
    def steps(self) -> Sequence[int]:
        """Every moment that can be shown."""
        return self.timeline.steps

    def advance(self) -> bool:
        """Look what the run wrote, go on as time went by; whether another moment is shown now."""
        was_live, self.state = self.live, self.timeline.run.status()
        changed = self.timeline.refresh()
        if was_live and not self.live:  # what it wrote last may be newer than what was read
            changed = self.timeline.refresh() or changed
        now, steps = self._clock(), self.steps
        passed, self._before = now - self._before, now
        last = len(steps) - 1
        if last < 0:
            return False
        self._place = min(self._place, float(last))  # a run that is resumed may have been cut back
        if self.following:
            self._place = float(last)
        elif not self.paused:
            whole = min(REPLAY_SECONDS, LONGEST_LOOK * len(steps))
            ahead = passed * self.speed * len(steps) / whole if self._shown is not None else 0.0
            self._place = min(self._place + ahead, float(last))
            self.following = self.live and self._place >= last
        return self._show(steps, changed)

    def _show(self, steps: Sequence[int], changed: bool = False) -> bool:
        """Settle on the moment at `_place`; what `changed` counts only where the newest shows."""
        before, place = self._shown, int(self._place)
        self._shown, self._at_end = steps[place], place == len(steps) - 1
        return before != self._shown or (changed and self._at_end)

    def moment(self) -> Moment:
        """The run at the moment that is shown."""
        return self.timeline.moment(self._shown)

    def pause(self) -> None:
        """Stand still, or go on."""
        self.paused, self.following = not self.paused, False

    def jump(self, moments: int) -> bool:
        """Go so many moments forward, or back, and stand still; whether another is shown."""
        return self._go(int(self._place) + moments)

    def seek(self, share: float) -> bool:
        """Go where `share` of all moments lie behind, 0 to 1, and stand still."""
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
        """Show the newest moment, and go on with the run."""
        self._go(len(self.steps) - 1)
        self.paused, self.following = False, self.live

    def change_speed(self, factor: float) -> None:
        """Replay so many times faster, within `SPEEDS`."""
        self.speed = min(max(self.speed * factor, SPEEDS[0]), SPEEDS[1])
