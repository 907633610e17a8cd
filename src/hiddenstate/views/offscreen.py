"""Draws a run off screen, in this process or in one of its own that sends its pictures.

That process, `python -m hiddenstate.views.offscreen RUN`, writes each picture to stdout as four
bytes of length, most significant first, and a PNG. It ends once the run has ended and its last
moment is sent, or when its stdin is closed; a byte on stdin makes it read the run at once.
"""

import argparse
import io
import os
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.runs import Run
from hiddenstate.system import processes, threads
from hiddenstate.system.interpreter import python_command, python_environment
from hiddenstate.system.lock import is_locked
from hiddenstate.system.terminal import ready
from hiddenstate.views.playback import Pace, Player
from hiddenstate.views.timeline import Moment, Timeline

SIZE = (1100, 750)
"""Width and height of a picture, in pixels."""

INCHES = 11.0
"""Width of a picture for matplotlib, whose fonts are sized in points."""

MIN_PERIOD = 0.2
"""Shortest time between two pictures, in seconds."""

NICENESS = 10
"""How far the priority of drawing is below that of training."""

LENGTH = struct.Struct(">I")


def lower_priority() -> None:
    """Give way to training, in a process that only draws.

    Where the system knows batch processes it becomes one: these do not preempt a thread of
    training, for which the other threads would have to wait.
    """
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def status_line(player: Player) -> str:
    """Return the run, step and status that a view shows, and how it is played."""
    words = [printable(player.timeline.run.name, 40), f"step {player.step}", player.status]
    if player.paused:
        words.append("paused")
    elif not (player.following or player.finished):
        words.append("replay")
    if player.speed != 1 and not player.following:
        words.append(f"speed {player.speed:g}")
    if shows_training_rows(player.timeline):
        words.insert(0, TRAINING_ROWS)
    return "   ".join(words)


def described(player: Player, moment: Moment) -> str:
    """Return in a sentence or two what the picture of a moment shows."""
    from hiddenstate.views.catalog import LAYOUTS, drawings

    timeline = player.timeline
    words = f"{timeline.job} run {printable(timeline.run.name, 40)}, {player.status}"
    words += f", {timeline.unit} {moment.step:,}"
    if moment.history:
        words += f": mean loss {moment.history[-1]['mean_loss']:.3g}"
        scored = [event for event in moment.history if "test_accuracy" in event]
        words += f", test accuracy {scored[-1]['test_accuracy']:.3g}" if scored else ""
    drawn = drawings(timeline, moment)
    panels = [name.replace("_", " ") for name in LAYOUTS[timeline.kind.answers][0] if name in drawn]
    note = f". {TRAINING_ROWS.capitalize()}" if shows_training_rows(timeline) else ""
    return f"{words}. Drawn: {', '.join(panels) or 'nothing yet'}{note}."


TRAINING_ROWS = "rows shown are training rows"
"""What a view says if the run has no test rows to show."""


def shows_training_rows(timeline: Timeline) -> bool:
    """Whether rows with predictions or codes are drawn, and are rows that were learned from."""
    return not timeline.kind.has_targets and timeline.facts.shown_split == "train"


class Painter:
    """Draws the dashboard of a run off screen.

    Parameters
    ----------
    timeline : Timeline
    size : tuple of int, default SIZE
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
        # Slightly more, so that rounding in the division does not cost a pixel.
        inches = ((size[0] + 0.01) / dpi, (size[1] + 0.01) / dpi)
        with style.theme(theme):
            self._figure = Figure(figsize=inches, dpi=dpi)
        self._canvas: Any = FigureCanvasAgg(self._figure)

    def paint(self, moment: Moment, title: str = "") -> NDArray[np.uint8]:
        """Return the dashboard at `moment` as pixels (height, width, 3)."""
        from hiddenstate.views import style
        from hiddenstate.views.catalog import draw_dashboard

        with style.theme(self._theme):
            draw_dashboard(self._figure, self._timeline, moment, title)
            self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()


DESCRIPTION = "Description"
"""Keyword of the text in a PNG file that says what it shows."""


def png(pixels: NDArray[np.uint8], description: str) -> bytes:
    """Return pixels (height, width, 3) and what they show as a PNG file."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    data, info = io.BytesIO(), PngInfo()
    info.add_itxt(DESCRIPTION, description)
    Image.fromarray(pixels).save(data, "PNG", compress_level=3, pnginfo=info)
    return data.getvalue()


def description_of(picture: bytes) -> str:
    """Return what a PNG file says that it shows; nothing if it does not say."""
    from PIL import Image

    with Image.open(io.BytesIO(picture)) as image:
        return str(image.info.get(DESCRIPTION, ""))


def send_pictures(player: Player, stream: BinaryIO, wait: Callable[[float], bool]) -> None:
    """Write a picture of each moment shown to `stream`, until the last one of the run.

    Parameters
    ----------
    player : Player
    stream : binary stream
        Its format is that of this module's process.
    wait : callable
        Waits for at most a number of seconds; returns false to end.
    """
    pace, painter = Pace(MIN_PERIOD), Painter(player.timeline)
    while True:
        with pace.drawing(player.share):
            picture = None
            if player.advance():
                moment = player.moment()
                pixels = painter.paint(moment, status_line(player))
                picture = png(pixels, described(player, moment))
        if picture:
            stream.write(LENGTH.pack(len(picture)) + picture)
            stream.flush()
        if player.finished or (not player.live and not player.steps):
            return
        if not wait(pace.wait()):
            return


class PictureReader:
    """Starts a process that draws a run, and returns its newest picture on request.

    A thread reads the pipe, so that nothing has to wait and older pictures are dropped.

    Parameters
    ----------
    path : Path
        The run folder.
    replay : bool, default False
    speed : float, default 1.0
        As for a :class:`~hiddenstate.views.playback.Player`.

    Attributes
    ----------
    failure : str
        Why the process failed, in one line; empty if it did not.
    """

    def __init__(self, path: Path, replay: bool = False, speed: float = 1.0) -> None:
        command = python_command("-m", "hiddenstate.views.offscreen", str(path))
        command += ["--speed", str(speed), *(["--replay"] if replay else [])]
        self._process = processes.start(
            command,
            env=python_environment(),
            stdin=processes.PIPE,
            stdout=processes.PIPE,
            stderr=processes.PIPE,
            own_session=True,  # Ctrl-C is for training, not for drawing
        )
        self._changed = threads.Condition()
        self._newest: bytes | None = None
        self._ended = False
        self.failure = ""
        threads.start(self._read, name="pictures")

    def _read(self) -> None:
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        while picture := _read_picture(process.stdout):
            with self._changed:
                self._newest = picture
                self._changed.notify_all()
        message = process.stderr.read().decode("utf-8", "replace").strip()
        code = process.wait()
        process.stdout.close()
        process.stderr.close()
        with self._changed:
            if code > 0:  # not if it was terminated
                last = message.splitlines()[-1] if message else f"exit code {code}"
                self.failure = printable(last)
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether there are no more pictures, and the newest was returned."""
        return self._ended and self._newest is None

    def newest(self, seconds: float = 0.0) -> bytes | None:
        """Return the newest picture (PNG) once; None if none comes within `seconds`."""
        with self._changed:
            if seconds:
                self._changed.wait_for(lambda: self._newest or self._ended, seconds)
            picture, self._newest = self._newest, None
        return picture

    def last(self, seconds: float) -> bytes | None:
        """Return the picture of the run's end; None if none comes within `seconds`."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        with self._changed:
            self._changed.wait_for(lambda: self._ended, seconds)
        return self.newest()

    def close(self) -> None:
        """End the process if it has not ended."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.terminate()
        with self._changed:
            self._changed.wait_for(lambda: self._ended, 5.0)


def _read_picture(stream: Any) -> bytes:
    """Return the next picture; nothing at the end of the stream, even in the middle of one."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return b""
    (length,) = LENGTH.unpack(head)
    picture: bytes = stream.read(length)
    return picture if len(picture) == length else b""


CHECK_PERIOD = 0.25
"""Seconds between two checks whether a run has ended, while the next picture is not due."""


def _waiting(path: Path, player: Player) -> Callable[[float], bool]:
    """Return a wait that ends early with the run or at a byte; false when stdin is closed."""

    def wait(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if ready([0], seconds=min(left, CHECK_PERIOD)):
                return bool(os.read(0, 1))
            if player.live and not is_locked(path):
                return True
        return True

    return wait


def main() -> None:
    """Send pictures of the run named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m hiddenstate.views.offscreen")
    parser.add_argument("run", type=Path)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parser.parse_args()
    lower_priority()
    try:
        player = Player(Timeline(Run(arguments.run)), arguments.replay, arguments.speed)
        send_pictures(player, sys.stdout.buffer, _waiting(arguments.run, player))
    except BrokenPipeError:  # the reader is gone, and needs no more pictures
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except HiddenstateError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
