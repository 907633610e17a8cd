"""What rounded weights cost: the score of a run's test rows before and after."""

from dataclasses import dataclass

from hiddenstate.errors import HiddenstateError
from hiddenstate.export.target import Target
from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run

SCORES = {"classify": "accuracy", "regress": "mse", "autoencode": "mse"}
"""The score of each job, as `hiddenstate evaluate` names it."""


@dataclass(frozen=True)
class Cost:
    """A score of the test rows with the weights of a model and with those of its export.

    Parameters
    ----------
    score : str
        `accuracy` or `mse`.
    before, after : float
    """

    score: str
    before: float
    after: float

    def __str__(self) -> str:
        if self.score == "accuracy":
            return f"accuracy on the test rows {self.before:.2%} before, {self.after:.2%} after"
        return f"mse on the test rows {self.before:.4g} before, {self.after:.4g} after"


def rounding_cost(
    model: FittedModel, target: Target, weights: str | None, run: Run | None
) -> Cost | None:
    """Return what the rounding of weights costs; None if none are, or there are no test rows."""
    if target.stored is None or run is None:
        return None
    rounded = target.stored(model, weights or target.weights[0])
    if rounded is model:
        return None
    name = SCORES[model.net.job]
    try:
        before, after = (
            evaluate_run(each, checked_predictor(each), run)[name]  # type: ignore[literal-required]
            for each in (model, rounded)
        )
    except HiddenstateError:  # no test rows, or they are gone since
        return None
    return Cost(name, float(before), float(after))
