"""Workers of a Dask cluster: packets go to them and answers come back; only this process writes."""

import contextlib
import logging
import queue
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.scale.sweep.work import train_packet
from hiddenstate.system.extras import require
from hiddenstate.version import __version__

PATIENCE = 10.0
"""Seconds to wait for a scheduler."""

ADDRESS = re.compile(r"([a-z]+://)?\S+:([0-9]{1,5})/?")
"""An address of a scheduler; of others Dask's client leaves a thread, which delays the exit."""

WORKERS_PATIENCE = 60.0
"""Seconds to wait for the first worker of a scheduler."""

MAX_FAILURES = 10
"""How often a packet is submitted again because its answer does not arrive."""


class _UnreachableError(Exception):
    """The worker that has an answer cannot be reached; why is the only argument."""


@dataclass(frozen=True)
class _Ticket:
    """A packet that is in training, and how often its answer did not arrive."""

    number: int
    packet: bytes
    failures: int = 0


class DaskCluster:
    """The workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        Where the scheduler listens: `tcp://host:8786`.

    Raises
    ------
    MissingExtraError
        If Dask is not installed.
    OptionError
        If the address has no port.
    MachineError
        If the scheduler cannot be reached or has no workers, or a worker has another version of
        hiddenstate, or none.
    """

    def __init__(self, address: str) -> None:
        self.address, self.where = address, f"the Dask scheduler at {printable(address)}"
        match = ADDRESS.fullmatch(address)
        if match is None or not 0 < int(match[2]) < 2**16:
            raise OptionError(
                f"--scheduler: expected an address such as tcp://host:8786, got "
                f"{printable(address, 60)}"
            )
        distributed = require("distributed", "sweep --scheduler")
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # errors here are one line
        self._killed = distributed.scheduler.KilledWorker
        self._done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._tickets: dict[Any, _Ticket] = {}
        self._submitted = 0
        try:
            self._client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise MachineError(
                f"--scheduler: {printable(address)} cannot be reached ({printable(why, 100)}); "
                "start one with `dask scheduler`, and name its address"
            ) from None
        try:
            self._check_workers()
        except BaseException:
            self.close()
            raise

    def capacity(self) -> int:
        """Return two packets for each thread of the cluster, as it is now."""
        return max(2, 2 * self._n_threads())

    def submit(self, packet: bytes) -> int:
        """Have a packet trained; Dask gives it to another worker if its own is killed."""
        self._submitted += 1
        self._send(_Ticket(self._submitted, packet))
        return self._submitted

    def finished(self, tickets: Iterable[Any], seconds: float) -> list[tuple[Any, bytes | None]]:
        """Return what is finished; Dask gives a packet up after it has cost some workers.

        A packet is trained again if the worker that has its answer cannot be reached.
        """
        answers = []
        with contextlib.suppress(queue.Empty):
            future = self._done.get(timeout=seconds)
            while True:
                ticket = self._tickets.pop(future)
                try:
                    answers.append((ticket.number, self._answer(future)))
                except _UnreachableError as error:
                    self._again(ticket, f"{error}")
                future = self._done.get_nowait()
        if self._client.status != "running":
            raise self._lost()
        return answers

    def close(self) -> None:
        """Let go of the cluster; what is not finished is cancelled."""
        self._client.close(timeout=2)

    def _send(self, ticket: "_Ticket") -> None:
        # Equal packets are trained again: a key names work that the scheduler may still remember.
        future = self._client.submit(train_packet, ticket.packet, pure=False)
        self._tickets[future] = ticket
        future.add_done_callback(self._done.put)

    def _again(self, ticket: "_Ticket", why: str) -> None:
        """Submit a packet again whose answer lies on a worker that cannot be reached."""
        if ticket.failures == MAX_FAILURES:
            raise MachineError(
                f"--scheduler: the workers of {printable(self.address)} cannot be reached: "
                f"{printable(why, 200)}; what was trained is saved, and the same command again "
                "trains the others"
            )
        self._send(replace(ticket, failures=ticket.failures + 1))

    def _answer(self, future: Any) -> bytes | None:
        """Return the answer of a future; errors as :meth:`finished`, or `_UnreachableError`."""
        try:
            answer: bytes = future.result(timeout=PATIENCE)
        except self._killed:
            return None
        except Exception as error:  # noqa: BLE001  raised by the worker, or by the connection
            if future.status == "cancelled" or self._client.status != "running":
                raise self._lost() from None
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            if future.status != "error":  # it was trained, and its answer does not arrive
                raise _UnreachableError(why) from None
            raise MachineError(
                f"--scheduler: a worker of {printable(self.address)} cannot train: "
                f"{printable(why, 200)}; install hiddenstate {__version__} there"
            ) from None
        return answer

    def _n_threads(self) -> int:
        return sum(self._client.nthreads().values())

    def _check_workers(self) -> None:
        """Refuse a cluster without workers, and workers that cannot train as this process does."""
        try:
            self._client.wait_for_workers(1, timeout=WORKERS_PATIENCE)
        except TimeoutError:
            raise MachineError(
                f"--scheduler: {printable(self.address)} has no workers; start one with "
                f"`dask worker {printable(self.address)}`"
            ) from None
        answers = self._client.run(worker_version, on_error="return")
        for worker, version in answers.items():
            if version != __version__:
                found = f"version {version}" if isinstance(version, str) else "none that works"
                raise MachineError(
                    f"--scheduler: the worker {printable(worker)} has {printable(found, 60)} of "
                    f"hiddenstate; install {__version__} there"
                )

    def _lost(self) -> MachineError:
        return MachineError(
            f"--scheduler: the connection to {printable(self.address)} was lost; what was trained "
            "is saved, and the same command again trains the others"
        )


def worker_version() -> str:
    """Return the version of hiddenstate; workers are asked for theirs."""
    return __version__
