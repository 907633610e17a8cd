"""Predicts with a net that reads windows in units of their own deviation; see `Predictor`."""

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.engines.whole_rows import WholeRowsPredictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array


class WindowedPredictor(WholeRowsPredictor):
    """Scales each window before the net reads it.

    Parameters
    ----------
    net : Predictor
        Of the net alone.
    model : FittedModel
    """

    subject = "a net that reads scaled windows"

    def __init__(self, net: Predictor, model: FittedModel) -> None:
        self.net, self._dtype = net, model.dtype
        self._transform: Transform = model.transform

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        rows = X[:]
        inputs = self._transform.net_inputs(rows, lengths, self._dtype)
        return self._transform.net_outputs(self.net.predict(inputs, lengths), rows, lengths)
