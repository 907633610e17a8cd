"""Scores of a regressor that follow from its loss: of quantiles, and of signals."""

from dataclasses import replace

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.predict import Answers
from hiddenstate.inference.score_intervals import of_errors, units_of_answers
from hiddenstate.inference.target_scores import quantiles_by_target
from hiddenstate.metrics.losses import constant, coverage, error_to_signal, pinball
from hiddenstate.system.typing import Array


def central(transform: Transform, answers: Answers) -> Answers | None:
    """Return the answers with one output for each target: of quantiles the median, if it is one.

    None if the median is not among the quantiles: no other answer is near the target.
    """
    if not transform.has_center:
        return None
    own, now = transform.central, answers.now
    outputs, target = own(answers.outputs), own(answers.target)
    if transform.quantiles and now is not None:
        now = own(np.asarray(now))
    return replace(answers, outputs=outputs, target=target, now=now)


def quantile_scores(
    transform: Transform, answers: Answers, train: Rows | None, prefix: str = ""
) -> dict[str, float]:
    """Return the scores of quantiles as results, and their intervals; none of other answers.

    Parameters
    ----------
    transform : Transform
    answers : Answers
    train : Rows, optional
        The training rows with targets in their own units, for a baseline: their quantiles or, in a
        forecast, the last value.
    prefix : str
        Of the names of scores.
    """
    quantiles = transform.quantiles
    if not quantiles:
        return {}
    losses = pinball(answers.outputs, answers.target, quantiles).mean(axis=1)
    result = {f"{prefix}pinball": float(losses.mean())}
    for quantile, share in coverage(answers.outputs, answers.target, quantiles).items():
        result[f"{prefix}coverage_{quantile:g}"] = share
    plain = _without_network(transform, answers, train)
    other = None if plain is None else pinball(plain, answers.target, quantiles).mean(axis=1)
    if other is not None:
        result["baseline_pinball"] = float(other.mean())
    units = units_of_answers(transform, answers)
    result |= of_errors(f"{prefix}pinball", units, losses, other)
    return result | quantiles_by_target(transform, answers, train)


def _without_network(transform: Transform, answers: Answers, train: Rows | None) -> Array | None:
    """Return what is answered without a network: the last value, or the training quantiles (n, O);
    None if the training rows are not known."""
    if answers.now is not None:
        return np.asarray(answers.now)
    if train is None or train.y is None:
        return None
    lengths = train.lengths if train.y.ndim == 3 else None
    return np.broadcast_to(constant(train.y, lengths, transform.quantiles), answers.target.shape)


def signal_score(answers: Answers) -> float:
    """Return the error-to-signal ratio of the answers to the steps of series; nan without any."""
    origin = answers.rows.origin or whole(len(answers.rows))
    at = origin.first[answers.row] + answers.step
    return error_to_signal(answers.outputs, answers.target, origin.series[answers.row], at)
