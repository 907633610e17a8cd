"""Shows a run in a notebook, in one output that is updated in place.

With the extra `notebook` that is a widget. Without it, a process of its own draws pictures; the
thread that trains in the kernel passes on what is ready and never waits. IPython and marimo are
imported only where they already run.
"""

import base64
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hiddenstate.engines import Chunk
from hiddenstate.errors import printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import Figures
from hiddenstate.system.extras import install, is_installed
from hiddenstate.training.trainer import Callback, Trainer
from hiddenstate.views.offscreen import SIZE, PictureReader, description_of

if TYPE_CHECKING:
    from hiddenstate.live.widget import RunWidget

LAST_SECONDS = 20.0
"""How long the end of a fit waits for the last picture."""

CHECK_PERIOD = 0.5
"""Seconds after which a kernel that only watches can be interrupted."""

WIDTH = 880
"""Width of the picture on screen; it has more pixels, for screens of high resolution."""


def notebook_missing() -> str | None:
    """Return why no output can be updated here, or None if one can."""
    if _in_marimo():
        return (
            None
            if is_installed("anywidget")
            else f"marimo requires anywidget; {install('anywidget')}"
        )
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return "this is not a notebook" if getattr(shell, "kernel", None) is None else None


def _in_marimo() -> bool:
    marimo: Any = sys.modules.get("marimo")
    return marimo is not None and marimo.running_in_notebook()


def show_widget(path: Path, speed: float = 0.0) -> "RunWidget | None":
    """Add the widget of a run to the output of the cell; None without the extra `notebook`.

    Parameters are those of :class:`~hiddenstate.live.widget.RunWidget`.
    """
    if not is_installed("anywidget"):
        return None
    from hiddenstate.live.widget import RunWidget

    widget = RunWidget(path, speed)
    if _in_marimo():
        import_module("marimo").output.append(widget)
    else:
        import_module("IPython.display").display(widget)
    return widget


class Output:
    """One output under the running cell.

    Parameters
    ----------
    name : str
        The text before the first picture.
    """

    hinted = False
    """Whether this process has shown how to get the widget."""

    def __init__(self, name: str) -> None:
        display = import_module("IPython.display").display
        if not Output.hinted:
            Output.hinted = True
            hint = f"hint: to replay and touch what is shown, {install('anywidget')}"
            display({"text/plain": hint}, raw=True)
        self._name = printable(name)
        self._handle: Any = display(
            {"text/plain": f"{self._name}: waiting for a picture"}, raw=True, display_id=True
        )

    def show(self, picture: bytes) -> None:
        """Show a PNG, with what it shows in words for a front end without pictures."""
        words = description_of(picture) or self._name
        data = {"image/png": base64.b64encode(picture).decode(), "text/plain": words}
        shown = {"width": WIDTH, "height": WIDTH * SIZE[1] // SIZE[0], "alt": words}
        self._handle.update(data, metadata={"image/png": shown}, raw=True)

    def say(self, line: str) -> None:
        """Show a line of text."""
        self._handle.update({"text/plain": f"{self._name}: {line}"}, raw=True)


class NotebookView(Callback):
    """Shows a fit in the notebook that runs it.

    Parameters
    ----------
    path : Path
        The run folder of the fit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.widget: RunWidget | None = None
        self._output: Output | None = None
        self._reader: PictureReader | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Add the output, and without a widget start the process that draws."""
        self.widget = self.widget or show_widget(self._path.absolute())
        if self.widget is None:
            self._output = self._output or Output(self._path.name)
            self._reader = PictureReader(self._path.absolute())

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Send what is new, or show the newest picture, if there is a new one."""
        if self.widget:
            self.widget.tell()
        else:
            self._show(self._reader.newest() if self._reader else None)

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Wait a limited time for the last picture."""
        self.finish()

    def finish(self) -> None:
        """Show the end of the run and end the process; further calls show only what is new."""
        if self.widget:
            self.widget.tell(last=True)
        reader, self._reader = self._reader, None
        if reader is None:
            return
        try:
            self._show(reader.last(LAST_SECONDS))
            if reader.failure and self._output:
                self._output.say(f"cannot be drawn: {reader.failure}")
        finally:
            reader.close()

    def _show(self, picture: bytes | None) -> None:
        if picture and self._output:
            self._output.show(picture)


def show_notebook(run: Run, replay: bool = False, speed: float = 1.0) -> None:
    """Show `run` under the running cell until it ends; an interrupt ends only the view.

    Parameters are those of :func:`~hiddenstate.views.window.show_window`.
    """
    ended = run.status() != "running"
    widget = show_widget(run.path.absolute(), speed if replay or ended else 0.0)
    if widget:
        with suppress(KeyboardInterrupt):
            widget.follow(run)
        return
    output, reader = Output(run.name), PictureReader(run.path.absolute(), replay, speed)
    try:
        with suppress(KeyboardInterrupt):
            while not reader.ended:
                if picture := reader.newest(CHECK_PERIOD):
                    output.show(picture)
        if reader.failure:
            output.say(f"cannot be drawn: {reader.failure}")
    finally:
        reader.close()
