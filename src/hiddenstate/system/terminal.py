"""Terminals: their settings, what comes in from them, and the standard streams.

Without terminals no view takes one over; see `views/terminal/screen`.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NewType

from hiddenstate.system import platform

Settings = NewType("Settings", list[Any])
"""The settings of a terminal, as `termios` lists them."""


def is_usable(descriptor: int, unfit: int) -> bool:
    """Return whether a descriptor is open, and not only with the access `unfit` of `os.open`.

    Without the means to ask for its access, an open one is usable.
    """
    try:
        if platform.has("terminals"):
            import fcntl

            return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != unfit
        os.fstat(descriptor)
        return True
    except OSError:
        return False


def is_in_foreground(terminal: int) -> bool:
    """Return whether this process may read from a terminal; true if it does not control it."""
    if not platform.has("terminals"):
        return True
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True


def settings_of(terminal: int) -> Settings | None:
    """Return the settings of a terminal; None if the descriptor is of none."""
    if not platform.has("terminals"):
        return None
    import termios

    try:
        return Settings(termios.tcgetattr(terminal))
    except (termios.error, OSError):
        return None


def restore(terminal: int, settings: Settings | None) -> bool:
    """Give a terminal settings that it had; return whether it has them now."""
    if settings is None or not platform.has("terminals"):
        return False
    import termios

    with suppress(termios.error, OSError):
        termios.tcsetattr(terminal, termios.TCSANOW, settings)
        return True
    return False


def read_each_key(terminal: int) -> bool:
    """Have keys read at once and unseen, Ctrl-Z among them; return whether that is so now."""
    settings = settings_of(terminal)
    if settings is None:
        return False
    import termios

    settings[0] &= ~termios.IXON
    settings[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
    special = settings[6] = list(settings[6])
    special[termios.VMIN], special[termios.VTIME] = 1, 0
    special[termios.VSUSP] = os.fpathconf(terminal, "PC_VDISABLE").to_bytes(1, "little")
    return restore(terminal, settings)


def ready(
    reading: Sequence[int], writing: Sequence[int] = (), seconds: float | None = None
) -> list[int]:
    """Wait for descriptors to be read from or written to; return those that can be.

    Parameters
    ----------
    reading, writing : sequence of int
    seconds : float, optional
        Longest wait; by default until one is ready.

    Raises
    ------
    MachineError
        If the platform has no terminals: Windows waits for sockets alone.
    """
    platform.require("terminals")
    import select

    can_read, can_write, _ = select.select(reading, writing, [], seconds)
    return [*can_read, *can_write]
