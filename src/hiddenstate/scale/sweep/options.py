"""The options of a sweep: those of its job that apply, and the shard that a command trains."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.config import job_options
from hiddenstate.errors import OptionError, printable
from hiddenstate.system.strict_json import canonical_json

EXCLUDED = (
    *("data", "test", "answers", "windows", "threads", "checkpoint_every"),
    *("teach", "teach_temperature", "teach_weight", "streamable"),
)
"""Options of a job that a sweep does not have: it holds out a part of each group, reads a table,
gives each model one thread and no teacher, and writes no checkpoints."""


def sweep_options(job: str) -> list[str]:
    """Return the names of the options of `job` that a sweep has."""
    return [
        option.name
        for section, option in job_options(job)
        if option.name not in EXCLUDED and section != "display"
    ]


def carries_state(values: Mapping[str, Any]) -> bool:
    """Return whether options, by name, train forecasts of models that carry their state."""
    stateful = values.get("stateful")
    is_classic = values.get("recipe") == "classic" and stateful is None
    return bool(values.get("horizon") and (stateful or is_classic))


@dataclass(frozen=True)
class Shard:
    """The part of the groups that a command trains.

    Parameters
    ----------
    number, n : int
        Groups whose hash modulo `n` is `number`.
    """

    number: int = 0
    n: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the shard that `I/N` names (`OptionError`)."""
        first, slash, second = text.partition("/")
        if not (
            slash
            and first.isascii()
            and first.isdigit()
            and second.isascii()
            and second.isdigit()
            and len(text) < 20
            and int(first) < int(second)
        ):
            raise OptionError(
                f"--shard: expected I/N with I from 0 to N - 1, got {printable(text, 40)}"
            )
        return cls(int(first), int(second))

    def holds(self, key: tuple[str, ...]) -> bool:
        """Return whether a group is in this shard, which depends on its values alone."""
        digest = hashlib.sha256(canonical_json(list(key)).encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.n == self.number
