"""The learning rate and the limit of the gradient at each step: functions of the step alone."""

import math
from dataclasses import replace

import numpy as np

from hiddenstate.config import TrainingConfig
from hiddenstate.system.typing import Array


def rate_at(training: TrainingConfig, step: int, total_steps: int) -> float:
    """Return the learning rate of update `step`, counted from 0.

    constant
        lr.
    inverse
        lr until step `hold`, then lr * hold / step. It does not depend on the total, so a longer
        run begins as a shorter one. 1/step is the classic decay of stochastic approximation
        (Robbins and Monro, 1951).
    cosine
        lr until step `hold`, then half a cosine down to 0 at `total_steps`
        (Loshchilov and Hutter, "SGDR", 2017, equation 5).
    """
    if training.lr_schedule == "constant" or step < training.hold:
        return training.lr
    if training.lr_schedule == "inverse":
        return training.lr * training.hold / max(step, 1)
    done = (step - training.hold) / max(total_steps - training.hold, 1)
    return training.lr * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def phase_of(
    training: TrainingConfig, step: int, total_steps: int, turn: int | None
) -> tuple[TrainingConfig, int]:
    """Return the settings that hold at a step, and where their schedule ends.

    With a step at which nets turn to all rows, a cosine ends there, and another begins: a warm
    restart of SGDR, as cited in :func:`rate_at`.
    """
    if turn is None or training.lr_schedule != "cosine":
        return training, total_steps
    if step < turn:
        return training, min(turn, total_steps)
    return replace(training, hold=max(training.hold, turn)), total_steps


def clip_at(training: TrainingConfig, step: int) -> float | None:
    """Return the largest norm of the gradient allowed at `step`, or None for no limit."""
    return None if step < training.hold else training.clip


def eps_at(training: TrainingConfig, step: int) -> float:
    """Return Adam's eps at `step`: 1e-8 (Kingma and Ba, 2015) until `hold`, then `eps`."""
    return 1e-8 if step < training.hold else training.eps


def step_settings(
    training: TrainingConfig, first: int, last: int, total_steps: int
) -> tuple[Array, Array, Array]:
    """Return the rates, limits of the gradient's norm (0 for none) and eps of several steps.

    The same numbers as those of the three functions above, for steps `first` to `last` - 1: each
    array is (last - first,) float64.
    """
    steps = np.arange(first, last)
    held = steps < training.hold
    if training.lr_schedule == "cosine":
        rates = np.array([rate_at(training, step, total_steps) for step in steps.tolist()])
    elif training.lr_schedule == "inverse":
        rates = np.where(held, training.lr, training.lr * training.hold / np.maximum(steps, 1))
    else:
        rates = np.full(len(steps), training.lr)
    clips = np.where(held, 0.0, training.clip or 0.0)
    return rates, clips, np.where(held, 1e-8, training.eps)
