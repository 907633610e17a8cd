"""Commands of the program, started as processes of their own.

Each runs in a session of its own and writes what it prints to a file without a name, so it does not
notice when the studio ends.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hiddenstate.config.option import JOBS
from hiddenstate.errors import MachineError
from hiddenstate.report.commands import quoted
from hiddenstate.studio.watch import Signal

MAX_OUTPUT = 256 * 1024
"""Bytes of what a command printed that are read, from its end."""

MAX_RUNNING = 12
"""Commands at once, training included."""

MAX_KEPT = 50
"""Commands that are listed; older ones that ended are forgotten."""

POLL_SECONDS = 0.03
"""Seconds between two looks at a command that somebody waits for."""


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
    _child: "subprocess.Popen[bytes]"
    _output: IO[bytes]
    _errors: IO[bytes]
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
        return self._child.pid

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._child.poll()

    def output(self, most: int = MAX_OUTPUT) -> str:
        """Return what it printed to stdout, at most the last `most` bytes."""
        return _tail(self._output, most)

    def errors(self) -> str:
        """Return what it printed to stderr, likewise."""
        return _tail(self._errors, MAX_OUTPUT)

    def stop(self) -> None:
        """Ask it to stop, as Ctrl-C does."""
        if self.code is None:
            self._child.terminate()

    def close(self) -> None:
        """Forget what it printed."""
        self._output.close()
        self._errors.close()


class Processes:
    """The commands that this studio started.

    Parameters
    ----------
    folder : Path
        The folder that they run in: paths in them are relative to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: dict[int, Process] = {}
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
        # Files without a name: what is printed can be read here, and nothing is left behind.
        output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
        started = time.time()
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", "hiddenstate", *words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise MachineError(f"the command cannot be started: {error.strerror}") from None
        process = Process(
            max(self._all, default=0) + 1, tuple(words), started, child, output, errors
        )
        self._all[process.id] = process
        ended = [each for each in self._all.values() if each.code is not None]
        for old in ended[: max(len(self._all) - MAX_KEPT, 0)]:
            old.close()
            del self._all[old.id]
        self.signal.send()
        asyncio.get_running_loop().create_task(self._announce(process))
        return process

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
