"""Ctrl-C and SIGTERM as a flag the training loop looks at; a lost terminal ends nothing."""

import os
import signal
import stat
import sys
from contextlib import suppress
from types import FrameType


class StopSignal:
    """Once armed, SIGINT and SIGTERM only set a flag; a second one ends the process at once.

    Calling it tells whether a signal came; `number` is which. Before :meth:`arm` signals do
    what they always do; leaving the `with` block puts that back. A terminal that goes away, as
    when a connection drops (SIGHUP), ends nothing either: what would have been printed is not.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> "StopSignal":
        return self

    def arm(self) -> None:
        """From now on a first signal only sets the flag."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._take)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # else nohup has seen to it
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)

    def disarm(self) -> None:
        """From now on signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}

    def stop(self, number: int) -> None:
        """Ask to stop as if signal `number` had come."""
        self.number = self.number or number

    @staticmethod
    def _hang_up(number: int, frame: FrameType | None) -> None:
        say_nothing_more()

    def __exit__(self, *exception: object) -> None:
        self.disarm()

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # show the cursor a progress bar had hidden
            os._exit(128 + number)
        self.number = number


def say_nothing_more() -> None:
    """Send what would be printed on the terminal nowhere: it is gone. Files and pipes stay."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with suppress(OSError):  # closed before
            if stat.S_ISCHR(os.fstat(stream).st_mode):  # isatty is false of one that is gone
                os.dup2(nowhere, stream)
    os.close(nowhere)
