"""Trains networks of a job next to its own, to compare them: before its training, or at its end.

They follow from the settings and the data alone, so a run that is interrupted meanwhile trains them
anew, with equal results.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.config.augment_kinds import BLEND
from hiddenstate.data import PreparedDataset
from hiddenstate.engines import Engine, Task, TrainingState, make_engine
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.system.cancellation import cancellation_check, raise_if_cancelled

FEW_UPDATES = 500
"""Most updates of a network that is trained briefly."""


def trained_again(job: Job, dataset: PreparedDataset, updates: int | None = None) -> Engine:
    """Return an engine with a new network, trained on `dataset` as the job trains.

    It starts from its own initial weights and has no teacher, who may know the other rows.

    Parameters
    ----------
    job : Job
    dataset : PreparedDataset
    updates : int, optional
        By default as many as its epochs have.

    Raises
    ------
    StopRequestedError
        If a stop is requested.
    """
    training = replace(job.config.training, weights=None, patience=0, teach=None)
    labelled = (kind for kind in training.augment if kind.partition(":")[0] != BLEND)
    training = replace(training, augment=tuple(labelled))
    again = type(job)(replace(job.config, training=training), dataset)
    return _trained(again, again.task(), again.total_steps if updates is None else updates)[0]


def trained_briefly(job: Job, task: Task) -> Engine | None:
    """Return an engine with a new network, trained on `task`; None if it diverges.

    It has a quarter of the updates, and at most `FEW_UPDATES`.

    Parameters
    ----------
    job : Job
    task : Task
        Of the job; or of some of its rows.

    Raises
    ------
    MachineError
        If the memory of the machine does not suffice.
    StopRequestedError
        If a stop is requested.
    """
    check_memory(job)
    updates = min(-(-task.total_steps // 4), FEW_UPDATES)
    engine, is_finite = _trained(job, replace(task, total_steps=updates, turn=None), updates)
    return engine if is_finite else None


def trained_whole(job: Job) -> Engine | None:
    """Return an engine with a new network, trained as the job says; None if it diverges."""
    engine, is_finite = _trained(job, job.task(), job.total_steps)
    return engine if is_finite else None


def _trained(job: Job, task: Task, updates: int) -> tuple[Engine, bool]:
    """Return an engine that trained from initial weights, and whether its losses are finite."""
    training = job.config.training
    state = TrainingState(job.net.initial(training.seed, training.dtype))
    engine = make_engine(task, state)
    step, stop = 0, cancellation_check() or (lambda: False)
    while step < updates:
        raise_if_cancelled()
        losses = engine.run(step, updates, stop).losses
        step += len(losses)
        if losses.size and not np.isfinite(losses[-1]):
            return engine, False
    return engine, True
