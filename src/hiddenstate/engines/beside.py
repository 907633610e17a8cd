"""Predicts with several nets, and with what stands beside nets; see `Predictor`."""

from collections.abc import Sequence

from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.engines.members import averaged
from hiddenstate.engines.whole_rows import WholeRowsPredictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system.typing import Array


class JoinedPredictor(WholeRowsPredictor):
    """Averages the outputs of nets, and joins the companions of the model to them.

    Parameters
    ----------
    nets : sequence of Predictor
        Of each net alone.
    model : FittedModel
    threads : int, default 0
        Of the companions; 0 leaves the choice to the kernels.
    """

    subject = "a model with members or companions"

    def __init__(self, nets: Sequence[Predictor], model: FittedModel, threads: int = 0) -> None:
        self.nets, self._model, self._threads = nets, model, threads

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`.

        They are those of :meth:`hiddenstate.program.program.Program.outputs`. Nets that have no
        share in the answer are not computed.
        """
        model, y = self._model, None
        if all(each.net_share for each in model.companions):
            y = averaged([net.predict(X, lengths) for net in self.nets], model.net)
        for each in model.companions:
            y = each.join(y, X, lengths, self._threads)
        assert y is not None
        return y.astype(model.dtype) if model.companions else y
