"""Predictions in numpy, with the reference: where there are no kernels, and as the measure.

It is slow, and exact in float64.
"""

import math
from collections.abc import Iterator

import numpy as np

from hiddenstate.data.rows import fractions
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.engines.interface import Source, check_state, one_by_one, replace_state
from hiddenstate.kernels import reference
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
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
        self.net, self.dtype = model.net, np.dtype(dtype or model.dtype)
        self._params = {name: a.astype(self.dtype) for name, a in model.params.items()}

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        parts = []
        for some in self._pieces(X):
            rows = fractions(X[some], self.dtype)
            if rows.ndim == 2:
                parts.append(self._decoded(self._encoded(rows)))
            else:
                own = None if lengths is None else lengths[some]
                parts.append(recurrent_outputs(self.net, self._params, rows, {}, own)[0])
        return np.concatenate(parts)

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        check_state(state, self.net, len(X))
        return recurrent_outputs(self.net, self._params, fractions(X, self.dtype), state)

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
        pieces = [self._encoded(fractions(X[some], self.dtype)) for some in self._pieces(X)]
        return np.concatenate(pieces)

    def decode(self, codes: Array) -> Array:
        """Return the rows that codes decode to; see `Predictor.decode`."""
        return self._decoded(np.asarray(codes, self.dtype))

    def _encoded(self, rows: Array) -> Array:
        return self._dense("encoder", rows, "linear")

    def _decoded(self, codes: Array) -> Array:
        return self._dense("decoder", codes, self.net.autoencoder.output_activation)

    def _dense(self, part: str, rows: Array, end: str) -> Array:
        config = self.net.autoencoder
        numbers = range(0, 2 * len(config.encoder_sizes) + 1, 2)
        layers = [
            (self._params[f"{part}.{n}.weight"], self._params[f"{part}.{n}.bias"]) for n in numbers
        ]
        between = [config.activation] * (len(layers) - 1)
        return reference.dense(rows, layers, [*between, end])

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


def recurrent_outputs(
    net: Net,
    params: Params,
    x: Array,
    state: Params,
    lengths: Array | None = None,
    masks: Array | None = None,
) -> tuple[Array, Params]:
    """Run a recurrent network.

    Parameters
    ----------
    net : Net
    params : dict of ndarray
    x : ndarray of shape (B, T, I)
    state : dict of ndarray (L*D, B, H)
        `h` and, for lstm, `c`; empty for zeros.
    lengths : ndarray of shape (B,), optional
    masks : ndarray of shape (L-1, B, T, D*H), optional
        Dropout; see :func:`hiddenstate.kernels.reference.recurrent`.

    Returns
    -------
    outputs : ndarray of shape (B, T, O), or (B, O) where `net.output` is "last"
        Zero after a row's end. With a stem that averages steps, T is `net.pooled(T)`.
    state : dict of ndarray (L*D, B, H)
    """
    config = net.recurrent
    cell = f"rnn_{config.nonlinearity}" if config.cell == "rnn" else config.cell
    weights = [array for name, array in params.items() if name.startswith("rnn.")]
    if config.stem:
        flat = [array for name, array in params.items() if name.startswith("stem.")]
        x, lengths = reference.stem(
            x,
            [flat[i : i + 6] for i in range(0, len(flat), 6)],
            lengths,
            pool=config.stem_pool,
            causal=config.stem_causal,
        )
    begin = tuple(state[name].astype(x.dtype) for name in ("h", "c") if name in state) or None
    steps, last = reference.recurrent(
        cell,  # type: ignore[arg-type]  # one of the four, as the config was checked
        x,
        weights,
        begin,
        lengths,
        layers=config.layers,
        bidirectional=config.bidirectional,
        masks=masks,
    )
    if net.output == "steps":
        summary = steps
    elif config.readout == "mean":
        counts = x.shape[1] if lengths is None else lengths[:, None].astype(x.dtype)
        summary = steps.sum(axis=1) / counts
        if config.stem:
            summary = np.concatenate([summary, x.sum(axis=1) / counts], axis=1)
    else:
        summary = np.concatenate(last[0][-2:] if config.bidirectional else last[0][-1:], axis=1)
    y = summary @ params["out.weight"].T + params["out.bias"]
    if net.output == "steps" and lengths is not None:
        y[np.arange(x.shape[1]) >= lengths[:, None]] = 0
    return y, dict(zip(("h", "c"), last, strict=False))
