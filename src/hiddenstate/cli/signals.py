"""Interrupts a command on Ctrl-C (SIGINT) and SIGTERM, in the middle of training too.

Training can end before its last step in four ways, each with a verb of its own in messages, help
and documentation:

- a signal *interrupts* it: a checkpoint is saved, the exit code is 130 or 143, and
  `hiddenstate resume` resumes the run. A second signal ends the process at once, unsaved;
- `hiddenstate ctl RUN stop` *finishes it early*: the best weights are kept and the run is done;
- `--patience` *stops it early* when the validation loss no longer improves: the run is done too;
- an error makes it *fail*; the last checkpoint stays.

A signal that arrives during a long evaluation *cancels* the evaluation, which is repeated when the
run is resumed. `training/trainer.py` has the same story from the inside.
"""

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from types import FrameType

from hiddenstate.system import platform, signals, threads

SIGNALS = (signals.SIGINT, signals.SIGTERM)
"""The signals that interrupt."""

REPEAT_SECONDS = 0.05
"""A second signal within this time counts as the first: timeout(1) sends its signal twice."""


class InterruptHandler:
    """Turns a first SIGINT or SIGTERM into a flag; a second one ends the process at once.

    An instance is callable and returns True once a signal came, so that a loop can save and return.
    Until :meth:`arm` is called, signals have their usual effect; leaving the `with` block restores
    it. While armed, the loss of the terminal (SIGHUP) interrupts nothing, and output to the
    terminal is discarded.

    Attributes
    ----------
    number : int or None
        The first signal that came.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._handlers: signals.Handlers | None = None
        self._pipe: int | None = None
        self._raising = False

    def __call__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> "InterruptHandler":
        return self

    def __exit__(self, *exception: object) -> None:
        self.disarm()

    def arm(self) -> None:
        """Handle signals from now on.

        Raises
        ------
        MachineError
            If no thread can be started.
        """
        if self._handlers is not None or not platform.has("signals"):
            return
        # Python runs handlers between its own instructions, and a long compiled call has none.
        # Python also writes a byte into this pipe for each signal; a thread counts them.
        read, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        threads.start(_exit_at_second_signal, read)
        self._handlers = signals.Handlers()
        self._handlers.write_to(self._pipe)
        for number in SIGNALS:
            self._handlers.take(number, self._handle)
        if signals.ends_process(signals.SIGHUP):
            self._handlers.take(signals.SIGHUP, self._hang_up)

    def disarm(self) -> None:
        """Restore the usual effect of signals."""
        if self._handlers is not None:
            self._handlers.restore()
            self._handlers = None
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def trigger(self, number: int) -> None:
        """Set the flag as if signal `number` had come."""
        self.number = self.number or number

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in this context on a signal, or if one came before.

        For work that can be cut off anywhere, because everything is saved.
        """
        self._raising = True
        try:
            if self():
                raise KeyboardInterrupt
            yield
        finally:
            self._raising = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.trigger(number)
        if self._raising:
            raise KeyboardInterrupt

    @staticmethod
    def _hang_up(number: int, frame: FrameType | None) -> None:
        silence_terminal()


def _exit_at_second_signal(pipe: int) -> None:
    """End the process at the second signal of `SIGNALS`; their numbers arrive in the pipe."""
    first = None
    while numbers := os.read(pipe, 64):
        interrupts = [number for number in numbers if number in SIGNALS]
        if first is None and interrupts:
            first = time.monotonic()
        elif first is not None and interrupts and time.monotonic() > first + REPEAT_SECONDS:
            if sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # show the cursor that a progress bar has hidden
            os._exit(128 + interrupts[0])
    os.close(pipe)


def silence_terminal() -> None:
    """Discard output to the terminal, which is gone; files and pipes are still written."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        with contextlib.suppress(OSError):  # closed already
            if stat.S_ISCHR(os.fstat(stream).st_mode):  # isatty() is False once it is gone
                os.dup2(null, stream)
    os.close(null)
