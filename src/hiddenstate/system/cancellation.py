"""Cancels a long evaluation when a stop is requested.

Training steps are short, and the training loop checks for a stop between them. An evaluation can
take long, is called from many places, and can be repeated without harm, so it checks the function
that is set here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_check: ContextVar[Callable[[], bool] | None] = ContextVar("check", default=None)


class StopRequestedError(Exception):
    """Raised inside an evaluation when a stop is requested; the training loop catches it."""


@contextmanager
def cancellable(should_stop: Callable[[], bool]) -> Iterator[None]:
    """Let evaluations inside this context be cancelled: they call `should_stop` now and then."""
    token = _check.set(should_stop)
    try:
        yield
    finally:
        _check.reset(token)


def cancellation_check() -> Callable[[], bool] | None:
    """Return the function that says whether to stop, for compiled code; None outside a context."""
    return _check.get()


def raise_if_cancelled() -> None:
    """Raise :class:`StopRequestedError` if a stop is requested; call it between pieces of work."""
    should_stop = _check.get()
    if should_stop is not None and should_stop():
        raise StopRequestedError
