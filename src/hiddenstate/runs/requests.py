"""Asking a run under way to stop, pause, go on, learn at another rate or leave a snapshot.

Whoever watches appends a line to the run's `control.jsonl`; training reads it between two chunks
of steps, obeys, and says so in the history and, with the request's own name, in the journal.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hiddenstate.config import TrainingConfig, section_options
from hiddenstate.errors import (
    DataError,
    OptionError,
    UntrustedFileError,
    did_you_mean,
    printable,
)
from hiddenstate.runs import Run
from hiddenstate.runs.writer import append_request
from hiddenstate.system.atomic_file import open_regular


@dataclass(frozen=True)
class Request:
    """One thing asked of a run while it trains.

    Parameters
    ----------
    do : str
        `stop` and keep the best, `pause`, `go` on, learn at another `lr`, or leave a `snapshot`.
    value : float, optional
        The learning rate asked for.
    name : str
        By which the answer is known.
    """

    do: str
    value: float | None = None
    name: str = ""


class Requests(Protocol):
    """What is asked of a run while it trains; :class:`hiddenstate.runs.requests.Inbox` is one."""

    def __bool__(self) -> bool:
        """Whether something may be waiting; asked often."""
        ...

    def take(self) -> Sequence[Request]:
        """What was asked since the last time, in order."""
        ...


COMMANDS = ("stop", "pause", "go", "lr", "snapshot")
"""What can be asked."""


def make_request(do: str, value: str | float | None = None) -> Request:
    """A request, checked.

    Raises
    ------
    OptionError
        If there is no such command, or its value is missing, out of range or one too many.
    """
    if do not in COMMANDS:
        raise OptionError(
            f"{printable(do, 40)}: no such request{did_you_mean(do, COMMANDS)}; expected one of "
            + ", ".join(COMMANDS)
        )
    if do != "lr":
        if value is not None:
            raise OptionError(f"{do}: takes no value, got {printable(value, 40)}")
        return Request(do, name=secrets.token_hex(4))
    if value is None:
        raise OptionError("lr: expected a learning rate, as in `lr 0.001`")
    known = section_options(TrainingConfig)["lr"]
    try:
        rate = known.parse(value) if isinstance(value, str) else known.check(value)
    except OptionError as error:
        raise OptionError(str(error).removeprefix("--")) from None
    return Request(do, float(rate), secrets.token_hex(4))


def ask(path: Path, do: str, value: str | float | None = None) -> str:
    """Ask the run in the folder `path`; return the request's name.

    Raises
    ------
    OptionError
        If it is no request.
    DataError
        If nothing is training the run.
    MachineError
        If the request cannot be written.
    """
    request, run = make_request(do, value), Run(path)
    if run.status() != "running":
        mend = "; `hiddenstate resume` goes on with it"
        if run.results() is not None:
            mend = ", it is done; `hiddenstate resume RUN --epochs +1` trains it for longer"
        raise DataError(f"{printable(path)}: nothing is training it{mend}")
    entry = {"name": request.name, "do": request.do}
    append_request(run, entry | ({} if request.value is None else {"value": request.value}))
    return request.name


def answer_to(run: Run, name: str, seconds: float, pause: float = 0.05) -> dict[str, Any] | None:
    """The journal's entry that answers the request `name`; None if none came in time."""
    until = time.monotonic() + seconds
    while True:
        answers = [e for e in run.journal() if e["event"] == "control" and e.get("name") == name]
        if answers:
            return answers[-1]
        if time.monotonic() >= until or run.status() != "running":
            return None
        time.sleep(pause)


LOOKS = 0.2
"""Seconds between two looks for requests."""

LONGEST = 64 * 1024
"""Most bytes read at a look; requests have some tens."""


class Inbox:
    """The requests that come to a run while it trains.

    Parameters
    ----------
    path : Path
        The run folder. What stood in its `control.jsonl` before is not obeyed.
    clock : callable
        Seconds that went by.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path / "control.jsonl", clock
        self._seen, self._next_look = self._look(), 0.0
        self._read = self._seen[1]
        self._waiting = False

    def _look(self) -> tuple[int, int]:
        """Which file there is, and its size."""
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_size

    def __bool__(self) -> bool:
        """Whether a request may be waiting; looks at most every `LOOKS` seconds."""
        now = self._clock()
        if not self._waiting and now >= self._next_look:
            self._next_look = now + LOOKS
            self._waiting = self._look() != self._seen
        return self._waiting

    def take(self) -> list[Request]:
        """The requests that came since the last time; lines that are none are passed over."""
        self._waiting = False
        before, self._seen = self._seen, self._look()
        if self._seen[0] != before[0] or self._seen[1] < self._read:  # another file
            self._read = 0
        try:
            with open_regular(self._path) as stream:
                stream.seek(self._read)
                data = stream.read(LONGEST)
        except (OSError, UntrustedFileError):
            return []
        full = len(data) == LONGEST
        end = data.rfind(b"\n") + 1 or (len(data) if full else 0)
        self._read += end
        if full:
            self._next_look, self._seen = 0.0, (self._seen[0], -1)  # there may be more
        found = (_request(line) for line in data[:end].splitlines())
        return [request for request in found if request]


def _request(line: bytes) -> Request | None:
    """The request a line makes, or None."""
    try:
        entry = json.loads(line)
        request = make_request(entry["do"], entry.get("value"))
        return Request(request.do, request.value, str(entry.get("name", ""))[:40])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def in_words(event: Mapping[str, Any]) -> str:
    """A control event in a few words."""
    step = event.get("step")
    match event.get("do"):
        case "lr":
            return f"learning rate {event.get('lr')} from step {step} on"
        case "stop":
            return f"stopped after step {step}"
        case "pause":
            return f"paused after step {step}"
        case "go":
            return f"going on after step {step}"
    return f"snapshot after step {step}"
