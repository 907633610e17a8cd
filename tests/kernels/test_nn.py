"""Layers computed by the kernels: torch.nn's numbers, at every instruction level.

`test_autograd.py` tests every implementation of the recurrence; `test_nn_torch.py` tests the
layers together with the rest of torch.
"""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from hiddenstate import nn
from hiddenstate.kernels import VARIABLE, levels
from tests.conftest import needs_kernels

pytestmark = needs_kernels

CELLS: dict[str, dict[str, Any]] = {
    "rnn_tanh": {},
    "rnn_relu": {"nonlinearity": "relu"},
    "gru": {},
    "lstm": {},
}

SIZES = list(itertools.product([1, 3, 8, 17, 33, 64], [1, 2, 15, 16, 17, 33]))
"""Hidden sizes and rows; each test of a cell and type takes a quarter, a level nearly all."""

# Tolerances of outputs and gradients, relative to the largest number among them (or 1).
TOLERANCES = {torch.float64: (1e-12, 1e-10), torch.float32: (2e-6, 1e-5)}

State = tuple[Tensor, ...]


def twins(cell: str, *sizes: int, **options: Any) -> tuple[torch.nn.RNNBase, torch.nn.RNNBase]:
    """torch's layer and ours, with the same weights."""
    kind, options = cell.split("_")[0].upper(), {"dtype": torch.float64} | CELLS[cell] | options
    pair = getattr(torch.nn, kind)(*sizes, **options), getattr(nn, kind)(*sizes, **options)
    pair[1].load_state_dict(pair[0].state_dict())
    return pair


def flat(answer: Any) -> list[Tensor]:
    """y and the parts of the state that a layer returned, packed or not."""
    y, last = answer
    return [
        y.data if isinstance(y, PackedSequence) else y,
        *(last if isinstance(last, tuple) else [last]),
    ]


def both(
    pair: Sequence[torch.nn.RNNBase],
    x: Tensor,
    state: State | None = None,
    call: Callable[..., Any] = lambda layer, x, state: layer(x, state),
) -> list[tuple[list[Tensor], list[Tensor]]]:
    """For each layer its outputs and the gradients of x, the state and the weights."""
    found = []
    for layer in pair:
        torch.manual_seed(1)
        leaves = [t.detach().requires_grad_() for t in (x, *(state or ()))]
        begin: Any = None if state is None else tuple(leaves[1:])
        answer = flat(call(layer, leaves[0], begin if len(state or ()) != 1 else leaves[1]))
        along = [torch.randn(part.shape, dtype=x.dtype) for part in answer]
        inputs = [*leaves, *(p for p in layer.parameters() if p.requires_grad)]
        found.append((answer, list(torch.autograd.grad(answer, inputs, along))))
    return found


def check(found: list[tuple[list[Tensor], list[Tensor]]]) -> None:
    """Our numbers equal torch's, in tensors of the same shapes."""
    theirs, ours = found
    for which in (0, 1):
        for expected, got in zip(theirs[which], ours[which], strict=True):
            tolerance = TOLERANCES[expected.dtype][which]
            atol = tolerance * max(1.0, float(expected.detach().abs().max()))
            torch.testing.assert_close(got, expected, rtol=0, atol=atol)


def numbers(cell: str, *shape: int, dtype: torch.dtype = torch.float64) -> State:
    """A random state of this shape."""
    return tuple(torch.randn(shape, dtype=dtype) for _ in range(2 if cell == "lstm" else 1))


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients_are_torchs_at_any_size(cell, dtype, level, computed, monkeypatch):
    monkeypatch.setenv(VARIABLE, level)
    torch.manual_seed(0)
    drawn = random.Random(f"{cell} {dtype} {level}")
    pick = drawn.choice
    sizes = drawn.sample(SIZES, 9)
    for H, B in sizes:
        features, T, L, D = pick([1, 5, 16]), pick([1, 2, 7]), pick([1, 2, 3]), pick([1, 2])
        first = pick([False, True])
        own = {"bias": pick([False, True, True]), "batch_first": first, "bidirectional": D == 2}
        pair = twins(cell, features, H, L, dtype=dtype, **own)
        x = torch.randn((B, T, features) if first else (T, B, features), dtype=dtype)
        state = numbers(cell, L * D, B, H, dtype=dtype) if pick([False, True]) else None
        check(both(pair, x, state))
    assert [plan.stack.level for plan in computed] == [level] * len(sizes)


@pytest.mark.parametrize(
    ("cell", "layers", "two_ways", "bias", "packed"),
    [
        ("rnn_tanh", 2, True, True, False),
        ("rnn_relu", 1, False, False, False),
        ("gru", 2, False, True, True),
        ("lstm", 1, True, False, True),
    ],
)
def test_gradients_equal_finite_differences(cell, layers, two_ways, bias, packed, computed):
    torch.manual_seed(0)
    _, layer = twins(cell, 2, 3, layers, bias=bias, bidirectional=two_ways)
    state = numbers(cell, layers * (1 + two_ways), 2, 3)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(3, 2, 2, dtype=torch.float64)

    def call(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        begin: Any = rest[: len(state)]
        weights = dict(zip(names, rest[len(state) :], strict=True))
        given = pack_padded_sequence(x, torch.tensor([2, 3]), enforce_sorted=False) if packed else x
        arguments = (given, begin if len(state) > 1 else begin[0])
        return tuple(flat(torch.func.functional_call(layer, weights, arguments)))

    inputs = [t.detach().requires_grad_() for t in (x, *state, *layer.parameters())]
    assert torch.autograd.gradcheck(call, inputs)
    assert computed


def lengths_of(rows: int, steps: int) -> list[int]:
    """Unequal, unordered lengths, 1 and `steps` among them."""
    return [1, steps, *random.Random(0).choices(range(1, steps + 1), k=rows)][:rows]


@pytest.mark.parametrize(
    ("begin", "order", "rows"),
    [(False, "any", 1), (True, "longest first", 2), (True, "any", 40), (False, "longest first", 5)],
)
@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_are_returned_packed(cell, begin, order, rows, computed):
    torch.manual_seed(0)
    pair = twins(cell, 3, 9, 2, bidirectional=True)
    lengths = lengths_of(rows, 8)
    if order == "longest first":
        lengths.sort(reverse=True)
    x = torch.randn(max(lengths), rows, 3, dtype=torch.float64)
    x[torch.arange(len(x))[:, None] >= torch.tensor(lengths)] = torch.nan
    packs: list[PackedSequence] = []

    def call(layer: torch.nn.RNNBase, x: Tensor, state: Any) -> Any:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=order != "any")
        answer = layer(packed, state)
        packs.append(answer[0])
        return answer

    check(both(pair, x, numbers(cell, 4, rows, 9) if begin else None, call))
    for theirs, ours in zip(*packs[:2], strict=True):
        assert ours is theirs is None or ours.shape == theirs.shape
    padded = [pad_packed_sequence(pack) for pack in packs]
    torch.testing.assert_close(padded[1][0], padded[0][0], rtol=0, atol=1e-12)
    assert torch.equal(padded[1][1], padded[0][1])
    assert len(computed) == 1


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_without_a_batch(cell: str, computed: list[Any]) -> None:
    for first, begin in ((False, True), (True, False)):
        torch.manual_seed(0)
        pair = twins(cell, 3, 9, 2, batch_first=first, bidirectional=True)
        x = torch.randn(6, 3, dtype=torch.float64)
        check(both(pair, x, numbers(cell, 4, 9) if begin else None))
    assert len(computed) == 2


def strided(x: Tensor, how: str) -> Tensor:
    """The numbers of `x` (T, B, I), or some of them, in another memory layout."""
    return {
        "turned": x.transpose(0, 1).contiguous().transpose(0, 1),
        "every second feature": x.repeat_interleave(2, dim=2)[..., ::2],
        "every second step": x.repeat_interleave(2, dim=0)[::2],
        "features first": x.permute(2, 0, 1).contiguous().permute(1, 2, 0),
        "one row many times": x[:, :1].expand(x.shape),
        "one number many times": x[:1, :1, :1].expand(x.shape),
        "backwards negated": torch._neg_view(x),
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        *("turned", "every second feature", "every second step", "features first"),
        *("one row many times", "one number many times", "backwards negated"),
    ],
)
def test_the_memory_layout_of_inputs_and_gradients_does_not_matter(how: str) -> None:
    torch.manual_seed(0)
    pair = twins("lstm", 4, 5, 2)
    for layer in pair:
        for p in layer.parameters():
            if p.dim() == 2:
                p.data = p.data.t().contiguous().t()
    x = torch.randn(6, 3, 4, dtype=torch.float64)
    state = numbers("lstm", 2, 3, 5)

    def call(layer: torch.nn.RNNBase, x: Tensor, begin: State) -> Any:
        y, last = layer(strided(x, how), tuple(strided(h, how) for h in begin))
        # The gradient that reaches the layer has that layout too.
        return strided(y, how), tuple(strided(h, how) for h in last)

    check(both(pair, x, state, call))
    for layer in pair:
        layer.zero_grad()
        layer(strided(x, how))[0].sum().backward()
    for one, other in zip(*(layer.parameters() for layer in pair), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=0, atol=1e-10)
    leaf = x.requires_grad_()
    outputs = flat(pair[1](leaf))
    along = [strided(torch.randn(part.shape, dtype=x.dtype), how) for part in outputs]
    plain = [part.resolve_neg().clone(memory_format=torch.contiguous_format) for part in along]
    expected = torch.autograd.grad(outputs, leaf, plain, retain_graph=True)
    assert torch.equal(*torch.autograd.grad(outputs, leaf, along), *expected)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Set torch's threads, and restore them after the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("rows", "hidden", "bidirectional"),
    [(70, 64, True), (2, 64, True), (3, 340, False)],
    ids=["rows are shared", "directions are shared", "steps are shared"],
)
@pytest.mark.parametrize("cell", CELLS)
def test_results_are_bit_identical_for_any_number_of_threads(
    cell: str, rows: int, hidden: int, bidirectional: bool, threads: Callable[[int], None]
) -> None:
    torch.manual_seed(0)
    _, layer = twins(cell, 28, hidden, 2, dtype=torch.float32, bidirectional=bidirectional)
    x = torch.randn(9, rows, 28)
    state = numbers(cell, 4 if bidirectional else 2, rows, hidden, dtype=torch.float32)
    runs = []
    for n in (1, 2, 3):
        threads(n)
        ((answer, gradients),) = both([layer], x, state)
        with torch.no_grad():
            runs.append([*answer, *gradients, layer(x)[0]])
    for other in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], other, strict=True))


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_have_the_same_bits_without_gradients(cell, dtype, level, monkeypatch):
    """Of few rows too, of which the kernels multiply the inputs of 32 steps at once."""
    monkeypatch.setenv(VARIABLE, level)
    torch.manual_seed(0)
    for (rows, steps), bidirectional in zip(
        itertools.product((1, 2, 3, 17, 33), (1, 2, 39)), itertools.cycle((0, 1)), strict=False
    ):
        _, layer = twins(cell, 33, 17, 2, dtype=dtype, bidirectional=bool(bidirectional))
        x = torch.randn(steps, rows, 33, dtype=dtype)
        with torch.no_grad():
            without = flat(layer(x))
        for one, other in zip(flat(layer(x)), without, strict=True):
            assert torch.equal(one, other), (rows, steps, bidirectional)


def test_python_threads_may_share_a_layer() -> None:
    torch.manual_seed(0)
    layer = nn.GRU(3, 8)
    xs = [torch.randn(1 + i % 7, 1 + i % 20, 3) for i in range(60)]

    def work(x: Tensor) -> list[Tensor]:
        leaf = x.clone().requires_grad_()
        y, h = layer(leaf)
        return [y.detach(), h.detach(), *torch.autograd.grad(y.sum(), leaf)]

    alone = [work(x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(alone, pool.map(work, xs), strict=True):
            assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("cell", CELLS)
def test_denormals_are_flushed_inside_the_kernels_only(cell: str) -> None:
    torch.manual_seed(0)
    pair = twins(cell, 4, 8, dtype=torch.float32)
    x = torch.full((5, 20, 4), 1e-41)
    state = tuple(torch.full((1, 20, 8), -3e-42) for _ in numbers(cell, 0))
    check(both(pair, x, state))
    check(both(pair, torch.randn(5, 20, 4), state))
    with torch.no_grad():
        for p in pair[1].parameters():
            p.mul_(1e-40)
        assert float(pair[1](x)[0].abs().max()) < 1e-30
    assert np.float32(1e-38) * np.float32(0.1) != 0
    assert float(torch.tensor([1e-38]) * 0.1) != 0


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("cell", CELLS)
def test_infinite_and_huge_numbers_give_what_torch_gives(cell, level, monkeypatch):
    # 5 and 17 units leave padding in a vector, where 0 * inf is NaN.
    monkeypatch.setenv(VARIABLE, level)
    values = (torch.inf, -torch.inf, torch.nan, 3e38, -3e38)
    single, double = torch.float32, torch.float64
    for hidden, layers, two_ways, dtype in [(17, 1, True, single), (5, 2, True, double)]:
        pair = twins(cell, 3, hidden, layers, bidirectional=two_ways, dtype=dtype)
        for place, value in itertools.product(("x", "state", "weight"), values):
            torch.manual_seed(0)
            x = torch.randn(6, 4, 3, dtype=dtype)
            begin = numbers(cell, layers * (1 + two_ways), 4, hidden, dtype=dtype)
            weights: list[Tensor] = [layer.all_weights[0][0] for layer in pair]
            before = weights[0][0, 0].item()
            with torch.no_grad():
                places = {"x": [x], "state": [begin[0]], "weight": weights}
                for where in places[place]:
                    where.view(-1, where.shape[-1])[0, 0] = value
                answers = [flat(layer(x, begin if len(begin) > 1 else begin[0])) for layer in pair]
                for weight in weights:
                    weight[0, 0] = before
            for theirs, ours in zip(*answers, strict=True):
                torch.testing.assert_close(
                    ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True, msg=f"{place} {value}"
                )


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("cell", CELLS)
def test_an_infinite_gradient_stays_in_its_row(cell, level, monkeypatch):
    monkeypatch.setenv(VARIABLE, level)
    pair = twins(cell, 3, 5, 2, bidirectional=True)
    torch.manual_seed(0)
    values, along = torch.randn(6, 4, 3, dtype=torch.float64), torch.randn(6, 4, 10).double()
    along[2, 1, 0] = torch.inf
    found = []
    for layer in pair:
        x = values.clone().requires_grad_()
        layer(x)[0].backward(along)
        assert x.grad is not None
        found.append(x.grad)
    torch.testing.assert_close(found[1][:, [0, 2, 3]], found[0][:, [0, 2, 3]])
    torch.testing.assert_close(found[1].isfinite(), found[0].isfinite())
