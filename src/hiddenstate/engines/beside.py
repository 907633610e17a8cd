"""Predicts with a net and the fixed convolutions beside it; see `Predictor`."""

from typing import Any

from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.models.convolutions import ConvolutionPath, combine, log_probabilities
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array


class CombinedPredictor:
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

    def __init__(self, net: Predictor, path: ConvolutionPath, dtype: Any, threads: int = 0) -> None:
        self.net, self.path, self._dtype, self._threads = net, path, dtype, threads

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`.

        They are those of :func:`hiddenstate.models.convolutions.combine`.
        """
        path = self.path.logits(X, lengths, self._threads)
        if self.path.net_share == 0:
            return log_probabilities(path).astype(self._dtype)
        net = self.net.predict(X, lengths)
        share, scale = self.path.net_share, self.path.net_scale
        return combine(net, path, share, scale).astype(self._dtype)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Refuse: the convolutions read whole series."""
        raise TypeError(_REFUSAL)

    def advance(self, X: Array, state: Params) -> Array:
        """Refuse: the convolutions read whole series."""
        raise TypeError(_REFUSAL)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Refuse: the convolutions read whole series."""
        raise TypeError(_REFUSAL)

    def encode(self, X: Source) -> Array:
        """Refuse: only autoencoders encode."""
        raise TypeError("a classifier has no codes")

    def decode(self, codes: Array) -> Array:
        """Refuse: only autoencoders decode."""
        raise TypeError("a classifier has no codes")


_REFUSAL = "a net with fixed convolutions beside it carries no state"
