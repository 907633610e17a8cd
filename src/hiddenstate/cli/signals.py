"""Ctrl-C and SIGTERM as a flag the training loop looks at; a lost terminal ends nothing."""

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

from hiddenstate.errors import MachineError

NUMBERS = (signal.SIGINT, signal.SIGTERM)

ECHO = 0.05
"""Seconds within which a second signal is the same one: timeout(1) sends its signal twice."""


class StopSignal:
    """Once armed, SIGINT and SIGTERM only set a flag; a second one ends the process at once.

    Calling it tells whether a signal came; `number` is which. Before :meth:`arm` signals do
    what they always do; leaving the `with` block puts that back. A terminal that goes away, as
    when a connection drops (SIGHUP), ends nothing either: what would have been printed is not.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, object] = {}
        self._pipe: int | None = None
        self._raising = False

    def __call__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> "StopSignal":
        return self

    def arm(self) -> None:
        """From now on a first signal only sets the flag."""
        if self._before:
            return
        # Python runs handlers between its own instructions, and a long compiled call has none:
        # the bytes that Python writes to this pipe as signals come are counted in a thread.
        read, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            threading.Thread(target=_end_at_second, args=(read,), daemon=True).start()
        except RuntimeError:
            raise MachineError(
                "no thread can be started: too little memory, or a limit on processes; raise it "
                "(ulimit -v, ulimit -u)"
            ) from None
        signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        for number in NUMBERS:
            self._before[number] = signal.signal(number, self._take)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # else nohup has seen to it
            self._before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)

    def disarm(self) -> None:
        """From now on signals do again what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)
            os.close(self._pipe)
            self._pipe = None

    def stop(self, number: int) -> None:
        """Ask to stop as if signal `number` had come."""
        self.number = self.number or number

    @staticmethod
    def _hang_up(number: int, frame: FrameType | None) -> None:
        say_nothing_more()

    @contextlib.contextmanager
    def interrupting(self) -> Iterator[None]:
        """While this lasts a signal, or one that came before, raises KeyboardInterrupt.

        For what can be broken off anywhere, once all is saved.
        """
        self._raising = True
        try:
            if self():
                raise KeyboardInterrupt
            yield
        finally:
            self._raising = False

    def __exit__(self, *exception: object) -> None:
        self.disarm()

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
        if self._raising:
            raise KeyboardInterrupt


def _end_at_second(pipe: int) -> None:
    """End the process when a second signal to stop comes; the pipe brings their numbers."""
    first = None
    while numbers := os.read(pipe, 64):
        asked = [number for number in numbers if number in NUMBERS]
        if first is None and asked:
            first = time.monotonic()
        elif first is not None and asked and time.monotonic() > first + ECHO:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # show the cursor a progress bar had hidden
            os._exit(128 + asked[0])
    os.close(pipe)


def say_nothing_more() -> None:
    """Send what would be printed on the terminal nowhere: it is gone. Files and pipes stay."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):  # closed before
            if stat.S_ISCHR(os.fstat(stream).st_mode):  # isatty is false of one that is gone
                os.dup2(nowhere, stream)
    os.close(nowhere)
