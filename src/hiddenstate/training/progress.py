"""What the training loop remembers between steps, and which events are pending."""

import math
from collections import deque
from dataclasses import dataclass, field

from hiddenstate.jobs.base import Job
from hiddenstate.models.net import Params

RECENT = 100
"""How many of the last losses are kept, for the results of a run."""


@dataclass
class Progress:
    """What the loop remembers besides the engine's arrays.

    It shows whether the line of the last step, or its evaluation on the validation rows, is
    pending, as after an interruption in the middle of an evaluation.

    Parameters
    ----------
    since_log : list of float
        Losses of the steps after the last logged one.
    recent : deque of float
        The last losses, at most `RECENT`.
    best : dict of ndarray
        The weights with the lowest validation loss; empty before the first validation.
    best_loss : float
        That loss.
    best_step : int
        Updates made before these weights.
    waited : int
        Validations since then without improvement.
    lr : float, optional
        The learning rate requested while training, instead of the config's.
    """

    since_log: list[float] = field(default_factory=list)
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    best: Params = field(default_factory=dict)
    best_loss: float = math.inf
    best_step: int = 0
    waited: int = 0
    lr: float | None = None


def out_of_patience(job: Job, progress: Progress) -> bool:
    """Whether the validation loss has not improved for `--patience` epochs; of those in which
    a net in integers is trained as one."""
    is_last_part = job.grid_from is None or progress.best_step > job.grid_from
    return is_last_part and 0 < job.config.training.patience <= progress.waited


def pending_events(job: Job, step: int, progress: Progress) -> list[str]:
    """Return the events that were cancelled when training stopped after `step` updates.

    They are `log`, the line of the last step, and `valid`, its evaluation on the validation rows.
    """
    pending = []
    if progress.since_log and logs_after(job, step):
        pending.append("log")
    validations = progress.best_step // job.batches.steps_per_epoch + progress.waited
    if step and validates_after(job, step) and validations < job.batches.epoch_of(step):
        pending.append("valid")
    return pending


def logs_after(job: Job, step: int) -> bool:
    """Whether the last of `step` updates is a logged one."""
    return (step - 1) % job.config.training.log_every == 0


def validates_after(job: Job, step: int) -> bool:
    """Whether there is a validation after `step` updates: at the end of an epoch."""
    return job.dataset.valid is not None and step % job.batches.steps_per_epoch == 0
