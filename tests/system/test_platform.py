"""A platform without locks, limits, terminals, signals, processes, threads, sockets and folders."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.cli.signals import InterruptHandler
from hiddenstate.errors import MachineError
from hiddenstate.export.c.run import find_compiler
from hiddenstate.system import platform, processes, sockets, terminal, threads
from hiddenstate.system.lock import holds, is_locked, take_lock
from hiddenstate.views.terminal import terminal_missing
from hiddenstate.views.window import display_missing
from tests.conftest import needs_kernels

WITHOUT = """
import asyncio, select, signal, socket, subprocess, sys, threading
from hiddenstate.system import platform

ABSENT = ("fcntl", "resource", "termios", "tty", "pty")
sys.modules |= dict.fromkeys(ABSENT)  # to import them is an error
platform.missing = frozenset(platform.PARTS)

def used(*arguments, **more):
    raise AssertionError("a part that is missing is used")

threading.Thread.start = subprocess.Popen.__init__ = socket.socket.__init__ = used
signal.signal = signal.set_wakeup_fd = select.select = used

import os
import numpy as np

def command(words):
    from hiddenstate.cli import main

    try:
        main(words.split())
    except SystemExit as end:
        assert not end.code, words
"""
"""What every script begins with."""

WINDOWS = """
# No modes, owners and opened folders; bytes only if they are asked for; an open file stays where
# it is; and `kill` ends a process.
NONE = "fchmod fchown getuid killpg getpgrp tcgetpgrp preadv pread nice set_blocking sysconf"
FLAGS = "O_NOFOLLOW O_NONBLOCK O_NOCTTY O_DIRECTORY"
for name in [*NONE.split(), *FLAGS.split(), *(n for n in dir(os) if n.startswith("sched_"))]:
    vars(os).pop(name, None)
BINARY = os.O_BINARY = 1 << 40
system = {name: getattr(os, name) for name in ("open", "replace", "rename", "unlink")}

def is_open(path):
    files = (os.path.realpath(f"/dev/fd/{each}") for each in os.listdir("/dev/fd"))
    whole = os.path.realpath(path)
    return any(each == whole or each.startswith(whole + os.sep) for each in files)

def open_file(path, flags, mode=0o777, **more):
    ours = sys._getframe(1).f_globals["__name__"].startswith("hiddenstate")
    assert flags & BINARY or not ours or path == os.devnull, path
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied")
    return system["open"](path, flags & ~BINARY, mode, **more)

def unless_open(name):
    def change(*paths, **more):
        if any(map(is_open, paths)):
            raise PermissionError(13, "Permission denied")
        return system[name](*paths, **more)
    return change

os.open, os.kill = open_file, used
os.replace, os.rename, os.unlink = map(unless_open, ("replace", "rename", "unlink"))

import hiddenstate

with np.load("rows.npz") as rows:
    X, y = rows["X"], rows["y"]
model = hiddenstate.RecurrentClassifier(hidden_size=4, epochs=2, threads=1, random_state=0)
np.save("answers.npy", model.fit(X, y).predict_proba(X))
model.save("model.safetensors")

command("classify rows.csv --epochs 1 --threads 1 --recipe classic")
command("resume classify-1 --epochs +1")
command("predict classify-1 rows.csv --output classes.csv")
command("predict model.safetensors rows.npz")
for target in ("python", "html", "c"):
    command(f"export classify-1 --to {target}")
"""

BROWSER = """
# A wheel of Python alone, and a Python without what Pyodide splits off.
sys.modules |= dict.fromkeys(["hiddenstate.kernels._native", "lzma", "ssl", "sqlite3"])
import hiddenstate
from hiddenstate.system import extras

extras.is_installed = lambda module: False  # torch for CUDA starts threads when it is imported

with np.load("rows.npz") as rows:
    X = rows["X"]
np.save("numpy.npy", hiddenstate.load("model.safetensors").predict_proba(X))
command("export model.safetensors --to python --output program.py")
import program

np.save("program.npy", program.model.predict(X)["probabilities"])
"""


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """All stand-ins."""
    monkeypatch.setattr(platform, "missing", frozenset(platform.PARTS))


@needs_kernels
def test_a_model_is_trained_and_predicts_with_the_same_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 5, 2)), rng.integers(0, 2, 40)
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    lines = [f"{a},{b},{'uv'[c]}" for (a, b), c in zip(X[:, 0], y, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["first,second,class", *lines, ""]))
    for script in (WINDOWS, BROWSER):
        command = [sys.executable, "-c", WITHOUT + script]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
    model = RecurrentClassifier(hidden_size=4, epochs=2, threads=1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(np.load(tmp_path / "answers.npy"), model.predict_proba(X))
    for answers in ("numpy.npy", "program.npy"):
        found = np.load(tmp_path / answers)
        np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-6)
    assert len((tmp_path / "classes.csv").read_text().splitlines()) == 41
    assert not [*tmp_path.rglob("*.held")]


def test_a_lock_is_a_file_that_is_made_once(bare: None, tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    assert is_locked(tmp_path)
    assert holds(lock, tmp_path)
    hint = r"is being written by process \d+, since .*; .*or remove lock\.held there"
    with pytest.raises(MachineError, match=hint):
        take_lock(tmp_path)
    lock.close()
    assert not is_locked(tmp_path)
    take_lock(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_team_works_in_this_thread(bare: None) -> None:
    workers = threads.together(lambda item: threading.get_ident(), [1, 2, 3], 3)
    assert set(workers) == {threading.get_ident()}


@pytest.mark.parametrize(
    ("part", "use"),
    [
        ("threads", lambda: threads.start(print)),
        ("processes", lambda: processes.start(["true"])),
        ("processes", lambda: processes.call(["true"])),
        ("processes", lambda: processes.Spawned(print, None, ())),
        ("sockets", lambda: sockets.listener("127.0.0.1", 0)),
        ("sockets", lambda: sockets.address_towards("127.0.0.1", 80)),
        ("terminals", lambda: terminal.ready([0])),
    ],
)
def test_what_needs_a_part_that_is_missing_is_refused_by_its_name(bare, part, use) -> None:
    with pytest.raises(MachineError, match=f"^this requires {part}, and the platform has none$"):
        use()


def test_what_can_do_without_does(bare: None) -> None:
    assert processes.program("cc") is None
    assert find_compiler() is None
    assert sockets.host_name() == "localhost"
    assert str(display_missing()).startswith("no view can be drawn in a process of its own")
    assert terminal_missing() == "no view can take over a terminal on this platform"
    assert terminal.settings_of(0) is None
    with open(os.devnull) as null:
        assert terminal.is_usable(null.fileno(), os.O_WRONLY)
    with InterruptHandler() as interrupt:
        interrupt.arm()
        assert not interrupt()
