"""Shows a run in a notebook, in one output that is updated in place.

A process of its own draws the pictures; the thread that trains in the kernel passes on what is
ready and never waits. IPython is imported only where it already runs.
"""

import base64
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from hiddenstate.engines import Chunk
from hiddenstate.errors import printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import Figures
from hiddenstate.training.trainer import Callback, Trainer
from hiddenstate.views.offscreen import SIZE, PictureReader, description_of

LAST_SECONDS = 20.0
"""How long the end of a fit waits for the last picture."""

CHECK_PERIOD = 0.5
"""Seconds after which a kernel that only watches can be interrupted."""

WIDTH = 880
"""Width of the picture on screen; it has more pixels, for screens of high resolution."""


def notebook_missing() -> str | None:
    """Return why no output can be updated here, or None if one can."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return "this is not a notebook" if getattr(shell, "kernel", None) is None else None


class Output:
    """One output under the running cell.

    Parameters
    ----------
    name : str
        The text before the first picture.
    """

    def __init__(self, name: str) -> None:
        display = import_module("IPython.display").display
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
        self._output: Output | None = None
        self._reader: PictureReader | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Add the output and start the process that draws."""
        self._output = self._output or Output(self._path.name)
        self._reader = PictureReader(self._path.absolute())

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Show the newest picture, if there is a new one."""
        self._show(self._reader.newest() if self._reader else None)

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Wait a limited time for the last picture."""
        self.finish()

    def finish(self) -> None:
        """Show the end of the run and end the process; further calls do nothing."""
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
