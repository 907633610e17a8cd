"""Gradients of the nets of a trained model by what they read, in float64.

The kernels compute them; torch does where the kernels are off or were not built. Shapes: B rows of
one length, T time steps, I inputs, C outputs.
"""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from hiddenstate.engines.choose import load_torch
from hiddenstate.kernels import gradients, why_not
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.layers import layers_of
from hiddenstate.models.net import Params
from hiddenstate.program.layers import Layer
from hiddenstate.system.typing import Array

Gradient = Callable[[Array, Mapping[str, Array] | None], tuple[Array, gradients.Pull]]
"""From rows (B, T, I) as a net reads them, and the state that they begin with, to what it gives and
what turns a gradient of that into one of the rows; see
:func:`hiddenstate.kernels.gradients.with_gradient`."""


def gradients_of(model: FittedModel, engine: str = "auto") -> list[Gradient]:
    """Return the gradient of each net of a recurrent model.

    Parameters
    ----------
    model : FittedModel
    engine : {"auto", "native", "torch"}, default "auto"

    Raises
    ------
    MachineError
        If neither the kernels nor torch are there.
    """
    if engine == "native" or (engine == "auto" and not why_not()):
        return [partial(gradients.with_gradient, _layers(each)) for each in model.members()]
    load_torch("gradients")
    return [_of_torch(each) for each in model.members()]


def _as_float64(model: FittedModel) -> Params:
    return {name: array.astype(np.float64) for name, array in model.params.items()}


def _layers(model: FittedModel) -> tuple[Layer, ...]:
    return layers_of(model.net, _as_float64(model))


def _of_torch(model: FittedModel) -> Gradient:
    import torch

    from hiddenstate.models.torch_modules import make_module

    module = make_module(model.net, _as_float64(model))

    def with_gradient(x: Array, begin: Mapping[str, Array] | None) -> tuple[Array, gradients.Pull]:
        rows = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        state = tuple(
            torch.tensor(np.repeat(array, len(x), axis=1), dtype=torch.float64)
            for array in (begin or {}).values()
        )
        y = module(rows, state)[0] if state else module(rows)[0]

        def pull(grad: Array) -> Array:
            return np.asarray(torch.autograd.grad(y, rows, torch.tensor(grad))[0].numpy())

        return y.detach().numpy(), pull

    return with_gradient
