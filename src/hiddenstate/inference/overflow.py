"""Refuses predictions whose numbers overflow, instead of returning what is left of them."""

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.data import in_pieces
from hiddenstate.engines import Predictor, make_predictor
from hiddenstate.engines.interface import Source
from hiddenstate.errors import DataError, UntrustedFileError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array

LARGEST_ANSWER = 1e150
"""Largest output in its own units; its square is still a float64."""

ORDINARY = 1e6
"""Transformed inputs up to this size are not to blame for an overflow, the model is."""


def checked_predictor(
    model: FittedModel, device: str = "auto", threads: int = 0
) -> "CheckedPredictor":
    """Return a predictor for `model` that refuses outputs which are not finite.

    Raises
    ------
    UntrustedFileError
        If the sums of the model's weights overflow.
    MachineError
        If the device does not exist, or memory is too small for torch.
    """
    input_limit(model)
    return CheckedPredictor(make_predictor(model, device, threads), model)


def input_limit(model: FittedModel) -> float:
    """Return the largest input, transformed, with which no sum of the first layer can overflow.

    Raises
    ------
    UntrustedFileError
        If weights of any layer are so large that a sum can overflow with any input.
    """
    if model.n_members > 1:
        return min(map(input_limit, model.members()))
    for name, room in model.headroom.items():
        if room < 1:
            raise UntrustedFileError(
                f"the model's weights are too large for {model.dtype}: {name} has numbers up to "
                f"{_size(model.params[name]):.3g}; train the model again, at a lower learning rate"
            )
    readers = {"encoder.0.weight", "stem.0.conv.weight"}
    if isinstance(model.net.config, RecurrentConfig):
        readers |= {names[-1] for names in model.net.readers()}
    first = [room for name, room in model.headroom.items() if name in readers]
    return min(first, default=np.inf)


def check_inputs(model: FittedModel, X: Source, where: str) -> None:
    """Refuse transformed rows that can overflow in the first layer.

    A sum that overflows saturates a unit with either sign, and the prediction is finite and wrong.

    Raises
    ------
    DataError
        Names `where`, the row and its largest value.
    """
    if not isinstance(X, np.ndarray) or X.dtype == np.uint8:  # pixels are fractions
        return
    if model.transform.by_window:  # the net reads them in units of their deviation
        X = np.delete(X, model.transform.own_features, axis=-1)
        if not X.shape[-1]:
            return
    limit = input_limit(model)
    if _size(X) <= limit:
        return
    row = next(i for i in range(len(X)) if _size(X[i]) > limit)
    raise DataError(
        f"{where}: row {row} has values too large for the model: {_size(X[row]):.3g} after "
        f"scaling, and with its weights {model.dtype} overflows beyond {limit:.3g}; correct the "
        "data"
    )


def _size(X: Array) -> float:
    """The largest absolute value of X, missing values left out."""
    return float(np.fmax(np.fmax.reduce(X, axis=None), -np.fmin.reduce(X, axis=None)))


class CheckedPredictor:
    """A predictor that refuses outputs which are not finite although their inputs are.

    Outputs must be finite in the units of the data too. The output of a row with missing values
    that nothing filled in is NaN, and is returned.

    Parameters
    ----------
    predictor : Predictor
    model : FittedModel
        The same model.

    Attributes
    ----------
    largest : ndarray
        The largest sizes of outputs, for each or for all of them.
    """

    def __init__(self, predictor: Predictor, model: FittedModel) -> None:
        self.predictor, self._model = predictor, model
        most = float(np.finfo(model.dtype).max)
        scaling = model.transform.target_scaling
        if model.net.kind.has_codes:
            scaling = model.transform.scaling
        offset, factor = (np.zeros(1), np.ones(1)) if scaling is None else scaling
        if model.transform.missing == "mask" and len(offset) * 2 == model.net.n_outputs:
            offset, factor = np.tile(offset, 2), np.tile(factor, 2)
        room = np.minimum(most / 2, LARGEST_ANSWER) - np.abs(offset)
        self.largest = np.minimum(room * np.minimum(np.abs(factor), 1), most / 2)

    def predict(self, X: Source, lengths: Array | None = None) -> Array:
        """Return the outputs for rows `X`; see `Predictor.predict`."""
        outputs = self.predictor.predict(X, lengths)
        self._check(outputs, self.largest, X, lengths)
        return outputs

    def forward(self, X: Array, state: Params) -> tuple[Array, Params]:
        """Return the outputs for parallel rows and their last state; see `Predictor.forward`."""
        for name, array in state.items():
            if not np.isfinite(array).all():
                raise DataError(f"state: {name} has numbers that are not finite")
        outputs, after = self.predictor.forward(X, state)
        self._check(outputs, self.largest, X)
        return outputs, after

    def advance(self, X: Array, state: Params) -> Array:
        """Return the outputs for parallel rows, with their state; see `Predictor.advance`."""
        outputs = self.predictor.advance(X, state)
        self._check(outputs, self.largest, X)
        return outputs

    def follow(self, X: Source, state: Params) -> tuple[Array, Params]:
        """Return the outputs for consecutive rows and the last state; see `Predictor.follow`."""
        outputs, after = self.predictor.follow(X, state)
        self._check(outputs, self.largest, X, carries=True)
        return outputs, after

    def encode(self, X: Source) -> Array:
        """Return the codes of rows `X`; see `Predictor.encode`."""
        codes = self.predictor.encode(X)
        self._check(codes, np.array(LARGEST_ANSWER), X)
        return codes

    def decode(self, codes: Array) -> Array:
        """Return the rows that codes decode to; see `Predictor.decode`."""
        rows = self.predictor.decode(codes)
        self._check(rows, self.largest, codes)
        return rows

    def _check(
        self,
        outputs: Array,
        largest: Array,
        X: Source,
        lengths: Array | None = None,
        carries: bool = False,
    ) -> None:
        fits = np.abs(outputs) <= largest  # NaN does not
        if fits.all():
            return
        wrong = np.logical_not(np.reshape(fits, (len(outputs), -1)).all(axis=1))
        for first, piece in in_pieces(X):
            for i, values in enumerate(piece, start=first):
                own = values if lengths is None else values[: lengths[i]]
                finite = bool(np.isfinite(own).all())
                if wrong[i] and finite:
                    raise self._refusal(i, _size(own))
                if carries and not finite:  # and so is every output after it
                    return

    def _refusal(self, row: int, size: float) -> DataError | UntrustedFileError:
        """Return the error that blames the inputs if they are large, also beside the weights."""
        dtype = self._model.dtype
        weight = max(_size(array) for array in self._model.params.values())
        if size > max(weight, ORDINARY):
            return DataError(
                f"row {row}: no finite prediction; its values, up to {size:.3g} after scaling, "
                f"overflow in {dtype}; correct the data"
            )
        return UntrustedFileError(
            f"row {row}: no finite prediction, although the row is finite; the model's numbers "
            f"overflow in {dtype}, its weights are up to {weight:.3g}; train it again, at a lower "
            "learning rate"
        )
