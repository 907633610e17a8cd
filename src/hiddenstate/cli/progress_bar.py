"""Callbacks that print logged lines and a progress bar."""

import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from hiddenstate.engines import Chunk
from hiddenstate.errors import printable
from hiddenstate.jobs.lines import log_line
from hiddenstate.runs.events import Figures, LogEvent
from hiddenstate.training.trainer import Callback, Trainer

if TYPE_CHECKING:
    from rich.progress import Progress as Bar


class Lines(Callback):
    """Prints each logged step in the form of the classic scripts.

    Parameters
    ----------
    print_line : callable
        Called with each line; `print` works.
    """

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        """Print one line."""
        self._print_line(log_line(event, trainer.job.config))


class CountBar:
    """Draws a bar of things that are done, and the remaining time, on a terminal.

    Parameters
    ----------
    stream : text stream
        The terminal.
    what : str
        What is counted.
    total : int
    """

    def __init__(self, stream: IO[str], what: str, total: int) -> None:
        self._bar = _bar_on(stream, "note")
        self._task = self._bar.add_task(what, total=total, note="")
        self._bar.start()

    def advance(self, note: str) -> None:
        """Count one more, and show a note."""
        self._bar.update(self._task, advance=1, note=note)

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def _bar_on(stream: IO[str], field: str) -> "Bar":
    """Return a bar with a count, the text of a field and the remaining time."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[{field}]}}"),
        TimeRemainingColumn(compact=True),
        console=Console(file=stream, stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class ProgressBar(Callback):
    """Draws a bar with the rate and the remaining time on a terminal.

    Parameters
    ----------
    stream : text stream
        The terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._bar = _bar_on(stream, "rate")
        self._task = self._bar.add_task("training", total=None, rate="")
        self._first, self._began = 0, 0.0

    def say(self, line: str) -> None:
        """Print a line on the same terminal, above the bar."""
        line = printable(line, 10_000)
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_start(self, trainer: Trainer) -> None:
        """Show the bar."""
        self._first, self._began = trainer.step, time.monotonic()
        self._bar.update(self._task, total=trainer.total_steps, completed=trainer.step)
        self._bar.start()

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Move the bar."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = (trainer.step - self._first) / seconds
        self._bar.update(self._task, completed=trainer.step, rate=f"{rate:,.0f} steps/s")

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Remove the bar."""
        self._bar.stop()

    def on_stop(self, trainer: Trainer, error: BaseException | None) -> None:
        """Remove the bar."""
        self._bar.stop()
