"""How far a run is and how fast: what its journal says, and what is seen of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hiddenstate.views.playback import Player

RATE_OVER = 5.0
"""Seconds over which updates a second are counted."""


class ProgressMeter:
    """Updates in all, seconds and updates a second of the run a player shows.

    Parameters
    ----------
    player : Player
    clock : callable
        Seconds that went by.
    """

    def __init__(self, player: Player, clock: Callable[[], float] = time.monotonic) -> None:
        self._player, self._run, self._clock = player, player.timeline.run, clock
        self._seen: list[tuple[float, int]] = []
        self._state = ""
        self._start: Mapping[str, Any] = {}
        self._took: float | None = None

    def _look(self) -> None:
        """Read the journal, once in each state of the run."""
        if self._state == self._player.state and self._start:
            return
        self._state = self._player.state
        starts = [entry for entry in self._run.journal() if entry["event"] == "start"]
        self._start = starts[-1] if starts else {}
        self._took = None if self._player.live else self._run.seconds()

    def total(self, steps: Sequence[int]) -> int | None:
        """Updates made at the run's end, where that is known; `steps` are those of its moments."""
        self._look()
        if self._state == "done":
            return steps[-1] if steps else None
        total = self._start.get("total_steps")
        return total if isinstance(total, int) else self._run.config.training.max_steps

    def seconds(self) -> float | None:
        """Since training began, whole ones, while it goes on; or what it took."""
        self._look()
        if not self._player.live:
            return self._took
        try:
            began = datetime.fromisoformat(self._start["time"])
            return float(int((datetime.now(UTC) - began).total_seconds()))
        except (KeyError, ValueError, TypeError):
            return None

    def rate(self, steps: Sequence[int], paused: bool = False) -> float | None:
        """Updates a second: of late while the run goes on, none in a pause, of all afterwards."""
        if not steps:
            return None
        if not self._player.live:
            begun = self._start.get("step", 0)
            return (steps[-1] - begun) / self._took if self._took else None
        if paused:
            self._seen.clear()
            return None
        if not self._seen or self._seen[-1][1] != steps[-1]:
            self._seen.append((self._clock(), steps[-1]))
        while len(self._seen) > 2 and self._seen[1][0] < self._seen[-1][0] - RATE_OVER:
            self._seen.pop(0)
        (t0, first), (t1, last) = self._seen[0], self._seen[-1]
        return (last - first) / (t1 - t0) if t1 > t0 else None
