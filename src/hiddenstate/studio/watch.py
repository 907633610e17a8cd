"""Notices what changes in run folders: one watcher for each run, however many pages look at it.

Nothing is watched while no page is open.
"""

import asyncio
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hiddenstate.system.lock import is_locked

POLL_SECONDS = 0.05
"""Seconds between two looks at the run that a page shows: a few calls of the system."""

LIST_SECONDS = 0.5
"""Seconds between two looks at the folder of runs."""

LOCK_SECONDS = 1.0
"""Seconds between two looks at the locks of runs."""

_PROCESS = re.compile(rb"process (\d{1,10}),")


class Signal:
    """Wakes the streams of several pages; a page that is busy misses nothing and queues nothing."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._events)

    @contextmanager
    def listen(self, event: asyncio.Event) -> Iterator[None]:
        """Set `event` at each change, within the context."""
        self._events.add(event)
        try:
            yield
        finally:
            self._events.discard(event)

    def send(self) -> None:
        """Wake all."""
        for event in self._events:
            event.set()


class Watcher:
    """Looks at files for as long as a page listens, and sends a signal when one has changed.

    Parameters
    ----------
    stamp : callable
        Returns something that differs after a change.
    seconds : float
        Time between two looks.
    """

    def __init__(self, stamp: Callable[[], object], seconds: float) -> None:
        self.signal = Signal()
        self.turn = 0
        """Counts the changes."""
        self._stamp, self._seconds = stamp, seconds
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()

    @contextmanager
    def listen(self, event: asyncio.Event) -> Iterator[None]:
        """Set `event` at each change, within the context."""
        with self.signal.listen(event):
            if self._task is None or self._task.done():
                self._looked = asyncio.Event()
                self._task = asyncio.get_running_loop().create_task(self._watch())
            yield

    async def ready(self) -> None:
        """Wait for the first look, after which each change is noticed."""
        await self._looked.wait()

    async def _watch(self) -> None:
        try:
            before = await asyncio.to_thread(self._stamp)
        finally:
            self._looked.set()
        while True:
            await asyncio.sleep(self._seconds)
            if not self.signal:
                return
            now = await asyncio.to_thread(self._stamp)
            if now != before:
                before = now
                self.turn += 1
                self.signal.send()


class Watchers:
    """The watchers of a studio: one for the folder of runs, one for each run that is shown.

    Parameters
    ----------
    runs_dir : Path
    running : callable
        Returns the folders of the runs that are known to be running.
    """

    def __init__(self, runs_dir: Path, running: Callable[[], list[Path]] = list) -> None:
        locks = Locks(running)
        self.list = Watcher(lambda: (list_stamp(runs_dir), locks.look()), LIST_SECONDS)
        self._runs: dict[Path, Watcher] = {}

    def of(self, path: Path) -> Watcher:
        """Return the watcher of a run."""
        for other in [other for other, each in self._runs.items() if not each.signal]:
            del self._runs[other]
        locks = Locks(lambda: [path])
        watcher = Watcher(lambda: (run_stamp(path), locks.look()), POLL_SECONDS)
        return self._runs.setdefault(path, watcher)


class Locks:
    """Looks now and then at the locks of some runs: that of a process that was killed is free,
    and it leaves no other trace.

    Parameters
    ----------
    paths : callable
        Returns the folders of the runs.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self, paths: Callable[[], list[Path]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._paths, self._clock = paths, clock
        self._due = -math.inf
        self._held: tuple[Path, ...] = ()

    def look(self) -> tuple[Path, ...]:
        """Return the runs whose locks were held at the last look."""
        now = self._clock()
        if now >= self._due:
            self._due = now + LOCK_SECONDS
            self._held = tuple(path for path in self._paths() if is_locked(path))
        return self._held


def run_stamp(path: Path) -> tuple[object, ...]:
    """Return what changes with anything in a run folder that a page shows."""
    names = ("history.jsonl", "journal.jsonl", "config.json", "snapshots", "weights", "closed.json")
    return tuple(_stamp(path / name) for name in names)


def list_stamp(runs_dir: Path) -> tuple[object, ...]:
    """Return what changes when a run starts, ends, or is moved."""
    try:
        names = os.listdir(runs_dir)
    except OSError:
        return ()
    return tuple((name, _stamp(f"{runs_dir}/{name}/journal.jsonl")) for name in sorted(names))


def _stamp(path: Path | str) -> tuple[int, int, int]:
    try:
        status = os.lstat(path)
    except OSError:
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size


def writer_of(path: Path, since: float) -> int | None:
    """Return the number of the process that a run's lock names; None without a lock, or with one
    that is older than `since`: another process had that number then."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        # The system's clock for files is a little behind.
        is_old = os.fstat(descriptor).st_mtime < since - 0.1
        match = None if is_old else _PROCESS.match(os.read(descriptor, 100))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return int(match[1]) if match else None
