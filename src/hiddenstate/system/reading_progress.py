"""Reports how much of a file has been read, to whoever watches.

Readers are called from many places and return data; how far they are is only for a person who
waits, so it goes to the function that is set here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watch = Callable[[str, float], None]
"""Takes the name of a file and the share of it that was read."""

_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Let readers inside this context call `watch` now and then."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def report_read(name: str, done: int, total: int) -> None:
    """Report that `done` of `total` bytes, rows or files were read; call it between pieces."""
    watch = _watch.get()
    if watch is not None:
        watch(name, min(done / max(total, 1), 1.0))
