"""Pictures of a run drawn off screen, here or in a process of their own that hands them over.

The process, `python -m hiddenstate.views.offscreen RUN`, writes each picture to its stdout as four
bytes of length, the most significant first, and a PNG. It ends when the run is over and its last
moment sent, or when its stdin is closed; a byte there asks it to look again at once.
"""

import argparse
import io
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.runs import Run
from hiddenstate.system.lock import is_locked
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.timeline import Moment, Timeline

SIZE = (1100, 750)
"""Width and height of a picture, in pixels."""

INCHES = 11.0
"""Width of a picture to matplotlib, whose letters are sized in 1/72 inch."""

SHORTEST = 0.2
"""Seconds between two frames of the process at the least."""

NICENESS = 10
"""How far drawing stands behind training."""

LENGTH = struct.Struct(">I")


def be_nice() -> None:
    """Let training go first, in a process that only draws.

    It is batch work too, to systems that know it: it never takes a processor from a thread that
    has not used up its turn, for which a team of threads would wait.
    """
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def status(player: Player) -> str:
    """Where a view stands: run, step, state, and how it is played."""
    words = [printable(player.timeline.run.name, 40), f"step {player.step}", player.state]
    if player.paused:
        words.append("paused")
    elif not (player.following or player.finished):
        words.append("replay")
    if player.speed != 1 and not player.following:
        words.append(f"speed {player.speed:g}")
    return "   ".join(words)


class Painter:
    """Draws the dashboard of a run off screen.

    Parameters
    ----------
    timeline : Timeline
    size : tuple of int
        Width and height in pixels.
    theme : {"light", "dark"}
    """

    def __init__(
        self, timeline: Timeline, size: tuple[int, int] = SIZE, theme: str = "light"
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        from hiddenstate.views import style

        self._timeline, self._theme = timeline, theme
        dpi = size[0] / INCHES
        # A hair more, lest a fraction lost in the division costs a pixel.
        inches = ((size[0] + 0.01) / dpi, (size[1] + 0.01) / dpi)
        with style.theme(theme):
            self._figure = Figure(figsize=inches, dpi=dpi)
        self._canvas: Any = FigureCanvasAgg(self._figure)

    def paint(self, moment: Moment, title: str = "") -> NDArray[np.uint8]:
        """The dashboard at `moment`, as pixels (height, width, 3)."""
        from hiddenstate.views import style
        from hiddenstate.views.catalog import draw_dashboard

        with style.theme(self._theme):
            draw_dashboard(self._figure, self._timeline, moment, title)
            self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Pixels (height, width, 3) as a PNG file."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG", compress_level=3)
    return data.getvalue()


def send_frames(player: Player, stream: BinaryIO, wait: Callable[[float], bool]) -> None:
    """Write a picture of every moment shown to `stream`, until the run's last one is sent.

    Parameters
    ----------
    player : Player
    stream : binary stream
        See the module.
    wait : callable
        Waits so many seconds at the most; false ends it.
    """
    pace, painter = Pace(SHORTEST), Painter(player.timeline)
    while True:
        with pace.drawing(player.share):
            picture = None
            if player.advance():
                picture = png(painter.paint(player.moment(), status(player)))
        if picture:
            stream.write(LENGTH.pack(len(picture)) + picture)
            stream.flush()
        if player.finished or (not player.live and not player.steps):
            return
        if not wait(pace.wait()):
            return


class FrameReader:
    """The other end of the process: starts it, and has its newest picture when asked.

    A thread reads the pipe, so that nobody waits for it and older pictures are dropped.

    Parameters
    ----------
    path : Path
        The run folder.
    replay : bool
    speed : float
        As a :class:`~hiddenstate.views.playback.Player` has them.
    """

    def __init__(self, path: Path, replay: bool = False, speed: float = 1.0) -> None:
        command = [sys.executable, "-P", "-m", "hiddenstate.views.offscreen", str(path)]
        command += ["--speed", str(speed), *(["--replay"] if replay else [])]
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # an interrupt is for who trains, not for who draws
        )
        self._changed = threading.Condition()
        self._newest: bytes | None = None
        self._ended = False
        self.failure = ""
        """Why the process ended early, in a line; empty where it did not."""
        threading.Thread(target=self._read, daemon=True, name="frames").start()

    def _read(self) -> None:
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        while picture := _read_picture(process.stdout):
            with self._changed:
                self._newest = picture
                self._changed.notify_all()
        said = process.stderr.read().decode("utf-8", "replace").strip()
        code = process.wait()
        process.stdout.close()
        process.stderr.close()
        with self._changed:
            if code > 0:  # not where it was told to end
                self.failure = printable(said.splitlines()[-1] if said else f"exit code {code}")
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether there are no more pictures, and the newest was taken."""
        return self._ended and self._newest is None

    def newest(self, seconds: float = 0.0) -> bytes | None:
        """The newest picture (PNG) not taken yet; None where none came within `seconds`."""
        with self._changed:
            if seconds:
                self._changed.wait_for(lambda: self._newest or self._ended, seconds)
            picture, self._newest = self._newest, None
        return picture

    def last(self, seconds: float) -> bytes | None:
        """The picture of the run's end, once it is over; None where none came in `seconds`."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        with self._changed:
            self._changed.wait_for(lambda: self._ended, seconds)
        return self.newest()

    def close(self) -> None:
        """End the process, if it has not ended."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.terminate()
        with self._changed:
            self._changed.wait_for(lambda: self._ended, 5.0)


def _read_picture(stream: Any) -> bytes:
    """The next picture; empty where the stream ended, be it in the middle of one."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return b""
    (length,) = LENGTH.unpack(head)
    picture: bytes = stream.read(length)
    return picture if len(picture) == length else b""


LOOK = 0.25
"""Seconds between two looks whether a run has ended, while the next frame is not due."""


def _waiting(path: Path, player: Player) -> Callable[[float], bool]:
    """Waits that end early when the run does or a byte comes; false when stdin is closed."""

    def wait(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([0], [], [], min(left, LOOK))[0]:
                return bool(os.read(0, 1))
            if player.live and not is_locked(path):
                return True
        return True

    return wait


def main() -> None:
    """Send the frames of the run that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m hiddenstate.views.offscreen")
    parser.add_argument("run", type=Path)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--speed", type=float, default=1.0)
    asked = parser.parse_args()
    be_nice()
    try:
        player = Player(Timeline(Run(asked.run)), asked.replay, asked.speed)
        send_frames(player, sys.stdout.buffer, _waiting(asked.run, player))
    except BrokenPipeError:  # the reader went away, and with it the need for pictures
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except HiddenstateError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
