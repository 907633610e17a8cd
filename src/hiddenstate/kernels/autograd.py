"""The recurrent kernels as a torch.autograd function, for tensors that the caller has checked.

The compiled layer gets addresses; a tensor is copied only if the layer cannot read it. Shape
letters as in `program/layers.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hiddenstate.kernels import native
from hiddenstate.program.cells import CELLS

KINDS = {torch.float32: "Layer32", torch.float64: "Layer64"}
"""Names of the compiled layers, by float type."""

_SPARE = 8
"""Most compiled layers kept for later calls; each call in progress needs one."""
_REFUSAL = (
    b"hiddenstate.nn: gradients of gradients are not computed; torch.nn's layer of the same name "
    b"does, or this one with HIDDENSTATE_LEVEL=off in the environment"
)


class Stack(NamedTuple):
    """The dimensions that a compiled layer is made for."""

    dtype: torch.dtype
    level: str
    cell: str
    inputs: int
    hidden: int
    layers: int
    directions: int
    states: int = 0
    """Complex numbers of a state, of a cell whose state is not as wide as its output."""

    @property
    def state_size(self) -> int:
        """Numbers of a row in each array of a state."""
        return self.states or self.hidden

    def make(self) -> Any:
        kind = getattr(native(), KINDS[self.dtype])
        return kind(self.level, *self[2:])

    def shapes(self, biased: bool) -> list[tuple[int, ...]]:
        """Return the shapes of the weights, layer by layer as the cell declares them."""
        cell, shapes = CELLS[self.cell], list[tuple[int, ...]]()
        products = (cell.inputs, cell.hidden)
        for layer in range(self.layers):
            inputs = self.directions * self.hidden if layer else self.inputs
            sizes = cell.sizes(inputs, self.hidden, self.states)
            weights = cell.arrays(sizes, mapped=layer == 0 or self.directions > 1)
            each = [w.shape(sizes) for w in weights if biased or w.name in products]
            shapes += each * self.directions
        return shapes


@dataclass(slots=True)
class Compiled:
    """A compiled layer, with memory for the gradients of weights, which later calls use again.

    New memory of that size comes from the system page by page, which takes as long as the sums.
    """

    layer: Any
    memory: dict[int, tuple[Tensor, Any]] = field(default_factory=dict)

    def empty(self, number: int, like: Tensor) -> Tensor:
        """Return memory for the gradient of weight `number` that nothing else holds."""
        kept = self.memory.get(number)
        if kept is None or not _is_free(*kept):
            new = torch.empty_like(like, memory_format=torch.contiguous_format)
            kept = new, new.untyped_storage()
            if not _is_free(*kept):  # this version of torch counts holders in another way
                return new
            self.memory[number] = kept
        return kept[0].detach()


def _is_free(tensor: Tensor, storage: Any) -> bool:
    """Return whether no other tensor or array shares the storage, which still has its size."""
    count = getattr(torch._C, "_storage_Use_Count", None)
    held_by = count(storage._cdata) if count else 0
    return bool(held_by == 2 and storage.nbytes() == tensor.nbytes)


@dataclass(slots=True)
class Batch:
    """The memory layout of a batch: of x, y and their gradients."""

    axes: tuple[int, int]
    """The axis of sequences and the axis of steps."""
    rows: int
    steps: int
    lengths: Tensor | None = None
    """(B,) int64: row r is read for t < lengths[r]."""
    places: Tensor | None = None
    """(T,) int64: the position of step t in packed data, in steps from the first."""

    def at(self, x: Tensor | None) -> tuple[int, int, int]:
        """Return the address of `x` and its strides: to the next sequence, to the next step."""
        if x is None:
            return 0, 0, 0
        strides, (sequences, steps) = x.stride(), self.axes
        return x.data_ptr(), strides[sequences], strides[steps]


@dataclass(slots=True)
class Plan:
    """Everything a call needs besides its tensors (x, the parts of the state, the weights)."""

    stack: Stack
    spare: list[Compiled]
    """Compiled layers of this stack that no call uses now; shared by all calls."""
    batch: Batch
    y: tuple[int, ...]
    """Shape of y."""
    state: tuple[int, ...]
    """Shape of each array of the state."""
    biased: bool

    @property
    def parts(self) -> int:
        """Number of arrays of the state."""
        return len(CELLS[self.stack.cell].state)

    def forward(self, tensors: Sequence[Any], kept: bool) -> tuple[Compiled, list[Tensor]]:
        """Return the compiled layer that was used, and y with the parts of the last state.

        `kept` says whether the layer keeps what :meth:`backward` needs.
        """
        batch, size, split = self.batch, self.stack.state_size, 1 + self.parts
        try:
            compiled = self.spare.pop()
        except IndexError:
            compiled = Compiled(self.stack.make())
        x = _by_rows(tensors[0])
        begin = [a if a is None else a.contiguous() for a in tensors[1:split]]
        weights = [w.contiguous() for w in tensors[split:]]
        dtype, device = x.dtype, x.device  # explicit: torch may have another default device
        y = torch.empty(self.y, dtype=dtype, device=device)
        last = [torch.empty(self.state, dtype=dtype, device=device) for _ in begin]
        read = batch.rows, batch.steps, _address(batch.lengths), _address(batch.places)
        inputs = self._addresses(weights), _addresses(begin)
        outputs = batch.at(y), _addresses(last), size
        threads = torch.get_num_threads()
        compiled.layer.forward(batch.at(x), *read, *inputs, *outputs, kept, threads)
        return compiled, [y, *last]

    def backward(
        self,
        compiled: Compiled,
        output_grads: Sequence[Tensor | None],
        input_grads: Sequence[Tensor | None],
    ) -> None:
        """Compute `input_grads`, those of the tensors, from those of y and the last state."""
        batch, split, grads = self.batch, 1 + self.parts, input_grads
        dy, *dlast = [g if g is None else g.resolve_neg() for g in output_grads]
        dy = dy if dy is None else _by_rows(dy)
        dlast = [a if a is None else a.contiguous() for a in dlast]
        states, weights = _addresses(grads[1:split]), self._addresses(grads[split:])
        wanted = batch.at(grads[0]), states, weights
        size = batch.rows, self.stack.state_size
        threads = torch.get_num_threads()
        compiled.layer.backward(batch.at(dy), _addresses(dlast), *wanted, *size, threads)

    def give_back(self, compiled: Compiled) -> None:
        """Keep `compiled` for later calls."""
        if len(self.spare) < _SPARE:
            self.spare.append(compiled)

    def _addresses(self, weights: Sequence[Tensor | None]) -> list[int]:
        """Return the addresses for each direction, 0 where there is no bias."""
        addresses = _addresses(weights)
        if self.biased:
            return addresses
        cell = CELLS[self.stack.cell]
        n, none = len(cell.weights) - len(cell.own), [0] * len(cell.own)
        return [a for i in range(0, len(addresses), n) for a in (*addresses[i : i + n], *none)]


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _addresses(tensors: Sequence[Tensor | None]) -> list[int]:
    return [0 if x is None else x.data_ptr() for x in tensors]


def _by_rows(x: Tensor) -> Tensor:
    """Return `x`, or a copy of it, with a contiguous last axis."""
    return x if x.stride(-1) == 1 else x.contiguous()


class _Recurrent(torch.autograd.Function):
    """(plan, x, parts of the state, weights) -> y, parts of the last state."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor | None) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors)
        ctx.plan = plan
        ctx.compiled, outputs = plan.forward(tensors, True)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *output_grads: Tensor | None) -> tuple[Tensor | None, ...]:
        if not torch.is_grad_enabled():
            return _backward(ctx, *output_grads)
        with torch.no_grad():
            grads = _backward(ctx, *output_grads)
        # A graph of the gradient is being built: constants in it would be silently wrong.
        refuse = torch._C._functions.DelayedError(_REFUSAL, len(grads))
        marked: list[Any] = [g if g is None else g.requires_grad_() for g in grads]
        refused: tuple[Tensor | None, ...] = refuse(*marked)
        return refused


def _backward(ctx: Any, *output_grads: Tensor | None) -> tuple[Tensor | None, ...]:
    plan, tensors = ctx.plan, ctx.saved_tensors
    compiled, ctx.compiled = ctx.compiled, None
    if compiled is None:  # an earlier backward pass has overwritten what the forward pass kept
        compiled, _ = plan.forward(tensors, True)
    weights, grads = 1 + plan.parts, list[Tensor | None]()
    for number, (t, needed) in enumerate(zip(tensors, ctx.needs_input_grad[1:], strict=True)):
        if not needed:
            grads.append(None)
        elif number < weights:
            grads.append(torch.empty_like(t, memory_format=torch.contiguous_format))
        else:
            grads.append(compiled.empty(number, t))
    plan.backward(compiled, output_grads, grads)
    plan.give_back(compiled)
    return None, *grads


def run(plan: Plan, tensors: Sequence[Any]) -> Sequence[Tensor]:
    """Return y and the parts of the last state, recorded for autograd if a gradient is needed.

    Parameters
    ----------
    plan : Plan
    tensors : sequence of Tensor or None
        x; the arrays of the state, None for zero; the weights in torch's order. All are on the cpu,
        strided, of the stack's float type, and have the plan's shapes.
    """
    if torch.is_grad_enabled():
        for t in tensors:
            if t is not None and t.requires_grad:
                apply: Any = _Recurrent.apply  # torch gives it no types
                recorded: tuple[Tensor] = apply(plan, *tensors)
                return recorded
    compiled, outputs = plan.forward(tensors, False)
    plan.give_back(compiled)
    return outputs
