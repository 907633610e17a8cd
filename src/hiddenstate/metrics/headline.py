"""The result that summarises a run of each job."""

from collections.abc import Mapping
from typing import Any

from hiddenstate.program.jobs import KINDS

_OF_TARGETS = ("test_pinball", "test_mse", "last10_mse")

HEADLINES = {
    name: _OF_TARGETS if kind.has_targets else (f"test_{kind.score}",)
    for name, kind in KINDS.items()
}
"""Keys of the results that summarise a run, the preferred one first."""


def headline(job: str, results: Mapping[str, Any]) -> str:
    """Return the key of the result that summarises a run of `job`: the first that `results` has."""
    keys = HEADLINES[job]
    return next((key for key in keys if key in results), keys[-1])
