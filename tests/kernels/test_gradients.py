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

pytest.importorskip("torch")

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
            (y, pull), (expected, pull_of_torch) = native(x, None), torch(x, None)
            np.testing.assert_allclose(y, expected, atol=1e-12, err_msg=name)
            grad = random.normal(size=y.shape)
            close = pull(grad), pull_of_torch(grad)
            np.testing.assert_allclose(*close, atol=1e-12, err_msg=name)
            assert np.abs(close[0]).max() > 1e-4


@needs_kernels
@pytest.mark.parametrize("cell", CHOICES)
def test_rows_that_begin_with_a_state_have_the_gradients_of_torch(cell: str) -> None:
    random = np.random.default_rng(0)
    model = made(3, {**STEPS, "cell": cell, "layers": 2})
    x = random.normal(size=(4, 6, model.net.n_features))
    begin = {n: random.normal(size=shape) for n, shape in model.net.state_shapes(1).items()}
    (y, pull), (expected, pull_of_torch) = (
        gradients_of(model, engine)[0](x, begin) for engine in ("native", "torch")
    )
    np.testing.assert_allclose(y, expected, atol=1e-12)
    assert np.abs(y - gradients_of(model)[0](x, None)[0]).max() > 1e-3
    grad = random.normal(size=y.shape)
    np.testing.assert_allclose(pull(grad), pull_of_torch(grad), atol=1e-12)
