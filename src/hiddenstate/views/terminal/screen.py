"""The terminal itself: taken over, drawn on, listened to, and always put back."""

import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.keys import Keys

SMALLEST = (40, 12)
"""Columns and rows the view needs."""

ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J"
"""The other screen, no cursor, no wrapping (xterm, `ctlseqs`)."""

LEAVE = "\x18\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
"""All of it put back; CAN first ends a sequence that was cut short."""

WHOLE = ("\x1b[?2026h", "\x1b[?2026l")
"""Between these a terminal that knows them shows nothing half drawn."""

LAST_WORD = 1.0
"""Seconds a terminal that takes nothing is waited for when it is put back."""

ESCAPE_ALONE = 0.05
"""Seconds after which an escape was the key itself."""

NO_BRAILLE = ("linux",)
"""Terminals whose font has no braille dots."""


def terminal_missing(environment: Mapping[str, str] = os.environ) -> str | None:
    """Why no terminal view can be shown here, or None if one can.

    It needs a terminal to read keys from and to draw on, in the foreground, of `SMALLEST` size
    at least, whose font and encoding have braille dots.
    """
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
        return f"the terminal's font has no braille dots (TERM is {term})"
    if (sys.stdout.encoding or "").lower().replace("-", "") != "utf8":
        return f"the terminal's encoding is {sys.stdout.encoding}, not UTF-8"
    if not _in_front(stdin):
        return "it runs in the background"
    width, height = os.get_terminal_size(stdout)
    if width < SMALLEST[0] or height < SMALLEST[1]:
        need = f"{SMALLEST[0]} by {SMALLEST[1]}"
        return f"the terminal is too small: {width} by {height}, {need} are needed"
    if threading.current_thread() is not threading.main_thread():
        return "it is not the main thread, which alone hears of signals"
    return None


def terminal_settings() -> Any:
    """How the terminal on stdin takes keys, to be put back later; None where there is none."""
    try:
        return termios.tcgetattr(0)
    except (termios.error, OSError):
        return None


def put_terminal_back(settings: Any) -> None:
    """Do for a view that was killed what it can do no more; without a terminal, nothing."""
    with suppress(termios.error, OSError):
        os.write(1, LEAVE.encode())
        termios.tcsetattr(0, termios.TCSANOW, settings)


def _in_front(terminal: int) -> bool:
    """Whether this process may read from the terminal; so where it does not control it."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True


class Screen:
    """A terminal taken over for as long as the `with` block lasts.

    Parameters
    ----------
    over : callable, optional
        Says whether the training that shares the terminal is over; Ctrl-C is meant for that.
        Without it the terminal is not shared.
    stdin, stdout : int
        Its file descriptors.

    Attributes
    ----------
    ended : bool
        A signal asked to end, or the terminal is gone.
    """

    def __init__(
        self, over: Callable[[], bool] | None = None, stdin: int = 0, stdout: int = 1
    ) -> None:
        self._over, self.ended = over, False
        self._in, self._out, self._own = stdin, stdout, False
        self._keys = Keys()
        self._shown: Canvas | None = None
        self._saved: Any = None
        self._before: dict[int, Any] = {}
        self._stop_asked = self._woken = False

    def __enter__(self) -> "Screen":
        self._saved = termios.tcgetattr(self._in)
        with suppress(OSError):  # opened anew, so that not to wait is our own affair
            name = os.ttyname(self._out)
            self._out = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
            self._own = True
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        self._before_waker = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        take: dict[int, Any] = dict.fromkeys(
            (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT), self._end
        )
        if self.attached:
            take[signal.SIGINT] = signal.SIG_IGN
        take |= {signal.SIGWINCH: self._look, signal.SIGTSTP: self._ask_stop}
        # In the background nothing of ours may stop the process group: training is in it.
        take |= {signal.SIGTTIN: signal.SIG_IGN, signal.SIGTTOU: signal.SIG_IGN}
        take |= {signal.SIGCONT: self._wake_up}
        for number, handler in take.items():
            self._before[number] = signal.signal(number, handler)
        self._take_over()
        return self

    def __exit__(self, *exception: object) -> None:
        self._put_back()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_waker)
        for end in (self._wake, self._waker, *([self._out] if self._own else [])):
            os.close(end)

    @property
    def attached(self) -> bool:
        """Whether the terminal is shared with training."""
        return self._over is not None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as they are now."""
        try:
            columns, rows = os.get_terminal_size(self._out)
            return columns, rows
        except OSError:
            self.ended = True
            return SMALLEST

    def show(self, canvas: Canvas) -> None:
        """Draw `canvas`: what differs from what stands there."""
        text = changes(canvas, self._shown)
        if text and self._write(WHOLE[0] + text + WHOLE[1]):
            self._shown = canvas

    def forget(self) -> None:
        """Draw the whole of the next canvas."""
        self._shown = None

    def keys(self, timeout: float | None) -> list[str]:
        """The keys typed within `timeout` seconds; a signal or a first key ends the wait.

        `ended` and :attr:`size` may have changed after it.
        """
        if self._keys.unfinished:
            timeout = ESCAPE_ALONE if timeout is None else min(timeout, ESCAPE_ALONE)
        if self.ended:
            return []
        ready = select.select([self._in, self._wake], [], [], timeout)[0]
        self._drain()
        if self._stop_asked:
            self.suspend()
        elif self._woken:
            self._come_back()
        if self._in not in ready:
            return self._keys.feed(b"", last=True)
        return self._keys.feed(self._read())

    def _read(self) -> bytes:
        try:
            data = os.read(self._in, 1024)
        except OSError:
            data = b""
        if not data:
            if not _in_front(self._in):
                self._come_back()
            else:
                self.ended = True
        return data

    def suspend(self) -> None:
        """Put the terminal back, stop with the whole process group, go on when continued.

        Ctrl-Z is read as a key, so that all is put back before the shell is in front again.
        """
        self._stop_asked = False
        self._put_back()
        mine = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        with suppress(OSError):
            os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)  # stopped here
        signal.signal(signal.SIGTSTP, mine)
        self._come_back()

    def _come_back(self) -> None:
        """Take the terminal over again, as soon as this process is in front."""
        self._woken = False
        while not _in_front(self._in) and not self.ended:
            select.select([self._wake], [], [], 1.0)
            self._drain()
            self.ended = self.ended or (self._over is not None and self._over())
        if not self.ended:
            self._take_over()

    def _take_over(self) -> None:
        modes = termios.tcgetattr(self._in)
        modes[0] &= ~termios.IXON
        modes[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
        special = modes[6] = list(modes[6])
        special[termios.VMIN], special[termios.VTIME] = 1, 0
        special[termios.VSUSP] = os.fpathconf(self._in, "PC_VDISABLE").to_bytes(1, "little")
        try:
            termios.tcsetattr(self._in, termios.TCSANOW, modes)
        except termios.error:
            self.ended = True
        self._shown = None
        self._write(ENTER)

    def _put_back(self) -> None:
        self._write(LEAVE, LAST_WORD)
        with suppress(termios.error):
            termios.tcsetattr(self._in, termios.TCSANOW, self._saved)

    def _write(self, text: str, patience: float | None = None) -> bool:
        """Write all of `text`, unless asked to end meanwhile; whether it was written."""
        left = memoryview(text.encode("utf-8", "replace"))
        while left:
            try:
                left = left[os.write(self._out, left) :]
            except BlockingIOError:
                ready = select.select([self._wake], [self._out], [], patience)
                self._drain()
                if (self.ended and patience is None) or (patience and not ready[1]):
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

    def _look(self, number: int, frame: FrameType | None) -> None:
        """A new size: the wait ends, and the size is asked for anew."""

    def _ask_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop_asked = True

    def _wake_up(self, number: int, frame: FrameType | None) -> None:
        self._woken = True
