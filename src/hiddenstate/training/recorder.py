"""Hooks that come with the program: the recorder of a run, its lines, its progress."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.engines import Chunk
from hiddenstate.errors import MachineError, printable
from hiddenstate.runs.writer import RunWriter, leaves_snapshot
from hiddenstate.training.callback import Callback
from hiddenstate.training.checkpoints import pack
from hiddenstate.training.trainer import Trainer


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
            self.writer.write_static_arrays(trainer.job.static_arrays(), trainer.job.facts())
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
        self.writer.write_final_arrays(trainer.evaluation.arrays)
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
