"""Predictions in numpy, with the layers of the program: where there are no kernels.

They are slow, and exact in float64.
"""

import math
from collections.abc import Iterator

import numpy as np

from hiddenstate.data.rows import fractions
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.engines.interface import Source, check_state, one_by_one, replace_state
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.layers import dense_layers, layers_of
from hiddenstate.models.net import Params
from hiddenstate.program.layers import Layer, run_layers, state_of
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

MAX_NUMBERS = 2**24
"""Most numbers of a layer's output that are in memory at once."""


class ReferencePredictor:
    """Computes the outputs of a trained model in numpy; see :class:`Predictor`.

    Parameters
    ----------
    model : FittedModel
    dtype : str, optional
        Float type to compute in; default that of the model's weights.
    """

    def __init__(self, model: FittedModel, dtype: str | None = None) -> None:
        net, self.dtype = model.net, np.dtype(dtype or model.dtype)
        params = {name: a.astype(self.dtype) for name, a in model.params.items()}
        self.net, self._decoder = net, tuple[Layer, ...]()
        if net.kind.has_codes:
            self._layers: tuple[Layer, ...] = dense_layers(net, params, "encoder")
            self._decoder = dense_layers(net, params, "decoder")
        else:
            self._layers = layers_of(net, params)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        parts = []
        for some in self._pieces(X):
            rows, own = fractions(X[some], self.dtype), None if lengths is None else lengths[some]
            parts.append(run_layers((*self._layers, *self._decoder), rows, own)[0])
        return np.concatenate(parts)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        check_state(state, self.net, len(X))
        begin = state_of(self._layers, len(X), self.dtype)
        begin |= {name: array.astype(self.dtype) for name, array in state.items()}
        outputs, _, after = run_layers(self._layers, fractions(X, self.dtype), None, begin)
        return outputs, {name: after[name] for name in self.net.state_shapes(len(X))}

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs for parallel rows, with their state; see `Predictor.advance`."""
        return replace_state(self, X, state)

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Return the outputs for consecutive rows and the last state; see `Predictor.follow`."""
        outputs = []
        for row in one_by_one(X):
            raise_if_cancelled()
            output, state = self.forward(row, state)
            outputs.append(output)
        return np.concatenate(outputs), state

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Predictor.encode`."""
        pieces = (fractions(X[some], self.dtype) for some in self._pieces(X))
        return np.concatenate([run_layers(self._layers, rows)[0] for rows in pieces])

    def decode(self, codes: Array) -> Array:
        """Return the rows that codes decode to; see `Predictor.decode`."""
        return run_layers(self._decoder, np.asarray(codes, self.dtype))[0]

    def _pieces(self, X: Source) -> Iterator[slice]:
        """Yield slices of rows that fit in memory; before each, the caller may be cancelled."""
        width = max(max(shape) for shape in self.net.shapes().values())
        steps = X.shape[1] if len(X.shape) == 3 else 1
        at_once = max(1, MAX_NUMBERS // max(1, math.prod((steps, width))))
        if isinstance(X, RowStore):
            at_once = min(at_once, max(1, PIECE // max(1, X.row_bytes)))
        for first in range(0, max(len(X), 1), at_once):
            raise_if_cancelled()
            yield slice(first, first + at_once)
