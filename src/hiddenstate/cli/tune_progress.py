"""Shows a search while it goes on: a bar on a terminal, else a line for each trial."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hiddenstate.cli.output import note
from hiddenstate.engines import Chunk
from hiddenstate.errors import printable
from hiddenstate.runs.events import Figures
from hiddenstate.training.trainer import Callback, Trainer

if TYPE_CHECKING:
    from hiddenstate.scale.tune.ledger import Slot


class SearchProgress:
    """What a person sees of the workers of a study.

    Parameters
    ----------
    quiet : bool
        Print no line for each trial.
    """

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def start(self, slots: "Sequence[Slot]") -> None:
        """Show the bar, if stderr is a terminal."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TextColumn("{task.fields[now]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(file=sys.stderr, stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        n = sum(slot.finished for slot in slots)
        self._task = self._bar.add_task(
            "trials", total=len(slots), completed=n, best=_best_words(slots), now=""
        )
        self._bar.start()

    def stop(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, line: str) -> None:
        """Print a note."""
        if self._bar is None:
            note(line)
        else:
            self._bar.console.print(printable(line, 600), markup=False, highlight=False)

    def callbacks(self, slot: int) -> Sequence[Callback]:
        """Return what shows the training of a trial in the bar."""
        return () if self._bar is None else (_Within(slot, self._show),)

    def _show(self, now: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, now=now)

    def finished(self, slots: "Sequence[Slot]", number: int) -> None:
        """Show that a trial is finished."""
        n = sum(slot.finished for slot in slots)
        if self._bar is not None:
            self._bar.update(self._task, completed=n, best=_best_words(slots), now="")
        elif not self._quiet:
            seconds = slots[number].attribute("seconds")
            took = "" if seconds is None else f", {seconds:.1f} s"
            note(
                f"{_words(slots[number])}{took} ({n} of {len(slots)} trials; {_best_words(slots)})"
            )


def _words(slot: "Slot") -> str:
    if slot.value is None:
        return f"trial {slot.number}: {slot.state}: {slot.attribute('why', '')}"
    how = f", pruned after epoch {slot.attribute('epochs')}" if slot.state == "pruned" else ""
    return f"trial {slot.number}: validation loss {slot.value:.4g}{how}"


def _best_words(slots: "Sequence[Slot]") -> str:
    from hiddenstate.scale.tune.results import best_of

    best = best_of(slots)
    return f"best {best.value:.4g} of trial {best.number}" if best else "none complete"


class _Within(Callback):
    """Shows how far a trial is trained."""

    def __init__(self, slot: int, show: Callable[[str], None]) -> None:
        self._slot, self._show, self._last = slot, show, ""

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Show the share of the updates that are made."""
        text = f"trial {self._slot}: {trainer.step / max(trainer.total_steps, 1):.0%}"
        if text != self._last:
            self._show(text)
            self._last = text

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Show nothing."""
        self._show("")
