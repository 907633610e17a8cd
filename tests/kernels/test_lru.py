"""LRU blocks in the kernels: outputs as the reference in numpy, gradients as torch's autograd.

Rows are of two shards and several segments of steps, which the backward pass computes again.
"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hiddenstate.kernels import autograd, levels
from hiddenstate.models.torch_stack import CellStack
from hiddenstate.program import layers as program
from hiddenstate.program.cells import CELLS

I, H, S, L, B, T = 3, 20, 9, 2, 17, 70  # noqa: E741
CELL = CELLS["lru"]


class Case:
    """Numbers of a stack, and the gradients of random sums of all that it gives."""

    def __init__(self, both: bool) -> None:
        torch.manual_seed(0)
        D, real = 2 if both else 1, torch.float64
        self.directions = D
        self.stack = CellStack(CELL, I, H, L, bidirectional=both, states=S).to(real)
        for name, weight in self.stack.named_parameters():
            torch.nn.init.normal_(weight, 1.0 if "norm_weight" in name else 0.0, 0.3)
            if name.startswith("nu"):
                torch.nn.init.uniform_(weight, -5.0, -2.0)
        self.x, *self.state = (
            torch.randn(shape, dtype=real, requires_grad=True)
            for shape in ((B, T, I), (L * D, B, S), (L * D, B, S))
        )
        self.lengths = torch.randint(1, T + 1, (B,))
        self.lengths[:2] = torch.tensor([0, T])
        self.up = [torch.randn(B, T, D * H, dtype=real)]
        self.up += [torch.randn(L * D, B, S, dtype=real) for _ in range(2)]
        y, last = self.stack(self.x, tuple(self.state), self.lengths)
        self.outputs = [y, *last]
        self.slopes = torch.autograd.grad(self.outputs, self.inputs, self.up)

    @property
    def inputs(self) -> list[Tensor]:
        """What gradients are of: x, the states and the weights in order."""
        return [self.x, *self.state, *self.stack.parameters()]

    def in_kernels(self, level: str, kept: bool = True) -> list[Tensor]:
        """Return what the kernels give: y and the last state."""
        D = self.directions
        stack = autograd.Stack(torch.float64, level, "lru", I, H, L, D, S)
        batch = autograd.Batch((0, 1), B, T, self.lengths)
        plan = autograd.Plan(stack, [], batch, (B, T, D * H), (L * D, B, S), True)
        with torch.set_grad_enabled(kept):
            return list(autograd.run(plan, self.inputs))


@pytest.fixture(scope="module", params=[False, True], ids=["one direction", "both"])
def case(request: pytest.FixtureRequest) -> Case:
    return Case(request.param)


def far(found: Any, expected: Any) -> float:
    return float((found - expected).abs().max() / (1 + expected.abs().max()))


@pytest.mark.parametrize("level", levels())
def test_gradients_equal_those_of_autograd(case: Case, level: str) -> None:
    outputs = case.in_kernels(level)
    for found, expected in zip(outputs, case.outputs, strict=True):
        assert far(found.detach(), expected.detach()) < 1e-12
    slopes = torch.autograd.grad(outputs, case.inputs, case.up)
    for found, expected in zip(slopes, case.slopes, strict=True):
        assert far(found, expected) < 1e-10
    for found, expected in zip(case.in_kernels(level, kept=False), outputs, strict=True):
        assert torch.equal(found, expected.detach())


def test_torch_gives_what_a_program_means(case: Case) -> None:
    arrays = {name: w.detach().numpy() for name, w in case.stack.named_parameters()}
    stack = []
    for layer in range(L):
        directions = []
        for end in ("", "_reverse")[: case.directions]:
            of_layer = {
                name: arrays[f"{name}_l{layer}{end}"]
                for name in (weight.name for weight in CELL.weights)
                if f"{name}_l{layer}{end}" in arrays
            }
            first = (of_layer.pop("weight_in"),) if "weight_in" in of_layer else ()
            directions.append(program.Direction(first, (), of_layer, H, S))
        stack.append(program.Recurrent("lru", tuple(directions)))
    begin = {n: a.detach().numpy() for n, a in zip(CELL.state, case.state, strict=True)}
    x = case.x.detach().numpy()
    y, _, last = program.run_layers(stack, x, case.lengths.numpy(), begin)
    for found, expected in zip((y, last["re"], last["im"]), case.outputs, strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-12)
