"""What trains the packets of a sweep: a protocol, and worker processes of this machine."""

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Protocol

from hiddenstate.errors import MachineError
from hiddenstate.kernels import processors
from hiddenstate.scale.sweep.worker import IGNORED, READY, serve
from hiddenstate.scale.workers import MAX_QUICK, Workers
from hiddenstate.system.processes import Spawned

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a worker: there are as many workers as cores."""


class Trainers(Protocol):
    """What trains packets: processes of this machine, or a cluster."""

    where: str
    """What the workers are, as messages say it."""

    def capacity(self) -> int:
        """Return how many packets are to be submitted at a time."""

    def submit(self, packet: bytes) -> Any:
        """Have a packet trained; return a ticket."""

    def finished(self, tickets: Iterable[Any], seconds: float) -> list[tuple[Any, bytes | None]]:
        """Return tickets with their answers, or None if a worker was killed; wait for the first.

        An empty list means that none is finished after so many seconds.
        """

    def close(self) -> None:
        """Stop all work."""


class LocalPool:
    """Workers in processes of this machine.

    Parameters
    ----------
    n : int
        Number of processes; 0 for one a core.
    """

    def __init__(self, n: int) -> None:
        self.n = n or processors()
        self.where = f"{self.n} process{'es' if self.n > 1 else ''} on this machine"
        self._workers = Workers(serve, None, IGNORED, ONE_THREAD)
        self._packets: deque[tuple[int, bytes]] = deque()
        self._idle: list[Spawned] = []
        self._training: dict[Spawned, int] = {}
        self._submitted = self._killed_early = 0

    def capacity(self) -> int:
        """Return two packets a process: one in training, and one ready."""
        return 2 * self.n

    def submit(self, packet: bytes) -> int:
        """Have a packet trained in the next free process."""
        self._submitted += 1
        self._packets.append((self._submitted, packet))
        self._give()
        return self._submitted

    def finished(self, tickets: Iterable[int], seconds: float) -> list[tuple[int, bytes | None]]:
        """Return what is finished; a killed process costs the packet that it had."""
        answers: list[tuple[int, bytes | None]] = []
        for process, answer in self._workers.heard(seconds):
            ticket = self._training.pop(process, None)
            if answer is None:
                self._ended(process, ticket)
            elif process not in self._idle:
                self._idle.append(process)
                self._killed_early = 0
            if ticket is not None and answer != READY:
                answers.append((ticket, answer))
        self._give()
        return answers

    def _ended(self, process: Spawned, ticket: int | None) -> None:
        """Note that a process ended; refuse to go on if it could not work."""
        if process in self._idle:
            self._idle.remove(process)
        elif ticket is None:
            self._killed_early += 1
        if (process.exitcode or 0) > 0:
            raise _unusable(f"they end with exit code {process.exitcode}, as printed above")
        if self._killed_early >= MAX_QUICK:
            raise _unusable("they are killed while they start")

    def _give(self) -> None:
        """Give packets to idle processes, and start others for the rest."""
        while self._packets and self._idle:
            process = self._idle.pop(0)
            self._training[process] = self._packets[0][0]
            with suppress(OSError):  # it was killed, which is noticed as any other end
                process.send(self._packets[0][1])
            self._packets.popleft()
        running = len(self._workers.running)
        starting = running - len(self._idle) - len(self._training)
        for _ in range(min(len(self._packets) - starting, self.n - running)):
            try:
                self._workers.start()
            except OSError as error:  # no process, or no memory for one
                raise _unusable(str(error.strerror)) from None

    def close(self) -> None:
        """End all processes."""
        self._workers.kill()


def _unusable(why: str) -> MachineError:
    return MachineError(
        f"the worker processes do not work: {why}; use fewer with --jobs, or free memory"
    )
