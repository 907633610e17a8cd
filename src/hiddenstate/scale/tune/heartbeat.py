"""Signs of life of a trial, given by a thread while it trains."""

from typing import Any

from hiddenstate.scale.tune.database_errors import failures
from hiddenstate.scale.tune.ledger import Ledger
from hiddenstate.system import threads


class Heartbeat:
    """Tells the database that a trial is being trained, and finds out if it was given to another.

    Parameters
    ----------
    ledger : Ledger
    attempt : FrozenTrial
    seconds : float
        Time between two signs.

    Attributes
    ----------
    lost : bool
        Whether the attempt was finished in the database by another: it counted as dead, or was
        deleted.
    finishing : bool
        Whether this worker is about to finish it, and so it may be finished.
    """

    def __init__(self, ledger: Ledger, attempt: Any, seconds: float) -> None:
        self.lost = self.finishing = False
        self._ledger, self._attempt, self._seconds = ledger, attempt, seconds
        self._ended = threads.Event()
        self._thread: threads.Thread | None = None

    def __enter__(self) -> "Heartbeat":
        self._thread = threads.start(self._beat)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        wait = self._seconds  # whoever takes a trial gives the first sign
        while not self._ended.wait(wait):
            wait = self._seconds
            try:
                if not self._ledger.beat(self._attempt):
                    self.lost = not self.finishing
                    return
            except KeyError:  # the study was deleted
                self.lost = True
                return
            except failures():  # an answer is awaited by whoever needs one
                wait = min(self._seconds, 1.0)
