"""Takes over a terminal, draws on it, reads its keys, and always restores it."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType

from hiddenstate.system import platform, signals, terminal, threads
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.keys import Keys

SMALLEST = (40, 12)
"""Columns and lines that the view needs."""

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J"
"""Alternate screen, no cursor, no wrapping (xterm, `ctlseqs`)."""

LEAVE = "\x18\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Undoes ENTER; CAN first ends a sequence that was cut short."""

SYNCHRONIZED = ("\x1b[?2026h", "\x1b[?2026l")
"""What is written between these appears at once, in terminals that support it."""

RESTORE_SECONDS = 1.0
"""How long restoring waits for a terminal that accepts no output."""

ESCAPE_SECONDS = 0.05
"""Seconds after which an escape byte is the key, not the start of a sequence."""

NO_BRAILLE = ("linux",)
"""Terminals whose font lacks braille dots."""


def terminal_missing(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why no terminal view is possible here, or None if one is.

    The view needs a terminal for keys and output, in the foreground, of `SMALLEST` size or more,
    whose font and encoding have braille dots.
    """
    if not platform.has("terminals"):
        return "no view can take over a terminal on this platform"
    try:
        stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return "there is no terminal"
    if not (os.isatty(stdin) and os.isatty(stdout)):
        return "there is no terminal: input or output is redirected"
    term = environment.get("TERM", "")
    if term in ("", "dumb", "unknown"):
        return f"the terminal cannot move its cursor (TERM is {term or 'not set'})"
    if term in NO_BRAILLE:
        return f"the font of the terminal has no braille dots (TERM is {term})"
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        return f"the encoding of the terminal is {sys.stdout.encoding}, not UTF-8"
    if not terminal.is_in_foreground(stdin):
        return "the process runs in the background"
    width, height = os.get_terminal_size(stdout)
    if width < SMALLEST[0] or height < SMALLEST[1]:
        needed = f"{SMALLEST[0]} by {SMALLEST[1]}"
        return f"the terminal is too small: {width} by {height}, needs {needed}"
    if not threads.is_main():
        return "this is not the main thread, which alone receives signals"
    return None


def terminal_settings() -> terminal.Settings | None:
    """Return the settings of the terminal on stdin, for :func:`restore_terminal`; None without."""
    return terminal.settings_of(0)


def restore_terminal(settings: terminal.Settings) -> None:
    """Restore the terminal after a view that was killed; without a terminal, do nothing."""
    with suppress(OSError):
        os.write(1, LEAVE.encode())
        terminal.restore(0, settings)


class Screen:
    """A terminal that is taken over during the `with` block.

    Parameters
    ----------
    over : callable, optional
        Returns whether the training that shares the terminal has ended; Ctrl-C is for training.
        Without it the terminal is not shared.
    stdin, stdout : int
        File descriptors of the terminal.

    Attributes
    ----------
    ended : bool
        Whether a signal asked to end, or the terminal is gone.
    """

    def __init__(
        self, over: Callable[[], bool] | None = None, stdin: int = 0, stdout: int = 1
    ) -> None:
        self._over, self.ended = over, False
        self._in, self._out, self._own = stdin, stdout, False
        self._keys = Keys()
        self._shown: Canvas | None = None
        self._saved: terminal.Settings | None = None
        self._handlers = signals.Handlers()
        self._stop_asked = self._woken = False

    def __enter__(self) -> "Screen":
        self._saved = terminal.settings_of(self._in)
        with suppress(OSError):  # opened again, so that non-blocking mode affects no one else
            name = os.ttyname(self._out)
            self._out = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            self._own = True
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        self._handlers.write_to(self._waker)
        take: dict[int, signals.Handler] = dict.fromkeys(
            (signals.SIGTERM, signals.SIGHUP, signals.SIGQUIT, signals.SIGINT), self._end
        )
        if self.attached:
            take[signals.SIGINT] = signals.IGNORED
        take |= {signals.SIGWINCH: self._resize, signals.SIGTSTP: self._ask_stop}
        # In the background, nothing here may stop the process group, which includes training.
        take |= {signals.SIGTTIN: signals.IGNORED, signals.SIGTTOU: signals.IGNORED}
        take |= {signals.SIGCONT: self._wake_up}
        for number, handler in take.items():
            self._handlers.take(number, handler)
        self._take_over()
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()
        self._handlers.restore()
        for end in (self._wake, self._waker, *([self._out] if self._own else [])):
            os.close(end)

    @property
    def attached(self) -> bool:
        """Whether the terminal is shared with training."""
        return self._over is not None

    @property
    def size(self) -> tuple[int, int]:
        """Current columns and lines."""
        try:
            columns, rows = os.get_terminal_size(self._out)
            return columns, rows
        except OSError:
            self.ended = True
            return SMALLEST

    def show(self, canvas: Canvas) -> None:
        """Draw what differs between `canvas` and the last one shown."""
        text = changes(canvas, self._shown)
        if text and self._write(SYNCHRONIZED[0] + text + SYNCHRONIZED[1]):
            self._shown = canvas

    def forget(self) -> None:
        """Draw the next canvas as a whole."""
        self._shown = None

    def keys(self, timeout: float | None) -> list[str]:
        """Return the keys pressed within `timeout` seconds; a signal or a key ends the wait.

        After it, `ended` and :attr:`size` may have changed.
        """
        if self._keys.unfinished:
            timeout = ESCAPE_SECONDS if timeout is None else min(timeout, ESCAPE_SECONDS)
        if self.ended:
            return []
        ready = terminal.ready([self._in, self._wake], seconds=timeout)
        self._drain()
        if self._stop_asked:
            self.suspend()
        elif self._woken:
            self._resume()
        if self._in not in ready:
            return self._keys.feed(b"", last=True)
        return self._keys.feed(self._read())

    def _read(self) -> bytes:
        try:
            data = os.read(self._in, 1024)
        except OSError:
            data = b""
        if not data:
            if not terminal.is_in_foreground(self._in):
                self._resume()
            else:
                self.ended = True
        return data

    def suspend(self) -> None:
        """Restore the terminal, stop the whole process group, and take over when continued.

        Ctrl-Z is read as a key, so that the terminal is restored before the shell returns.
        """
        self._stop_asked = False
        self._restore()
        signals.stop_group()
        self._resume()

    def _resume(self) -> None:
        """Take over the terminal again, once this process is in the foreground."""
        self._woken = False
        while not terminal.is_in_foreground(self._in) and not self.ended:
            terminal.ready([self._wake], seconds=1.0)
            self._drain()
            self.ended = self.ended or (self._over is not None and self._over())
        if not self.ended:
            self._take_over()

    def _take_over(self) -> None:
        if not terminal.read_each_key(self._in):
            self.ended = True
        self._shown = None
        self._write(ENTER)

    def _restore(self) -> None:
        self._write(LEAVE, RESTORE_SECONDS)
        terminal.restore(self._in, self._saved)

    def _write(self, text: str, timeout: float | None = None) -> bool:
        """Write all of `text` unless asked to end; return whether it was written."""
        left = memoryview(text.encode("utf-8", "replace"))
        while left:
            try:
                left = left[os.write(self._out, left) :]
            except BlockingIOError:
                ready = terminal.ready([self._wake], [self._out], timeout)
                self._drain()
                if (self.ended and timeout is None) or (timeout and self._out not in ready):
                    return False
            except OSError:
                self.ended = True
                return False
        return True

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._wake, 512):
                pass

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ended = True

    def _resize(self, number: int, frame: FrameType | None) -> None:
        """End the wait; the new size is read at the next drawing."""

    def _ask_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _wake_up(self, number: int, frame: FrameType | None) -> None:
        self._woken = True
