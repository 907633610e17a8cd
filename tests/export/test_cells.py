"""Exports of cells whose state or matrices are not those of torch: LRU, FastGRNN of low rank."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.export import target_named
from hiddenstate.export.int8 import stored
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import Trial
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from tests.export.models import random_model

PLAIN: dict[str, Any] = {
    **{"job": "regress", "output": "steps", "linear": False, "missing": "error", "pixels": False},
    **{"stem": False, "members": 1, "bidirectional": False, "layers": 1, "change": False},
}


@pytest.mark.parametrize(
    ("to", "weights", "each"),
    [("c", "float32", 4), ("c", "int8", 1), ("onnx", "int8", 1), ("python", "float32", 4)],
)
def test_matrices_of_low_rank_take_fewer_bytes(to: str, weights: str, each: int) -> None:
    target = target_named(to)
    small, large = (
        random_model(3, cell="fastgrnn", hidden_size=64, rank=rank, **PLAIN) for rank in (8, 0)
    )
    sources = (source_of(model, "m", weights, target.stored) for model in (small, large))
    less, more = (sum(map(len, target.build(source).values())) for source in sources)
    saved = large.net.n_parameters() - small.net.n_parameters()
    assert more - less > 0.9 * each * saved


def remembering(radius: float) -> FittedModel:
    """Return an LRU with eigenvalues of that radius."""
    model = random_model(5, cell="lru", hidden_size=4, states=3, features=1, outputs=1, **PLAIN)
    gain, turn = 0.5 * np.log(1 - radius**2), np.log([1e-4, 0.05, 3.0])
    own = {"nu": np.full(3, np.log(-np.log(radius))), "gamma": np.full(3, gain), "theta": turn}
    params = {f"rnn.{name}_l0": array.astype(np.float32) for name, array in own.items()}
    return replace(model, params={**model.params, **params})


@pytest.mark.parametrize("to", ["c", "onnx"])
def test_an_eigenvalue_close_to_1_is_kept_for_thousands_of_steps(to: str) -> None:
    """Rounded to float32, it would change the answers by 1e-5."""
    model, target = remembering(0.9999), target_named(to)
    scaling, targets = model.transform.scaling, model.transform.target_scaling
    assert scaling is not None
    assert targets is not None
    x = np.random.default_rng(0).normal(0.5, 0.1, (1, 2000, 1)) / scaling[1] + scaling[0]
    X = x.astype(np.float32).astype(float)
    answers = program_of(model).predict(X)
    source = source_of(model, "m", "float32", target.stored)
    run = target.run(source, target.build(source), Trial(X, None, answers, answers))
    for found in (run.answers, run.stream):
        assert found is not None
        off = np.abs(found["y"] - answers["y"]) * targets[1] / np.ptp(answers["y"] * targets[1])
        assert off.max() < 4e-6


def test_bytes_leave_eigenvalues_as_they_are() -> None:
    model = random_model(5, cell="lru", hidden_size=4, states=3, **{**PLAIN, "layers": 2})
    rounded = stored(model, "int8").params
    kept = {name for name, array in model.params.items() if (rounded[name] == array).all()}
    own = {f"rnn.{name}_l{layer}" for name in ("nu", "theta", "gamma") for layer in range(2)}
    zeros_and_ones = {f"rnn.norm_weight_l{layer}" for layer in range(2)}
    assert kept - {"out.bias"} == own | zeros_and_ones
