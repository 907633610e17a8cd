"""A callback that passes the numbers of a training to a logger."""

import warnings
from collections.abc import Callable
from typing import Any, Literal

from hiddenstate.errors import OptionError
from hiddenstate.runs.events import Figures, LogEvent, ValidationEvent, figures_of
from hiddenstate.training.trainer import Callback, Trainer


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

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        """Pass the numbers of a logged step."""
        self._pass(figures_of(event), event["step"])

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        """Pass the validation loss."""
        self._pass(figures_of(event), event["step"])

    def on_end(self, trainer: Trainer, results: Figures) -> None:
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
