"""The gradients of both engines are those of one another, and of the loss of the reference."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.config import TrainingConfig
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.engines import Task, TrainingState, make_engine
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Params
from hiddenstate.program.equations import log_probabilities
from hiddenstate.program.layers import run_layers
from hiddenstate.program.order import for_nets
from hiddenstate.system.typing import Array
from tests.conftest import ENGINES, needs_kernels
from tests.contract.models import model_of
from tests.contract.reference import rows
from tests.contract.test_contract import PARTS, asked_at

CLOSE = {"float64": 1e-10, "float32": 2e-4}
"""Largest difference of gradients from torch's in float64, as a share of the largest one or 1."""

STEP = 1e-6
"""Of finite differences."""


@dataclass(frozen=True)
class Lesson:
    """Rows as the nets of a model read them, and what these learn of them.

    Lengths and weights of rows may be None. Rows of weight 0, and steps after the end of a row, are
    NaN in the task: no engine may read them.
    """

    model: FittedModel
    X: Array
    y: Array | None
    lengths: Array | None
    weights: Array | None

    def gradient(self, engine: str, dtype: str = "float64") -> tuple[Params, float]:
        """Return the gradient of an engine, what one step of gradient descent subtracts, and the
        loss."""
        X, n = self.X.astype(dtype), len(self.X)
        if self.lengths is not None:
            X[np.arange(X.shape[1]) >= self.lengths[:, None]] = np.nan
        y = self.y
        if self.weights is not None:
            X[self.weights == 0] = np.nan
            if y is not None and y.dtype.kind == "f":
                y = np.where((self.weights == 0)[(..., *[None] * (y.ndim - 1))], np.nan, y)
        training = TrainingConfig(
            dtype=dtype, optimizer="sgd", lr=1.0, batch_size=n, threads=1, engine=engine
        )
        own: Any = {"lengths": self.lengths, "weights": self.weights}
        task = Task(self.model.net, training, X, y, Batches(n, n), total_steps=1, **own)
        start = {name: array.astype(dtype) for name, array in self.model.params.items()}
        made = make_engine(task, TrainingState(start))
        (loss,) = made.run(0, 1, lambda: False).losses
        after = made.export().params
        return {name: array - after[name] for name, array in start.items()}, float(loss)

    def loss(self, params: Params) -> float:
        """Return the sum of the losses of the members with other weights, by the reference."""
        program = program_of(replace(self.model, params=params))
        n = len(self.X)
        weights = np.ones(n) if self.weights is None else self.weights
        total = 0.0
        for net in program.nets:
            outputs = run_layers((*net, *program.decoder), self.X, self.lengths)[0]
            if self.model.net.job == "classify":
                assert self.y is not None
                total -= float(log_probabilities(outputs)[np.arange(n), self.y] @ weights) / n
                continue
            squares = (outputs - (self.X if self.y is None else self.y)) ** 2
            each = np.ones(squares.shape) * weights.reshape(-1, *[1] * (squares.ndim - 1))
            read = np.ones(squares.shape, bool)
            if squares.ndim == 3 and self.lengths is not None:
                read &= (np.arange(squares.shape[1]) < self.lengths[:, None])[..., None]
            total += float((squares * each)[read].mean())
        return total


def lesson_of(name: str) -> Lesson:
    """Return rows of a model of the list in float64; every other one has weights, or lengths."""
    random = np.random.default_rng([1, *name.encode()])
    model = model_of(name)
    params = {key: array.astype(np.float64) for key, array in model.params.items()}
    model = replace(model, params=params, companions=())
    net, program = model.net, program_of(model)
    n = int(random.choice([5, 21, 37]))  # tiles and shards have 16 rows
    width = model.transform.n_features(net.n_features)
    T = () if net.job == "autoencode" else (model.row_shape[0],)
    lengths = None
    if T and random.integers(2):
        lengths = np.array([T[0], *random.integers(1, T[0] + 1, n - 1)])
    weights = np.array([2, 0, *random.uniform(0.5, 1.5, n - 2)]) if random.integers(2) else None
    kept = program.kept(rows(model, (n, *T, width), random), lengths)
    X = for_nets(program.steps, kept, lengths)
    if net.job == "autoencode":
        return Lesson(model, X, None, None, weights)
    if net.job == "classify":
        return Lesson(model, X, random.integers(0, net.n_outputs, n), lengths, weights)
    steps = T if net.output == "steps" else ()
    return Lesson(model, X, random.normal(size=(n, *steps, net.n_outputs)), lengths, weights)


@cache
def of_torch(name: str) -> tuple[Params, float]:
    """Return the gradient of torch, and the loss."""
    return lesson_of(name).gradient("torch")


def differs_from_torch(name: str) -> str | None:
    """Return which gradient of the kernels is not torch's, if one is not."""
    lesson, (expected, loss) = lesson_of(name), of_torch(name)
    for dtype, close in CLOSE.items():
        native, own = lesson.gradient("native", dtype)
        if not abs(own - loss) <= close * max(1.0, loss):
            return f"{name}: {dtype}: loss: {own:.9g}, and {loss:.9g} in torch"
        for part, array in expected.items():
            off = float(np.abs(native[part] - array).max())
            if not off <= close * max(1.0, float(np.abs(array).max())):
                return f"{name}: {dtype}: {part}: {off:.3g}"
    return None


def differs_from_reference(name: str, engine: str) -> str | None:
    """Return how the change of the loss along a random direction differs, if it does."""
    lesson, random = lesson_of(name), np.random.default_rng(0)
    params = lesson.model.params
    gradient, loss = of_torch(name) if engine == "torch" else lesson.gradient(engine)
    if not np.isclose(loss * lesson.model.n_members, lesson.loss(params), rtol=1e-12):
        return f"{name}: the loss of {engine} is {loss:.12g}"
    along = {key: random.normal(size=array.shape) for key, array in params.items()}
    expected = sum(float((gradient[key] * along[key]).sum()) for key in params)
    ahead, behind = (
        lesson.loss({key: params[key] + step * along[key] for key in params})
        for step in (STEP, -STEP)
    )
    found = (ahead - behind) / (2 * STEP)
    if abs(found - expected) <= 1e-6 * max(1.0, abs(found), abs(ahead)):
        return None
    return f"{name}: {found:.9g} of the reference, {expected:.9g} of {engine}"


@needs_kernels
@pytest.mark.parametrize("level", kernels.levels())
@pytest.mark.parametrize("part", PARTS)
def test_gradients_of_the_kernels_are_torchs(
    part: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kernels.VARIABLE, level)
    wrong = [differs_from_torch(name) for name in asked_at(level, part)]
    assert not any(wrong), "\n".join(filter(None, wrong))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", PARTS)
def test_gradients_are_the_derivatives_of_the_loss_of_the_reference(part: str, engine: str) -> None:
    """But with convolutions, which in training are normalised by the moments of a batch."""
    wrong = [
        differs_from_reference(name, engine)
        for name in PARTS[part]
        if not any(key.startswith("stem.") or "/stem." in key for key in model_of(name).params)
    ]
    assert not any(wrong), "\n".join(filter(None, wrong))
