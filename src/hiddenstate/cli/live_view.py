"""What a training command shows while it trains: a view, lines, a progress bar."""

import errno
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hiddenstate.cli.output import note, say
from hiddenstate.cli.signals import say_nothing_more

if TYPE_CHECKING:
    from hiddenstate.cli.signals import StopSignal
    from hiddenstate.live.launch import Viewer
    from hiddenstate.training.callback import Callback

VIEWS = ("auto", "window", "notebook", "terminal", "files", "off")


def check_view(view: str) -> None:
    """Refuse a view that cannot be had here, before anything is made (`MachineError`)."""
    if view not in ("auto", "files", "off"):
        from hiddenstate.live.launch import choose_view

        choose_view(view)


def start_view(
    view: str, path: Path, quiet: bool, stopped: "StopSignal"
) -> tuple[str, "list[Callback]"]:
    """The view of the run in `path` that is to be had, and the hooks that show it.

    Parameters
    ----------
    view : str
        As it was asked for, one of `VIEWS`.
    quiet : bool
        Print no lines.
    stopped : StopSignal
        Asked to stop where nobody reads the lines any more.
    """
    from hiddenstate.cli.progress_bar import Lines

    if view not in ("files", "off"):
        from hiddenstate.live.launch import choose_view

        view = choose_view(view)
        if view == "off":
            note(f"no display and no terminal: figures will be written to {path / 'figures'}")
            view = "files"
    speak: Callable[[str], None] = partial(say_or_stop, stopped)
    hooks: list[Callback] = []
    if view in ("window", "terminal"):
        from hiddenstate.live.launch import Viewer

        viewer = Viewer(path, view)
        hooks.append(viewer)
        if view == "terminal":  # which draws there; lines come when it is left
            return view, hooks if quiet else [*hooks, Lines(partial(_say_after, viewer, stopped))]
        note("a window opens to show it; training goes on if you close it")
    elif view == "notebook":
        from hiddenstate.live.notebook import NotebookView

        return view, [NotebookView(path)]
    if sys.stderr.isatty():
        from hiddenstate.cli.progress_bar import ProgressBar

        bar = ProgressBar(sys.stderr)
        hooks.append(bar)
        speak = bar.say if sys.stdout.isatty() else speak
    return view, hooks if quiet else [*hooks, Lines(speak)]


def _say_after(viewer: "Viewer", stopped: "StopSignal", line: str) -> None:
    """Say a line where the view has been left; while it stands, it shows the same."""
    if viewer.ended:
        say_or_stop(stopped, line)


def say_or_stop(stopped: "StopSignal", line: str) -> None:
    """Say a line; if nobody reads any more, ask training to save and stop.

    A terminal that is gone is no reason to stop: only the reader of a pipe may have had enough.
    """
    try:
        say(line)
    except OSError as error:
        if error.errno == errno.EIO:
            say_nothing_more()
        else:
            stopped.stop(signal.SIGPIPE)
