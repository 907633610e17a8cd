"""Other processes: programs that are found, called and started, and Python that runs a function.

Without processes no program is found, and starting one is refused.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from hiddenstate.system import platform
from hiddenstate.system.interpreter import safe_children
from hiddenstate.system.signals import held_back

if TYPE_CHECKING:
    from multiprocessing.connection import Connection as Connection
    from multiprocessing.context import SpawnProcess

Process: TypeAlias = "subprocess.Popen[bytes]"
"""A program that was started."""

Stream: TypeAlias = int | IO[bytes] | None
"""What a standard stream of a program is: `PIPE`, `NOTHING`, a file, or that of this process."""

PIPE, NOTHING = subprocess.PIPE, subprocess.DEVNULL


class Ended(NamedTuple):
    """The exit code of a program that was called, and what it printed."""

    code: int
    output: bytes
    errors: bytes


def program(name: str) -> str | None:
    """Return the path of a program that can be started; None if there is none."""
    return shutil.which(name) if platform.has("processes") else None


def call(
    command: Sequence[str],
    text: bytes = b"",
    seconds: float | None = None,
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run a program to its end.

    Parameters
    ----------
    command : sequence of str
    text : bytes
        What it reads from stdin.
    seconds : float, optional
        Longest time that it may take.
    env : dict, optional
        Its variables; by default those of this process.

    Raises
    ------
    TimeoutError
        If it takes longer; it is killed.
    OSError
        If it cannot be started.
    MachineError
        If the platform has no processes.
    """
    platform.require("processes")
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, timeout=seconds, env=env, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Ended(done.returncode, done.stdout, done.stderr)


def start(
    command: Sequence[str],
    *,
    stdin: Stream = None,
    stdout: Stream = None,
    stderr: Stream = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    own_session: bool = False,
) -> Process:
    """Start a program, in a session of its own if signals of the terminal are not for it.

    Raises
    ------
    OSError
        If it cannot be started.
    MachineError
        If the platform has no processes.
    """
    platform.require("processes")
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        cwd=cwd,
        start_new_session=own_session,
    )


def wait(process: Process, seconds: float) -> int | None:
    """Wait for a program to end; return its exit code, or None after so many seconds."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


class Spawned:
    """A process of Python that runs a function, and a connection to it.

    It does not import the script that started it, so that a script needs no guard.

    Parameters
    ----------
    function : callable
        Called with `argument` and its end of the connection. Both are pickled, so it belongs to a
        module.
    argument : object
    later : sequence of int
        Signals that wait until the function calls :func:`~hiddenstate.system.signals.let_through`.
    env : dict, optional
        Its variables, in addition to those of this process.

    Raises
    ------
    OSError
        If it cannot be started.
    MachineError
        If the platform has no processes.
    """

    def __init__(
        self,
        function: Callable[..., None],
        argument: object,
        later: Sequence[int],
        env: Mapping[str, str] | None = None,
    ) -> None:
        platform.require("processes")
        platform.require("signals")  # it is asked to stop by one
        import multiprocessing
        from multiprocessing import resource_tracker

        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process: SpawnProcess = context.Process(target=function, args=(argument, theirs))
        with safe_children(env):
            resource_tracker.ensure_running()  # its first start would unblock the signals
            with held_back(later), _no_script():
                self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def exitcode(self) -> int | None:
        """Its exit code, the negative of the signal that killed it; None while it runs."""
        return self._process.exitcode

    def send(self, message: object) -> None:
        """Send it something; an `OSError` if it has ended."""
        self._connection.send(message)

    def received(self) -> Iterator[Any]:
        """Yield what it has sent and nobody has received."""
        with suppress(EOFError, OSError):
            while self._connection.poll():
                yield self._connection.recv()

    def ask_to_stop(self) -> None:
        """Send it SIGTERM."""
        if self._process.pid is not None:
            with suppress(OSError):
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def join(self) -> None:
        """Wait for it to end."""
        self._process.join()

    def close(self) -> None:
        """Receive nothing more, and wait for it to end."""
        self._connection.close()
        self.join()


@contextmanager
def _no_script() -> Iterator[None]:
    """Hide the script of this process, which a new one would import."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def wait_for_any(spawned: Iterable[Spawned], seconds: float) -> None:
    """Wait until one of several processes sends something or ends, or for so many seconds."""
    from multiprocessing.connection import wait as wait_until_ready

    processes = list(spawned)
    connections: list[Any] = [each._connection for each in processes]
    wait_until_ready([*connections, *(each._process.sentinel for each in processes)], seconds)
