"""Starts Python programs in a moment: a process that has imported torch forks for each of them.

Each program is a process of its own, with its own environment, folder, signals and exit code. A
test whose subject is what a program imports, or its start, uses `subprocess` instead.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORTED = (
    *("torch", "torch._dynamo", "torch.distributed", "sklearn.ensemble", "scipy.stats"),
    *("matplotlib.figure", "hiddenstate.engines.torch", "hiddenstate.cli.train"),
)
"""What most programs import; one asks for more by name."""

MOST = 1 << 16
"""Bytes of a piece of a request."""


class Program:
    """A program that runs, and prints to files.

    Parameters
    ----------
    words : sequence of str
        What follows `python`: a file, or -m and a module, or -c and code, then arguments.
    folder : Path
        Where it runs.
    printed : Path
        What it prints to stdout is added to this file.
    environment : mapping, optional
        All variables; those of this process if None.
    imports : iterable of str
        Modules that it uses, and programs after it.
    errors : Path, optional
        The same of stderr; by default, both are in `printed`.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        printed: Path,
        environment: Mapping[str, str] | None = None,
        imports: Iterable[str] = (),
        errors: Path | None = None,
    ) -> None:
        self.printed = printed
        self.returncode: int | None = None
        self._answers, theirs = socket.socketpair()
        details = {
            "words": list(words),
            "folder": str(folder),
            "environment": _without_array_api(os.environ if environment is None else environment),
            "imports": [*IMPORTED, *imports],
        }
        with theirs, printed.open("ab") as out, (errors or printed).open("ab") as err:
            streams = [each.fileno() for each in (theirs, out, err)]
            socket.send_fds(_server(), [json.dumps(details).encode() + b"\n"], streams)
        self.pid = int(self._answers.recv(32))

    def poll(self) -> int | None:
        """Return the exit code if it has ended."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends, and return its exit code."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def text(self) -> str:
        """Wait, and return what it has printed."""
        self.wait()
        return self.printed.read_text("utf-8")

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._answers], [], [], timeout)[0]:
            self.returncode = int(self._answers.recv(32))
            self._answers.close()
        return self.returncode


def run(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    imports: Iterable[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = Program(words, folder, out, environment, imports, err).wait()
        texts = (path.read_text("utf-8") for path in (out, err))
        return subprocess.CompletedProcess(list(words), code, *texts)


def _without_array_api(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables without that of scikit-learn's checks, with which scipy loads slowly."""
    return {name: text for name, text in variables.items() if name != "SCIPY_ARRAY_API"}


@functools.cache
def _server() -> socket.socket:
    """Start the process that forks; it ends with this one."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            env=_without_array_api(os.environ),
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> list[str] | None:
    """Fork for each request; return its words in the new process, and None at the end."""
    ended, tell = os.pipe()
    sources: list[Any] = [requests, ended]
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    answers: dict[int, socket.socket] = {}
    while True:
        if ended in select.select(sources, [], [])[0]:
            os.read(ended, 4096)
            for child in list(answers):
                pid, status = os.waitpid(child, os.WNOHANG)
                if pid:
                    with answers.pop(pid) as answer, contextlib.suppress(OSError):
                        answer.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            continue
        data, descriptors, _, _ = socket.recv_fds(requests, MOST, 3)
        if not data:
            return None
        while not data.endswith(b"\n"):
            data += requests.recv(MOST)
        details = json.loads(data)
        for name in details["imports"]:
            import_module(name)
        gc.freeze()  # a collection in a fork would copy all pages
        answer = socket.socket(fileno=descriptors[0])
        child = os.fork()
        if child == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (requests, answer, *answers.values()):
                each.close()
            os.dup2(descriptors[1], 1)
            os.dup2(descriptors[2], 2)
            for number in (ended, tell, *descriptors[1:]):
                os.close(number)
            os.chdir(details["folder"])
            os.environ.clear()
            os.environ.update(details["environment"])
            words: list[str] = details["words"]
            return words
        for number in descriptors[1:]:
            os.close(number)
        answers[child] = answer
        answer.sendall(str(child).encode())


def _become(words: list[str]) -> None:
    """Run the program in this process."""
    time.tzset()
    first, *rest = words
    if first == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        exec(compile(rest[0], "<string>", "exec"), sys.modules["__main__"].__dict__)
    elif first == "-m":
        sys.argv, sys.path[0] = rest, os.getcwd()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = words, str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def _code_of(words: list[str]) -> int:
    """Run the program and what it wants done at its end; return its exit code."""
    code: object = 0
    try:
        _become(words)
    except SystemExit as end:
        code = end.code
    except BaseException as error:  # noqa: BLE001  (as Python itself does)
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    own = _serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0 if own is None else _code_of(own))  # to clear all modules would copy their pages
