"""What predictors of whole rows refuse: they carry no state, and only autoencoders have codes."""

from hiddenstate.engines.interface import Source
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array


class WholeRowsPredictor:
    """Refuses all that `Predictor` offers besides `predict`."""

    subject: str
    """What is refused, in messages."""

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Refuse: no state is carried."""
        raise TypeError(f"{self.subject} carries no state")

    def advance(self, X: Array, state: Params) -> Array:
        """Refuse: no state is carried."""
        raise TypeError(f"{self.subject} carries no state")

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Refuse: no state is carried."""
        raise TypeError(f"{self.subject} carries no state")

    def encode(self, X: Source) -> Array:
        """Refuse: only autoencoders encode."""
        raise TypeError(f"{self.subject} has no codes")

    def decode(self, codes: Array) -> Array:
        """Refuse: only autoencoders decode."""
        raise TypeError(f"{self.subject} has no codes")
