"""What `--augment auto` chose, and why, as a run records it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from hiddenstate.config.augment_kinds import kinds_as_values, parse_kinds
from hiddenstate.errors import OptionError

LEAST_AGREEMENT = 0.8
"""Part of the rows that a kind must leave in their class."""


class ChoiceFacts(TypedDict):
    """A :class:`Choice`, ready for JSON."""

    kept: list[str]
    agreement: dict[str, float]
    rows: int
    plain_loss: NotRequired[float]
    augmented_loss: NotRequired[float]


@dataclass(frozen=True)
class Choice:
    """What `--augment auto` chose, and why.

    Parameters
    ----------
    kept : dict of float
        Strength of each kind; nothing if rows stay as they are.
    agreement : dict of float
        For each kind that was looked at, in which part of the rows that it changed a model still
        saw their class.
    n_rows : int
        Training rows that models or nets predicted which did not learn from them; 0 if none were.
    plain_loss, augmented_loss : float
        Mean loss of these rows, of a model without and with augmentation.
    """

    kept: dict[str, float]
    agreement: dict[str, float] = field(default_factory=dict)
    n_rows: int = 0
    plain_loss: float = math.inf
    augmented_loss: float = math.inf

    def facts(self) -> ChoiceFacts:
        """Return the choice as values for JSON."""
        facts: ChoiceFacts = {
            "kept": list(kinds_as_values(self.kept)),
            "agreement": {name: round(part, 4) for name, part in self.agreement.items()},
            "rows": self.n_rows,
        }
        if self.n_rows and math.isfinite(self.plain_loss):
            facts["plain_loss"] = self.plain_loss
        if self.n_rows and math.isfinite(self.augmented_loss):
            facts["augmented_loss"] = self.augmented_loss
        return facts

    def in_words(self) -> str:
        """Return the choice as one line."""
        left_out = [n for n, part in self.agreement.items() if part < LEAST_AGREEMENT]
        text = f"augmented by {', '.join(self.kept)}" if self.kept else "rows are not augmented"
        parts = [f"{name} {self.agreement[name]:.0%}" for name in left_out]
        if self.n_rows:
            losses = f"{self.plain_loss:.4g} without, {self.augmented_loss:.4g} with"
            text += f" (loss of {self.n_rows:,} training rows when left out: {losses})"
        if left_out:
            text += f"; left out, as a model sees the class in too few rows: {', '.join(parts)}"
        return text


def choice_from(recorded: Mapping[str, Any]) -> Choice | None:
    """Return the choice that data facts of a run hold; None if there is none, or it is damaged."""
    stored = recorded.get("augment")
    if not isinstance(stored, dict):
        return None
    kept, agreement, n_rows = (stored.get(name) for name in ("kept", "agreement", "rows"))
    losses = [stored.get(name, math.inf) for name in ("plain_loss", "augmented_loss")]
    plain = isinstance(kept, list) and isinstance(agreement, dict) and type(n_rows) is int
    numbers = [*agreement.values(), *losses] if isinstance(agreement, dict) else []
    if not plain or not all(type(number) in (int, float) for number in numbers):
        return None
    assert isinstance(kept, list)
    assert isinstance(agreement, dict)
    assert isinstance(n_rows, int)
    try:
        return Choice(parse_kinds(map(str, kept)), agreement, n_rows, *losses)
    except OptionError:
        return None
