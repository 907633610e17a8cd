"""Notices a rank that has stopped, or that the network no longer reaches.

gloo raises at once if a process on the other side ends, but waits for one that is suspended or cut
off. A thread of each rank therefore counts up a number in the store where the ranks met, and reads
the numbers of the others. A rank whose number stands still for `limit` seconds is lost. Work that
takes long, such as an evaluation, does not look like a loss, because the thread keeps counting.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from hiddenstate.system import threads

BEAT = 0.25
"""Seconds between two signs of life."""

TRAINING, PREPARING = 6.0, 60.0
"""Seconds without one after which a rank is lost: while training, and before, when a reader of data
may hold Python's lock for long. The first leaves time to say so within ten seconds."""

NAMING = 1.5
"""Seconds without a sign of life that tell which rank it was, once gloo says that one is gone."""

GRACE = 1.0
"""Seconds that the main thread has to end by itself, once a rank is lost."""

EXIT_CODE = 3
"""Exit code of a problem of the environment."""


class Store(Protocol):
    """What is used of torch's stores."""

    def set(self, key: str, value: str, /) -> None:
        """Set a value."""
        ...

    def multi_get(self, keys: list[str], /) -> Sequence[bytes]:
        """Return the values of several keys, which exist."""
        ...

    def check(self, keys: list[str], /) -> bool:
        """Return whether all keys exist."""
        ...

    def get(self, key: str, /) -> bytes:
        """Return a value."""
        ...


class Heartbeat:
    """The signs of life of all ranks.

    Parameters
    ----------
    store : Store
        For this purpose alone: a call may block for as long as the network is cut.
    rank, n_ranks : int
    where : str
        The address of the store, as messages name it.
    on_lost : callable
        Called in a thread of its own if a rank is lost and the main thread has not ended the
        process by itself, with the reason. The process ends when it returns.

    Attributes
    ----------
    limit : float
        Seconds without a sign of life after which a rank is lost.
    """

    def __init__(
        self, store: Store, rank: int, n_ranks: int, where: str, on_lost: Callable[[str], None]
    ) -> None:
        self.limit, self.on_lost = PREPARING, on_lost
        self._store, self._rank, self._where = store, rank, where
        self._others = [other for other in range(n_ranks) if other != rank]
        self._ended = threads.Event()
        self._threads: list[threads.Thread] = []
        self._failure: str | None = None
        self._values: dict[int, bytes] = {}
        self._changed: dict[int, float] = {}
        self.forgive()

    def start(self) -> None:
        """Start to count, and to watch the others, of which each has left `beat/RANK`."""
        self.forgive()
        self._threads = [threads.start(work) for work in (self._beat, self._watch)]

    def end(self) -> None:
        """Stop watching: the others may end now."""
        self._ended.set()
        for thread in self._threads:  # the store may be closed once they are done
            thread.join(GRACE)

    def announce(self, why: str) -> None:
        """Tell the others why this rank ends, if that can be done."""
        self._store.set("failure", f"rank {self._rank}: {why}")

    def reason(self) -> str:
        """Return which rank was lost, after gloo said that one is; waits up to two `NAMING`."""
        deadline = time.monotonic() + 2 * NAMING
        while time.monotonic() < deadline:
            why = self.lost(NAMING)
            if why:
                return why
            time.sleep(BEAT / 2)
        return "lost the connection to another rank"

    def _beat(self) -> None:
        """Count up, and read the others' numbers, until the end."""
        n = 0
        while not self._ended.wait(BEAT):
            n += 1
            try:
                self.beat(n)
            except RuntimeError:  # the store is gone
                self._broken = True
                return

    def beat(self, n: int) -> None:
        """Leave the `n`-th sign of life, and read those of the others."""
        self._store.set(f"beat/{self._rank}", str(n))
        keys = [f"beat/{other}" for other in self._others]
        values = self._store.multi_get(keys) if keys else []
        if self._store.check(["failure"]):
            self._failure = self._store.get("failure").decode("utf-8", "replace")
        now = time.monotonic()
        for other, value in zip(self._others, values, strict=True):
            if value != self._values.get(other):
                self._values[other], self._changed[other] = value, now
        self._answered = now

    def _watch(self) -> None:
        """End the process if a rank is lost and the main thread does not."""
        last = time.monotonic()
        while not self._ended.wait(BEAT / 2):
            now = time.monotonic()
            if now - last > NAMING:  # this process was suspended, perhaps with all the others
                self.forgive()
            last = now
            why = self.lost(self.limit)
            if why is None:
                continue
            if self._ended.wait(GRACE):
                return
            self.on_lost(why)
            os._exit(EXIT_CODE)

    def lost(self, limit: float) -> str | None:
        """Return which rank gave no sign of life for `limit` seconds, if one did not."""
        if self._failure:
            return self._failure
        now = time.monotonic()
        if self._broken or now - self._answered > limit:
            return f"rank 0, or its host, no longer answers at {self._where}"
        for other, changed in self._changed.items():
            # As of the last answer: without one, nothing is known of the others.
            if self._answered - changed > limit:
                return f"rank {other} no longer answers"
        return None

    def forgive(self) -> None:
        """Start to measure anew."""
        now = time.monotonic()
        self._answered, self._broken = now, False
        self._changed = dict.fromkeys(self._others, now)
