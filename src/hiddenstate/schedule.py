"""The learning rate and the gradient's limit at each step; functions of the step alone."""

import math

from hiddenstate.config import TrainingConfig


def rate_at(training: TrainingConfig, step: int, total_steps: int) -> float:
    """The learning rate of update `step`, counted from 0.

    constant
        lr.
    inverse
        lr up to step `hold`, then lr * hold / step. It never looks at the total, so a longer
        run begins like a shorter one. 1/step is the classic decay of stochastic
        approximation (Robbins and Monro, 1951).
    cosine
        lr up to step `hold`, then half a cosine down to 0 at `total_steps`
        (Loshchilov and Hutter, "SGDR", 2017, equation 5).
    """
    if training.lr_schedule == "constant" or step < training.hold:
        return training.lr
    if training.lr_schedule == "inverse":
        return training.lr * training.hold / max(step, 1)
    done = (step - training.hold) / max(total_steps - training.hold, 1)
    return training.lr * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def clip_at(training: TrainingConfig, step: int) -> float | None:
    """The largest gradient norm allowed at `step`, or None."""
    return None if step < training.hold else training.clip


def eps_at(training: TrainingConfig, step: int) -> float:
    """Adam's smallest denominator at `step`: 1e-8 (Kingma and Ba, 2015), later `eps`."""
    return 1e-8 if step < training.hold else training.eps
