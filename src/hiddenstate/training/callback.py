"""The hooks that the training loop calls."""

from typing import TYPE_CHECKING

from hiddenstate.engines import Chunk
from hiddenstate.runs.events import ControlEvent, Figures, LogEvent, ValidationEvent

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
