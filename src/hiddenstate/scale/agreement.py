"""The decisions of the training loop that depend on time, signals or requests, made by rank 0.

All ranks run the same loop. Where it asks what to do next, they add up a few numbers, so that all
get the same answer: whether any of them must stop, and what rank 0 read from its clock and from
the requests to the run. Rank 0 alone evaluates the net; the others wait for the number.
"""

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from hiddenstate.jobs.base import Evaluation
from hiddenstate.runs.requests import COMMANDS, Request, Requests
from hiddenstate.scale.distributed import Group
from hiddenstate.system.cancellation import StopRequestedError, cancellable
from hiddenstate.training.loop_control import LoopControl

AT_ONCE = 8
"""Most requests that are carried out between two chunks of steps."""


class SharedControl(LoopControl):
    """As `LoopControl`, with the same answers on every rank of a group.

    Parameters
    ----------
    group : Group
    interrupted, requests, checkpoint_every, checkpoint_seconds
        As those of `LoopControl`; requests and the time count on rank 0.
    """

    def __init__(
        self,
        group: Group,
        interrupted: Callable[[], bool],
        requests: Requests | None,
        checkpoint_every: int,
        checkpoint_seconds: float,
    ) -> None:
        super().__init__(interrupted, requests, checkpoint_every, checkpoint_seconds)
        self._group, self._must_stop = group, interrupted
        self._stops = False
        self._waiting: deque[Request] = deque()
        self._agreed: list[Request] = []
        self.interrupted = lambda: self._stops

    def has_requests(self) -> bool:
        """Whether requests must be handled, or waited for; all ranks ask, and agree on them."""
        self._waiting.extend(self._requests.take() if self._requests else ())
        mine = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        numbers = np.zeros((AT_ONCE + 1, 2))
        numbers[0, 0] = self._must_stop()
        for place, request in enumerate(mine, start=1):
            numbers[place] = COMMANDS.index(request.do) + 1, request.value or 0
        numbers = self._group.sum(numbers.ravel()).reshape(numbers.shape)
        self._stops = self._stops or bool(numbers[0, 0])
        asked = [(int(kind) - 1, value) for kind, value in numbers[1:].tolist() if kind]
        theirs = [Request(COMMANDS[kind], value or None) for kind, value in asked]
        self._agreed = mine or theirs
        return self.paused or bool(self._agreed)

    def take_requests(self) -> Sequence[Request]:
        """Return what was requested when the ranks last agreed."""
        agreed, self._agreed = self._agreed, []
        return agreed

    def must_return(self) -> bool:
        """Whether this rank wants the engine to return early; the engine asks all of them."""
        if self.whole_steps:
            return self._must_stop()
        return self._must_stop() or bool(self._waiting or self._requests) or self._is_late()

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint must be saved after `step` updates, by the clock of rank 0."""
        return bool(self._group.sum(np.array([self._wants_checkpoint(step)]))[0])

    def _wants_checkpoint(self, step: int) -> bool:
        return super().checkpoint_due(step)

    def ran(self, n_steps: int, seconds: float) -> None:
        """Note that the engine returned; it makes whole steps, and always one at least."""
        self.whole_steps = False

    def evaluated(self, evaluate: Callable[[], Evaluation]) -> Evaluation:
        """Return the evaluation on rank 0, and an empty one elsewhere."""
        done = Evaluation()

        def compute() -> float:
            nonlocal done
            done = evaluate()
            return 0.0

        self.validated(compute)
        return done

    def validated(self, loss: Callable[[], float]) -> float:
        """Return the number that rank 0 computes."""
        number, cancelled = 0.0, False
        if self._group.rank == 0:
            try:
                with cancellable(self._must_stop):
                    number = loss()
            except StopRequestedError:
                cancelled = True
        number, stopped = self._group.sum(np.array([number, cancelled])).tolist()
        if stopped:
            self._stops = True
            raise StopRequestedError
        return float(number)

    def _is_late(self) -> bool:
        return self._group.rank == 0 and super()._is_late()
