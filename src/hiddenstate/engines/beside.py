"""Predicts with a net and the fixed convolutions beside it; see `Predictor`."""

from typing import Any

from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.engines.whole_rows import WholeRowsPredictor
from hiddenstate.models.convolutions import ConvolutionPath
from hiddenstate.program.companions import combine
from hiddenstate.program.equations import log_probabilities
from hiddenstate.system.typing import Array


class CombinedPredictor(WholeRowsPredictor):
    """The logarithms of the mean probabilities of a net and of a path.

    Parameters
    ----------
    net : Predictor
        Of the net alone.
    path : ConvolutionPath
    dtype : type
        Of the outputs.
    threads : int, default 0
        Of the path; 0 leaves the choice to the kernels.
    """

    subject = "a net with fixed convolutions beside it"

    def __init__(self, net: Predictor, path: ConvolutionPath, dtype: Any, threads: int = 0) -> None:
        self.net, self.path, self._dtype, self._threads = net, path, dtype, threads

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`.

        They are those of :func:`hiddenstate.program.companions.combine`.
        """
        path = self.path.logits(X, lengths, self._threads)
        if self.path.net_share == 0:
            return log_probabilities(path).astype(self._dtype)
        net = self.net.predict(X, lengths)
        share, scale = self.path.net_share, self.path.net_scale
        return combine(net, path, share, scale).astype(self._dtype)
