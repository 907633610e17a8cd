"""Commands of the program, started as processes of their own.

Each runs in a session of its own and writes what it prints to a file without a name, so it does not
notice when the studio ends.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hiddenstate.config.option import JOBS
from hiddenstate.errors import MachineError
from hiddenstate.report.commands import quoted
from hiddenstate.studio.watch import Signal
from hiddenstate.system import processes
from hiddenstate.system.interpreter import python_command, python_environment

MAX_OUTPUT = 256 * 1024
"""Bytes of what a command printed that are read, from its end."""

MAX_RUNNING = 12
"""Commands at once, training included."""

MAX_KEPT = 50
"""Commands that are listed; older ones that ended are forgotten."""

POLL_SECONDS = 0.03
"""Seconds between two looks at a command that somebody waits for."""


READY_SECONDS = 600.0
"""How long a process waits for a command."""


@dataclass
class _Child:
    """A process, and the files that hold what it prints."""

    process: processes.Process
    output: IO[bytes]
    errors: IO[bytes]

    def close(self) -> None:
        """Forget what it printed."""
        self.output.close()
        self.errors.close()


@dataclass
class Process:
    """A command of the program.

    Parameters
    ----------
    id : int
    words : tuple of str
        The words after `hiddenstate`.
    started : float
        In seconds since 1970.
    """

    id: int
    words: tuple[str, ...]
    started: float
    _child: _Child
    run: str | None = None
    """Number of the run that it trains, once it is known."""
    sought: bool = False
    """Whether that run was looked for after it had ended."""

    @property
    def trains(self) -> bool:
        """Whether it makes a run."""
        return self.words[0] in JOBS

    @property
    def command(self) -> str:
        """The command as a shell takes it."""
        return " ".join(quoted(word) for word in ("hiddenstate", *self.words))

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._child.process.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._child.process.poll()

    def output(self, most: int = MAX_OUTPUT) -> str:
        """Return what it printed to stdout, at most the last `most` bytes."""
        return _tail(self._child.output, most)

    def errors(self) -> str:
        """Return what it printed to stderr, likewise."""
        return _tail(self._child.errors, MAX_OUTPUT)

    def error(self) -> str:
        """Return the error that it ended with, in one line."""
        lines = [line for line in self.errors().splitlines() if line.startswith("error: ")]
        return lines[-1].removeprefix("error: ") if lines else "the command ended without a reason"

    def fixes(self) -> list[Any]:
        """Return the options that `inspect` offers with its error, by name, one object a hint."""
        with suppress(ValueError):
            return list(json.loads(self.output())["fixes"])
        return []

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does."""
        if self.code is None:
            self._child.process.terminate()

    def close(self) -> None:
        """Forget what it printed."""
        self._child.close()


class Processes:
    """The commands that this studio started.

    Parameters
    ----------
    folder : Path
        The folder that they run in: paths in them are relative to it.
    waiting : str, optional
        The module that waits for a command and runs it; without one, none is made ready.
    """

    def __init__(self, folder: Path, waiting: str | None = None) -> None:
        self._folder, self._module = folder, waiting
        self._all: dict[int, Process] = {}
        self._waiting: _Child | None = None
        self._until: asyncio.TimerHandle | None = None
        self.signal = Signal()

    def start(self, words: Sequence[str]) -> Process:
        """Start a command.

        Raises
        ------
        MachineError
            If too many run already, or it cannot be started.
        """
        if sum(each.code is None for each in self._all.values()) >= MAX_RUNNING:
            raise MachineError(f"{MAX_RUNNING} commands are running; wait for one, or stop one")
        started = time.time()
        child = self._handed_over(words)
        if child is None:
            child = self._spawned("hiddenstate", *words)
        process = Process(max(self._all, default=0) + 1, tuple(words), started, child)
        self._all[process.id] = process
        ended = [each for each in self._all.values() if each.code is not None]
        for old in ended[: max(len(self._all) - MAX_KEPT, 0)]:
            old.close()
            del self._all[old.id]
        self.signal.send()
        asyncio.get_running_loop().create_task(self._announce(process))
        return process

    def _spawned(self, module: str, *words: str, waits: bool = False) -> _Child:
        """Start a module of the program; one that waits takes its command from stdin.

        Raises
        ------
        MachineError
            If it cannot be started.
        """
        # Files without a name: what is printed can be read here, and nothing is left behind.
        output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        try:
            child = processes.start(
                python_command("-m", module, *words),
                cwd=self._folder,
                stdin=processes.PIPE if waits else processes.NOTHING,
                stdout=output,
                stderr=errors,
                env=python_environment({"NO_COLOR": "1", "COLUMNS": "100"}),
                own_session=True,
            )
        except OSError as error:
            raise MachineError(f"the command cannot be started: {error.strerror}") from None
        return _Child(child, output, errors)

    def make_ready(self) -> None:
        """Start a process that waits for the next command, unless there is one: it has imported
        what the command needs by then. It ends with the studio, or after `READY_SECONDS`. Where
        none can be started, the next command starts a process of its own.
        """
        if self._module is None:
            return
        if self._waiting is not None and self._waiting.process.poll() is not None:
            self.dismiss()
        if self._waiting is None:
            with suppress(MachineError):
                self._waiting = self._spawned(self._module, waits=True)
        if self._until is not None:
            self._until.cancel()
        self._until = asyncio.get_running_loop().call_later(READY_SECONDS, self.dismiss)

    def dismiss(self) -> None:
        """End the process that waits."""
        child, self._waiting = self._waiting, None
        if child is not None:
            child.process.kill()
            child.process.wait()
            assert child.process.stdin is not None
            child.process.stdin.close()
            child.close()

    def _handed_over(self, words: Sequence[str]) -> _Child | None:
        """Give the words of a command to the process that waits; None without one."""
        if self._waiting is not None and self._waiting.process.poll() is not None:
            self.dismiss()
        child, self._waiting = self._waiting, None
        if child is None or child.process.stdin is None:
            return None
        try:
            with child.process.stdin as stream:
                stream.write(json.dumps(list(words)).encode() + b"\n")
        except OSError:  # it has ended
            child.process.wait()
            child.close()
            return None
        return child

    async def _announce(self, process: Process) -> None:
        await self.finished(process)
        self.signal.send()

    async def finished(self, process: Process, seconds: float | None = None) -> int | None:
        """Wait for a command; return its exit code, or None after `seconds`."""
        until = None if seconds is None else time.monotonic() + seconds
        pause = POLL_SECONDS
        while process.code is None:
            if until is not None and time.monotonic() > until:
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 0.5)
        return process.code

    def get(self, number: int) -> Process | None:
        """Return the command with a number; None if it is not known."""
        return self._all.get(number)

    def all(self) -> list[Process]:
        """Return the commands, the newest first."""
        return list(self._all.values())[::-1]

    def running(self) -> list[Process]:
        """Return those that run."""
        return [each for each in self._all.values() if each.code is None]


def _tail(stream: IO[bytes], most: int) -> str:
    if stream.closed:
        return ""
    size = os.fstat(stream.fileno()).st_size
    first = max(size - most, 0)
    text = os.pread(stream.fileno(), size - first, first).decode("utf-8", "replace")
    return text.partition("\n")[2] if first else text
