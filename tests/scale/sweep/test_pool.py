"""Worker processes: a kill costs one packet, and the others are answered."""

import errno
import os
import signal

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.scale.sweep import pool as module
from hiddenstate.scale.sweep.packets import pack_groups
from hiddenstate.scale.sweep.pool import LocalPool
from hiddenstate.scale.sweep.work import outcomes_of, train_packet
from hiddenstate.scale.sweep.worker import IGNORED, serve
from hiddenstate.system.processes import Spawned


def answers_of(pool, tickets):
    """The answers of all tickets, by ticket."""
    found = {}
    while set(found) != set(tickets):
        found |= dict(pool.finished(tickets, 1))
    return found


def test_a_killed_worker_costs_its_packet_and_is_made_anew(open_sales):
    sweep = open_sales()
    packet = pack_groups(sweep.table, [0, 1], sweep.packet_facts)
    expected = [(n, model) for n, _, model in outcomes_of(train_packet(packet))]
    pool = LocalPool(1)
    try:
        tickets = [pool.submit(packet)]
        (process,) = pool._workers.running
        while not pool._training:
            pool.finished(tickets, 0.1)
        process.kill()
        tickets.append(pool.submit(packet))
        answers = answers_of(pool, tickets)
        assert answers[1] is None
        assert [(n, model) for n, _, model in outcomes_of(answers[2])] == expected
        (other,) = pool._workers.running
    finally:
        pool.close()
    assert other.exitcode == -signal.SIGKILL


def test_a_worker_that_is_killed_while_it_starts_costs_no_packet(open_sales):
    sweep = open_sales()
    pool = LocalPool(1)
    try:
        ticket = pool.submit(pack_groups(sweep.table, [0], sweep.packet_facts))
        pool._workers.running[0].kill()
        assert answers_of(pool, [ticket])[ticket]
    finally:
        pool.close()


def end_at_once(argument, connection):
    """Stands in for a worker whose packages are gone."""
    os._exit(argument or 3)


def kill_itself(argument, connection):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_computes_with_one_thread(open_sales):
    assert module.ONE_THREAD["OMP_NUM_THREADS"] == "1"
    assert open_sales().packet_facts["values"]["threads"] == 1


@pytest.mark.parametrize(
    ("worker", "why"),
    [
        (end_at_once, "they end with exit code 3, as printed above; use fewer with --jobs"),
        (kill_itself, "they are killed while they start"),
    ],
)
def test_workers_that_cannot_work_end_the_sweep_with_the_reason(monkeypatch, worker, why):
    monkeypatch.setattr(module, "serve", worker)
    monkeypatch.setattr(module, "MAX_QUICK", 2)
    pool = LocalPool(1)
    try:
        ticket = pool.submit(b"")
        with pytest.raises(MachineError, match=why):
            answers_of(pool, [ticket])
    finally:
        pool.close()


def test_a_worker_that_cannot_be_started_is_one_line(monkeypatch):
    def refused(*arguments):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("hiddenstate.scale.workers.Spawned", refused)
    with pytest.raises(MachineError, match="do not work: Resource temporarily unavailable"):
        LocalPool(1).submit(b"")


def test_a_worker_whose_command_is_gone_ends_without_a_word(open_sales, capfd):
    sweep = open_sales()
    packet = pack_groups(sweep.table, [0], {**sweep.packet_facts, "version": "another"})
    worker = Spawned(serve, None, IGNORED)
    worker.send(packet)
    worker._connection.close()
    worker.join()
    assert worker.exitcode == 0
    assert capfd.readouterr().err == ""
