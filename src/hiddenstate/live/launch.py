"""Which view there is here, and how it is opened: in this process, or beside a training one.

`python -m hiddenstate.live.launch RUN VIEW` opens one; so does training, niced.
"""

import argparse
import atexit
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from hiddenstate.engines import Chunk
from hiddenstate.errors import HiddenstateError, MachineError, OptionError, did_you_mean, printable
from hiddenstate.live.notebook import NotebookView, notebook_missing, show_notebook
from hiddenstate.runs import Run, find_run
from hiddenstate.system.lock import is_locked
from hiddenstate.training.callback import Callback
from hiddenstate.training.trainer import Trainer
from hiddenstate.views.offscreen import be_nice
from hiddenstate.views.terminal.screen import put_terminal_back, terminal_settings
from hiddenstate.views.window import display_missing, show_window

VIEWS = ("auto", "window", "notebook", "terminal", "off")
"""What can be asked for; `auto` is the first of the others that there is here."""

TEMPORARY = "hiddenstate-"
"""How the name of a folder begins that a fit is recorded in only to be seen."""

LAST_SECONDS = 15.0
"""How long the end of training waits for the terminal to be given back; a short run is replayed."""


def choose_view(asked: str = "auto") -> str:
    """The view that is to be had: `window`, `notebook`, `terminal` or `off`.

    Raises
    ------
    OptionError
        If there is no such view.
    MachineError
        If it was asked for by name and is not to be had here.
    """
    if asked not in VIEWS:
        raise OptionError(
            f"view: expected one of {', '.join(VIEWS)}, got {printable(asked, 40)}"
            + did_you_mean(str(asked), VIEWS)
        )
    from hiddenstate.views.terminal import terminal_missing

    missing = {
        "notebook": notebook_missing,
        "window": display_missing,
        "terminal": terminal_missing,
    }
    if asked == "auto":
        return next((name for name, why in missing.items() if not why()), "off")
    why = missing[asked]() if asked in missing else None
    if why:
        raise MachineError(f"view {asked}: {why}; use another, or auto for one there is")
    return asked


def watch(
    run: Run | str | Path, view: str = "auto", replay: bool = False, speed: float = 1.0
) -> None:
    """Show a run of any process until it is over, or until its view is closed.

    A run under way is followed; one that is over is replayed. In a notebook one output is updated
    in place; in a script a window opens, or the terminal draws.

    Parameters
    ----------
    run : Run, str or Path
        The run, its folder, a folder's name in `runs`, or `last`.
    view : {"auto", "window", "notebook", "terminal", "off"}
    replay : bool
        Begin at the first moment although the run is under way.
    speed : float
        How much faster than usual a replay goes, 1/16 to 16.

    Raises
    ------
    DataError
        If there is no such run.
    MachineError
        If the view is not to be had here.

    Examples
    --------
    >>> import hiddenstate
    >>> hiddenstate.watch("last", replay=True, speed=2)  # doctest: +SKIP
    """
    chosen = choose_view(view)
    found = run if isinstance(run, Run) else find_run(str(run), Path("runs"))
    _open(found, chosen, replay, speed)


def _open(
    run: Run, view: str, replay: bool = False, speed: float = 1.0, attached: bool = False
) -> None:
    if view == "window":
        show_window(run, replay, speed)
    elif view == "notebook":
        show_notebook(run, replay, speed)
    elif view == "terminal":
        from hiddenstate.views.terminal import show_terminal

        show_terminal(run, replay, speed, attached=attached)


class Viewer(Callback):
    """Opens a view of a run in a process of its own when training starts; it may be closed.

    Parameters
    ----------
    path : Path
        The run folder.
    view : {"window", "terminal"}
    temporary : bool
        The folder around the run is to be removed by who ends last, this process or the view.
    """

    def __init__(self, path: Path, view: str, temporary: bool = False) -> None:
        self._path, self._view, self._temporary = path, view, temporary
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: Any = None  # of the terminal, before it is drawn on

    def on_start(self, trainer: Trainer) -> None:
        """Start the process and return at once."""
        if self._view == "terminal":
            self._settings = terminal_settings()
        # -P: a module of the user's own that has our name, where they stand, is not meant.
        command = [sys.executable, "-P", "-m", "hiddenstate.live.launch"]
        command += [str(self._path.absolute()), self._view]
        command += ["--temporary"] if self._temporary else []
        apart: dict[str, Any] = {}
        if self._view == "terminal":  # Ctrl-C is training's, from the view's first moment on
            command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
        else:  # the terminal's keys and signals are for what draws there
            apart = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
            apart["start_new_session"] = True
        with suppress(OSError):  # without room for another process there is no view
            self._process = subprocess.Popen(command, **apart)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Put the terminal back if the view was killed meanwhile."""
        if self._settings:
            _ = self.ended

    def on_end(self, trainer: Trainer, results: dict[str, Any]) -> None:
        """Have the terminal back before anything else is written there."""
        self.finish()

    def on_stop(self, trainer: Trainer, error: Exception | None) -> None:
        """The same, at once: what ended training is about to be told there."""
        self.finish(0.0)

    @property
    def ended(self) -> bool:
        """Whether the view was closed, or never opened."""
        if self._process is None:
            return True
        code = self._process.poll()
        if code is not None and code < 0 and self._settings:  # killed, it left all as it was
            put_terminal_back(self._settings)
            self._settings = None
        return code is not None

    def finish(self, seconds: float = LAST_SECONDS) -> None:
        """Wait so long at the most until the terminal is free; a window stays."""
        if self._view != "terminal" or self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            self._process.wait()
        assert self.ended  # and the terminal is as it was


@contextmanager
def viewed(view: str, run_dir: Path | None) -> Iterator[tuple[Path | None, list[Callback]]]:
    """Where a fit is to be recorded, and the hooks that show it meanwhile.

    With a view and no `run_dir` that is a temporary folder, removed when the fit and its view are
    over. Errors as :func:`choose_view`.
    """
    chosen = choose_view(view)
    if chosen == "off":
        yield run_dir, []
        return
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY)) if run_dir is None else None
    path = run_dir or Path(str(folder)) / "fit"
    hook: NotebookView | Viewer
    hook = NotebookView(path) if chosen == "notebook" else Viewer(path, chosen, bool(folder))
    try:
        yield path, [hook]
    finally:
        hook.finish()
        if folder and not _swept(folder, hook):  # its window is open: that removes it
            atexit.register(_swept, folder, hook)


def _swept(folder: Path, hook: NotebookView | Viewer) -> bool:
    """Remove a temporary folder unless a view still reads it."""
    if isinstance(hook, Viewer) and not hook.ended:
        return False
    rmtree(folder, ignore_errors=True)
    return True


def main() -> None:
    """Open the view that is named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m hiddenstate.live.launch")
    parser.add_argument("run", type=Path)
    parser.add_argument("view", choices=VIEWS)
    parser.add_argument("--temporary", action="store_true")
    asked = parser.parse_args()
    be_nice()
    try:
        with suppress(KeyboardInterrupt):
            _open(Run(asked.run), asked.view, attached=True)
    except HiddenstateError as error:
        sys.exit(f"error: {error}")
    finally:
        folder = asked.run.parent
        mine = asked.temporary and folder.name.startswith(TEMPORARY)
        if mine and not is_locked(asked.run):  # else the fit removes it, when it ends
            rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
