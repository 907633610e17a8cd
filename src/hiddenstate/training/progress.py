"""What the loop remembers between steps, and which events are still pending."""

import math
from collections import deque
from dataclasses import dataclass, field

from hiddenstate.jobs.base import Job
from hiddenstate.models.net import Params

RECENT = 100
"""How many last losses are kept, for the mean that ends a run."""


@dataclass
class Progress:
    """What the loop remembers beside the engine's arrays.

    It tells whether the line of the last step, or its look at the validation rows, is still due,
    as after a stop in the middle of an evaluation.

    Parameters
    ----------
    since_log : list of float
        Losses of the steps after the last logged one.
    recent : deque of float
        The last losses, at most `RECENT`.
    best : dict of ndarray
        The weights that did best on the validation rows; none before the first look.
    best_loss : float
        Their loss there.
    best_step : int
        Updates made when they were found.
    waited : int
        Looks since then that found no better.
    lr : float, optional
        The learning rate asked for while training, in place of the config's.
    """

    since_log: list[float] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    best: Params = field(default_factory=dict)
    best_loss: float = math.inf
    best_step: int = 0
    waited: int = 0
    lr: float | None = None


def pending_events(job: Job, step: int, progress: Progress) -> list[str]:
    """What was still to come when training stopped in an evaluation after `step` updates.

    That is `log`, the line of the last step, or `valid`, its look at the validation rows.
    """
    due = []
    if progress.since_log and logs_after(job, step):
        due.append("log")
    looks = progress.best_step // job.batches.steps_per_epoch + progress.waited
    if step and validates_after(job, step) and looks < job.batches.epoch_of(step):
        due.append("valid")
    return due


def logs_after(job: Job, step: int) -> bool:
    """Whether the last of `step` updates has a line of its own."""
    return (step - 1) % job.config.training.log_every == 0


def validates_after(job: Job, step: int) -> bool:
    """Whether the validation rows are looked at after `step` updates: at an epoch's end."""
    return job.dataset.valid is not None and step % job.batches.steps_per_epoch == 0
