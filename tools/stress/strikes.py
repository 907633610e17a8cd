"""Strikes the workers of a search, their cables and their database, at random moments."""

import contextlib
import heapq
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.stress.hosts import Network
from tools.stress.postgres import Cluster
from tools.stress.processes import ENVIRONMENT

KINDS = ("kill", "link", "stop", "database")
"""A worker killed, a cable pulled out, a worker stopped past its grace, the database killed."""

CUT = 30.0
"""Seconds that a cable is pulled out."""

GAP = 2.5
"""Mean of the seconds between two strikes."""

EARLY = 3
"""Strikes that may come before their share of the work is done."""


class Worker:
    """A command on a host, which is started again when it was killed.

    Parameters
    ----------
    network, host : Network, str
        Where it runs.
    command : sequence of str
    folder : Path
        Where it is started.
    log : Path
        What it prints, of all its starts.
    more : mapping
        Further environment variables.
    """

    def __init__(
        self,
        network: Network,
        host: str,
        command: Sequence[str],
        folder: Path,
        log: Path,
        more: Mapping[str, str],
    ) -> None:
        self.host, self.log, self.starts, self.stopped = host, log, 0, False
        self._command = [*network.on(host), *command]
        self._folder, self._environment = folder, {**ENVIRONMENT, **more}
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self.starts += 1
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def runs(self) -> bool:
        """Whether it is alive."""
        return self.process.poll() is None

    @property
    def trains(self) -> bool:
        """Whether it trains a trial: it has the lock of a run folder open."""
        with contextlib.suppress(OSError):
            files = [os.readlink(path) for path in Path(f"/proc/{self.process.pid}/fd").iterdir()]
            return any(re.search(r"/trial-[^/]*/lock$", file) for file in files)
        return False

    def restart(self) -> None:
        """Start the same command again."""
        self.stopped = False
        self.process = self._start()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it is alive."""
        if self.runs:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it without a word."""
        self.send(signal.SIGKILL)
        self.process.wait()


class Strikes:
    """A field of workers and a database, and the strikes on it.

    Parameters
    ----------
    network : Network
    workers : sequence of Worker
    database : Cluster
    grace : float
        Seconds without a sign of life after which a worker is given up.
    seed : int
    """

    def __init__(
        self,
        network: Network,
        workers: Sequence[Worker],
        database: Cluster,
        grace: float,
        seed: int,
    ) -> None:
        self.network, self.workers, self.database = network, list(workers), database
        self.grace = grace
        self.made: Counter[str] = Counter()
        self.gave_up: Counter[str] = Counter()
        self.log: list[str] = []
        self._random, self._began = random.Random(seed), time.monotonic()
        self._ends: list[tuple[float, int, Callable[[], None]]] = []
        self._pulled: set[str] = set()
        self._is_down = False

    def run(self, n: int, most_seconds: float, progress: Callable[[], float]) -> bool:
        """Strike up to `n` times while there is work; return whether all workers ended well.

        Strikes are spread over the work, of which `progress` returns the share that is done.
        """
        kinds = (KINDS * (n // len(KINDS) + 1))[:n]
        order = self._random.sample(kinds, n)
        until = self._began + most_seconds
        following = time.monotonic() + self._wait()
        while time.monotonic() < until:
            now = time.monotonic()
            while self._ends and self._ends[0][0] <= now:
                heapq.heappop(self._ends)[2]()
            if all(not worker.runs and worker.process.returncode == 0 for worker in self.workers):
                self._undo()
                return True
            self._start_again()
            due = order and now >= following
            due = due and self.made.total() <= n * progress() + EARLY
            if due and self._strike(order[-1]):
                self.made[order.pop()] += 1
                following = now + self._wait()
            time.sleep(0.1)
        self._undo()
        return False

    def _wait(self) -> float:
        return self._random.uniform(0.2, 2 * GAP - 0.2)

    def _say(self, text: str) -> None:
        self.log.append(f"{time.monotonic() - self._began:7.2f} {text}")

    def _start_again(self) -> None:
        for worker in self.workers:
            code = worker.process.poll()
            if code not in (None, 0):
                if code != -signal.SIGKILL:
                    self.gave_up[f"ended with {code}"] += 1
                self._say(f"{worker.host} ended with {code} and is started again")
                worker.restart()

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._ends, (time.monotonic() + seconds, len(self._ends), act))

    def _strike(self, kind: str) -> bool:
        """Strike; return whether there was something to strike."""
        if kind == "database":
            return self._strike_database()
        targets = [
            worker
            for worker in self.workers
            if worker.runs and not worker.stopped and worker.host not in self._pulled
        ]
        if kind != "link":  # most of the time a worker that was started again only loads modules
            targets = [worker for worker in targets if worker.trains]
        if not targets:
            return False
        worker = self._random.choice(targets)
        self._say(f"{kind} {worker.host}")
        if kind == "kill":
            worker.kill()
        elif kind == "stop":
            self._stop(worker)
        else:
            self._pull_out(worker.host)
        return True

    def _strike_database(self) -> bool:
        if self._is_down or not any(worker.runs for worker in self.workers):
            return False
        self._say("database killed")
        self._is_down = True
        self.database.kill()
        self._later(self._random.uniform(0.1, 5), self._bring_back)
        return True

    def _bring_back(self) -> None:
        self.database.start()
        self._is_down = False
        self._say("database up")

    def _stop(self, worker: Worker) -> None:
        worker.stopped = True
        process = worker.process
        os.kill(process.pid, signal.SIGSTOP)

        def wake() -> None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            worker.stopped = False
            self._say(f"{worker.host} goes on")

        self._later(self.grace * self._random.uniform(1.2, 2), wake)

    def _pull_out(self, host: str) -> None:
        self._pulled.add(host)
        self.network.link(host, up=False)

        def plug_in() -> None:
            self.network.link(host, up=True)
            self._pulled.discard(host)
            self._say(f"{host} plugged in")

        self._later(CUT, plug_in)

    def _undo(self) -> None:
        """Let everything that is stopped, pulled out or down go on."""
        while self._ends:
            heapq.heappop(self._ends)[2]()
