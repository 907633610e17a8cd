"""The training loop: chunks of steps between logged lines, checkpoints and requests.

The loop calls the hooks of `Callback` and knows none of the classes that override them. Training
can end in four ways:

- *interrupted*: the process is asked to stop (Ctrl-C, SIGTERM). Everything is saved, `train`
  returns None, and the run can be resumed.
- *finished early*: a request (`ctl RUN stop`) ends the run now, with the best weights so far. The
  run is done.
- *stopped early*: the loss on the validation rows has not improved for `--patience` epochs. The
  run is done, with the best weights.
- *failed*: an exception, such as `DivergedError`. The last checkpoint stands.

An evaluation that takes long is *cancelled* when the process is asked to stop
(`system/cancellation.py`), and is repeated when the run is resumed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from hiddenstate.engines import Chunk, Engine
from hiddenstate.engines.schedule import phase_of, rate_at
from hiddenstate.errors import DataError, printable
from hiddenstate.jobs.base import Evaluation, Job
from hiddenstate.program.calibrating import NotInteger
from hiddenstate.runs.events import (
    WITH_SNAPSHOT,
    ControlEvent,
    Figures,
    LogEvent,
    ValidationEvent,
)
from hiddenstate.runs.requests import Request, Requests
from hiddenstate.system.cancellation import StopRequestedError
from hiddenstate.training.divergence import all_finite, check_weights, diverged
from hiddenstate.training.loop_control import CHECKPOINT_SECONDS, LoopControl
from hiddenstate.training.progress import (
    Progress,
    logs_after,
    out_of_patience,
    pending_events,
    validates_after,
)

CHUNK = 500
"""Most steps asked of an engine at once, so that progress is seen to move."""

PAUSED = 0.05
"""Seconds between two checks for requests while training is paused."""


class Callback:
    """Hooks of the training loop, all empty; override the ones you need.

    Every hook receives the trainer: `step` is the number of updates made, `total_steps` where
    training ends, `engine` the net as it stands, `job` what is trained, and `evaluation` the last
    evaluation of the net.
    """

    def on_start(self, trainer: "Trainer") -> None:
        """Called before the first step."""

    def on_chunk(self, trainer: "Trainer", chunk: Chunk) -> None:
        """Called after some steps, at least once before every logged line."""

    def on_log(self, trainer: "Trainer", event: LogEvent) -> None:
        """Called after a logged step, with its loss, mean loss, rate and evaluation."""

    def on_valid(self, trainer: "Trainer", event: ValidationEvent) -> None:
        """Called at the end of each epoch, with the loss on the validation rows."""

    def on_control(self, trainer: "Trainer", event: ControlEvent, name: str) -> None:
        """Called after a request was carried out, with the request's name."""

    def on_pause(self, trainer: "Trainer") -> None:
        """Called repeatedly while training is paused."""

    def on_checkpoint(self, trainer: "Trainer") -> None:
        """Called when everything must be saved: every `checkpoint_every` updates, by time, and
        whenever training ends."""

    def on_stop(self, trainer: "Trainer", error: BaseException | None) -> None:
        """Called when training ends before the run is done: interrupted (`error` is None, and
        everything is saved) or by `error`, which is `KeyboardInterrupt` after Ctrl-C in Python."""

    def on_end(self, trainer: "Trainer", results: Figures) -> None:
        """Called after the last step, with the results."""


class Trainer:
    """Trains the net in `engine` until the last step, or until it must stop.

    Parameters
    ----------
    job : Job
    engine : Engine
    callbacks : iterable of Callback
        Called in this order.
    step : int
        Updates made before, where a run is resumed.
    progress : Progress, optional
        What the loop remembered then.
    should_stop : callable
        Returns True once training must save and return. Called often.
    checkpoint_seconds : float
        Longest training time between two checkpoints. A crash costs at most this, or
        `SAVING_SHARE` times what saving takes if that is longer.
    requests : Requests, optional
        Where requests to stop, pause, continue, make a step, change the rate or leave a snapshot
        arrive.
    make_control : callable
        Makes the `LoopControl`; several processes that train together share their decisions.

    Attributes
    ----------
    step : int
        Updates made so far.
    total_steps : int
        Where training ends.
    evaluation : Evaluation
        The last evaluation of the net.
    """

    def __init__(
        self,
        job: Job,
        engine: Engine,
        callbacks: Iterable[Callback] = (),
        step: int = 0,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        requests: Requests | None = None,
        make_control: Callable[..., LoopControl] = LoopControl,
    ) -> None:
        self.job = job
        self.engine = engine
        self.callbacks = list(callbacks)
        self.step = step
        self.total_steps = job.total_steps
        self.progress = progress or Progress()
        self.evaluation = Evaluation()
        self.training = job.config.training
        self.control = make_control(
            should_stop, requests, self.training.checkpoint_every, checkpoint_seconds
        )
        self._first_mean: float | None = None
        if self.progress.lr is not None:
            self._set_lr(self.progress.lr)

    def train(self) -> Figures | None:
        """Run the loop; return the results, or None if training was interrupted.

        Raises
        ------
        DivergedError
            At the first loss or weight that is not finite.
        """
        try:
            results = self._train()
        except BaseException as error:  # whatever it is, the hooks learn of it and it is raised on
            self._notify("on_stop", error)
            raise
        if results is None:
            self._notify("on_stop", None)
        return results

    def _train(self) -> Figures | None:
        self.job.integer = None  # until the end, also where the job was trained before
        self._notify("on_start")
        try:
            complete = self._run_steps()
        except StopRequestedError:  # from an evaluation, which is then still pending
            complete = False
        self._save()
        return self._finish() if complete else None

    def _run_steps(self) -> bool:
        """Train up to the last step; return whether the run is to be finished."""
        self._repeat_pending()
        while not self._is_complete():
            self._handle_requests()
            if self.control.stopping:
                return self.control.finishing and self.step > 0 and not self.control.interrupted()
            if self._is_complete():  # a request for one step made the last one
                break
            self._advance()
            if self.step < self.total_steps and self.control.checkpoint_due(self.step):
                self._save()
        return True

    def _is_complete(self) -> bool:
        """Whether no update is left to make."""
        return self.step >= self.total_steps or out_of_patience(self.job, self.progress)

    def _advance(self) -> bool:
        """Take a chunk of steps, log and validate after it; return whether it had any step."""
        chunk = self._run_chunk()
        if not chunk.losses.size:
            return False
        self._record(chunk)
        # The line comes first: a checkpoint states how many lines the history has.
        if logs_after(self.job, self.step):
            self._log()
        if validates_after(self.job, self.step):
            self._validate()
        return True

    def _make_step(self) -> bool:
        """Make one update and evaluate the net; False if none is left, or it was interrupted."""
        self.control.whole_steps = True
        if self._is_complete() or not self._advance():
            return False
        if not logs_after(self.job, self.step):
            self._evaluate()
        return True

    def _run_chunk(self) -> Chunk:
        """Have the engine take steps; of none, it was made to return in the middle of the first."""
        began = time.monotonic()
        with self._integers():
            chunk = self.engine.run(self.step, self._chunk_end(), self.control.must_return)
        self.control.ran(len(chunk.losses), time.monotonic() - began)
        return chunk

    def _chunk_end(self) -> int:
        """The step before which the next chunk ends: at a line, a checkpoint, an epoch, the end."""
        training = self.training
        ends = [self.step + (1 if self.control.whole_steps else CHUNK), self.total_steps]
        ends.append(-(-self.step // training.log_every) * training.log_every + 1)
        if self.job.dataset.valid is not None:
            per_epoch = self.job.batches.steps_per_epoch
            ends.append((self.step // per_epoch + 1) * per_epoch)
        if training.checkpoint_every:
            ends.append((self.step // training.checkpoint_every + 1) * training.checkpoint_every)
        return min(ends)

    def _record(self, chunk: Chunk) -> None:
        """Count the steps of a chunk and keep their losses."""
        finite = np.isfinite(chunk.losses)
        if not finite.all():
            step = self.step + int(np.argmin(finite))
            raise diverged(self.job, self.training, self.engine.export(), step)
        losses = chunk.losses.tolist()
        self.step += len(losses)
        self.progress.since_log += losses
        self.progress.recent.extend(losses)
        self._notify("on_chunk", chunk)

    def _repeat_pending(self) -> None:
        """Repeat the evaluations that were cancelled after the last step."""
        pending = pending_events(self.job, self.step, self.progress)
        if "log" in pending:
            self._log()
        if "valid" in pending:
            self._validate()
        if pending:  # otherwise a run resumed from here would repeat them once more
            self._save()

    def _log(self) -> None:
        """Evaluate the net and emit the line of the last step."""
        step, since = self.step - 1, self.progress.since_log
        mean = sum(since) / len(since)
        # Checking all weights takes time, and a net that diverged does worse than at first.
        if self._first_mean is None or not mean < self._first_mean:
            self._check_weights()
        self._first_mean = mean if self._first_mean is None else self._first_mean
        self._evaluate()
        now = phase_of(self.training, step, self.total_steps, self.job.turn)
        event: LogEvent = {
            "event": "log",
            "step": step,
            "epoch": self.job.batches.epoch_of(step),
            "loss": since[-1],
            "mean_loss": mean,
            "lr": rate_at(now[0], step, now[1]),
            **self.evaluation.figures,  # type: ignore[typeddict-item]  # its optional keys
        }
        self._check_figures(event)
        self.progress.since_log = []
        self._notify("on_log", event)

    def _evaluate(self) -> None:
        self.evaluation = self.control.evaluated(partial(self.job.evaluate, self.engine))

    def _validate(self) -> None:
        """Compute the loss on the validation rows; keep the weights if they are the best so far."""
        progress = self.progress
        loss = self.control.validated(partial(self.job.validation_loss, self.engine))
        step = self.step - 1
        epoch = self.job.batches.epoch_of(step)
        event: ValidationEvent = {
            "event": "valid",
            "step": step,
            "epoch": epoch,
            "valid_loss": loss,
        }
        self._check_figures(event)
        if loss < progress.best_loss or self._best_is_in_floats():
            progress.best_loss, progress.best_step, progress.waited = loss, self.step, 0
            progress.best = self.engine.export().params
        else:
            progress.waited += 1
        self._notify("on_valid", event)

    def _best_is_in_floats(self) -> bool:
        """Whether the best weights so far are of before a net in integers is trained as one."""
        grid_from = self.job.grid_from
        return grid_from is not None and self.progress.best_step <= grid_from < self.step

    def _handle_requests(self) -> None:
        """Carry out what was requested; while paused, wait for more."""
        while self.control.has_requests():
            for request in self.control.take_requests():
                self._carry_out(request)
            if self.control.stopping or self._is_complete():
                return
            if self.control.paused:
                self._notify("on_pause")
                time.sleep(PAUSED)

    def _carry_out(self, request: Request) -> None:
        if request.do == "step" and not self._make_step():
            return
        event: ControlEvent = {"event": "control", "step": self.step, "do": request.do}
        match request.do:
            case "lr":
                event["lr"] = self.progress.lr = request.rate
                self._set_lr(request.rate)
            case "snapshot":
                self._evaluate()
            case "stop":
                self.control.finishing = True
            case "pause" | "go" | "step":
                self.control.paused = request.do != "go"
        self._notify("on_control", event, request.name)
        if request.do in ("lr", *WITH_SNAPSHOT):  # otherwise a crash would undo it, or half of it
            self._save()

    def _set_lr(self, lr: float) -> None:
        self.training = replace(self.training, lr=lr)
        self.engine.set_lr(lr)

    def _save(self) -> None:
        """Have everything saved, unless the weights are unusable."""
        began = time.monotonic()
        self._check_weights()
        self._notify("on_checkpoint")
        self.control.saved(time.monotonic() - began)

    def _finish(self) -> Figures | None:
        """Compute the results with the best weights; None if interrupted meanwhile."""
        results = self._restore_best()
        try:
            with self._integers():
                self.job.settle(self.engine)
            recent = list(self.progress.recent)
            self.evaluation = self.control.evaluated(partial(self.job.finish, self.engine, recent))
        except StopRequestedError:
            return None
        results |= self.evaluation.figures
        results |= {
            "nets": self.job.net.n_members,
            "net_updates": results.get("best_step", self.step),
        }
        self._check_figures(results)
        self._notify("on_end", results)
        return results

    def _restore_best(self) -> Figures:
        """Put back the weights with the lowest validation loss, and return which these are."""
        progress = self.progress
        if not progress.best or self._best_is_in_floats():
            return {}
        if progress.best_step != self.step:
            self.engine.restore(progress.best)
        return {"best_step": progress.best_step, "valid_loss": progress.best_loss}

    def _check_weights(self) -> None:
        check_weights(self.job, self.training, self.engine.export())

    @contextmanager
    def _integers(self) -> Iterator[None]:
        """Raise errors of numbers that do not fit into integers as those of users."""
        try:
            yield
        except NotInteger as error:
            reason = f"--quantize: {error}"
            if error.of_data:
                where = printable(self.job.dataset.name)
                raise DataError(f"{where}: {reason}; add --scale auto") from None
            state, step = self.engine.export(), max(0, self.step - 1)
            raise diverged(self.job, self.training, state, step, reason) from None

    def _check_figures(self, figures: Any) -> None:
        if not all_finite(figures):
            raise diverged(self.job, self.training, self.engine.export(), self.step - 1)

    def _notify(self, hook: str, *details: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self, *details)
