"""Hooks that come with the program: the recorder of a run, its lines, its progress."""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.engines import Chunk
from hiddenstate.errors import MachineError, printable
from hiddenstate.runs.writer import RunWriter, leaves_snapshot
from hiddenstate.training.checkpoints import pack
from hiddenstate.training.trainer import Callback, Trainer


class Recorder(Callback):
    """Keeps a run folder up to date: history, snapshots, checkpoints, the model.

    Parameters
    ----------
    writer : RunWriter
    waiting : ndarray, optional
        Predictions made before, not yet in a snapshot, when a run goes on.
    """

    def __init__(self, writer: RunWriter, waiting: NDArray[Any] | None = None) -> None:
        self.writer = writer
        self._waiting = [] if waiting is None else [waiting]
        self._started = time.monotonic()

    def on_start(self, trainer: Trainer) -> None:
        """Write what the views need, and note the start."""
        self._started = time.monotonic()
        if trainer.step == 0:
            self.writer.write_keepsake(trainer.job.keepsake(), trainer.job.facts())
        about = trainer.engine.about()
        total = trainer.total_steps
        self.writer.add_journal("start", step=trainer.step, total_steps=total, **about)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Keep predictions for the next snapshot."""
        if chunk.outputs is not None:
            self._waiting.append(chunk.outputs)

    def on_log(self, trainer: Trainer, event: dict[str, Any]) -> None:
        """Add the event, and a snapshot where one is due."""
        self.writer.add_history(event)
        if leaves_snapshot(event["step"] // trainer.job.config.training.log_every):
            self._snapshot(trainer, trainer.evaluation.arrays)

    def on_valid(self, trainer: Trainer, event: dict[str, Any]) -> None:
        """Add the event."""
        self.writer.add_history(event)

    def on_control(self, trainer: Trainer, event: dict[str, Any], name: str) -> None:
        """Add the event, answer whoever asked, and leave a snapshot if that was asked for."""
        self.writer.add_history(event)
        if event["do"] == "snapshot" and not self.writer.has_snapshot(trainer.step):
            self._snapshot(trainer, trainer.evaluation.arrays)
        self.writer.add_journal(**event, name=name)

    def on_pause(self, trainer: Trainer) -> None:
        """See that the folder is still there."""
        self.writer.check()

    def on_checkpoint(self, trainer: Trainer) -> None:
        """Save all that a resumed run needs."""
        waiting = np.concatenate(self._waiting) if self._waiting else None
        arrays, facts = pack(trainer.engine.export(), trainer.progress, waiting)
        self.writer.write_checkpoint(trainer.step, arrays, facts)
        self.writer.add_journal("checkpoint", step=trainer.step)

    def on_stop(self, trainer: Trainer, error: Exception | None) -> None:
        """Note how training ended early, where that can still be written."""
        with contextlib.suppress(MachineError):
            if error is None:
                self.writer.add_journal("interrupted", step=trainer.step)
            else:
                self.writer.add_journal("failed", step=trainer.step, why=printable(error))

    def on_end(self, trainer: Trainer, results: dict[str, Any]) -> None:
        """Write the last snapshot, what only the end shows, the model and the final figures."""
        if not self.writer.has_snapshot(trainer.step):
            self._snapshot(trainer, {})
        self.writer.write_closing(trainer.evaluation.arrays)
        model = trainer.job.fitted(trainer.engine.export().params)
        self.writer.write_model(model, {"data": trainer.job.dataset.name, "results": results})
        self.writer.add_history({"event": "end", "step": trainer.step, **results})
        self.writer.flush()
        seconds = round(time.monotonic() - self._started, 3)
        kept = len(trainer.evaluation.arrays)
        self.writer.add_journal("end", step=trainer.step, seconds=seconds, closing=kept)

    def _snapshot(self, trainer: Trainer, evaluated: Mapping[str, NDArray[Any]]) -> None:
        arrays = trainer.job.snapshot(trainer.engine)
        arrays |= evaluated
        if self._waiting:
            outputs = np.concatenate(self._waiting)
            arrays |= trainer.job.windows(trainer.step - len(outputs), outputs)
            self._waiting = []
        if arrays:
            self.writer.write_snapshot(trainer.step, arrays)


class Lines(Callback):
    """Says each logged step in the classic scripts' form.

    Parameters
    ----------
    say : callable
        Takes a line; `print` will do.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def on_log(self, trainer: Trainer, event: dict[str, Any]) -> None:
        """Say one line."""
        self._say(trainer.job.line(event, trainer.job.config))


class ProgressBar(Callback):
    """A bar with rate and time left, on a terminal.

    Parameters
    ----------
    stream : text stream
        The terminal it is drawn on.
    """

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=Console(file=stream, stderr=True),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
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
        took = max(time.monotonic() - self._began, 1e-9)
        rate = (trainer.step - self._first) / took
        self._bar.update(self._task, completed=trainer.step, rate=f"{rate:,.0f} steps/s")

    def on_end(self, trainer: Trainer, results: dict[str, Any]) -> None:
        """Take the bar away."""
        self._bar.stop()

    def on_stop(self, trainer: Trainer, error: Exception | None) -> None:
        """Take the bar away."""
        self._bar.stop()
