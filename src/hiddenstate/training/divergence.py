"""Detects training that has diverged, and says where."""

import math
from collections.abc import Mapping

import numpy as np

from hiddenstate.config import TrainingConfig
from hiddenstate.engines import TrainingState
from hiddenstate.errors import DivergedError
from hiddenstate.jobs.base import Job
from hiddenstate.runs.status import DIVERGED

SATURATED = 1e4
"""Size of a weight between hidden units from which a net counts as diverged. float32's tanh and
sigmoid are flat beyond 17, so such units pass no gradient and never learn again."""


def check_weights(job: Job, training: TrainingConfig, state: TrainingState) -> None:
    """Raise `DivergedError` for weights that are not finite, or beyond `SATURATED`."""
    saturated = _saturated(job, state)
    if state.not_finite() or saturated:
        raise diverged(job, training, state, state.step - 1, saturated)


def all_finite(figures: Mapping[str, object]) -> bool:
    """Whether every float among `figures` is finite."""
    return all(math.isfinite(value) for value in figures.values() if isinstance(value, float))


def diverged(
    job: Job, training: TrainingConfig, state: TrainingState, step: int, reason: str | None = None
) -> DivergedError:
    """Return the error for training that diverged in `step`.

    Parameters
    ----------
    job : Job
    training : TrainingConfig
        With the learning rate as it stands.
    state : TrainingState
        Weights and moments as they stand.
    step : int
        Number of the step, from 0.
    reason : str, optional
        What is wrong, where it is not a number that is not finite.
    """
    name = state.not_finite()
    if name:
        reason = f"{name} is no longer finite"
    elif not reason:
        sizes = {name: float(np.abs(values).max()) for name, values in state.params.items()}
        largest = max(sizes, key=sizes.__getitem__)
        reason = f"the outputs grew without bound, {largest} up to {sizes[largest]:.3g}"
    epoch, batch = job.batches.place_of(step)
    return DivergedError(
        f"{DIVERGED} in epoch {epoch}, batch {batch} (step {step}): {reason}; "
        f"use a smaller --lr than {training.lr:g}" + ("" if training.clip else " or --clip 1")
    )


def _saturated(job: Job, state: TrainingState) -> str | None:
    """Describe the first weight between hidden units beyond `SATURATED`."""
    for name in job.net.inner_weights():
        largest = float(np.abs(state.params[name]).max())
        if largest > SATURATED:
            return f"{name} reached {largest:.3g}: its units are saturated and no longer learn"
    return None
