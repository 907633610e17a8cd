"""The types of the lines in a run's history and journal.

docs/format.md describes both files. `record.py` checks each line as it is read.
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Figures = dict[str, float]
"""Named numbers: what an evaluation found, or a run's results. Counts are whole numbers."""

Command = Literal["stop", "pause", "go", "step", "lr", "snapshot"]
"""What can be asked of a run while it trains."""

WITH_SNAPSHOT: tuple[Command, ...] = ("snapshot", "step")
"""Requests that leave a snapshot."""


class LogEvent(TypedDict):
    """A logged step; `step` and `epoch` count from 0."""

    event: Literal["log"]
    step: int
    epoch: int
    loss: float
    mean_loss: float
    lr: float
    test_accuracy: NotRequired[float]
    test_mse: NotRequired[float]


class ValidationEvent(TypedDict):
    """An evaluation on the validation rows, at the end of an epoch."""

    event: Literal["valid"]
    step: int
    epoch: int
    valid_loss: float


class ControlEvent(TypedDict):
    """A request that training carried out after `step` updates."""

    event: Literal["control"]
    step: int
    do: Command
    lr: NotRequired[float]


class EndEvent(TypedDict):
    """The end of a run; further keys are its results, see :meth:`Run.results`.

    Their names are those of :mod:`hiddenstate.metrics.glossary`.
    """

    event: Literal["end"]
    step: int


Event = LogEvent | ValidationEvent | ControlEvent | EndEvent
"""One line of history.jsonl."""


class JournalEntry(TypedDict):
    """One line of journal.jsonl: when something happened, for people and for `verify`.

    `event` is `start`, `checkpoint`, `control`, `interrupted`, `failed`, `damaged` or `end`.
    """

    time: str
    event: str
    step: NotRequired[int]
    total_steps: NotRequired[int]
    version: NotRequired[str]
    device: NotRequired[str]
    threads: NotRequired[int]
    level: NotRequired[str]
    seconds: NotRequired[float]
    closing: NotRequired[int]
    why: NotRequired[str]
    do: NotRequired[Command]
    lr: NotRequired[float]
    name: NotRequired[str]


def figures_of(event: Mapping[str, Any]) -> Figures:
    """Return the numbers of an event by name, `step` and `epoch` among them."""
    return {name: value for name, value in event.items() if type(value) in (int, float)}
