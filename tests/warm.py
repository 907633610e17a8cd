"""Starts Python programs in a moment: forks of a process that has imported what most of them need.

Each program is a process of its own, with its own environment, folder, signals and exit code. A
test whose subject is what a program imports, or its start, uses `subprocess` instead.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("pytest", "tests.warm", "torch", "torch._dynamo", "torch.distributed.run"),
        *("sklearn.ensemble", "scipy.stats", "matplotlib.figure", "optuna", "sqlalchemy"),
        *("psycopg", "hiddenstate.engines.torch", "hiddenstate.cli.train"),
        *("hiddenstate.scale.distributed", "hiddenstate.scale.tune.worker"),
    ]
)


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
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        printed: Path,
        environment: Mapping[str, str] | None = None,
        errors: Path | None = None,
    ) -> None:
        self.printed = printed
        variables = dict(os.environ if environment is None else environment)
        streams = [str(printed), str(errors or printed)]
        self._process = FORKS.Process(
            target=_become, args=(list(words), str(folder), variables, streams), daemon=True
        )
        self._process.start()
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

    def text(self) -> str:
        """Wait, and return what it has printed."""
        self.wait()
        return self.printed.read_text("utf-8")


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end."""
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = Program(words, folder, out, environment, err).wait()
        texts = (path.read_text("utf-8") for path in (out, err))
        return subprocess.CompletedProcess(list(words), code, *texts)


def _become(
    words: list[str], folder: str, variables: dict[str, str], streams: Sequence[str]
) -> None:
    """Run the program in this process, and what it wants done at its end."""
    multiprocessing.current_process().daemon = False  # it may have children
    for number, path in enumerate(streams, start=1):
        with open(path, "ab") as file:
            os.dup2(file.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    first, *rest = words
    try:
        if first == "-c":
            sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
            exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
        elif first == "-m":
            sys.argv, sys.path[0] = rest, folder
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv, sys.path[0] = words, str(Path(first).parent)
            runpy.run_path(first, run_name="__main__")
    finally:
        atexit._run_exitfuncs()
