"""The live window: a process of its own that reads the run folder and nothing else.

Training never waits for it: it is started niced, in a session of its own, and may be closed
at any time. A run that was over before the window opened is replayed at a human pace.
"""

import importlib.util
import os
import sys
import time
from typing import TYPE_CHECKING

from hiddenstate.errors import MachineError
from hiddenstate.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRAMES_A_SECOND = 10
REPLAY_SECONDS = 12
"""About how long a replay takes; one of few frames takes half a second a frame."""

SHARE = 20
"""Processor times of a frame that pass before the next one of a run under way."""

LONGEST_PAUSE = 5.0
"""Seconds after which the next is drawn all the same; the process is niced."""


def display_missing() -> str | None:
    """Why no window can be opened here, or None if one can."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "there is no display"
    return None if _backend() else "no window toolkit is installed (Tk or Qt)"


def _backend() -> str | None:
    """A matplotlib backend whose toolkit is here."""
    if sys.platform == "darwin":
        return "macosx"
    toolkits = {"PySide6": "QtAgg", "PyQt6": "QtAgg", "_tkinter": "TkAgg"}
    there = (backend for module, backend in toolkits.items() if importlib.util.find_spec(module))
    return next(there, None)


def show_window(run: Run) -> None:
    """Show `run` until its window is closed: live while it runs, else replayed.

    Raises
    ------
    MachineError
        If no window can be opened.
    """
    missing = display_missing()
    if missing:
        raise MachineError(f"--view window: {missing}; use --view files")
    import matplotlib

    try:
        matplotlib.use(str(_backend()))
        from matplotlib import pyplot

        # The window keeps its size and place, and the keyboard stays where it was.
        matplotlib.rcParams["figure.raise_window"] = False
        figure = pyplot.figure(f"hiddenstate: {run.name}", figsize=(11, 7.5), layout="constrained")
        figure.show()
    except Exception as error:  # noqa: BLE001  a toolkit may raise anything when it has no screen
        raise MachineError(f"--view window: cannot open one: {error}; use --view files") from None
    _play(figure, run)
    if pyplot.fignum_exists(figure.number):
        pyplot.show()


def _play(figure: "Figure", run: Run) -> None:
    """Draw frame after frame until the run is over and its last frame stands.

    While the run goes on its newest moment is drawn; once it is over, what is left of it, or all
    of it, is played at a human pace.
    """
    from matplotlib import pyplot

    from hiddenstate.views.gallery import draw_dashboard
    from hiddenstate.views.scene import Scene

    scene, shown, due = Scene(run), 0, 0.0
    while pyplot.fignum_exists(figure.number):
        state = run.state()
        live = state == "running"
        scene.refresh()
        ahead = [step for step in scene.steps if step > shown]
        if not ahead and not live:
            return
        if ahead and (time.monotonic() >= due or not live):
            began, worked = time.monotonic(), time.process_time()
            stride = max(1, len(scene.steps) // (REPLAY_SECONDS * FRAMES_A_SECOND))
            shown = ahead[-1] if live else ahead[min(stride, len(ahead)) - 1]
            draw_dashboard(figure, scene, scene.frame(shown), f"step {shown}, {state}")
            figure.canvas.draw_idle()
            figure.canvas.flush_events()
            due = time.monotonic() + min(SHARE * (time.process_time() - worked), LONGEST_PAUSE)
            pace = REPLAY_SECONDS / max(len(scene.steps), 1)
            pause = min(0.5, max(1 / FRAMES_A_SECOND, pace)) - (time.monotonic() - began)
            figure.canvas.start_event_loop(max(pause, 0.02))
        else:
            figure.canvas.start_event_loop(1 / FRAMES_A_SECOND)
