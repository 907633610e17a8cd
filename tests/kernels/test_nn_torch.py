"""Layers computed by the kernels with the rest of torch: modules, graphs, transforms, processes."""

import copy
import io
import itertools
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch._C._distributed_c10d import HashStore
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from hiddenstate import nn
from hiddenstate.kernels import VARIABLE
from tests.conftest import needs_kernels
from tests.engines.ranks import group_of
from tests.kernels.test_nn import CELLS, both, check, flat, numbers, twins


def batch(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(shape or (5, 2, 3), dtype=dtype)


def begin(layer: Any, *shape: int) -> Any:
    """An initial state of this shape, as the layer takes it."""
    return (batch(*shape), batch(*shape)) if layer.mode == "LSTM" else batch(*shape)


def same(one: Any, other: Any) -> bool:
    return all(map(torch.equal, flat(one), flat(other)))


# The interface of torch.nn.


@pytest.mark.parametrize("cell", CELLS)
def test_a_layer_is_a_torch_module(cell: str) -> None:
    theirs, ours = twins(cell, 3, 4, 2, bidirectional=True, batch_first=True, dropout=0.5)
    assert isinstance(ours, type(theirs))
    assert repr(ours) == repr(theirs)
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    torch.manual_seed(3)
    theirs.reset_parameters()
    torch.manual_seed(3)
    ours.reset_parameters()
    theirs.load_state_dict(ours.state_dict())
    for one, other in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert torch.equal(one, other)
    ours.flatten_parameters()


@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle", "torch.save"])
def test_a_copy_computes_the_same_and_is_independent(how: str) -> None:
    layer, x = nn.LSTM(3, 4, dtype=torch.float64), batch()
    layer(x)[0].sum().backward()
    stream = io.BytesIO()
    if how == "torch.save":
        torch.save(layer, stream)
        stream.seek(0)
    copies: dict[str, Callable[[], Any]] = {
        "copy": lambda: copy.copy(layer),
        "deepcopy": lambda: copy.deepcopy(layer),
        "pickle": lambda: pickle.loads(pickle.dumps(layer)),
        "torch.save": lambda: torch.load(stream, weights_only=False),
    }
    twin, before = copies[how](), layer(x)
    assert type(twin) is nn.LSTM
    assert same(twin(x), before)
    if how != "copy":
        with torch.no_grad():
            twin.get_parameter("weight_hh_l0").zero_()
        assert not same(twin(x), before)
    assert same(layer(x), before)


@pytest.mark.parametrize("change", ["double", "setattr", "data", "load_state_dict"])
def test_new_weights_take_effect_at_once(change: str) -> None:
    pair, x = twins("gru", 3, 4, dtype=torch.float32), batch(dtype=torch.float32)
    pair[1](x)
    state = {k: v * 2 for k, v in pair[0].state_dict().items()}
    for layer in pair:
        if change == "double":
            layer.double()
        elif change == "setattr":
            layer.weight_hh_l0 = torch.nn.Parameter(state["weight_hh_l0"])
        elif change == "data":
            layer.get_parameter("weight_hh_l0").data.mul_(3)
        else:
            layer.load_state_dict(state)
    check(both(pair, x.to(pair[0].get_parameter("weight_hh_l0").dtype)))


def with_another_weight(layer: torch.nn.RNNBase) -> Any:
    """The input of a layer whose weight has been set to one of another shape."""
    layer.weight_hh_l0 = torch.nn.Parameter(batch(2, 2))
    return (batch(),)


WRONG: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "a dimension too many": lambda layer: (batch(1, 5, 2, 3),),
    "a dimension too few": lambda layer: (batch(3),),
    "too many features": lambda layer: (batch(5, 2, 4),),
    "too many features, no batch": lambda layer: (batch(5, 4),),
    "another float type": lambda layer: (batch(dtype=torch.float32),),
    "whole numbers": lambda layer: (torch.ones(5, 2, 3, dtype=torch.int64),),
    "a state of another width": lambda layer: (batch(), begin(layer, 1, 2, 5)),
    "a state of too few rows": lambda layer: (batch(), begin(layer, 1, 1, 4)),
    "a state without a batch": lambda layer: (batch(), begin(layer, 1, 4)),
    "a state with a batch": lambda layer: (batch(5, 3), begin(layer, 1, 2, 4)),
    "a state of whole numbers": lambda layer: (batch(), whole(begin(layer, 1, 2, 4))),
    "a state of the other kind": lambda layer: (batch(), other(begin(layer, 1, 2, 4))),
    "no steps": lambda layer: (batch(0, 2, 3),),
    "packed sizes that grow": lambda layer: (packed(2, 3),),
    "packed sizes of more rows": lambda layer: (packed(9, 3),),
    "a packed state of too few rows": lambda layer: (
        pack_padded_sequence(batch(), torch.tensor([5, 2])),
        begin(layer, 1, 1, 4),
    ),
    "a weight of another shape": with_another_weight,
}


def whole(state: Any) -> Any:
    return tuple(part.long() for part in state) if isinstance(state, tuple) else state.long()


def other(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else (state,)


def packed(*sizes: int) -> PackedSequence:
    return PackedSequence(batch(5, 3), torch.tensor(sizes))


@pytest.mark.parametrize("wrong", WRONG)
def test_invalid_arguments_are_refused_with_torchs_messages(wrong: str) -> None:
    errors = (RuntimeError, ValueError, IndexError, AttributeError, TypeError)
    for cell in ("rnn_tanh", "gru", "lstm"):
        said = []
        for layer in twins(cell, 3, 4):
            with pytest.raises(errors) as caught:
                layer(*WRONG[wrong](layer))
            said.append((caught.type, str(caught.value)))
        assert said[0] == said[1]


def test_an_empty_batch_is_computed_by_torch() -> None:
    for theirs, ours in zip(*(flat(m(batch(5, 0, 3))) for m in twins("gru", 3, 4)), strict=True):
        assert theirs.shape == ours.shape


@needs_kernels
@pytest.mark.parametrize(
    ("kind", "first"), [("batch", False), ("sequence", True), ("packed", True), ("packed", False)]
)
@pytest.mark.parametrize("cell", CELLS)
def test_dropout_drops_the_same_numbers_as_torch(cell, kind, first, computed):
    pair = twins(cell, 3, 6, 3, dropout=0.4, bidirectional=True, batch_first=first)
    x = batch(5, 3) if kind == "sequence" else batch(4, 5, 3)

    def call(layer: torch.nn.RNNBase, x: Any, state: Any) -> Any:
        if kind == "packed":
            lengths = torch.tensor([2, 4, 3, 1] if first else [2, 4, 3, 1, 4])
            x = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=False)
        return layer(x, state)

    rows = 4 if first else 5
    state = numbers(cell, 6, 6) if kind == "sequence" else numbers(cell, 6, rows, 6)
    check(both(pair, x, state, call))
    assert len(computed) == 3


@needs_kernels
def test_dropout_applies_in_training_with_probability_p(computed: list[Any]) -> None:
    x, layer = batch(40, 30, 3), nn.LSTM(3, 8, 2, dropout=0.25, dtype=torch.float64)
    assert not same(layer(x), layer(x))
    plain = nn.LSTM(3, 8, 2, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    assert same(layer.eval()(x), layer(x))
    assert same(layer(x), plain(x))
    layer.dropout = 0.0
    assert same(layer.train()(x), plain(x))
    # A second layer that sums its inputs shows how many were kept.
    counter = nn.RNN(3, 8, 2, nonlinearity="relu", dropout=0.25, bias=False, dtype=torch.float64)
    with torch.no_grad():
        for name, p in counter.named_parameters():
            p.fill_(0.0 if "hh" in name else 1.0)
        ones = torch.ones(200, 50, 3, dtype=torch.float64)
        y, _ = counter(ones)  # 8 numbers of 3 each, over 0.75 where they are kept
    kept = y[..., 0] / 3 * 0.75
    assert torch.allclose(kept, kept.round())
    assert abs(float(kept.mean()) / 8 - 0.75) < 0.01
    assert len(computed) > 0


# Graphs.


@needs_kernels
def test_a_retained_graph_can_be_differentiated_again(computed: list[Any]) -> None:
    layer, x = nn.GRU(3, 4, 2, dtype=torch.float64), batch().requires_grad_()
    y, h = layer(x, batch(2, 2, 4))
    inputs = [x, *layer.parameters()]
    grad = torch.autograd.grad
    first = grad(y, inputs, torch.ones_like(y), retain_graph=True)
    of_h = grad(h, inputs, torch.ones_like(h), retain_graph=True)
    again = grad(y, inputs, torch.ones_like(y), retain_graph=True)
    assert all(map(torch.equal, first, again))
    assert not any(map(torch.equal, first, of_h))
    for a, b, c in zip(
        first, of_h, grad([y, h], inputs, [torch.ones_like(y), torch.ones_like(h)]), strict=True
    ):
        torch.testing.assert_close(a + b, c)
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, inputs, torch.ones_like(y))
    assert len(computed) == 1


@pytest.mark.parametrize("which", ["x", "h", "weight"])
def test_a_change_before_the_backward_pass_is_detected(which: str) -> None:
    layer = nn.RNN(3, 4, dtype=torch.float64)
    x, h = batch().requires_grad_() * 1, batch(1, 2, 4) * 1
    y, _ = layer(x, h)
    with torch.no_grad():
        {"x": x, "h": h, "weight": layer.get_parameter("weight_hh_l0")}[which].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@needs_kernels
def test_a_gradient_of_a_gradient_is_refused() -> None:
    layer, x = nn.LSTM(3, 4, dtype=torch.float64), batch().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)
    penalty = x.sum() + gradient.square().sum()
    with pytest.raises(RuntimeError, match="gradients of gradients"):
        penalty.backward()


def test_outputs_may_be_changed_and_graphs_dropped() -> None:
    layer, x = nn.LSTM(3, 4, dtype=torch.float64), batch()
    for _ in range(20):
        kept = [layer(x)[0] for _ in range(3)]
    y = kept.pop()
    y.mul_(2)
    y.sum().backward()
    doubled = layer.weight_ih_l0.grad
    layer.zero_grad()
    layer(x)[0].sum().mul(2).backward()
    assert doubled is not None
    torch.testing.assert_close(doubled, layer.weight_ih_l0.grad)


@needs_kernels
def test_without_gradients_nothing_is_kept(computed: list[Any]) -> None:
    layer, x = nn.LSTM(3, 4, dtype=torch.float64), batch()
    answer = layer(x)
    with torch.no_grad():
        assert same(layer(x), answer)
    with torch.inference_mode():
        y, _ = layer(x)
        assert y.is_inference()
        assert torch.equal(y, answer[0])
    layer.requires_grad_(False)
    assert not layer(x)[0].requires_grad
    assert len(computed) == 4


HOLDERS: dict[str, Callable[[torch.Tensor], Any]] = {
    "gradient": lambda gradient: gradient,
    "slice": lambda gradient: gradient[1:2, :2],
    "numpy": lambda gradient: gradient.numpy(),
    "nothing": lambda gradient: None,
    "nothing, emptied": lambda gradient: (gradient.untyped_storage().resize_(0), None)[1],
}


@needs_kernels
@pytest.mark.parametrize("holder", HOLDERS)
def test_only_gradients_that_nothing_holds_are_overwritten(holder: str) -> None:
    layer = nn.GRU(3, 4)

    def gradient(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        y, _ = layer(torch.randn(5, 2, 3))
        return torch.autograd.grad(y.sum(), layer.get_parameter("weight_hh_l0"))[0]

    first = gradient(1)
    place, before = first.data_ptr(), first.clone()
    held = HOLDERS[holder](first)
    del first
    second = gradient(2)
    if holder == "nothing" and hasattr(torch._C, "_storage_Use_Count"):  # some builds have none
        assert second.data_ptr() == place
    if held is not None:
        same = torch.as_tensor(held) == (before[1:2, :2] if holder == "slice" else before)
        assert same.all()
    assert not torch.equal(second, before)
    assert torch.equal(gradient(1), before)


@needs_kernels
def test_weights_computed_in_the_graph(computed: list[Any]) -> None:
    pair, x = twins("lstm", 3, 4), batch()
    for layer in pair:
        parametrizations.weight_norm(layer, "weight_hh_l0")
    check(both(pair, x))
    other = {name: p.detach() * 2 for name, p in pair[1].named_parameters()}
    ours = torch.func.functional_call(pair[1], other, (x,))
    torch.testing.assert_close(ours, torch.func.functional_call(pair[0], other, (x,)))
    assert len(computed) == 2


@needs_kernels
def test_checkpointed_and_frozen_parts(computed: list[Any]) -> None:
    layer, x = nn.LSTM(3, 4, 2, dtype=torch.float64), batch().requires_grad_()
    layer.weight_hh_l0.requires_grad_(False)
    y = checkpoint(lambda x: layer(x)[0], x, use_reentrant=False)
    y.sum().backward()
    assert layer.weight_hh_l0.grad is None
    expected = torch.autograd.grad(layer(x)[0].sum(), [x, layer.get_parameter("weight_ih_l1")])
    assert torch.equal(x.grad, expected[0])
    assert torch.equal(layer.get_parameter("weight_ih_l1").grad, expected[1])


# Calls that torch computes.


class Net(torch.nn.Module):
    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer, self.out = layer, torch.nn.Linear(4, 2, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.layer(x)
        return self.out(y)


def dual(layer: torch.nn.Module) -> Any:
    with torch.autograd.forward_ad.dual_level():
        return layer(torch.autograd.forward_ad.make_dual(batch(), batch()))


def autocast(layer: torch.nn.Module) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return layer.float()(batch().float())


def with_mode(layer: torch.nn.Module) -> Any:
    with FlopCounterMode(display=False):
        return layer(batch())


class Marked(Tensor):
    """A tensor subclass."""


class Refusal(NamedTuple):
    """The error that torch raised instead of an output."""

    error: type[Exception]
    message: str


def answer_or_refusal(way: Callable[[Any], Any], layer: torch.nn.Module) -> Any:
    torch.manual_seed(0)
    try:
        return way(layer)
    except RuntimeError as error:
        return Refusal(type(error), str(error))


ELSEWHERE: dict[str, Callable[[Any], Any]] = {
    "half": lambda layer: layer.bfloat16()(batch().bfloat16()),
    "meta": lambda layer: layer.to("meta")(batch().to("meta"))[0].shape,
    "autocast": autocast,
    "subclass": lambda layer: layer(batch().as_subclass(Marked)),
    "mode": with_mode,
    "dual": dual,
    "func": lambda layer: torch.func.grad(lambda x: layer(x)[0].sum())(batch()),
    "trace": lambda layer: torch.jit.trace(Net(layer), batch(), check_trace=False)(batch(9, 2, 3)),
    "script": lambda layer: torch.jit.script(Net(layer))(batch()),
    # torch before 2.7 is strict unless told otherwise, and refuses layers derived from its own.
    "export": lambda layer: torch.export.export(Net(layer), (batch(),), strict=False).module()(
        batch()
    ),
}


@pytest.mark.filterwarnings("ignore")  # of what is old, or traced
@pytest.mark.parametrize(
    ("way", "cell"), [*zip(ELSEWHERE, itertools.cycle(["rnn_relu", "gru", "lstm"]), strict=False)]
)
def test_torch_computes_where_the_kernels_do_not_apply(cell, way, computed):
    theirs, ours = (answer_or_refusal(ELSEWHERE[way], layer) for layer in twins(cell, 3, 4))
    if isinstance(theirs, Refusal):  # only for want of a bf16 product on this processor
        assert "could not create a primitive" in theirs.message
        assert ours == theirs
    else:
        torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
    assert computed == []


def test_a_projection_is_computed_by_torch(computed: list[Any]) -> None:
    theirs, ours = twins("lstm", 3, 4, 2, proj_size=2)
    assert same(ours(batch()), theirs(batch()))
    assert computed == []


@pytest.mark.parametrize("cell", CELLS)
def test_without_kernels_torch_computes(cell, computed, monkeypatch):
    monkeypatch.setenv(VARIABLE, "off")
    pair = twins(cell, 3, 4, 2, bidirectional=True)
    theirs, ours = both(pair, batch(), numbers(cell, 4, 2, 4))
    for one, other in zip(theirs[0] + theirs[1], ours[0] + ours[1], strict=True):
        assert torch.equal(one, other)
    packed = pack_padded_sequence(batch(), torch.tensor([5, 2]))
    assert same(pair[0](packed), pair[1](packed))
    assert computed == []


# More than one rank.


def gradients(layer: torch.nn.Module, model: torch.nn.Module, x: Tensor) -> dict[str, Tensor]:
    y, _ = model(x)
    y.square().mean().backward()
    return {name: p.grad for name, p in layer.named_parameters() if p.grad is not None}


def made() -> nn.LSTM:
    torch.manual_seed(0)
    return nn.LSTM(3, 8, 2, dtype=torch.float64)


@needs_kernels
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without it")
def test_ranks_that_share_a_batch_have_its_gradient() -> None:
    """The ranks are threads here; the first one's weights are everyone's."""
    store, layers, x = HashStore(), [made(), made()], batch(5, 6, 3)
    layers[1].reset_parameters()
    # The end of a group waits for its threads, which may wait for Python. Only the end of its own
    # object lets Python go on meanwhile, so it must come last, when both are done.
    groups, models = list[Any](), list[DistributedDataParallel]()

    def work(rank: int) -> dict[str, Tensor]:
        group = group_of(store, "", rank, 2)
        groups.append(group._get_backend(torch.device("cpu")))
        model = DistributedDataParallel(layers[rank], process_group=group)
        models.append(model)
        return gradients(layers[rank], model, x[:, rank * 3 : rank * 3 + 3])

    with ThreadPoolExecutor(2) as ranks:
        results = list(ranks.map(work, range(2)))
    models.clear()
    layer = made()
    expected = gradients(layer, layer, x)
    for found in results:
        assert found.keys() == expected.keys()
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, expected[name], rtol=0, atol=1e-12)
