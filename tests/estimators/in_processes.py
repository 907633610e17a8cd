"""What searches compute in other processes, which import this module alone, and no torch."""

from typing import Any

from hiddenstate.engines import make_predictor


def threads_of(estimator: Any, X: Any, y: Any) -> int:
    """A score: how many threads the model of a fold predicts with in its process."""
    predictor: Any = make_predictor(estimator.model_, "cpu")
    return int(predictor._net.threads)
