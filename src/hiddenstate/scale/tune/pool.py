"""Several workers of a study on one machine, each in a process of its own."""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiddenstate.errors import HiddenstateError, MachineError, count, printable
from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.settings import StudyData, load_data, read_settings
from hiddenstate.scale.tune.storage import Address
from hiddenstate.scale.tune.study import open_study
from hiddenstate.scale.tune.worker import Study, Watcher, Worker
from hiddenstate.scale.workers import MAX_QUICK, Workers
from hiddenstate.system import signals
from hiddenstate.system.processes import Spawned
from hiddenstate.training.trainer import Callback

if TYPE_CHECKING:
    from hiddenstate.system.processes import Connection

QUICK = 10.0
"""Seconds within which a killed worker was killed early."""

SIGNALS = (signals.SIGINT, signals.SIGTERM)
"""Signals that ask a worker process to stop."""


@dataclass(frozen=True)
class Order:
    """What a worker process needs to join a study; it is sent through a pipe.

    Parameters
    ----------
    folder : Path
    address : Address
    grace, threads : int
    data : StudyData, optional
        Data in memory, which no file holds.
    """

    folder: Path
    address: Address
    grace: int
    threads: int
    data: StudyData | None = None


class _Sender:
    """Sends what a worker shows to the process that started it."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def say(self, line: str) -> None:
        self._send("say", line)

    def callbacks(self, slot: int) -> Sequence[Callback]:
        return ()

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        self._send("finished", number)

    def error(self, error: BaseException) -> None:
        self._send("error", printable(error, 600))

    def _send(self, kind: str, content: Any) -> None:
        with contextlib.suppress(OSError):  # the parent is gone, which `interrupted` notices
            self._connection.send((kind, content))


class _Interrupts:
    """Whether a worker process is asked to stop: by a signal, or as its parent is gone."""

    def __init__(self) -> None:
        self._came = False
        self._parent = os.getppid()
        handlers = signals.Handlers()
        for number in SIGNALS:
            handlers.take(number, self._handle)
        signals.let_through(SIGNALS)  # they were held back until now

    def _handle(self, number: int, frame: object) -> None:
        self._came = True

    def __call__(self) -> bool:
        return self._came or os.getppid() != self._parent


def work(order: Order, connection: "Connection") -> None:
    """Train trials in this process until all are finished, or it is asked to stop."""
    interrupted, sender = _Interrupts(), _Sender(connection)
    try:
        settings = read_settings(order.folder)
        data = order.data or load_data(settings)
        study = open_study(
            settings,
            data,
            order.address,
            order.folder,
            sender.say,
            interrupted=interrupted,
            grace=order.grace,
        )
        Worker(study, sender, interrupted, order.threads).run()
    except HiddenstateError as error:
        if not interrupted():
            sender.error(error)
    finally:
        connection.close()


class Pool:
    """Worker processes, each replaced by another if it is killed.

    Parameters
    ----------
    study : Study
    order : Order
    n : int
        Number of workers.
    watcher : Watcher
    interrupted : callable
    """

    def __init__(
        self,
        study: Study,
        order: Order,
        n: int,
        watcher: Watcher,
        interrupted: Callable[[], bool],
    ) -> None:
        self._study, self._watcher = study, watcher
        self._interrupted, self._n = interrupted, n
        # A signal that comes while one imports waits until it can handle it.
        self._workers = Workers(work, order, SIGNALS)
        self._began: dict[Spawned, float] = {}
        self._errors: list[str] = []
        self._quick = 0

    def run(self) -> bool:
        """Wait until every trial is finished; False if asked to stop before.

        Raises
        ------
        MachineError
            If the workers ended before that.
        """
        try:
            self._watch()
        finally:
            self._workers.ask_to_stop()  # those left after an error, such as Ctrl-C in Python
            self._workers.join()
        if self._interrupted():
            return False
        if all(slot.finished for slot in self._study.slots()):
            return True
        reason = self._errors[-1] if self._errors else "they were killed again and again"
        raise MachineError(f"all workers of the study ended: {reason}")

    def _watch(self) -> None:
        """Show what the workers send, until all have ended."""
        for _ in range(self._n):
            self._start()
        asked = False
        while self._workers.running:
            if self._interrupted() and not asked:
                asked = True
                self._workers.ask_to_stop()
            for process, message in self._workers.heard(0.2):
                if message is not None:
                    with contextlib.suppress(OSError):  # where it is shown is gone
                        self._show(*message)
                elif process.exitcode and not asked:
                    self._replace(process)

    def _start(self) -> None:
        self._began[self._workers.start()] = time.monotonic()

    def _show(self, kind: str, content: Any) -> None:
        """Show what a worker sent."""
        if kind == "say":
            self._watcher.say(content)
        elif kind == "finished":
            self._watcher.finished(self._study.slots(), content)
        else:
            self._errors.append(content)
            self._watcher.say(f"a worker ended: {content}")

    def _replace(self, process: Spawned) -> None:
        """Let another process take the place of one that was killed."""
        lasted = time.monotonic() - self._began.pop(process)
        self._quick = self._quick + 1 if lasted < QUICK else 0
        code = process.exitcode or 0
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        if self._quick >= MAX_QUICK:
            self._watcher.say(f"worker {process.pid} ended {how}; {count(MAX_QUICK, 'worker')} did")
            return
        self._watcher.say(f"worker {process.pid} ended {how}; another takes its place")
        self._start()
