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
    """The end of a run, with its results; see :meth:`Run.results`.

    Further results are the scores of what stands beside nets alone: see
    :attr:`hiddenstate.program.companions.Words.result`.
    """

    event: Literal["end"]
    step: int
    train_loss: NotRequired[float]
    best_step: NotRequired[int]
    valid_loss: NotRequired[float]
    test_accuracy: NotRequired[float]
    baseline_accuracy: NotRequired[float]
    net_accuracy: NotRequired[float]
    test_accuracy_low: NotRequired[float]
    test_accuracy_high: NotRequired[float]
    interval_rows: NotRequired[int]
    interval_groups: NotRequired[int]
    interval_series: NotRequired[int]
    interval_blocks: NotRequired[int]
    interval_steps: NotRequired[int]
    gain_low: NotRequired[float]
    gain_high: NotRequired[float]
    members_low: NotRequired[float]
    members_high: NotRequired[float]
    test_mse: NotRequired[float]
    test_mse_low: NotRequired[float]
    test_mse_high: NotRequired[float]
    test_r2: NotRequired[float]
    test_r2_low: NotRequired[float]
    test_r2_high: NotRequired[float]
    test_steps: NotRequired[int]
    test_rows: NotRequired[int]
    baseline_mse: NotRequired[float]
    test_mase: NotRequired[float]
    test_mase_low: NotRequired[float]
    test_mase_high: NotRequired[float]
    seasonal_mse: NotRequired[float]
    net_share: NotRequired[float]
    net_part: NotRequired[float]
    net_mse: NotRequired[float]
    last10_mse: NotRequired[float]
    last100_mse: NotRequired[float]


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
