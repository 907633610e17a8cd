"""Predicts with a net and the companions beside it; see `Predictor`."""

from typing import Any

import numpy as np

from hiddenstate.engines.interface import Predictor, Source
from hiddenstate.engines.whole_rows import WholeRowsPredictor
from hiddenstate.models.companions import FittedCompanion
from hiddenstate.system.typing import Array


class CombinedPredictor(WholeRowsPredictor):
    """The logarithms of the mean probabilities of a net and of companions.

    Parameters
    ----------
    net : Predictor
        Of the net alone.
    companions : tuple of FittedCompanion
    dtype : type
        Of the outputs.
    threads : int, default 0
        Of the companions; 0 leaves the choice to the kernels.
    """

    def __init__(
        self,
        net: Predictor,
        companions: tuple[FittedCompanion, ...],
        dtype: Any,
        threads: int = 0,
    ) -> None:
        self.net, self.companions, self._dtype, self._threads = net, companions, dtype, threads
        self.subject = f"a net with {companions[-1].words().title} beside it"

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`.

        They are those of :func:`hiddenstate.program.companions.combine`.
        """
        counts = all(each.net_share for each in self.companions)
        y = self.net.predict(X, lengths) if counts else None
        for each in self.companions:
            y = each.join(y, X, lengths, self._threads)
        return np.asarray(y, self._dtype)
