"""Starts Python programs in a moment: forks of a process that has imported what most of them need.

Each program is a process of its own, with its own environment, folder, signals and exit code. A
test whose subject is what a program imports, or its start, uses `subprocess` instead.
"""

import atexit
import contextlib
import gc
import importlib
import multiprocessing
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver, resource_tracker
from multiprocessing.util import get_temp_dir
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import hiddenstate

FORKS = multiprocessing.get_context("forkserver")
USUAL = [
    *("pytest", "tests.warm", "sklearn.ensemble", "scipy.stats", "matplotlib.figure", "optuna"),
    *("sqlalchemy", "psycopg", "hiddenstate.cli.train", "hiddenstate.scale.tune.worker"),
]
TORCH = [
    *("torch", "torch._dynamo", "torch.distributed.run", "hiddenstate.engines.torch"),
    "hiddenstate.scale.distributed",
]
FORKS.set_forkserver_preload(USUAL)


def modules() -> list[str]:
    """Return the modules of the package that programs use, but for those that start at once."""
    found = pkgutil.walk_packages(hiddenstate.__path__, "hiddenstate.")
    return [module.name for module in found if not module.name.endswith("__main__")]


@cache
def preload_torch() -> None:
    """Import torch, too, for programs that use it: it takes longer than all the others."""
    FORKS.set_forkserver_preload([*USUAL, *TORCH, *modules(), "ipykernel.kernelapp"])
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # the next program starts it


def share() -> None:
    """Start the server, with torch: the forks of this process have the same one."""
    preload_torch()
    _make_folder()
    server: Any = forkserver._forkserver
    server.ensure_running()
    _keep_server()


def load() -> None:
    """Import the same here, so that no fork of this process does."""
    for name in (*USUAL, *TORCH, *modules()):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # which lasts: nothing of it is garbage


def _keep_server() -> None:
    """Let a fork use the server as it is: it asks whether its child runs, which is none of it."""
    server: Any = forkserver._forkserver
    server.ensure_running = resource_tracker.ensure_running


class Program:
    """A program that runs.

    Parameters
    ----------
    words : sequence of str
        What follows `python`: a file, or -m and a module, or -c and code, then arguments.
    folder : Path
        Where it runs.
    printed : Path
        The file that gets what it prints.
    environment : mapping, optional
        All variables; those of this process if None.
    errors : Path, optional
        The file that gets what it prints to stderr; `printed` if None.
    given : Path, optional
        The file that it reads as stdin.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        printed: Path,
        environment: Mapping[str, str] | None = None,
        errors: Path | None = None,
        given: Path | None = None,
    ) -> None:
        self.printed = printed
        variables = dict(os.environ if environment is None else environment)
        streams = [str(printed), str(errors or printed), *([str(given)] if given else [])]
        self._process = FORKS.Process(
            target=_become, args=(list(words), str(folder), variables, streams), daemon=True
        )
        _make_folder()
        # A child imports the main module of this process, which an example that runs replaces.
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            self._process.start()
        finally:
            sys.modules["__main__"] = main
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, if it has ended; that of a signal is negative."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, if it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends, and return its exit code."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self._process.exitcode

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def send_signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def text(self) -> str:
        """Wait, and return what it has printed."""
        self.wait()
        return self.printed.read_text("utf-8")


class Piped(Program):
    """A program whose streams are pipes of text, as those of `subprocess.Popen` are."""

    def __init__(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        with tempfile.TemporaryDirectory() as place:
            pipes = [Path(place, name) for name in ("out", "err", "in")]
            for pipe in pipes:
                os.mkfifo(pipe)
            out, err, given = pipes
            super().__init__(words, folder, out, environment, err, given)
            # Each waits for the other end, which is opened in the same order.
            self.stdout: IO[str] = out.open(encoding="utf-8")
            self.stderr: IO[str] = err.open(encoding="utf-8")
            self.stdin: IO[str] = given.open("w", 1, encoding="utf-8")
        self._texts: dict[str, str] = {}
        self._readers: list[threading.Thread] = []

    def communicate(self, given: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Give it the rest of stdin, wait until it ends, and return what it has printed since."""
        if not self._readers:
            with contextlib.suppress(BrokenPipeError), self.stdin:
                self.stdin.write(given)
            for name in ("stdout", "stderr"):
                self._readers.append(threading.Thread(target=self._read, args=(name,), daemon=True))
                self._readers[-1].start()
        self.wait(timeout)
        for reader in self._readers:
            reader.join()
        return self._texts["stdout"], self._texts["stderr"]

    def _read(self, name: str) -> None:
        with getattr(self, name) as stream:
            self._texts[name] = stream.read()


class Kernel(Program):
    """A kernel of a notebook, as `jupyter_client` starts one: in a session of its own."""

    stdin = stdout = stderr = None

    def __init__(
        self,
        words: Sequence[str],
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        **_: object,
    ) -> None:
        code = "import os, ipykernel.kernelapp as app; os.setsid(); app.launch_new_instance()"
        own = ["-c", code, *words[words.index("-f") :]]
        super().__init__(own, Path(cwd or "."), Path(os.devnull), env)
        # Its group is killed at the end.
        while self.poll() is None and os.getpgid(self.pid) != self.pid:
            time.sleep(0.01)


def start(
    words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> "Piped | subprocess.Popen[str]":
    """Start a process with pipes, in a moment if it is one of this Python."""
    first, *rest = words
    if first == sys.executable:
        return Piped(rest, folder, environment)
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, text=True, env=environment, stdout=pipe, stderr=pipe)


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = Program(words, folder, out, environment, err).wait()
        texts = (path.read_text("utf-8") for path in (out, err))
        return subprocess.CompletedProcess(list(words), code, *texts)


def _make_folder() -> None:
    """Make the folder of the server where no test removes it, whose own one `tempfile` may use."""
    of_test, tempfile.tempdir = tempfile.tempdir, None
    try:
        get_temp_dir()
    finally:
        tempfile.tempdir = of_test


def _forget_ends() -> None:
    """Let this process leave what libraries want done at the end of the server to the server.

    That would take longer than all else which each program pays.
    """
    atexit._clear()
    finalize: Any = weakref.finalize
    finalize._registry.clear()
    finalize._registered_with_atexit = False  # the first one of the program itself is


def _become(
    words: list[str], folder: str, variables: dict[str, str], streams: Sequence[str]
) -> None:
    """Run the program in this process, and what it wants done at its end."""
    multiprocessing.current_process().daemon = False  # it may have children
    _keep_server()
    _forget_ends()
    gc.freeze()
    for number, path in zip((1, 2, 0), streams, strict=False):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT if number else os.O_RDONLY
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    # The old ones hold whether those of the server can be searched, which a pipe cannot.
    lines = 1 if "PYTHONUNBUFFERED" in variables else -1
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", lines, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    safe = words[0] == "-P"  # nothing is imported from the folder of the program
    first, *rest = words[safe:]
    folders = {"-c": "", "-m": folder}
    if not safe:
        sys.path[0] = folders.get(first, str(Path(first).parent))
    try:
        if first == "-c":
            sys.argv = ["-c", *rest[1:]]
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        elif first == "-m":
            sys.argv = rest
            if not hasattr(sys.modules.get(rest[0]), "__path__"):
                sys.modules.pop(rest[0], None)  # which would be a warning
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
    finally:
        atexit._run_exitfuncs()
