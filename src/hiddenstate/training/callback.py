"""The hooks that the training loop calls, and one that passes its numbers to a logger."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from hiddenstate.engines import Chunk
from hiddenstate.errors import OptionError
from hiddenstate.runs.events import ControlEvent, Figures, LogEvent, ValidationEvent, figures_of

if TYPE_CHECKING:
    from hiddenstate.training.trainer import Trainer


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


class LoggerCallback(Callback):
    """Passes the numbers of a training to a logger of your own.

    Pass it to `fit(callbacks=[...])`. It is called in the training process, so a slow logger makes
    training slow; `hiddenstate track` follows a run from a process of its own.

    Parameters
    ----------
    log : callable
        Called as `log(values, step=step)`, as `mlflow.log_metrics` and the `log` of a wandb run
        are: `values` is a dict of floats by name (`loss`, `mean_loss`, `lr`, scores such as
        `test_accuracy`, `valid_loss` after an epoch; the results at the end as
        `final/test_accuracy`), `step` counts from 0.
    on_error : {"warn", "raise"}, default "warn"
        What happens if `log` raises an exception: with `warn` a RuntimeWarning says so, training
        continues and `log` is not called again; with `raise` training ends with the exception, and
        a run in a folder can be resumed.

    Attributes
    ----------
    error : Exception or None
        The exception after which `log` is not called any more.

    Raises
    ------
    OptionError
        If `log` cannot be called, or `on_error` is neither of the two.

    Examples
    --------
    With a writer of TensorBoard files, which takes one number at a time:

    >>> def log(values, step):
    ...     for name, value in values.items():
    ...         writer.add_scalar(name, value, step)
    >>> clf.fit(X, y, callbacks=[LoggerCallback(log)])  # doctest: +SKIP
    """

    def __init__(
        self, log: Callable[..., Any], on_error: Literal["warn", "raise"] = "warn"
    ) -> None:
        if not callable(log):
            raise OptionError(
                f"log: expected a function of values and step, got a {type(log).__name__}; pass "
                "for example mlflow.log_metrics, or the log of a wandb run"
            )
        if on_error not in ("warn", "raise"):
            raise OptionError(f"on_error: expected 'warn' or 'raise', got {on_error!r}")
        self.log, self.on_error = log, on_error
        self.error: Exception | None = None

    def on_log(self, trainer: "Trainer", event: LogEvent) -> None:
        """Pass the numbers of a logged step."""
        self._pass(figures_of(event), event["step"])

    def on_valid(self, trainer: "Trainer", event: ValidationEvent) -> None:
        """Pass the validation loss."""
        self._pass(figures_of(event), event["step"])

    def on_end(self, trainer: "Trainer", results: Figures) -> None:
        """Pass the results."""
        self._pass({f"final/{name}": value for name, value in results.items()}, trainer.step)

    def _pass(self, figures: Figures, step: int) -> None:
        if self.error is not None:
            return
        values = {n: float(v) for n, v in figures.items() if n not in ("step", "epoch")}
        try:
            self.log(values, step=step)
        except Exception as error:
            if self.on_error == "raise":
                raise
            self.error = error
            warnings.warn(
                f"the logger failed at step {step} ({type(error).__name__}: {error}); training "
                "continues without it",
                RuntimeWarning,
                stacklevel=2,
            )
