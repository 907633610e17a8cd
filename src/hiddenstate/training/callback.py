"""The hooks that the training loop calls."""

from typing import TYPE_CHECKING, Any

from hiddenstate.engines import Chunk

if TYPE_CHECKING:
    from hiddenstate.training.trainer import Trainer


class Callback:
    """Hooks of the loop, all empty; override those you want.

    Every hook gets the trainer, whose `step` is the number of updates made, `total_steps`
    where it will end, `engine` the net as it stands, `job` what is being done, and `evaluation`
    what was last found out about the net.
    """

    def on_start(self, trainer: "Trainer") -> None:
        """Called before the first step."""

    def on_chunk(self, trainer: "Trainer", chunk: Chunk) -> None:
        """After some steps were taken, at every logged line at least."""

    def on_log(self, trainer: "Trainer", event: dict[str, Any]) -> None:
        """After a logged step: its number, epoch, loss, mean loss, rate and evaluation."""

    def on_valid(self, trainer: "Trainer", event: dict[str, Any]) -> None:
        """After a look at the validation rows, at each epoch's end: its step, epoch and loss."""

    def on_control(self, trainer: "Trainer", event: dict[str, Any], name: str) -> None:
        """After a request was obeyed: the updates made before it, what it was, its own name."""

    def on_pause(self, trainer: "Trainer") -> None:
        """Again and again while training is paused."""

    def on_checkpoint(self, trainer: "Trainer") -> None:
        """At each multiple of `checkpoint_every`, every `checkpoint_seconds`, and at any end."""

    def on_stop(self, trainer: "Trainer", error: Exception | None) -> None:
        """Training ended early: asked to (`error` is None, all is saved) or by `error`."""

    def on_end(self, trainer: "Trainer", results: dict[str, Any]) -> None:
        """After the last step, with the final figures."""
