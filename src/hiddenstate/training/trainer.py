"""The one loop: chunks of steps between logged lines, checkpoints and requests to stop.

It calls named hooks and knows no subclass of anything.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.engines import Chunk, Engine, TrainingState
from hiddenstate.engines.schedule import rate_at
from hiddenstate.errors import DivergedError
from hiddenstate.jobs.base import Evaluation, Job
from hiddenstate.runs.requests import Requests
from hiddenstate.system.cancellation import StopRequestedError, cancellable
from hiddenstate.training.callback import Callback
from hiddenstate.training.progress import Progress, logs_after, pending_events, validates_after

CHUNK = 500
"""Most steps asked of an engine at once, so that progress is seen to move."""

CHECKPOINT_SECONDS = 30.0
"""Longest time trained between two checkpoints, unless told otherwise or saving is slow."""

SAVING_SHARE = 50
"""Times that saving took which pass before the next by time: it costs less than 2% of training."""

LONG_STEP = 1.0
"""Seconds of a step that, broken off once for a checkpoint or a request, is not broken off again:
begun anew each time it might never be done."""

PAUSED = 0.05
"""Seconds between two looks for what is asked while training is paused."""

FLAT = 1e4
"""Size of a weight between hidden units from which on a net has diverged: float32's tanh and
sigmoid are flat beyond 17, so such units pass no gradient and learn nothing again."""


class Trainer:
    """Trains what `engine` holds until the last step, or until asked to stop.

    Parameters
    ----------
    job : Job
    engine : Engine
    callbacks : iterable of Callback
        Called in this order.
    step : int
        Updates made before, when a run goes on.
    progress : Progress, optional
        What was remembered then.
    should_stop : callable
        Asked often; once true, the loop saves and returns.
    checkpoint_seconds : float
        Longest time trained between two checkpoints; a crash costs at most this, or
        `SAVING_SHARE` times what saving takes if that is longer.
    requests : Requests, optional
        Where others ask to stop, pause, go on, learn at another rate, or for a snapshot.
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
    ) -> None:
        self.job = job
        self.engine = engine
        self.callbacks = list(callbacks)
        self.step = step
        self.total_steps = job.total_steps
        self.progress = progress or Progress()
        self.evaluation = Evaluation()
        self._first: float | None = None
        self._should_stop = should_stop
        self._seconds = checkpoint_seconds
        self._due = time.monotonic() + checkpoint_seconds
        self._requests, self._ended, self._paused = requests, False, False
        self._whole = False  # steps are taken one by one, each to its end unless all is to end
        self.training = job.config.training
        if self.progress.lr is not None:
            self._set_lr(self.progress.lr)

    def train(self) -> dict[str, Any] | None:
        """Run the loop; return the final figures, or None if asked to stop before the end.

        Raises
        ------
        DivergedError
            At the first loss or weight that is not finite.
        """
        try:
            results = self._train()
        except Exception as error:  # whatever it is, the hooks are told and it goes on its way
            self._notify("on_stop", error)
            raise
        if results is None:
            self._notify("on_stop", None)
        return results

    def _train(self) -> dict[str, Any] | None:
        self._notify("on_start")
        try:
            stopped = self._steps()
        except StopRequestedError:  # in an evaluation, which is then still due
            stopped = True
        self._save()
        if stopped:
            return None
        results = self._keep_best()
        try:
            with cancellable(self._should_stop):
                self.evaluation = self.job.finish(self.engine, list(self.progress.recent))
        except StopRequestedError:
            return None
        results |= self.evaluation.figures
        self._check_figures(results)
        self._notify("on_end", results)
        return results

    def _steps(self) -> bool:
        """Train up to the last step; return whether it was asked to stop before."""
        self._catch_up()
        while self.step < self.total_steps and not self.out_of_patience:
            self._obey()
            if self._should_stop():
                return True
            if self._ended:
                return self.step == 0  # of no step there is nothing to finish
            began = time.monotonic()
            chunk = self.engine.run(self.step, self._next_stop(), self._must_return)
            if not chunk.losses.size:  # asked to return in the middle of a step
                self._whole = True
                if self._must_save():
                    self._save()
                continue
            self._whole = self._whole and time.monotonic() - began > LONG_STEP
            self._take_in(chunk)
            self._notify("on_chunk", chunk)
            # The line comes before the checkpoint, or a resumed run would go on without it.
            if logs_after(self.job, self.step):
                self._log()
            if validates_after(self.job, self.step):
                self._validate()
            if self.step < self.total_steps and self._must_save():
                self._save()
        return False

    def _obey(self) -> None:
        """Do what was asked, and while paused wait for more."""
        while self._requests or self._paused:
            for request in self._requests.take() if self._requests else ():
                event = {"event": "control", "step": self.step, "do": request.do}
                if request.do == "lr":
                    assert request.value is not None
                    event["lr"] = self.progress.lr = request.value
                    self._set_lr(request.value)
                elif request.do == "snapshot":
                    with cancellable(self._should_stop):
                        self.evaluation = self.job.evaluate(self.engine)
                elif request.do == "stop":
                    self._ended = True
                self._paused = request.do == "pause" or (self._paused and request.do != "go")
                self._notify("on_control", event, request.name)
                if request.do in ("lr", "snapshot"):  # or a crash would undo it, or half of it
                    self._save()
            if self._should_stop() or self._ended:
                return
            if self._paused:
                self._notify("on_pause")
                time.sleep(PAUSED)

    def _set_lr(self, lr: float) -> None:
        self.training = replace(self.training, lr=lr)
        self.engine.set_lr(lr)

    def _must_return(self) -> bool:
        if self._whole:
            return self._should_stop()
        asked = self._should_stop() or bool(self._requests)
        return asked or time.monotonic() >= self._due

    def _must_save(self) -> bool:
        every = self.job.config.training.checkpoint_every
        return time.monotonic() >= self._due or (every > 0 and self.step % every == 0)

    def _save(self) -> None:
        """Have everything saved, never weights that are of no use."""
        began = time.monotonic()
        self._check_weights()
        self._notify("on_checkpoint")
        now = time.monotonic()
        self._due = now + max(self._seconds, SAVING_SHARE * (now - began))

    def _next_stop(self) -> int:
        """Where the next chunk ends: after a step to log, at a checkpoint, or at the end."""
        training = self.job.config.training
        ends = [self.step + (1 if self._whole else CHUNK), self.total_steps]
        ends.append(-(-self.step // training.log_every) * training.log_every + 1)
        if self.job.dataset.valid is not None:
            per_epoch = self.job.batches.steps_per_epoch
            ends.append((self.step // per_epoch + 1) * per_epoch)
        if training.checkpoint_every:
            ends.append((self.step // training.checkpoint_every + 1) * training.checkpoint_every)
        return min(ends)

    def _take_in(self, chunk: Chunk) -> None:
        losses = chunk.losses.tolist()
        if not np.isfinite(chunk.losses).all():
            raise self._diverged(self.step + int(np.argmin(np.isfinite(chunk.losses))))
        self.step += len(losses)
        self.progress.since_log += losses
        self.progress.recent.extend(losses)

    def _catch_up(self) -> None:
        """Do what was due after the last step when training stopped in the middle of it."""
        due = pending_events(self.job, self.step, self.progress)
        if "log" in due:
            self._log()
        if "valid" in due:
            self._validate()
        if due:  # or the next to go on from here would do it again
            self._save()

    def _log(self) -> None:
        step, since = self.step - 1, self.progress.since_log
        mean = sum(since) / len(since)
        # Looking at all weights takes time, and a net that diverged does worse than at first.
        if self._first is None or not mean < self._first:
            self._check_weights()
        self._first = mean if self._first is None else self._first
        with cancellable(self._should_stop):
            self.evaluation = self.job.evaluate(self.engine)
        event = {
            "event": "log",
            "step": step,
            "epoch": self.job.batches.epoch_of(step),
            "loss": since[-1],
            "mean_loss": mean,
            "lr": rate_at(self.training, step, self.total_steps),
            **self.evaluation.figures,
        }
        self._check_figures(event)
        self.progress.since_log = []
        self._notify("on_log", event)

    @property
    def out_of_patience(self) -> bool:
        """Whether so many looks at the validation rows found no better weights."""
        patience = self.job.config.training.patience
        return 0 < patience <= self.progress.waited

    def _validate(self) -> None:
        """Look at the validation rows; keep the weights if they are the best so far."""
        progress = self.progress
        with cancellable(self._should_stop):
            loss = self.job.validate(self.engine)
        assert loss is not None
        step = self.step - 1
        epoch = self.job.batches.epoch_of(step)
        event = {"event": "valid", "step": step, "epoch": epoch, "valid_loss": loss}
        self._check_figures(event)
        if loss < progress.best_loss:
            progress.best_loss, progress.best_step, progress.waited = loss, self.step, 0
            progress.best = self.engine.export().params
        else:
            progress.waited += 1
        self._notify("on_valid", event)

    def _keep_best(self) -> dict[str, Any]:
        """Put back the weights that did best on the validation rows, and say which."""
        progress = self.progress
        if not progress.best:
            return {}
        if progress.best_step != self.step:
            self.engine.restore(progress.best)
        return {"best_step": progress.best_step, "valid_loss": progress.best_loss}

    def _check_weights(self) -> None:
        """Refuse to go on with weights that are not finite, or beyond `FLAT`."""
        state = self.engine.export()
        flat = self._flat(state)
        if state.not_finite() or flat:
            raise self._diverged(self.step - 1, flat)

    def _flat(self, state: TrainingState) -> str | None:
        """The first weight between hidden units beyond `FLAT`, and how large it is."""
        for name in self.job.net.inner_weights():
            largest = float(np.abs(state.params[name]).max())
            if largest > FLAT:
                return f"{name} reached {largest:.3g}, where units are flat and learn no more"
        return None

    def _check_figures(self, figures: dict[str, Any]) -> None:
        if not all(math.isfinite(v) for v in figures.values() if isinstance(v, float)):
            raise self._diverged(self.step - 1)

    def _diverged(self, step: int, flat: str | None = None) -> DivergedError:
        """What is to be raised; `flat` says which weight is beyond `FLAT`, if that is why."""
        state = self.engine.export()
        name = state.not_finite()
        fault = f"{name} is no longer finite" if name else "the outputs grew without bound"
        if flat and not name:
            fault = flat
        elif not name:
            largest = max(state.params, key=lambda n: float(np.abs(state.params[n]).max()))
            fault += f", {largest} up to {np.abs(state.params[largest]).max():.3g}"
        epoch, batch = self.job.batches.place_of(step)
        training = self.training
        return DivergedError(
            f"training diverged in epoch {epoch}, batch {batch} (step {step}): {fault}; "
            f"use a smaller --lr than {training.lr:g}" + ("" if training.clip else " or --clip 1")
        )

    def _notify(self, hook: str, *details: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self, *details)
