"""Worker processes of this machine: loky's, made anew when one of them is killed.

loky comes with joblib, which scikit-learn requires. Unlike the pools of the standard library, its
processes do not import the script that started them, so that `sweep()` needs no guard there. A
worker gets and returns bytes; nothing that a file holds is unpickled.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from typing import Any, Protocol

from hiddenstate.errors import MachineError
from hiddenstate.kernels import processors
from hiddenstate.scale.sweep.work import train_packet

WATCHED = 0.5
"""Seconds between two looks of a worker at whether the command is still there."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Environment of a worker: there are as many workers as cores."""


class Workers(Protocol):
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
        self._pool: Any = None

    def capacity(self) -> int:
        """Return two packets a process: one in training, and one ready."""
        return 2 * self.n

    def submit(self, packet: bytes) -> "Future[bytes]":
        """Have a packet trained in the next free process."""
        try:
            future: Future[bytes] = self._started().submit(train_packet, packet)
        except BrokenExecutor:
            self.close()
            future = self._started().submit(train_packet, packet)
        return future

    def finished(
        self, tickets: "Iterable[Future[bytes]]", seconds: float
    ) -> "list[tuple[Future[bytes], bytes | None]]":
        """Return what is finished; a killed process takes all packets of the pool with it."""
        done, waiting = wait(list(tickets), seconds, FIRST_COMPLETED)
        answers = [(future, _answer(future)) for future in done]
        if any(answer is None for _, answer in answers):
            answers += [(future, _answer(future) if future.done() else None) for future in waiting]
            self.close()
        return answers

    def close(self) -> None:
        """End all processes."""
        if self._pool is not None:
            with contextlib.suppress(Exception):  # it may be broken already
                self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None

    def _started(self) -> Any:
        from joblib.externals.loky import ProcessPoolExecutor

        if self._pool is None:
            try:
                self._pool = ProcessPoolExecutor(
                    self.n, initializer=end_with, initargs=(os.getpid(),), env=ONE_THREAD
                )
            except (OSError, RuntimeError, ImportError) as error:
                raise MachineError(
                    f"the worker processes cannot be started: {error}; use fewer with --jobs"
                ) from None
        return self._pool


def _answer(future: "Future[bytes]") -> bytes | None:
    """Return the answer of a finished packet, or None if its process was killed."""
    from joblib.externals.loky.process_executor import ShutdownExecutorError

    try:
        return future.result()
    except (BrokenExecutor, ShutdownExecutorError, CancelledError):
        return None  # the pool was closed, too, if `submit` was the first to see it broken
    except OSError:  # the pipe of a process that was killed
        return None


def end_with(command: int) -> None:
    """End this process as soon as the process `command` has ended, however it did.

    Ctrl-C in a terminal reaches workers too, and is ignored: the command ends them.
    """
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == command:
            time.sleep(WATCHED)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
