"""Worker processes: a kill costs one packet, and the others are answered."""

import json
import os
import signal
import subprocess
import sys

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.scale.sweep import pool as module
from hiddenstate.scale.sweep.packets import pack_groups
from hiddenstate.scale.sweep.pool import PROGRAM, LocalPool
from hiddenstate.scale.sweep.work import outcomes_of, train_packet
from hiddenstate.scale.sweep.worker import write_frame
from hiddenstate.system.interpreter import import_path, python_command


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
        first = pool.submit(packet)
        while 0 not in pool._processes:
            pass
        os.kill(pool._processes[0].pid, signal.SIGKILL)  # which takes longer to start than this
        second = pool.submit(packet)
        answers = answers_of(pool, [first, second])
        assert answers[first] is None
        assert [(n, model) for n, _, model in outcomes_of(answers[second])] == expected
        processes = list(pool._processes.values())
    finally:
        pool.close()
    assert all(process.poll() is not None for process in processes)


def test_a_worker_computes_with_one_thread(open_sales):
    assert module.ONE_THREAD["OMP_NUM_THREADS"] == "1"
    assert open_sales().packet_facts["values"]["threads"] == 1


def test_workers_that_cannot_work_end_the_sweep_with_the_reason(monkeypatch):
    monkeypatch.setattr(module, "PROGRAM", "import sys; sys.exit(3)")
    pool = LocalPool(1)
    try:
        pool.submit(b"")
        with pytest.raises(MachineError, match="they end with exit code 3"):
            pool.finished([1], 60)
    finally:
        pool.close()


def test_a_worker_that_cannot_be_started_is_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pool = LocalPool(1)
    try:
        pool.submit(b"")
        with pytest.raises(MachineError, match="do not work: No such file"):
            pool.finished([1], 60)
    finally:
        pool.close()


def test_a_worker_whose_command_is_gone_ends_without_a_word(open_sales):
    sweep = open_sales()
    packet = pack_groups(sweep.table, [0], {**sweep.packet_facts, "version": "another"})
    worker = subprocess.Popen(
        python_command("-c", PROGRAM, json.dumps(import_path())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    worker.stdout.close()
    write_frame(worker.stdin, packet)
    assert worker.stderr.read() == b""
    assert worker.wait() == 1
    worker.stdin.close()
