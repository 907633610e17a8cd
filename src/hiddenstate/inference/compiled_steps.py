"""Steps of a stream in the kernels: from raw values to answers in one call."""

from typing import Protocol

import numpy as np

from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines.native import NativePredictor
from hiddenstate.inference.overflow import CheckedPredictor, input_limit
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.program.layers import Convolution, Layer, Pool
from hiddenstate.system.typing import Array


class Stepper(Protocol):
    """Advances the states of parallel series; `csrc/stepper.h` has the arithmetic."""

    def advance(self, x: Array, raw: bool, active: Array | None, out: Array) -> bool:
        """Write the answers to steps x, and replace the state.

        Parameters
        ----------
        x : ndarray (B, I) or (B, T, I)
            The values of the active rows, in float64, the type of the model or, as pixels, uint8.
        raw : bool
            Whether x is to be scaled.
        active : ndarray of bool (rows,), optional
            By default all rows.
        out : ndarray (rows, O) or (rows, T, O)
            Only active rows are written.

        Returns
        -------
        bool
            False, and nothing has changed but `out`, if a number of x, or of what the net computes
            from it, is NaN or too large.
        """
        ...


def compiled_stepper(
    model: FittedModel,
    predictor: CheckedPredictor,
    state: Params,
    stem: tuple[Layer, ...] = (),
) -> Stepper | None:
    """Return what advances `state` in place in the kernels, or None if they do not compute, or
    not in the type of the answers.

    Parameters
    ----------
    model : FittedModel
        Its transform is applied, and undone, but for a forecast: then answers are outputs of
        the net.
    predictor : CheckedPredictor
        Computes outputs at every step: those of the model, or its hidden states if `state` has
        their sum, to which the head of the model is then applied.
    state : dict of ndarray
        As :attr:`Stream.state`.
    stem : tuple of Layer
        Of the model, without normalisation; the predictor's net reads what it gives.
    """
    if not isinstance(predictor.predictor, NativePredictor):
        return None
    transform, averages = model.transform, "sum" in state
    if transform.answer_type(model.dtype) != model.dtype:
        return None
    # A forecast is added to what the net says, in the units of the net.
    own = Transform() if transform.has_path else transform
    head = (model.params["out.weight"], model.params["out.bias"]) if averages else None
    convolutions = [layer for layer in stem if isinstance(layer, Convolution)]
    stepper: Stepper = predictor.predictor.stepper(
        state,
        scaling=_lists(transform.scaling),
        limit=input_limit(model),
        largest=np.ravel(predictor.largest).tolist(),
        head=_lists(head),
        stem=[
            (np.ascontiguousarray(each.weight.transpose(0, 2, 1)), each.bias)
            for each in convolutions
        ],
        pool=next((layer.steps for layer in stem if isinstance(layer, Pool)), 1),
        change=list(own.change or ()),
        target_scaling=_lists(own.target_scaling),
        probabilities=model.net.kind.has_classes,
    )
    return stepper


def _lists(arrays: tuple[Array, Array] | None) -> tuple[list[float], list[float]]:
    """Return the numbers of two arrays; without them, none."""
    one, two = arrays or (np.empty(0), np.empty(0))
    return np.ravel(one).tolist(), np.ravel(two).tolist()
