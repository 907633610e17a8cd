"""Layers that torch.nn does not have: the numbers of the kernels are those that torch computes."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from hiddenstate import RecurrentClassifier, nn
from hiddenstate.kernels import VARIABLE, levels
from tests.conftest import needs_kernels

pytestmark = needs_kernels

Make = Callable[..., Any]

LAYERS: dict[str, Make] = {
    "MinGRU": nn.MinGRU,
    "FastGRNN": nn.FastGRNN,
    "FastGRNN of rank 2": lambda *args, **kwargs: nn.FastGRNN(*args, rank=2, **kwargs),
    "LRU": lambda *args, **kwargs: nn.LRU(*args, states=3, **kwargs),
}

LAYOUTS: dict[str, dict[str, Any]] = {
    "steps first": {},
    "batch first": {"batch_first": True},
    "both directions": {"bidirectional": True},
    "packed": {},
    "packed, both directions": {"bidirectional": True},
    "no batch": {"bidirectional": True},
    "many rows and steps": {"bidirectional": True},
}
"""The last are of two shards and several segments, which the backward pass computes again."""

LENGTHS = (4, 9, 1)


BROKEN: Any = 2.5


def flat(answer: Any) -> list[Tensor]:
    y, state = answer
    parts = state if isinstance(state, tuple) else (state,)
    return [y.data if isinstance(y, PackedSequence) else y, *parts]


def asked(layer: Any, layout: str, with_state: bool) -> tuple[Any, Any, list[Tensor]]:
    """An input, an initial state, and what gradients are computed of."""
    random = torch.Generator().manual_seed(3)
    kind: dict[str, Any] = {
        "generator": random,
        "dtype": layer.weight_ih_l0.dtype
        if hasattr(layer, "weight_ih_l0")
        else layer.weight_ih_out_l0.dtype,
    }
    if "packed" in layout:
        rows = [torch.randn(n, 5, **kind).requires_grad_() for n in LENGTHS]
        x: Any = pack_sequence(rows, enforce_sorted=False)
    else:
        T, B = (70, 17) if "many" in layout else (9, 3)
        shape: tuple[int, ...] = (T, 5) if layout == "no batch" else (T, B, 5)
        shape = (B, T, 5) if layer.batch_first else shape
        rows = [torch.randn(*shape, **kind).requires_grad_()]
        x = rows[0]
    if not with_state:
        return x, None, [*rows, *layer.parameters()]
    size = layer.states or layer.hidden_size
    several = [] if layout == "no batch" else [17 if "many" in layout else 3]
    n = layer.num_layers * (1 + layer.bidirectional)
    hx = tuple(torch.randn(n, *several, size, **kind).requires_grad_() for _ in layer.cell.state)
    return x, hx if len(hx) > 1 else hx[0], [*rows, *hx, *layer.parameters()]


def answers(layer: Any, layout: str, with_state: bool) -> list[Tensor]:
    """Outputs, the last state, and gradients of a sum that weights them all differently."""
    x, hx, leaves = asked(layer, layout, with_state)
    outputs = flat(layer(x, hx))
    random = torch.Generator().manual_seed(5)
    along = [torch.randn(o.shape, generator=random, dtype=o.dtype) for o in outputs]
    return [*outputs, *torch.autograd.grad(outputs, leaves, along)]


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_states_and_gradients_are_those_of_torch(name, level, computed, monkeypatch):
    for number, (layout, options) in enumerate(LAYOUTS.items()):
        torch.manual_seed(number)
        layer = LAYERS[name](5, 7, 2, dtype=torch.float64, **options)
        for with_state in (False, True):
            monkeypatch.setenv(VARIABLE, level)
            found = answers(layer, layout, with_state)
            assert [plan.stack.level for plan in computed] == [level]
            computed.clear()
            monkeypatch.setenv(VARIABLE, "off")
            expected = answers(layer, layout, with_state)
            assert computed == []
            for mine, theirs in zip(found, expected, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", LAYERS)
def test_steps_one_by_one_give_what_the_whole_row_gives(name: str) -> None:
    layer = LAYERS[name](5, 7, 2, batch_first=True, dtype=torch.float64)
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    whole, last = layer(x)
    steps, state = [], None
    for t in range(6):
        y, state = layer(x[:, t : t + 1], state)
        steps.append(y)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole)
    for mine, theirs in zip(flat((whole, state)), flat((whole, last)), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_dropout_is_between_layers_and_in_training_alone(name, both, computed):
    torch.manual_seed(0)
    layer = LAYERS[name](5, 7, 2, dropout=1.0, bidirectional=both, dtype=torch.float64)
    x = torch.randn(6, 2, 5, dtype=torch.float64)
    dropped, _ = layer(x)
    assert len(computed) == 2
    torch.testing.assert_close(dropped, layer(torch.zeros_like(x))[0])
    assert not torch.allclose(layer.eval()(x)[0], dropped)


@pytest.mark.parametrize("cell", ["mingru", "fastgrnn", "lru"])
def test_a_layer_takes_the_weights_of_a_trained_model(cell: str) -> None:
    X = np.random.default_rng(0).normal(size=(20, 6, 2))
    model = RecurrentClassifier(
        cell, hidden_size=6, layers=2, max_steps=3, random_state=0, scale="none", threads=1
    ).fit(X, np.arange(20) % 2)
    kind = {"mingru": nn.MinGRU, "fastgrnn": nn.FastGRNN, "lru": nn.LRU}[cell]
    layer = kind(2, 6, 2, batch_first=True, dtype=torch.float64)
    params = model.model_.params
    layer.load_state_dict(
        {n[4:]: torch.tensor(a, dtype=torch.float64) for n, a in params.items() if n[:4] == "rnn."}
    )
    states = layer(torch.tensor(X, dtype=torch.float64))[0].detach().numpy()
    np.testing.assert_allclose(model.hidden_states(X), states, atol=1e-5)


def test_eigenvalues_begin_on_the_ring_and_a_seed_gives_the_same() -> None:
    torch.manual_seed(1)
    layer: Any = nn.LRU(3, 64, ring=(0.5, 0.6), ring_angle=0.1)
    size = torch.exp(-torch.exp(layer.nu_l0))
    assert 0.5 <= size.min() < size.max() <= 0.6
    assert torch.exp(layer.theta_l0).max() <= 0.1
    torch.testing.assert_close(torch.exp(layer.gamma_l0) ** 2, 1 - size**2)
    torch.manual_seed(1)
    again = nn.LRU(3, 64, ring=(0.5, 0.6), ring_angle=0.1)
    assert all(
        torch.equal(*pair) for pair in zip(layer.parameters(), again.parameters(), strict=True)
    )
    assert layer.states == 32


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_the_bits_give_about_the_same(name: str, dtype: torch.dtype) -> None:
    layer = LAYERS[name](5, 7, 2, dtype=dtype)
    assert all(weight.isfinite().all() for weight in layer.parameters())
    x = torch.randn(6, 3, 5, dtype=dtype)
    found = flat(layer(x))
    assert {each.dtype for each in found} == {dtype}
    for mine, theirs in zip(found, flat(layer.float()(x.float())), strict=True):
        torch.testing.assert_close(mine.float(), theirs, rtol=0.05, atol=0.1)


@pytest.mark.parametrize("level", levels())
def test_a_norm_that_overflows_is_no_number(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, level)
    _, state = nn.LRU(3, 6)(torch.tensor([[1.0, -2.0, 0.5]]) * 1e25)
    assert all(part.isnan().all() for part in state)


@pytest.mark.parametrize("ring", [(0.0, 1e-30), (0.99999999, 0.999999999)])
def test_eigenvalues_near_0_and_1_have_finite_logarithms(ring: tuple[float, float]) -> None:
    layer = nn.LRU(3, 64, ring=ring)
    assert all(weight.isfinite().all() for weight in layer.parameters())


def test_layers_are_copied_and_pickled_with_their_weights() -> None:
    layer = nn.LRU(3, 4, states=2)
    x = torch.randn(5, 2, 3)
    expected = layer(x)[0]
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x)[0], expected)
    assert repr(layer) == "LRU(3, 4, states=2)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.LRU(3, 4, states=-1), "states: expected at least 0, got -1"),
        (lambda: nn.LRU(3, 1), "hidden_size: expected at least 2"),
        (lambda: nn.LRU(3, 4, ring=(0.9, 1.0)), "ring: expected 0 <= smallest"),
        (lambda: nn.FastGRNN(3, 4, rank=-1), "rank: expected at least 0, got -1"),
        (lambda: nn.FastGRNN(3, 4, rank=BROKEN), "rank: expected a whole number, got 2.5"),
        (lambda: nn.MinGRU(3, 4, dropout=2), "dropout: expected 0 to 1, got 2"),
        (lambda: nn.MinGRU(3, 4)(torch.zeros(2, 5)), "input: expected 3 features, got 5"),
        (lambda: nn.MinGRU(3, 4)(torch.zeros(0, 2, 3)), "input: has no steps"),
        (lambda: nn.MinGRU(3, 4)(torch.zeros(3)), "input: expected 2 or 3 axes, got 1"),
        (
            lambda: nn.LRU(3, 4)(torch.zeros(2, 1, 3), (torch.zeros(1, 1, 4),) * 2),
            r"hx: expected \(1, 1, 2\) and \(1, 1, 2\), got \(1, 1, 4\) and \(1, 1, 4\)",
        ),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}"):
        make()
