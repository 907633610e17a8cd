"""Signals: handlers that are undone, and signals that wait. Without signals, none ever comes."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from hiddenstate.system import platform

SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM = 1, 2, 3, 13, 15
"""The signals that end a process, as POSIX numbers them."""

_JOBS = ("SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGWINCH")

SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH = (int(getattr(signal, name, 0)) for name in _JOBS)
"""Those of terminals, which each system numbers; 0 where there are none."""

Handler = Callable[[int, FrameType | None], object] | signal.Handlers
"""What is called with the number of a signal and a frame; or `IGNORED`."""

IGNORED = signal.SIG_IGN


class Handlers:
    """Handlers of signals in place of those before, until :meth:`restore`.

    All that is taken before an exception is restored, so make it before a `try` block and take
    signals inside.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._pipe_before: int | None = None

    def take(self, number: int, handler: Handler) -> None:
        """Handle a signal."""
        if platform.has("signals"):
            self._before[number] = signal.signal(number, handler)

    def write_to(self, pipe: int) -> None:
        """Have Python write the number of each signal that comes to a pipe, as one byte.

        Python runs handlers between its own instructions; it writes to the pipe at once.
        """
        if platform.has("signals"):
            self._pipe_before = signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)

    def restore(self) -> None:
        """Restore the handlers, and where numbers are written to."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        if self._pipe_before is not None:
            signal.set_wakeup_fd(self._pipe_before)
            self._pipe_before = None


def ends_process(number: int) -> bool:
    """Return whether a signal has its usual effect: `nohup` ignores SIGHUP, for instance."""
    return platform.has("signals") and signal.getsignal(number) == signal.SIG_DFL


@contextmanager
def held_back(numbers: Sequence[int]) -> Iterator[None]:
    """Hold signals back in this thread, and in processes that start in this context."""
    if not platform.has("signals"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def let_through(numbers: Sequence[int]) -> None:
    """Let signals come that were held back when this process was started."""
    if platform.has("signals"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def stop_group() -> None:
    """Stop this process and its whole group, as Ctrl-Z does, until they are continued."""
    if not platform.has("signals"):
        return
    mine = signal.signal(SIGTSTP, signal.SIG_IGN)
    with suppress(OSError):
        os.killpg(os.getpgrp(), SIGTSTP)
    signal.signal(SIGTSTP, signal.SIG_DFL)
    signal.raise_signal(signal.SIGTSTP)  # stopped here
    signal.signal(SIGTSTP, mine)
