"""Trains the network of a job again at the end of a run, to compare it.

It follows from the settings and the data alone, so a run that is interrupted meanwhile trains it
anew, with equal results.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.data import PreparedDataset
from hiddenstate.engines import Engine, TrainingState, make_engine
from hiddenstate.jobs.base import Job
from hiddenstate.system.cancellation import cancellation_check, raise_if_cancelled


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
    labelled = (kind for kind in training.augment if not kind.startswith("blend"))
    training = replace(training, augment=tuple(labelled))
    again = type(job)(replace(job.config, training=training), dataset)
    state = TrainingState(again.net.initial(training.seed, training.dtype))
    engine = make_engine(again.task(), state)
    step, last = 0, again.total_steps if updates is None else updates
    stop = cancellation_check() or (lambda: False)
    while step < last:
        raise_if_cancelled()
        losses = engine.run(step, last, stop).losses
        step += len(losses)
        if losses.size and not np.isfinite(losses[-1]):
            break
    return engine
