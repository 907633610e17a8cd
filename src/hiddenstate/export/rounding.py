"""What rounded weights cost: changes of answers, and the score of a run's test rows."""

from dataclasses import dataclass

import numpy as np

from hiddenstate.errors import DataError, HiddenstateError
from hiddenstate.export.target import Source, Target
from hiddenstate.export.trial import (
    Trial,
    difference,
    expected_answers,
    scale_of,
    scaling_of_answers,
)
from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run


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
    if target.stored is None or run is None or model.integer is not None:
        return None
    rounded = target.stored(model, weights or target.weights[0])
    if rounded is model:
        return None
    name = model.net.kind.score
    try:
        before, after = (
            evaluate_run(each, checked_predictor(each), run)[name]  # type: ignore[literal-required]
            for each in (model, rounded)
        )
    except HiddenstateError:  # no test rows, or they are gone since
        return None
    return Cost(name, float(before), float(after))


def checked_change(target: Target, source: Source, model: FittedModel) -> float | None:
    """Return how much the answers of a model change at most because its weights are rounded, as a
    share of their scale; None if they are not, or the target has no limit.

    Raises
    ------
    DataError
        If it is more than the limit of the target.
    """
    limit = target.change_limit
    if limit is None or target.stored is None or model.integer is not None:
        return None
    if target.stored(model, source.weights) is model:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # of weights that are infinite when rounded
        trials = source.trials
        scale = scale_of(source.model, trials)
        change = max(_change(trial, model, scale) for trial in trials)
    if not change <= limit:
        raise DataError(
            f"--weights {source.weights}: nothing was written: an answer changes by {change:.3g} "
            f"of its scale, and {limit:g} is allowed; use --weights float32"
        )
    return change


def _change(trial: Trial, model: FittedModel, scale: float) -> float:
    """Return the largest change of answers, each in units of its scale."""
    before = trial.masked(expected_answers(model, trial.X, trial.lengths))
    scales = {"code": max(1.0, float(np.abs(before.get("code", 0)).max())), "error": 1.0}
    if scaling_of_answers(model) is None:  # the spread of what it answers is all that is known
        for name in set(before) & {"y", "reconstruction"}:
            scales[name] = max(scale, float(before[name].std(axis=0).max()))
        scales["error"] = max(1.0, float(np.abs(before.get("error", 0)).max()))
    return max(
        difference({name: trial.answers[name]}, {name: answer}) / scales.get(name, scale)
        for name, answer in before.items()
    )
