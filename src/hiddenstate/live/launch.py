"""Chooses a live view, and opens it: in this process, or in one beside training.

`python -m hiddenstate.live.launch RUN VIEW` is the command of that process.
"""

import argparse
import atexit
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from hiddenstate.config.parameters import errors_for_python
from hiddenstate.engines import Chunk
from hiddenstate.errors import HiddenstateError, MachineError, OptionError, did_you_mean, printable
from hiddenstate.live.notebook import NotebookView, notebook_missing, show_notebook
from hiddenstate.runs import Run, find_run
from hiddenstate.runs.events import Figures
from hiddenstate.system import processes
from hiddenstate.system.interpreter import python_command, python_environment
from hiddenstate.system.lock import is_locked
from hiddenstate.training.trainer import Callback, Trainer
from hiddenstate.views import LIVE_VIEWS, VIEWS
from hiddenstate.views.offscreen import lower_priority
from hiddenstate.views.terminal.screen import restore_terminal, terminal_settings
from hiddenstate.views.window import display_missing, show_window

TEMPORARY = "hiddenstate-"
"""Start of the name of a folder that holds a fit only while it is shown."""

LAST_SECONDS = 15.0
"""How long training waits at its end for the terminal; a short run is replayed there."""


def choose_view(view: str = "auto") -> str:
    """Return the view to open: `window`, `notebook`, `terminal` or `off`.

    Parameters
    ----------
    view : {"auto", "window", "notebook", "terminal", "off"}
        `auto` is the first of notebook, window and terminal that is possible here, else off.

    Raises
    ------
    OptionError
        If there is no such view.
    MachineError
        If the view is named but not possible here.
    """
    if view not in VIEWS:
        raise OptionError(
            f"view: expected one of {', '.join(VIEWS)}, got {printable(view, 40)}"
            + did_you_mean(str(view), VIEWS)
        )
    from hiddenstate.views.terminal import terminal_missing

    missing = {
        "notebook": notebook_missing,
        "window": display_missing,
        "terminal": terminal_missing,
    }
    if view == "auto":
        return next((name for name, reason in missing.items() if not reason()), "off")
    reason = missing[view]() if view in LIVE_VIEWS else None
    if reason:
        raise MachineError(f"--view {view}: {reason}; use --view auto")
    return view


def watch(
    run: Run | str | Path, view: str = "auto", replay: bool = False, speed: float = 1.0
) -> None:
    """Show a run of any process until it ends, or until its view is closed.

    A run in progress is followed; one that has ended is replayed. A notebook updates one output in
    place; a script opens a window or draws in the terminal.

    Parameters
    ----------
    run : Run, str or Path
        The run, its folder, the name of a folder in `runs`, or `last`.
    view : {"auto", "window", "notebook", "terminal", "off"}
        `auto` is the first of notebook, window and terminal that is possible here, else off.
    replay : bool, default False
        Start at the first moment even if the run is in progress.
    speed : float, default 1.0
        Speed of a replay, 1/16 to 16; 2 is twice as fast.

    Raises
    ------
    DataError
        If there is no such run.
    OptionError
        If there is no such view.
    MachineError
        If the view is not possible here.

    Examples
    --------
    >>> import hiddenstate
    >>> hiddenstate.watch("last", replay=True, speed=2)  # doctest: +SKIP
    """
    with errors_for_python():
        chosen = choose_view(view)
        opened = run if isinstance(run, Run) else find_run(str(run), Path("runs"))
        _open(opened, chosen, replay, speed)


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
    """Opens a view of a run in its own process when training starts; the user may close it.

    Parameters
    ----------
    path : Path
        The run folder.
    view : {"window", "terminal"}
    temporary : bool, default False
        Whether this process or the view, whichever ends last, removes the parent folder.
    """

    def __init__(self, path: Path, view: str, temporary: bool = False) -> None:
        self._path, self._view, self._temporary = path, view, temporary
        self._process: processes.Process | None = None
        self._settings: Any = None  # of the terminal, before the view draws on it

    def on_start(self, trainer: Trainer) -> None:
        """Start the process and return at once."""
        if self._view == "terminal":
            self._settings = terminal_settings()
        command = python_command("-m", "hiddenstate.live.launch")
        command += [str(self._path.absolute()), self._view]
        command += ["--temporary"] if self._temporary else []
        apart: dict[str, Any] = {"env": python_environment()}
        if self._view == "terminal":  # from the start, Ctrl-C goes to training alone
            command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", *command]
        else:  # a window gets no keys and signals of the terminal
            apart |= dict.fromkeys(("stdin", "stdout", "stderr"), processes.NOTHING)
            apart["own_session"] = True
        with suppress(OSError):  # without memory for another process there is no view
            self._process = processes.start(command, **apart)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Restore the terminal if the view was killed."""
        if self._settings:
            _ = self.ended

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Wait for the terminal before anything else is written to it."""
        self.finish()

    def on_stop(self, trainer: Trainer, error: BaseException | None) -> None:
        """End the view at once: the error is about to be printed."""
        self.finish(0.0)

    @property
    def ended(self) -> bool:
        """Whether the view was closed or never opened."""
        if self._process is None:
            return True
        code = self._process.poll()
        if code is not None and code < 0 and self._settings:  # killed before it could restore
            restore_terminal(self._settings)
            self._settings = None
        return code is not None

    def finish(self, seconds: float = LAST_SECONDS) -> None:
        """Wait for at most `seconds` until the terminal is free; a window stays open."""
        if self._view != "terminal" or self._process is None:
            return
        if processes.wait(self._process, seconds) is None:
            self._process.terminate()
            self._process.wait()
        assert self.ended  # the terminal is restored


@contextmanager
def viewed(view: str, run_dir: Path | None) -> Iterator[tuple[Path | None, list[Callback]]]:
    """Yield the run folder of a fit, and the callbacks that show it.

    With a view but without `run_dir`, the folder is temporary and removed once the fit and its
    view have ended. Errors as :func:`choose_view`.
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
        reads_on = isinstance(hook, NotebookView) and hook.widget is not None
        if folder and (reads_on or not _remove(folder, hook)):  # the open window removes it
            atexit.register(_remove, folder, hook)


def _remove(folder: Path, hook: NotebookView | Viewer) -> bool:
    """Remove a temporary folder unless a view still reads it; return whether it is removed."""
    if isinstance(hook, Viewer) and not hook.ended:
        return False
    rmtree(folder, ignore_errors=True)
    return True


def main() -> None:
    """Open the view named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m hiddenstate.live.launch")
    parser.add_argument("run", type=Path)
    parser.add_argument("view", choices=VIEWS)
    parser.add_argument("--temporary", action="store_true")
    arguments = parser.parse_args()
    lower_priority()
    try:
        with suppress(KeyboardInterrupt):
            _open(Run(arguments.run), arguments.view, attached=True)
    except HiddenstateError as error:
        sys.exit(f"error: {error}")
    finally:
        folder = arguments.run.parent
        temporary = arguments.temporary and folder.name.startswith(TEMPORARY)
        if temporary and not is_locked(arguments.run):  # else the fit removes it at its end
            rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
