"""Decides when the training loop pauses, ends a chunk early, saves or stops."""

import time
from collections.abc import Callable, Sequence

from hiddenstate.jobs.base import Evaluation
from hiddenstate.runs.requests import NoRequests, Request, Requests
from hiddenstate.system.cancellation import cancellable

CHECKPOINT_SECONDS = 30.0
"""Longest training time between two checkpoints, unless set otherwise or saving is slow."""

SAVING_SHARE = 50
"""The next timed checkpoint comes after at least this many times what the last one took, so that
saving costs less than 2% of training."""

LONG_STEP = 1.0
"""Seconds from which a step that was interrupted once, by a checkpoint or a request, is run to its
end: restarted each time, it might never finish."""


class LoopControl:
    """What the loop must do next, apart from training.

    Parameters
    ----------
    interrupted : callable
        Returns True once the process is asked to save and stop. Called often.
    requests : Requests, optional
        Where requests from outside arrive.
    checkpoint_every : int
        Updates between two checkpoints; 0 leaves them to the clock.
    checkpoint_seconds : float
        Longest training time between two checkpoints.

    Attributes
    ----------
    paused, finishing : bool
        Whether a request asked to wait, or to end the run with the best weights so far.
    whole_steps : bool
        Whether steps run one at a time, each to its end unless the process must stop. The caller
        may set it for the next step.
    """

    def __init__(
        self,
        interrupted: Callable[[], bool],
        requests: Requests | None,
        checkpoint_every: int,
        checkpoint_seconds: float,
    ) -> None:
        self.interrupted = interrupted
        self._requests: Requests = NoRequests() if requests is None else requests
        self.paused = self.finishing = self.whole_steps = False
        self._every, self._seconds = checkpoint_every, checkpoint_seconds
        self._deadline = time.monotonic() + checkpoint_seconds

    def has_requests(self) -> bool:
        """Whether requests must be handled, or waited for, before the next step."""
        return self.paused or bool(self._requests)

    @property
    def stopping(self) -> bool:
        """Whether no further step is to be taken."""
        return self.finishing or self.interrupted()

    def take_requests(self) -> Sequence[Request]:
        """Return the requests that arrived since the last call, in order."""
        return self._requests.take() if self._requests else ()

    def evaluated(self, evaluate: Callable[[], Evaluation]) -> Evaluation:
        """Return what `evaluate()` does, cancelled once the process must stop.

        Raises
        ------
        StopRequestedError
            If it was cancelled.
        """
        with cancellable(self.interrupted):
            return evaluate()

    def validated(self, loss: Callable[[], float]) -> float:
        """Return the number that `loss()` does; as :meth:`evaluated`."""
        with cancellable(self.interrupted):
            return loss()

    def must_return(self) -> bool:
        """Whether an engine must return early; it asks during and between steps."""
        if self.whole_steps:
            return self.interrupted()
        return self.interrupted() or bool(self._requests) or self._is_late()

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint must be saved after `step` updates."""
        return self._is_late() or (self._every > 0 and step % self._every == 0)

    def saved(self, seconds: float) -> None:
        """Set the time of the next checkpoint; the last one took `seconds`."""
        self._deadline = time.monotonic() + max(self._seconds, SAVING_SHARE * seconds)

    def ran(self, n_steps: int, seconds: float) -> None:
        """Note what the engine returned: how many steps, and the time they took."""
        self.whole_steps = not n_steps or (self.whole_steps and seconds > LONG_STEP)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline
