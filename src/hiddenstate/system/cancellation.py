"""A request to stop, heard in the middle of a long evaluation too.

Steps are few at a time and the loop asks between them; an evaluation may take long in one go, is
called from many places, and can simply be done again. So it listens to what is set here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_asked: ContextVar[Callable[[], bool] | None] = ContextVar("asked", default=None)


class StopRequestedError(Exception):
    """Raised where an evaluation hears that it is to stop; whoever asked catches it."""


@contextmanager
def listening(should_stop: Callable[[], bool]) -> Iterator[None]:
    """While this lasts, evaluations ask `should_stop` now and then."""
    before = _asked.set(should_stop)
    try:
        yield
    finally:
        _asked.reset(before)


def asked_by() -> Callable[[], bool] | None:
    """What is to be asked, or None: for a call that asks by itself, in compiled code."""
    return _asked.get()


def stop_if_asked() -> None:
    """Raise :class:`StopRequestedError` if a stop is asked for; between two pieces of work."""
    should_stop = _asked.get()
    if should_stop is not None and should_stop():
        raise StopRequestedError
