"""Ctrl-C and SIGTERM as a flag the training loop looks at."""

import os
import signal
import sys
from types import FrameType


class StopSignal:
    """Once armed, SIGINT and SIGTERM only set a flag; a second one ends the process at once.

    Calling it tells whether a signal came; `number` is which. Before :meth:`arm` signals do
    what they always do; leaving the `with` block puts that back.
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

    def disarm(self) -> None:
        """From now on signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}

    def stop(self, number: int) -> None:
        """Ask to stop as if signal `number` had come."""
        self.number = self.number or number

    def __exit__(self, *exception: object) -> None:
        self.disarm()

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.number is not None:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # show the cursor a progress bar had hidden
            os._exit(128 + number)
        self.number = number
