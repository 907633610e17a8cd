"""A run in a notebook: one output of the cell, updated in place, for a fit there or any run.

The pictures come from a process of their own; the kernel's training thread hands on what is
ready and waits for nothing. IPython is imported only where it runs already.
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
from hiddenstate.training.callback import Callback
from hiddenstate.training.trainer import Trainer
from hiddenstate.views.offscreen import SIZE, FrameReader

LAST_SECONDS = 20.0
"""How long the end of a fit waits for the last picture at the most."""

LOOK = 0.5
"""Seconds between two looks of a kernel that only watches, so that it can be interrupted."""

WIDTH = 880
"""Width the picture is shown at; it holds more pixels, for fine screens."""


def notebook_missing() -> str | None:
    """Why no output can be updated here, or None if one can."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython else None
    return "this is no notebook" if getattr(shell, "kernel", None) is None else None


class Output:
    """One output under the running cell.

    Parameters
    ----------
    name : str
        What is said before, and in place of, the picture.
    """

    def __init__(self, name: str) -> None:
        display = import_module("IPython.display").display
        self._name = printable(name)
        self._handle: Any = display(
            {"text/plain": f"{self._name}: to be drawn"}, raw=True, display_id=True
        )

    def show(self, picture: bytes) -> None:
        """Put a PNG in its place."""
        data = {"image/png": base64.b64encode(picture).decode(), "text/plain": self._name}
        size = {"width": WIDTH, "height": WIDTH * SIZE[1] // SIZE[0]}
        self._handle.update(data, metadata={"image/png": size}, raw=True)

    def say(self, line: str) -> None:
        """Put a line in its place."""
        self._handle.update({"text/plain": f"{self._name}: {line}"}, raw=True)


class NotebookView(Callback):
    """Shows a fit in the notebook that runs it.

    Parameters
    ----------
    path : Path
        The run folder it is recorded in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._output: Output | None = None
        self._reader: FrameReader | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Claim the output and start the process that draws."""
        self._output = self._output or Output(self._path.name)
        self._reader = FrameReader(self._path.absolute())

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Show the newest picture, if there is one."""
        self._show(self._reader.newest() if self._reader else None)

    def on_end(self, trainer: Trainer, results: dict[str, Any]) -> None:
        """Wait for the picture of the end, within limits."""
        self.finish()

    def finish(self) -> None:
        """Show how the run ended and let go of the process; more than once does no harm."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        try:
            self._show(reader.last(LAST_SECONDS))
            if reader.failure and self._output:
                self._output.say(f"could not be drawn: {reader.failure}")
        finally:
            reader.close()

    def _show(self, picture: bytes | None) -> None:
        if picture and self._output:
            self._output.show(picture)


def show_notebook(run: Run, replay: bool = False, speed: float = 1.0) -> None:
    """Show `run` under the running cell until it is over; an interrupt ends the watching alone.

    Parameters are those of :func:`~hiddenstate.views.window.show_window`.
    """
    output, reader = Output(run.name), FrameReader(run.path.absolute(), replay, speed)
    try:
        with suppress(KeyboardInterrupt):
            while not reader.ended:
                if picture := reader.newest(LOOK):
                    output.show(picture)
        if reader.failure:
            output.say(f"could not be drawn: {reader.failure}")
    finally:
        reader.close()
