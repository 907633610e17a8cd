"""Requests to a run while it trains: stop, pause, go, step, lr, snapshot.

A viewer appends a line to the run's `control.jsonl`. Training reads it between two chunks of
steps, carries it out, and records it in the history and, with the request's name, in the journal.
"""

import json
import secrets
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_args

from hiddenstate.config import TrainingConfig, section_options
from hiddenstate.errors import (
    DataError,
    OptionError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.runs import Run
from hiddenstate.runs.events import Command, JournalEntry
from hiddenstate.runs.writer import append_request
from hiddenstate.system.atomic_file import open_regular

COMMANDS: tuple[Command, ...] = get_args(Command)
"""Everything that can be requested."""

POLL_SECONDS = 0.1
"""Seconds between two checks for requests."""

MAX_READ = 64 * 1024
"""Most bytes read at once; a request has some tens."""


@dataclass(frozen=True)
class Request:
    """One request to a run while it trains.

    Parameters
    ----------
    do : {"stop", "pause", "go", "step", "lr", "snapshot"}
        Finish now with the best weights, pause, continue, make one update and pause, change the
        learning rate, or leave a snapshot.
    value : float, optional
        The learning rate, for "lr" only.
    name : str
        Identifies the answer in the journal.
    """

    do: Command
    value: float | None = None
    name: str = ""

    @property
    def rate(self) -> float:
        """The learning rate that was requested.

        Raises
        ------
        ValueError
            If this is not a request for one.
        """
        if self.value is None:
            raise ValueError(f"a request to {self.do} has no learning rate")
        return self.value


class Requests(Protocol):
    """Where requests arrive; :class:`Inbox` is one."""

    def __bool__(self) -> bool:
        """Whether a request may be waiting; called often."""
        ...

    def take(self) -> Sequence[Request]:
        """Return the requests that came since the last call, in order."""
        ...


class NoRequests:
    """For training that nobody can send a request to."""

    def __bool__(self) -> bool:
        return False

    def take(self) -> Sequence[Request]:
        """Return nothing."""
        return ()


def make_request(do: str, value: str | float | None = None) -> Request:
    """Return a checked request with a new name.

    Raises
    ------
    OptionError
        If there is no such command, or its value is missing, out of range or one too many.
    """
    if do not in COMMANDS:
        raise OptionError(
            f"{printable(do, 40)}: unknown request{did_you_mean(do, COMMANDS)}; expected one of "
            + ", ".join(COMMANDS)
        )
    command: Command = COMMANDS[COMMANDS.index(do)]  # the same text, of the narrower type
    if command != "lr":
        if value is not None:
            raise OptionError(f"{do}: takes no value, got {printable(value, 40)}")
        return Request(command, name=secrets.token_hex(4))
    if value is None:
        raise OptionError("lr: expected a learning rate, as in `lr 0.001`")
    option = section_options(TrainingConfig)["lr"]
    try:
        rate = option.parse(value) if isinstance(value, str) else option.check(value)
    except OptionError as error:
        raise OptionError(error.what, place=do) from None
    return Request(command, float(rate), secrets.token_hex(4))


def send_request(path: Path, do: str, value: str | float | None = None) -> str:
    """Send a request to the run in the folder `path`; return the request's name.

    Raises
    ------
    OptionError
        If it is not a valid request.
    DataError
        If no process is training the run.
    MachineError
        If the request cannot be written.
    """
    request, run = make_request(do, value), Run(path)
    if run.status() != "running":
        command = f"hiddenstate resume {shlex.quote(printable(path))}"
        if run.results() is not None:
            raise DataError(
                f"{printable(path)}: the run is done; `{command} --epochs +1` trains it for longer"
            )
        raise DataError(
            f"{printable(path)}: no process is training this run; resume it with `{command}`"
        )
    entry: dict[str, Any] = {"name": request.name, "do": request.do}
    append_request(run, entry | ({} if request.value is None else {"value": request.value}))
    return request.name


def await_answer(run: Run, name: str, seconds: float, pause: float = 0.05) -> JournalEntry | None:
    """Return the journal entry that answers the request `name`, or None after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        answers = [e for e in run.journal() if e["event"] == "control" and e.get("name") == name]
        if answers:
            return answers[-1]
        if time.monotonic() >= until or run.status() != "running":
            return None
        time.sleep(pause)


class Inbox:
    """The requests that arrive while a run trains.

    Parameters
    ----------
    path : Path
        The run folder. Lines already in its `control.jsonl` are not carried out.
    clock : callable
        Returns seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path / "control.jsonl", clock
        self._seen, self._next_check = self._identify(), 0.0
        self._offset = self._seen[1]
        self._waiting = False

    def _identify(self) -> tuple[int, int]:
        """The file's inode and size; zeros without a file."""
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0
        return status.st_ino, status.st_size

    def __bool__(self) -> bool:
        """Whether a request may be waiting; checks the file at most every `POLL_SECONDS`."""
        now = self._clock()
        if not self._waiting and now >= self._next_check:
            self._next_check = now + POLL_SECONDS
            self._waiting = self._identify() != self._seen
        return self._waiting

    def take(self) -> list[Request]:
        """Return the requests that came since the last call; skip lines that are not requests."""
        self._waiting = False
        before, self._seen = self._seen, self._identify()
        if self._seen[0] != before[0] or self._seen[1] < self._offset:  # another file
            self._offset = 0
        try:
            with open_regular(self._path) as stream:
                stream.seek(self._offset)
                data = stream.read(MAX_READ)
        except (OSError, UntrustedFileError):
            return []
        full = len(data) == MAX_READ
        end = data.rfind(b"\n") + 1 or (len(data) if full else 0)
        self._offset += end
        if full:
            self._next_check, self._seen = 0.0, (self._seen[0], -1)  # there may be more
        requests = (_parse_request(line) for line in data[:end].splitlines())
        return [request for request in requests if request]


def _parse_request(line: bytes) -> Request | None:
    """Return the request in a line, or None if it holds none."""
    try:
        entry = json.loads(line)
        request = make_request(entry["do"], entry.get("value"))
        return Request(request.do, request.value, str(entry.get("name", ""))[:40])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def is_paused(history: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether the last request to pause, to make a step or to continue left a run paused.

    Parameters
    ----------
    history : iterable of mapping
        The events of a run in progress, or of one that is about to be resumed.
    """
    waits = [event["do"] for event in history if event.get("do") in ("pause", "go", "step")]
    return bool(waits) and waits[-1] != "go"


def describe_request(event: Mapping[str, Any]) -> str:
    """Return a control event in a few words."""
    step = event.get("step")
    match event.get("do"):
        case "lr":
            return f"learning rate {event.get('lr')} from step {step} on"
        case "stop":
            return f"finished early after step {step}"
        case "pause":
            return f"paused after step {step}"
        case "go":
            return f"continued after step {step}"
        case "step":
            return f"one step, to {step}, then paused"
    return f"snapshot after step {step}"
