"""Records a run in its folder: history, journal, snapshots, checkpoints, the model."""

import contextlib
import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from hiddenstate.engines import Chunk
from hiddenstate.errors import MachineError, printable
from hiddenstate.jobs import Job
from hiddenstate.jobs.explained import explained_arrays
from hiddenstate.jobs.snapshot_arrays import JobSnapshots, TrainingOutputs
from hiddenstate.runs.events import (
    WITH_SNAPSHOT,
    ControlEvent,
    Figures,
    LogEvent,
    ValidationEvent,
)
from hiddenstate.runs.retention import leaves_snapshot, leaves_weights, weights_in_full
from hiddenstate.runs.snapshot_files import MAX_STEP
from hiddenstate.runs.writer import RunWriter
from hiddenstate.system.typing import Array
from hiddenstate.training.checkpoints import pack
from hiddenstate.training.trainer import Callback, Trainer


class Recorder(Callback):
    """Keeps a run folder up to date.

    Parameters
    ----------
    writer : RunWriter
    snapshots : JobSnapshots
        Makes the arrays of snapshots.
    waiting : ndarray, optional
        Predictions made since the last snapshot of a resumed run, (n_steps, T, O) or
        (n_steps, O).
    brief : bool, default False
        Whether only the first logged line of each epoch after the first leaves a snapshot, none
        leaves weights, and the last step no checkpoint: the run is done within moments.
    """

    def __init__(
        self,
        writer: RunWriter,
        snapshots: JobSnapshots,
        waiting: Array | None = None,
        brief: bool = False,
    ) -> None:
        self.writer, self.snapshots, self.brief = writer, snapshots, brief
        self._waiting = [] if waiting is None else [waiting]
        self._started = time.monotonic()
        self._in_full = 0  # logged lines that all leave weights

    def on_start(self, trainer: Trainer) -> None:
        """Write the static arrays of a new run, and note the start."""
        self._started = time.monotonic()
        self._in_full = 0 if self.brief else lines_with_weights(trainer.job)
        if trainer.step == 0:
            self.writer.write_static_arrays(self.snapshots.static_arrays(), self.snapshots.facts())
        about = trainer.engine.about()
        total = trainer.total_steps
        self.writer.add_journal("start", step=trainer.step, total_steps=total, **about)

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Keep predictions for the next snapshot: of each step those for its first row."""
        if chunk.outputs is None:
            return
        sizes = trainer.job.batches.span(trainer.step - len(chunk.losses), trainer.step)[1]
        self._waiting.append(chunk.outputs[np.cumsum(sizes) - sizes])

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        """Add the event, and a snapshot and weights where this line leaves them."""
        self.writer.add_history(event)
        every = trainer.job.config.training.log_every
        n_logged = event["step"] // every
        before = trainer.job.batches.epoch_of(max(event["step"] - every, 0))
        if leaves_snapshot(n_logged):
            if not self.brief or before < event["epoch"]:
                self._snapshot(trainer, trainer.evaluation.arrays)
            self._waiting = []
        if self._in_full and leaves_weights(n_logged, self._in_full):
            self._weights(trainer)

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        """Add the event."""
        self.writer.add_history(event)

    def on_control(self, trainer: Trainer, event: ControlEvent, name: str) -> None:
        """Leave a snapshot and weights for a request that has them, add the event and answer.

        The event comes after them: one that a crash left without its snapshot would not get one.
        """
        if event["do"] in WITH_SNAPSHOT:
            if not self.writer.has_snapshot(trainer.step):
                self._snapshot(trainer, trainer.evaluation.arrays)
            if self._in_full and self.writer.has_space_for_weights(trainer.step):
                self._weights(trainer)
        self.writer.add_history(event)
        self.writer.add_journal(**event, name=name)

    def on_pause(self, trainer: Trainer) -> None:
        """Check that the folder is still there."""
        self.writer.check()

    def on_checkpoint(self, trainer: Trainer) -> None:
        """Save everything that a resumed run needs."""
        if self.brief and trainer.step >= trainer.total_steps:
            return
        waiting = np.concatenate(self._waiting) if self._waiting else None
        arrays, facts = pack(trainer.engine.export(), trainer.progress, waiting)
        self.writer.write_checkpoint(trainer.step, arrays, facts)
        self.writer.add_journal("checkpoint", step=trainer.step)

    def on_stop(self, trainer: Trainer, error: BaseException | None) -> None:
        """Note how training ended, where that can still be written."""
        with contextlib.suppress(MachineError):
            if error is None or isinstance(error, KeyboardInterrupt):
                self.writer.add_journal("interrupted", step=trainer.step)
            else:
                self.writer.add_journal("failed", step=trainer.step, why=printable(error))

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Write the last snapshot, the final arrays, the model and the results.

        A logged line may have left a snapshot already. It is of the last weights, which need not be
        those that are kept: it is written anew, with what was predicted while training. The end of
        the history is last: a run that was killed before it is resumed, and writes all this anew.
        """
        before = self.writer.snapshot(trainer.step)
        if before is None:
            self._snapshot(trainer, {})
        elif now := self.snapshots.snapshot(trainer.engine):
            self.writer.write_snapshot(trainer.step, {**before, **now})
        params, job = trainer.engine.export().params, trainer.job
        final_arrays = trainer.evaluation.arrays
        final_arrays = {**final_arrays, **explained_arrays(job, params, final_arrays)}
        self.writer.write_final_arrays(final_arrays)
        model = job.fitted(params)
        self.writer.write_model(model, {"data": job.dataset.name, "results": results})
        seconds = round(time.monotonic() - self._started, 3)
        self.writer.add_journal(
            "end", step=trainer.step, seconds=seconds, closing=len(final_arrays)
        )
        self.writer.add_history({"event": "end", "step": trainer.step, **results})
        self.writer.flush()

    def _snapshot(self, trainer: Trainer, evaluated: Mapping[str, Array]) -> None:
        made = None
        if self._waiting:
            outputs = np.concatenate(self._waiting)
            made = TrainingOutputs(trainer.step - len(outputs), outputs)
            self._waiting = []
        arrays = {**self.snapshots.snapshot(trainer.engine, made), **evaluated}
        if arrays:
            self.writer.write_snapshot(trainer.step, arrays)

    def _weights(self, trainer: Trainer) -> None:
        """Write the net as it is, unless a weight is not finite: training then ends soon."""
        params = trainer.engine.export().params
        if all(np.isfinite(array).all() for array in params.values()):
            model = trainer.job.fitted(params)
            self.writer.write_weights(trainer.step, model, _facts(trainer.job))


def _facts(job: Job) -> dict[str, Any]:
    """What the weights of a moment state beside the net, its step and its run."""
    return {"data": job.dataset.name, "results": {}}


def lines_with_weights(job: Job) -> int:
    """Return how many logged lines of a run of `job` all leave weights; 0 if the net is too large.

    As all weights of a run are files of one size, a resumed run gets the same number.
    """
    shapes, kind = job.net.shapes(), np.dtype(job.config.training.dtype)
    if not weights_in_full(kind.itemsize * sum(map(math.prod, shapes.values()))):
        return 0
    zeros = {name: np.zeros(shape, kind) for name, shape in shapes.items()}
    longest = {**_facts(job), "run": "0" * 32, "step": MAX_STEP}
    return weights_in_full(len(job.fitted(zeros).encode(longest)))
