"""Callbacks of a fit: its events, and a line about each epoch on stderr."""

import sys

from hiddenstate.engines import Chunk
from hiddenstate.errors import OptionError
from hiddenstate.runs.events import Figures, LogEvent, ValidationEvent
from hiddenstate.training.trainer import Callback, Trainer


def epoch_lines(name: str, verbose: object) -> list[Callback]:
    """Return the callback that prints, unless `verbose` is 0.

    Raises
    ------
    OptionError
        If `verbose` is not a whole number of at least 0.
    """
    if not isinstance(verbose, int) or verbose < 0:
        raise OptionError(f"verbose: expected a whole number of at least 0, got {verbose!r}")
    return [EpochLines(name)] if verbose else []


class EpochLines(Callback):
    """Prints the mean loss of each epoch and, with validation rows, their loss.

    Parameters
    ----------
    name : str
        Begins each line.
    """

    def __init__(self, name: str) -> None:
        self._name, self._epoch, self._losses, self._valid = name, 0, list[float](), ""

    def on_start(self, trainer: Trainer) -> None:
        """Note where the first epoch begins."""
        self._begin = trainer.step

    def on_chunk(self, trainer: Trainer, chunk: Chunk) -> None:
        """Print the epochs that are complete; with validation rows, :meth:`on_valid` does."""
        length = trainer.job.batches.steps_per_epoch
        for loss in chunk.losses.tolist():
            self._losses.append(loss)
            if len(self._losses) == length and trainer.job.dataset.valid is None:
                self._print(trainer)

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        """Print the epoch that is complete."""
        self._print(trainer, f", validation loss {event['valid_loss']:.4g}")

    def on_end(self, trainer: Trainer, results: Figures) -> None:
        """Print the last epoch, if it was cut short."""
        if self._losses:
            self._print(trainer)

    def _print(self, trainer: Trainer, more: str = "") -> None:
        self._epoch += 1
        n_steps = trainer.total_steps - self._begin
        n = -(-n_steps // trainer.job.batches.steps_per_epoch)
        loss = sum(self._losses) / max(len(self._losses), 1)
        self._losses.clear()
        sys.stderr.write(f"{self._name}: epoch {self._epoch} of {n}, loss {loss:.4g}{more}\n")


class History(Callback):
    """Collects the logged events of a fit."""

    def __init__(self) -> None:
        self.events: list[LogEvent | ValidationEvent] = []

    def on_log(self, trainer: Trainer, event: LogEvent) -> None:
        self.events.append(event)

    def on_valid(self, trainer: Trainer, event: ValidationEvent) -> None:
        self.events.append(event)
