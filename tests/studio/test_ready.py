"""A process waits for the next command while the first page is shown."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.stress.visitor import Served, Visitor

from tests.studio.conftest import Stage

Serve = Callable[..., Served]

OPTIONS = {"max_steps": 20, "hidden_size": 4, "n_evaluated": 0}


def children(studio: int) -> dict[int, str]:
    """Return the processes that a process started and that run, with their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (path / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) != studio or state == "Z":
                continue
            while not (words := (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()):
                pass  # a process that has just begun has none for a moment
        except OSError:
            continue
        found[int(path.name)] = words
    return found


def waiting(studio: int) -> list[int]:
    return [number for number, words in children(studio).items() if "cli.waiting" in words]


@pytest.fixture
def visitor(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    """Visits a studio in this process."""
    monkeypatch.chdir(tmp_path)
    yield Visitor(stage.open("hiddenstate.cli.waiting"))
    stage.clear()


def wait_for_the_end(number: int) -> None:
    """Wait until a process has ended, collected or not."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {number} runs")


def trained(visitor: Visitor) -> Any:
    """Train; return what is said of the command once it has ended."""
    about = visitor.post("/api/train", {"job": "classify", "options": OPTIONS})
    until = time.monotonic() + 60
    while about["code"] is None and time.monotonic() < until:
        time.sleep(0.05)  # the gate refuses a flood
        about = visitor.get(f"/api/processes/{about['id']}")
    return about


def test_the_process_that_waits_takes_the_command(visitor: Visitor, tmp_path: Path) -> None:
    assert waiting(os.getpid()) == []
    for _ in range(2):
        visitor.post("/api/ready", {})
    (number,) = waiting(os.getpid())
    about = trained(visitor)
    assert about["code"] == 0
    assert about["run"] == "classify-1"
    lock = (tmp_path / "runs" / "classify-1" / "lock").read_text()
    assert lock.startswith(f"process {number},")
    assert waiting(os.getpid()) == []


def test_a_command_starts_although_the_process_that_waited_was_killed(visitor: Visitor) -> None:
    visitor.post("/api/ready", {})
    (number,) = waiting(os.getpid())
    os.kill(number, signal.SIGKILL)
    wait_for_the_end(number)
    assert trained(visitor)["code"] == 0


def test_nothing_is_wrong_where_no_process_can_wait(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "too many processes")

    monkeypatch.setattr("hiddenstate.studio.processes.processes.start", refuse)
    assert visitor.post("/api/ready", {}) == {}
    assert waiting(os.getpid()) == []


def test_the_process_that_waits_ends_with_the_studio(serve: Serve) -> None:
    served = serve()
    Visitor(served).post("/api/ready", {})
    (number,) = waiting(served.process.pid)
    served.kill()
    wait_for_the_end(number)
