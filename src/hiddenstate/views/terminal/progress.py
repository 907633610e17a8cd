"""Measures how far a run is and how fast it goes, from its journal and what is read of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hiddenstate.views.playback import Player

RATE_SECONDS = 5.0
"""Seconds over which updates per second are measured."""


class ProgressMeter:
    """Total updates, seconds and updates per second of the run that a player shows.

    Parameters
    ----------
    player : Player
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, player: Player, clock: Callable[[], float] = time.monotonic) -> None:
        self._player, self._run, self._clock = player, player.timeline.run, clock
        self._readings: list[tuple[float, int]] = []  # times and updates
        self._status = ""
        self._start: Mapping[str, Any] = {}
        self._took: float | None = None

    def _read_journal(self) -> None:
        """Read the journal, once for each status of the run."""
        if self._status == self._player.status and self._start:
            return
        self._status = self._player.status
        starts = [entry for entry in self._run.journal() if entry["event"] == "start"]
        self._start = starts[-1] if starts else {}
        self._took = None if self._player.live else self._run.seconds()

    def total(self, steps: Sequence[int]) -> int | None:
        """Return the number of updates of the whole run, if known.

        Parameters
        ----------
        steps : sequence of int
            Updates made at each moment of the run.
        """
        self._read_journal()
        if self._status == "done":
            return steps[-1] if steps else None
        total = self._start.get("total_steps")
        return total if isinstance(total, int) else self._run.config.training.max_steps

    def seconds(self) -> float | None:
        """Return whole seconds since training started, or, after it, the time it took."""
        self._read_journal()
        if not self._player.live:
            return self._took
        try:
            began = datetime.fromisoformat(self._start["time"])
            return float(int((datetime.now(UTC) - began).total_seconds()))
        except (KeyError, ValueError, TypeError):
            return None

    def rate(self, steps: Sequence[int], paused: bool = False) -> float | None:
        """Return recent updates per second; None while paused; afterwards those of the whole run.

        Parameters
        ----------
        steps : sequence of int
            As for :meth:`total`.
        paused : bool, default False
            Whether training is paused.
        """
        if not steps:
            return None
        if not self._player.live:
            begun = self._start.get("step", 0)
            return (steps[-1] - begun) / self._took if self._took else None
        if paused:
            self._readings.clear()
            return None
        if not self._readings or self._readings[-1][1] != steps[-1]:
            self._readings.append((self._clock(), steps[-1]))
        while len(self._readings) > 2 and (
            self._readings[1][0] < self._readings[-1][0] - RATE_SECONDS
        ):
            self._readings.pop(0)
        (t0, first), (t1, last) = self._readings[0], self._readings[-1]
        return (last - first) / (t1 - t0) if t1 > t0 else None
