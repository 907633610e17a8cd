"""Shows a training command while it trains: a view, logged lines, a progress bar."""

import errno
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hiddenstate.cli.output import note, say
from hiddenstate.cli.signals import silence_terminal
from hiddenstate.system.signals import SIGPIPE

if TYPE_CHECKING:
    from hiddenstate.cli.signals import InterruptHandler
    from hiddenstate.live.launch import Viewer
    from hiddenstate.training.trainer import Callback


def check_view(view: str) -> None:
    """Raise `MachineError` if `view` is not available here."""
    if view not in ("auto", "files", "off"):
        from hiddenstate.live.launch import choose_view

        choose_view(view)


def view_callbacks(
    view: str, path: Path, quiet: bool, interrupt: "InterruptHandler"
) -> "list[Callback]":
    """Open a view of the run in `path`; return the callbacks that show training.

    Parameters
    ----------
    view : str
        One of `TRAINING_VIEWS`.
    path : Path
        The run folder.
    quiet : bool
        Print no lines.
    interrupt : InterruptHandler
        Triggered when the reader of the lines has left.
    """
    from hiddenstate.cli.progress_bar import Lines, ProgressBar

    view = _resolve_view(view, path)
    if view == "notebook":
        from hiddenstate.live.notebook import NotebookView

        return [NotebookView(path)]
    callbacks: list[Callback] = []
    print_line: Callable[[str], None] = partial(_say_or_interrupt, interrupt)
    if view in ("window", "terminal"):
        from hiddenstate.live.launch import Viewer

        callbacks.append(viewer := Viewer(path, view))
        if view == "window":
            note("a window opens to show training; closing it does not interrupt training")
        else:
            print_line = partial(_say_after_view, viewer, interrupt)
    if view != "terminal" and sys.stderr.isatty():
        callbacks.append(bar := ProgressBar(sys.stderr))
        print_line = bar.say if sys.stdout.isatty() else print_line
    return callbacks if quiet else [*callbacks, Lines(print_line)]


def _resolve_view(view: str, path: Path) -> str:
    """The view to open, "auto" replaced by one that is available."""
    if view in ("files", "off"):
        return view
    from hiddenstate.live.launch import choose_view

    view = choose_view(view)
    if view == "off":
        note(f"no display and no terminal: figures will be written to {path / 'figures'}")
        return "files"
    return view


def _say_after_view(viewer: "Viewer", interrupt: "InterruptHandler", line: str) -> None:
    """Print a line once the view in the terminal is closed; until then the view shows it."""
    if viewer.ended:
        _say_or_interrupt(interrupt, line)


def _say_or_interrupt(interrupt: "InterruptHandler", line: str) -> None:
    """Print a line; if the reader of the pipe has left, interrupt training.

    The loss of the terminal does not interrupt.
    """
    try:
        say(line)
    except OSError as error:
        if error.errno == errno.EIO:
            silence_terminal()
        else:
            interrupt.trigger(SIGPIPE)
