"""The one number that sums up a run of each job."""

from collections.abc import Mapping
from typing import Any

HEADLINES = {
    "classify": ("test_accuracy",),
    "regress": ("test_mse", "last10_mse"),
    "autoencode": ("test_mse",),
}
"""Keys of a job's results that sum a run up, the best first."""


def headline(job: str, results: Mapping[str, Any]) -> str:
    """Return the key of the result that sums up a run of `job`."""
    keys = HEADLINES[job]
    return next((key for key in keys if key in results), keys[-1])
