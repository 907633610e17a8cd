"""The gradients of nets by what they read are those of torch in float64."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.engines.gradients import gradients_of
from hiddenstate.program.cells import CHOICES
from tests.conftest import needs_kernels
from tests.contract.models import (
    CLASSIFY,
    LAST,
    LOW_RANK,
    STEM,
    STEPS,
    made,
    with_large_factors,
)

NETS: dict[str, dict[str, Any]] = {
    "layers": {**CLASSIFY, "layers": 3},
    "both directions": {**STEPS, "layers": 2, "bidirectional": True},
    "mean": {**LAST, "readout": "mean", "members": 2},
    "stem": {**STEM, "stem_pool": 3, "steps": 8},
    "relu": {**CLASSIFY, "layers": 2, "nonlinearity": "relu"},
}


@needs_kernels
@pytest.mark.parametrize("cell", CHOICES)
def test_the_kernels_give_the_gradients_of_torch(cell: str) -> None:
    random = np.random.default_rng(0)
    own = {"rank": LOW_RANK["rank"], "hidden_size": 9} if cell == "fastgrnn" else {}
    for name, wanted in NETS.items():
        model = with_large_factors(made(3, {**wanted, "cell": cell, **own}))
        x = random.normal(size=(5, model.row_shape[0], model.net.n_features))
        nets = [gradients_of(model, engine) for engine in ("native", "torch")]
        for native, torch in zip(*nets, strict=True):
            (y, pull), (expected, pull_of_torch) = native(x), torch(x)
            np.testing.assert_allclose(y, expected, atol=1e-12, err_msg=name)
            grad = random.normal(size=y.shape)
            close = pull(grad), pull_of_torch(grad)
            np.testing.assert_allclose(*close, atol=1e-12, err_msg=name)
            assert np.abs(close[0]).max() > 1e-4
