"""Predicts with a net that reads windows in units of their own deviation; see `Predictor`."""

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array


class WindowedPredictor:
    """Scales each window before the net reads it.

    Parameters
    ----------
    net : Predictor
        Of the net alone.
    model : FittedModel
    """

    def __init__(self, net: Predictor, model: FittedModel) -> None:
        self.net, self._dtype = net, model.dtype
        self._transform: Transform = model.transform

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        rows = X[:]
        inputs = self._transform.net_inputs(rows, lengths, self._dtype)
        return self._transform.net_outputs(self.net.predict(inputs, lengths), rows, lengths)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Refuse: the scale of a window is known at its end."""
        raise TypeError(_REFUSAL)

    def advance(self, X: Array, state: Params) -> Array:
        """Refuse: the scale of a window is known at its end."""
        raise TypeError(_REFUSAL)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Refuse: the scale of a window is known at its end."""
        raise TypeError(_REFUSAL)

    def encode(self, X: Source) -> Array:
        """Refuse: only autoencoders encode."""
        raise TypeError("a regressor has no codes")

    def decode(self, codes: Array) -> Array:
        """Refuse: only autoencoders decode."""
        raise TypeError("a regressor has no codes")


_REFUSAL = "a net that reads scaled windows carries no state"
