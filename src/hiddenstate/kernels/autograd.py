"""The recurrent kernels as a function of torch.autograd, on tensors that the caller has checked.

Addresses go to the compiled layer and nothing is copied but what it cannot read. Letters as in
`reference.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hiddenstate.kernels import CELLS, native

KINDS = {torch.float32: "Layer32", torch.float64: "Layer64"}
"""Compiled layers by the float type they compute in."""

_GATES = {"rnn_tanh": 1, "rnn_relu": 1, "gru": 3, "lstm": 4}
_SPARE = 8
"""Compiled layers kept for calls to come; one call at a time needs one."""
_REFUSAL = (
    b"hiddenstate.nn: gradients of gradients are not computed; torch.nn's layer of the same name "
    b"does, or this one with HIDDENSTATE_LEVEL=off in the environment"
)


class Stack(NamedTuple):
    """What a compiled layer is made for."""

    dtype: torch.dtype
    level: str
    cell: str
    inputs: int
    hidden: int
    layers: int
    directions: int

    def make(self) -> Any:
        kind = getattr(native(), KINDS[self.dtype])
        return kind(self.level, CELLS[self.cell], *self[3:])

    def shapes(self, biased: bool) -> list[tuple[int, ...]]:
        """Shapes of the weights, in torch's order."""
        out, D, found = _GATES[self.cell] * self.hidden, self.directions, list[tuple[int, ...]]()
        for layer in range(self.layers):
            inputs = D * self.hidden if layer else self.inputs
            found += [(out, inputs), (out, self.hidden), *[(out,), (out,)] * biased] * D
        return found


@dataclass(slots=True)
class Batch:
    """How numbers of a batch lie: x, y and their gradients."""

    axes: tuple[int, int]
    """Of sequences and of steps."""
    rows: int
    steps: int
    lengths: Tensor | None = None
    """(B,) int64: row r is read for t < lengths[r]."""
    places: Tensor | None = None
    """(T,) int64: where packed data has step t, in steps from its first."""

    def at(self, x: Tensor | None) -> tuple[int, int, int]:
        """Address of `x`, numbers to its next sequence and to its next step."""
        if x is None:
            return 0, 0, 0
        strides, (sequences, steps) = x.stride(), self.axes
        return x.data_ptr(), strides[sequences], strides[steps]


@dataclass(slots=True)
class Plan:
    """What a call is beside its tensors: x, the parts of the state and the weights."""

    stack: Stack
    spare: list[Any]
    """Compiled layers of this stack that are in no use; shared by its calls."""
    batch: Batch
    y: tuple[int, ...]
    state: tuple[int, ...]
    """Shapes of y, and of h and c."""
    parts: int
    """Of the state: 2 of an lstm, else 1."""
    biased: bool

    def forward(self, tensors: Sequence[Any], kept: bool) -> tuple[Any, list[Tensor]]:
        """The compiled layer that computed, and y and the parts of the last state."""
        batch, hidden, split = self.batch, self.stack.hidden, 1 + self.parts
        try:
            layer = self.spare.pop()
        except IndexError:
            layer = self.stack.make()
        x = _by_rows(tensors[0])
        begin = [h if h is None else h.contiguous() for h in tensors[1:split]]
        weights = [w.contiguous() for w in tensors[split:]]
        dtype, device = x.dtype, x.device  # told, lest a default device step in
        y = torch.empty(self.y, dtype=dtype, device=device)
        last = [torch.empty(self.state, dtype=dtype, device=device) for _ in begin]
        read = batch.rows, batch.steps, _address(batch.lengths), _address(batch.places)
        given = self._addresses(weights), _pair(begin)
        answer = batch.at(y), _pair(last), hidden
        layer.forward(batch.at(x), *read, *given, *answer, kept, torch.get_num_threads())
        return layer, [y, *last]

    def backward(
        self, layer: Any, along: Sequence[Tensor | None], found: Sequence[Tensor | None]
    ) -> None:
        """Fill `found`, the gradients wanted of the tensors, from those of y and the state."""
        batch, split = self.batch, 1 + self.parts
        dy, *dlast = [g if g is None else g.resolve_neg() for g in along]
        dy = dy if dy is None else _by_rows(dy)
        dlast = [h if h is None else h.contiguous() for h in dlast]
        wanted = batch.at(found[0]), _pair(found[1:split]), self._addresses(found[split:])
        size = batch.rows, self.stack.hidden
        layer.backward(batch.at(dy), _pair(dlast), *wanted, *size, torch.get_num_threads())

    def give_back(self, layer: Any) -> None:
        if len(self.spare) < _SPARE:
            self.spare.append(layer)

    def _addresses(self, weights: Sequence[Tensor | None]) -> list[int]:
        """Four a direction, as the kernels count, with biases or without."""
        found = [0 if w is None else w.data_ptr() for w in weights]
        if self.biased:
            return found
        return [a for i in range(0, len(found), 2) for a in (found[i], found[i + 1], 0, 0)]


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _pair(parts: Sequence[Tensor | None]) -> tuple[int, int]:
    return _address(parts[0]), _address(parts[1]) if len(parts) > 1 else 0


def _by_rows(x: Tensor) -> Tensor:
    """`x`, or a copy of it, whose last axis lies together."""
    return x if x.stride(-1) == 1 else x.contiguous()


class _Recurrent(torch.autograd.Function):
    """(plan, x, parts of the state, weights) -> y, parts of the last state."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.plan = plan
        ctx.layer, found = plan.forward(tensors, True)
        return tuple(found)

    @staticmethod
    def backward(ctx: Any, *along: Tensor | None) -> tuple[Tensor | None, ...]:
        if not torch.is_grad_enabled():
            return _backward(ctx, *along)
        with torch.no_grad():
            found = _backward(ctx, *along)
        # Constants, where a graph of the gradient is built, would be silently wrong.
        refuse = torch._C._functions.DelayedError(_REFUSAL, len(found))
        marked: list[Any] = [g if g is None else g.requires_grad_() for g in found]
        refused: tuple[Tensor | None, ...] = refuse(*marked)
        return refused


def _backward(ctx: Any, *along: Tensor | None) -> tuple[Tensor | None, ...]:
    plan, tensors, lie = ctx.plan, ctx.saved_tensors, torch.contiguous_format
    layer, ctx.layer = ctx.layer, None
    if layer is None:  # the way back overwrites what the way there kept
        layer, _ = plan.forward(tensors, True)
    found = [
        torch.empty_like(t, memory_format=lie) if wanted else None
        for t, wanted in zip(tensors, ctx.needs_input_grad[1:], strict=True)
    ]
    plan.backward(layer, along, found)
    plan.give_back(layer)
    return None, *found


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Tensor]:
    """y and the parts of the last state, with a way back where autograd wants one.

    Parameters
    ----------
    plan : Plan
    tensors : sequence of Tensor or None
        x, then h and for an lstm c, None where zero, then the weights in torch's order; all on
        the CPU, strided and of the stack's float type, with the plan's shapes.
    """
    if torch.is_grad_enabled():
        for t in tensors:
            if t is not None and t.requires_grad:
                found: tuple[Tensor] = _Recurrent.apply(plan, *tensors)  # type: ignore[no-untyped-call]
                return found
    layer, answer = plan.forward(tensors, False)
    plan.give_back(layer)
    return answer
