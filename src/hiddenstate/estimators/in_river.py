"""The estimators as estimators of river, which `to_river` alone imports."""

from collections.abc import Iterator
from typing import Any

from river import base
from sklearn.base import clone


class _Learning:
    """What regressor and classifier have in common."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.learner: Any = clone(estimator)

    def _unit_test_params(self) -> Iterator[dict[str, Any]]:
        yield {"estimator": self.estimator}

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        """Learn from a step and its target."""
        self.learner.learn_one(x, y)

    def predict_one(self, x: dict[Any, Any]) -> Any:
        """Return the target of a step."""
        return self.learner.predict_one(x)


class RiverRegressor(_Learning, base.Regressor):
    """A regressor that learns step by step.

    Parameters
    ----------
    estimator : RecurrentRegressor
        Its parameters count, not what it learned.
    """


class RiverClassifier(_Learning, base.Classifier):
    """A classifier that learns step by step.

    Parameters
    ----------
    estimator : RecurrentClassifier
        Its parameters count, not what it learned.
    """

    @property
    def _multiclass(self) -> bool:
        return True

    def predict_proba_one(self, x: dict[Any, Any]) -> Any:
        """Return the probability of each label so far."""
        return self.learner.predict_proba_one(x)


KINDS: dict[str, Any] = {"targets": RiverRegressor, "classes": RiverClassifier}
"""The class by what the job answers."""
