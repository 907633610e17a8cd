"""The recurrent stack of the kernels, and the reference of the programs, compute what torch does.

Compared with torch.nn, and for other cells with the formulas in torch; and with the vectors of the
`onnx` package, made without torch. `test_nn.py` tests all sizes, layouts and levels through the
layers.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hiddenstate.kernels import autograd, level
from hiddenstate.models.torch_stack import CellStack
from hiddenstate.program import layers as program
from hiddenstate.program.cells import CELLS
from tests.conftest import needs_kernels

GATED = [name for name, cell in CELLS.items() if cell.kind == "gated"]

State = tuple[Tensor, ...]
Recurrent = Callable[..., tuple[Tensor, State]]


def kernels(
    cell: str,
    x: Tensor,
    weights: Sequence[Tensor],
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    layers: int = 1,
    bidirectional: bool = False,
) -> tuple[Tensor, State]:
    """The compiled kernels, called as the reference is."""
    B, T, features = x.shape
    H, D = len(weights[0]) // CELLS[cell].blocks, 2 if bidirectional else 1
    stack = autograd.Stack(x.dtype, str(level()), cell, features, H, layers, D)
    batch = autograd.Batch((0, 1), B, T, lengths)
    biased = len(weights) == len(CELLS[cell].weights) * layers * D
    plan = autograd.Plan(stack, [], batch, (B, T, D * H), (layers * D, B, H), biased)
    y, *last = autograd.run(plan, [x, *(state or [None] * plan.parts), *weights])
    return y, tuple(last)


def in_numpy(
    cell: str,
    x: Tensor,
    weights: Sequence[Tensor],
    state: State | None = None,
    lengths: Tensor | None = None,
    *,
    layers: int = 1,
    bidirectional: bool = False,
) -> tuple[Tensor, State]:
    """The reference, the layers of the program, called with tensors."""
    declared, D = CELLS[cell], 2 if bidirectional else 1
    arrays = [tensor.detach().numpy() for tensor in weights]
    H, each = len(arrays[0]) // declared.blocks, len(arrays) // (layers * D)
    products = len(declared.weights) - len(declared.own)
    zeros = [np.zeros(len(arrays[0]), arrays[0].dtype)] * (len(declared.weights) - each)
    directions = []
    for k in range(0, len(arrays), each):
        W, *U = arrays[k : k + products]
        own = dict(zip(declared.own, (*arrays[k + products : k + each], *zeros), strict=True))
        directions.append(program.Direction((W,), tuple(U), own, H))
    stack = [program.Recurrent(cell, tuple(directions[k : k + D])) for k in range(0, layers * D, D)]
    begin = program.state_of(stack, len(x), arrays[0].dtype)
    begin |= {n: a.detach().numpy() for n, a in zip(begin, state or (), strict=False)}
    counts = None if lengths is None else lengths.numpy()
    y, _, last = program.run_layers(stack, x.detach().numpy(), counts, begin)
    return torch.from_numpy(y), tuple(map(torch.from_numpy, last.values()))


ALL: dict[str, Recurrent] = {"reference": in_numpy, **({"kernels": kernels} if level() else {})}

MODULES: dict[str, Callable[..., nn.RNNBase]] = {
    "rnn_tanh": nn.RNN,
    "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}

# Tolerances of outputs and gradients.
TOLERANCES = {torch.float64: (1e-12, 1e-10), torch.float32: (2e-6, 5e-5)}

# B, T and lengths: unordered, both ends of the range, and the longest row shorter than T.
SIZES = [(1, 1, [1]), (1, 5, [3]), (3, 1, [1, 1, 1]), (4, 6, [4, 6, 1, 3])]


def weights_of(module: nn.RNNBase) -> list[Tensor]:
    return [weight for own in module.all_weights for weight in own]


def theirs(
    module: nn.RNNBase, x: Tensor, state: State | None = None, lengths: Tensor | None = None
) -> tuple[Tensor, State]:
    """Call a torch module, batch first, as `recurrent` is called."""
    begin = state[0] if state and len(state) == 1 else state
    if lengths is None:
        y, last = module(x, begin)
    else:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = module(packed, begin)
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])
    return y, last if isinstance(last, tuple) else (last,)


class Case:
    """A module, arguments for it and for `recurrent`, and random gradients of its outputs."""

    def __init__(
        self,
        cell: str,
        size: tuple[int, int, list[int] | None] = SIZES[-1],
        *,
        layers: int = 2,
        both: bool = True,
        begin: bool = True,
        widths: tuple[int, int] = (3, 5),
        dtype: torch.dtype = torch.float64,
        **options: Any,
    ) -> None:
        torch.manual_seed(0)
        B, T, lengths = size
        I, H = widths  # noqa: E741
        self.dtype, D = dtype, 2 if both else 1
        make = partial(torch.randn, dtype=dtype)
        if cell in MODULES:
            options |= {"batch_first": True, "bidirectional": both, "dtype": dtype}
            self.module: Any = MODULES[cell](I, H, layers, **options)
            self.weights = weights_of(self.module)
        else:
            self.module = CellStack(CELLS[cell], I, H, layers, bidirectional=both).to(dtype)
            self.weights = list(self.module.parameters())
            for weight in self.weights:
                nn.init.normal_(weight, 0, H**-0.5)
        self.x = make(B, T, I, requires_grad=True)
        parts = len(CELLS[cell].state)
        shape = (layers * D, B, H)
        some = tuple(make(shape, requires_grad=True) for _ in range(parts))
        self.state = some if begin else None
        self.lengths = None if lengths is None else torch.tensor(lengths)
        self.inputs = [self.x, *(self.state or ()), *self.weights]
        self.along = [make(B, T, D * H), *(make(shape) for _ in range(parts))]
        self.cell, self.shape = cell, {"layers": layers, "bidirectional": both}

    def ours(self, recurrent: Recurrent = kernels) -> list[Tensor]:
        """The answer, y and then the parts of the state."""
        y, last = recurrent(self.cell, self.x, self.weights, self.state, self.lengths, **self.shape)
        return [y, *last]

    def theirs(self) -> list[Tensor]:
        if self.cell in MODULES:
            y, last = theirs(self.module, self.x, self.state, self.lengths)
        else:
            y, last = self.module(self.x, self.state, self.lengths)
        return [y, *last]

    def close(self, found: Sequence[Tensor], expected: Sequence[Tensor], which: int = 0) -> None:
        tolerance = TOLERANCES[self.dtype][which]
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


@needs_kernels
@pytest.mark.parametrize("cell", GATED)
def test_outputs_states_and_gradients_are_torchs(cell: str) -> None:
    """Together, and each output alone."""
    for size, begin in itertools.product(SIZES, (False, True)):
        for own in (size, (*size[:2], None)):
            case = Case(cell, own, begin=begin)
            runs = case.ours(), case.theirs()
            case.close(runs[0], runs[1])
            one, other = (torch.autograd.grad(run, case.inputs, case.along) for run in runs)
            case.close(one, other, which=1)
    for part, along in enumerate(case.along):
        # The last h of a layer does not depend on the layers above: their gradients are zero.
        one, other = (
            torch.autograd.grad(run[part], case.inputs, along, materialize_grads=True)
            for run in (case.ours(), case.theirs())
        )
        case.close(one, other, which=1)


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
@pytest.mark.parametrize("cell", GATED)
def test_the_reference_computes_in_the_type_of_its_input(cell: str, dtype: torch.dtype) -> None:
    biases: dict[str, Any] = {"bias": False} if cell in MODULES else {}
    case = Case(cell, widths=(19, 33), dtype=dtype, **biases)
    case.close(case.ours(in_numpy), case.theirs())
    assert all(out.dtype == dtype for out in case.ours(in_numpy))


@needs_kernels
@pytest.mark.parametrize("cell", GATED)
def test_only_tensors_that_require_a_gradient_get_one(cell: str) -> None:
    case = Case(cell)
    expected = torch.autograd.grad(case.ours(), case.inputs, case.along)
    for kept, wanted in zip(case.inputs, expected, strict=True):
        for tensor in case.inputs:
            tensor.requires_grad_(tensor is kept)
        found = torch.autograd.grad(case.ours(), kept, case.along)
        case.close(found, [wanted], which=1)
    with torch.no_grad():
        assert not any(out.requires_grad for out in case.ours())


@needs_kernels
@pytest.mark.parametrize("cell", GATED)
def test_steps_past_the_end_are_not_read_and_no_input_is_changed(cell: str) -> None:
    case = Case(cell)
    past = torch.arange(case.x.shape[1]) >= case.lengths[:, None]
    assert past.any()
    expected = case.ours()
    gradients = torch.autograd.grad(expected, case.inputs, case.along)
    with torch.no_grad():
        case.x[past] = torch.nan
        case.along[0][past] = torch.nan
    before = [tensor.detach().clone() for tensor in case.inputs]
    found = case.ours()
    case.close(found, expected)
    assert (found[0][past] == 0).all()
    case.close(torch.autograd.grad(found, case.inputs, case.along), gradients, which=1)
    for tensor, copy in zip(case.inputs, before, strict=True):
        torch.testing.assert_close(tensor.detach(), copy, rtol=0, atol=0, equal_nan=True)


@needs_kernels
@pytest.mark.parametrize("cell", GATED)
def test_a_row_of_length_0_keeps_its_state(cell: str) -> None:
    case = Case(cell, (3, 4, [2, 0, 4]))
    y, *last = case.ours()
    assert (y[1] == 0).all()
    assert case.state is not None
    for after, before in zip(last, case.state, strict=True):
        assert torch.equal(after[:, 1], before[:, 1])
        assert not torch.equal(after[:, 0], before[:, 0])
        (gradient,) = torch.autograd.grad(after[:, 1].sum(), before, retain_graph=True)
        assert torch.equal(gradient[:, 1], torch.ones_like(gradient[:, 1]))


# The test vectors of the onnx package.

KINDS = ["defaults", "with_initial_bias", "batchwise", "reverse", "bidirectional"]
ONNX_SAME = [f"{op}_{kind}" for op in ("simple_rnn", "gru", "lstm") for kind in KINDS]
ONNX_SAME += ["rnn_seq_length"]
# The GRUs have linear_before_reset = 0: r times h before the product with U, torch's after it.
# Without a hidden bias that is the same in one step from h = 0, the first three's, and where r
# is alike in all units, the last two's, whose every weight of a direction is one number.

ONNX_OTHER = ["gru_seq_length", "lstm_with_peepholes"]
# The first takes a second step with linear_before_reset = 0 and random weights and biases, so
# that r differs from unit to unit. In the other, the output gate sees the new c through a
# peephole. Neither is a function that torch's GRU or LSTM can be by a reordering of weights.

ONNX_GATES = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 2, 3, 1]}  # from z r h, from i o f c


@cache
def onnx_cases() -> dict[str, Any]:
    """The package's cases of the three operators by name, without "test_"."""
    pytest.importorskip("onnx")
    import onnx.backend.test.case.node as cases
    from onnx.backend.test.case.node import gru, lstm, rnn  # noqa: F401

    # The public collector imports and runs the cases of all operators.
    every = {case.name.removeprefix("test_"): case for case in cases._NodeTestCases}
    return {n: case for n, case in every.items() if case.model.graph.node[0].op_type in ONNX_GATES}


def onnx_weights(op: str, given: dict[str, Tensor], direction: int) -> list[Tensor]:
    """The weights of one direction in torch's gate order; without biases if none are given."""
    parts = [given["W"][direction], given["R"][direction]]
    if "B" in given:
        parts += given["B"][direction].chunk(2)
    order = ONNX_GATES[op]
    return [torch.cat([part.chunk(len(order))[gate] for gate in order]) for part in parts]


def onnx_run(recurrent: Recurrent, name: str) -> list[tuple[Tensor, Tensor]]:
    """Our results and those that the vector `name` expects, a pair for each output."""
    case = onnx_cases()[name]
    node = case.model.graph.node[0]
    tensors = [[torch.from_numpy(a).double() for a in arrays] for arrays in case.data_sets[0]]
    given = dict(zip(node.input, tensors[0], strict=True))
    expected = dict(zip(filter(None, node.output), tensors[1], strict=True))
    attributes = {a.name: a.s.decode() or a.i for a in node.attribute}
    assert set(attributes) <= {"hidden_size", "direction", "layout"}
    way, batchwise = attributes.get("direction", "forward"), bool(attributes.get("layout"))

    # Our stacks run backward only beside a forward direction.
    directions = {"forward": [0], "reverse": [0, 0], "bidirectional": [0, 1]}[way]
    weights = [w for d in directions for w in onnx_weights(node.op_type, given, d)]
    begin = [given[part] for part in ("initial_h", "initial_c") if part in given]
    lengths = given["sequence_lens"].long() if "sequence_lens" in given else None
    x = given["X"] if batchwise else given["X"].transpose(0, 1)
    cell = {"RNN": "rnn_tanh", "GRU": "gru", "LSTM": "lstm"}[node.op_type]
    y, last = recurrent(
        cell, x, weights, tuple(begin) or None, lengths, bidirectional=len(directions) == 2
    )
    found = dict(zip(("Y_h", "Y_c"), last, strict=False))
    found["Y"] = y.unflatten(2, (len(directions), -1))
    if way == "reverse":
        found = {key: out[:, :, 1:] if key == "Y" else out[1:] for key, out in found.items()}
    # Y is (T, D, B, H) or (B, T, D, H), the states (D, B, H) or (B, D, H).
    if batchwise:
        found |= {key: out.transpose(0, 1) for key, out in found.items() if key != "Y"}
    else:
        found["Y"] = found["Y"].permute(1, 2, 0, 3)
    return [(found[key], out) for key, out in expected.items()]


def test_every_onnx_vector_is_listed_once_and_16_of_18_apply() -> None:
    assert sorted(onnx_cases()) == sorted(ONNX_SAME + ONNX_OTHER)
    assert (len(ONNX_SAME), len(ONNX_OTHER)) == (16, 2)


@pytest.mark.parametrize("implementation", ALL)
def test_an_onnx_vector_is_computed_unless_it_is_another_function(implementation: str) -> None:
    for name in ONNX_SAME:
        pairs = onnx_run(ALL[implementation], name)
        assert pairs
        for found, expected in pairs:
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6, msg=name)
    for name in ONNX_OTHER:
        ((found, expected),) = onnx_run(ALL[implementation], name)
        assert found.shape == expected.shape
        assert (found - expected).abs().max() > 1e-3
