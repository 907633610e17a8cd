"""A small table of groups, and sweeps of it in this process."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from tools.stress.sweep import VALUES, Table, make_table

from hiddenstate.scale.sweep.drive import Driver
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.start import Sweep, begin, open_sweep
from hiddenstate.scale.sweep.work import train_packet

JOB_VALUES = {name: value for name, value in VALUES.items() if name != "threads"}


class Here:
    """Workers that are this process: a packet is trained when it is submitted.

    `killed` says which groups cost the worker that trains them.
    """

    where = "this process"

    def __init__(self, killed: Callable[[bytes], bool] = lambda packet: False) -> None:
        self.packets: list[bytes] = []
        self._killed = killed

    def capacity(self) -> int:
        return 2

    def submit(self, packet: bytes) -> "Future[bytes | None]":
        self.packets.append(packet)
        future: Future[bytes | None] = Future()
        future.set_result(None if self._killed(packet) else train_packet(packet))
        return future

    def finished(self, tickets: Iterable[Any], seconds: float) -> list[tuple[Any, bytes | None]]:
        return [(ticket, ticket.result()) for ticket in tickets]

    def close(self) -> None:
        pass


def train_here(sweep: Sweep, shard: Shard = Shard(), **how: Any) -> Here:  # noqa: B008  # frozen
    """Train what is missing of a sweep in this process."""
    workers = Here(**how)
    begin(sweep)
    with sweep.folder.lock(shard.number, shard.n):
        missing = sweep.missing(sweep.folder.records(), shard, False)
        Driver(sweep, workers, shard).train(missing)
    return workers


@pytest.fixture
def sales(tmp_path: Path) -> Table:
    """Twelve groups, three of them bad, their rows mixed."""
    return make_table(tmp_path, 12, 3, seed=0)


@pytest.fixture
def open_sales(sales: Table, tmp_path: Path) -> Callable[..., Sweep]:
    """Opens the sweep of `sales`, with changes of its options."""

    def opened(folder: str = "sweep", **changes: Any) -> Sweep:
        values = {**JOB_VALUES, **changes}
        return open_sweep(sales.path, ("site",), "regress", values, tmp_path / "runs" / folder)

    return opened
