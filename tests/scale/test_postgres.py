"""Studies in PostgreSQL: several workers, one that is killed, and a password that stays secret."""

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from tools.stress.postgres import SECRETS, Cluster
from tools.stress.processes import Outcome
from tools.stress.resuming import write_rows
from tools.stress.tune import NAME, SPACE, Field, Trials, check_runs, check_trials

from hiddenstate.scale.tune import storage
from tests import warm
from tests.conftest import Cli, Refuse

SPACE_OF_TWO = SPACE + 'optimizer = ["adam", "sgd"]\n'


def words(folder: Path, trials: int, epochs: int, *more: str) -> tuple[str, ...]:
    """Write rows and a space, and return the arguments of a worker."""
    rows, space = write_rows(folder), folder / "space.toml"
    space.write_text(SPACE_OF_TWO)
    return (
        *("tune", str(rows), "--job", "classify", "--space", str(space), "--name", NAME),
        *("--trials", str(trials), "--recipe", "classic", "--valid-fraction", "0.3"),
        *("--epochs", str(epochs), "--batch-size", "4", "--threads", "1", "--log-every", "20"),
        *("--checkpoint-every", "20", "--no-convolutions", *more),
    )


def start(folder: Path, command: tuple[str, ...], url: str) -> warm.Program:
    """Start a worker in `folder`, which has the address in its environment."""
    return warm.Program(
        ["-m", "hiddenstate", *command],
        folder,
        folder / f"worker-{len(list(folder.glob('worker-*')))}",
        {**os.environ, "HIDDENSTATE_STORAGE": url},
    )


def judge(folder: Path, server: Cluster, url: str, trials: int) -> Outcome:
    """Compare each run with an undisturbed twin, look for the password, and count the trials."""
    outcome, field = Outcome(), Field(folder, (), trials, {})
    found = Trials(server, outcome, url.rpartition("/")[2])
    check_trials(found, field, outcome)
    check_runs(found, field, folder / "twins", outcome)
    return outcome


def children(pid: int) -> Iterator[int]:
    """Yield the processes that a process started, and those they started, where /proc is."""
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                yield int(child)
                yield from children(int(child))


def words_of(pids: Iterable[int]) -> Iterator[bytes]:
    """Yield the command lines of processes."""
    for pid in pids:
        with contextlib.suppress(OSError):
            yield Path(f"/proc/{pid}/cmdline").read_bytes()


def is_hidden(text: str) -> bool:
    """Whether a text has the password neither as it is nor as a URL has it."""
    return not any(secret in text for secret in SECRETS)


def test_workers_of_two_commands_finish_each_trial_once_and_exactly(
    tmp_path: Path, server: Cluster, new_database: Callable[[], str]
) -> None:
    """The password is in no file, in no line, and among the words of no process they start."""
    url, command = new_database(), words(tmp_path, 4, 3)
    workers = [start(tmp_path, command, url), start(tmp_path, (*command, "--workers", "2"), url)]
    started: set[bytes] = set()
    while workers[1].poll() is None:
        started.update(words_of(children(workers[1].pid)))
        time.sleep(0.1)
    printed = [worker.text() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], printed
    outcome = judge(tmp_path, server, url, 4)
    assert outcome.findings == []
    assert outcome.counts["trials"] == 4
    assert not list(tmp_path.glob("runs/*/trial-*-try*")), "trained twice"
    assert started or sys.platform != "linux"
    shown = "".join(printed) + b"".join(started).decode()
    assert is_hidden(shown)


def test_a_trial_of_a_killed_worker_is_resumed_exactly(
    tmp_path: Path,
    cli: Cli,
    server: Cluster,
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, command = new_database(), words(tmp_path, 1, 60)
    first = start(tmp_path, command, url)
    while first.poll() is None:
        if list(tmp_path.glob(f"runs/{NAME}/trial-0000/checkpoints/*.safetensors")):
            first.kill()
        time.sleep(0.01)
    printed = first.text()
    assert first.returncode == -signal.SIGKILL, printed
    monkeypatch.setenv("HIDDENSTATE_STORAGE", url)
    second = cli(*command)
    assert second.code == 0, second
    assert "trial 0: resumed from its checkpoint after" in second.err
    assert is_hidden(second.err + second.out)
    outcome = judge(tmp_path, server, url, 1)
    assert outcome.findings == []
    assert outcome.counts["attempts"] == 1  # no failure is left of the first


def test_a_wrong_password_is_refused_without_being_shown(
    tmp_path: Path, server: Cluster, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = words(tmp_path, 2, 2)
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    wrong = refuse(3, *command, "--storage", server.url(password="wr@ng"))
    assert "password authentication failed" in wrong
    assert "wr@ng" not in wrong
    assert "wr%40ng" not in wrong
    assert "PGPASSWORD" in refuse(3, *command, "--storage", server.url(password=None))


def test_a_database_that_is_not_there_is_named(
    tmp_path: Path, server: Cluster, refuse: Refuse
) -> None:
    message = refuse(3, *words(tmp_path, 2, 2), "--storage", server.url("nowhere"))
    assert '"nowhere" does not exist' in message
    assert is_hidden(message)


def test_a_server_that_refuses_or_is_silent_is_named(
    tmp_path: Path, server: Cluster, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = words(tmp_path, 2, 2)
    monkeypatch.setattr(storage, "CONNECT_SECONDS", 2)
    monkeypatch.setattr(storage, "START_PATIENCE", 0.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        refused = refuse(3, *command, "--storage", server.url(port=port))
        assert f"127.0.0.1:{port}" in refused
        silent.listen()
        waited = refuse(3, *command, "--storage", server.url(port=port))
        assert "timeout" in waited
    assert is_hidden(refused + waited)
