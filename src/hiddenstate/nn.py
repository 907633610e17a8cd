"""Drop-in RNN, GRU and LSTM layers for torch, computed by the kernels on the cpu.

A layer has the constructor, parameters, `state_dict` and results of the torch.nn layer of the same
name; only the implementation differs. The kernels compute in float32 and float64 on the cpu. In
all other cases torch computes as usual:

- another device or float type, autocast, an LSTM with `proj_size`, an empty batch, tensor
  subclasses, and invalid arguments, which torch refuses with its own messages;
- a layer that `torch.jit`, `torch.compile` or `torch.export` traces, transforms of `torch.func`,
  forward-mode gradients, and modes that intercept torch's operations, such as a default device;
- a package without kernels.

A gradient may be computed again from a retained graph; a gradient of a gradient is refused.
Results are bit-identical for any number of threads, which is `torch.get_num_threads()`. Denormal
numbers count as zero. Infinity and NaN in x, a state or a weight give what they give in torch, at
every instruction level. A layer keeps the memory of a call for the next one.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from hiddenstate.system.extras import missing

try:
    import torch
except ModuleNotFoundError as error:
    raise missing("torch", "hiddenstate.nn") from error

from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence

from hiddenstate.kernels import level
from hiddenstate.kernels.autograd import KINDS, Batch, Plan, Stack, run

__all__ = ["GRU", "LSTM", "RNN"]

_PLAIN = (Tensor, torch.nn.Parameter)
_PLANS = 64
"""Most plans kept, one for each shape of x."""


def _is_intercepted() -> bool:
    """Return whether a mode or transform of torch must see torch's own operations."""
    return (
        torch._C._get_tracing_state() is not None
        or torch.is_autocast_enabled("cpu")
        or torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
    )


def _fit(tensors: Sequence[Any], shapes: Sequence[tuple[int, ...]], dtype: torch.dtype) -> bool:
    """Return whether the kernels can read the tensors and each has the expected shape."""
    if len(tensors) != len(shapes):
        return False
    for t, shape in zip(tensors, shapes, strict=True):
        if type(t) not in _PLAIN or t.dtype is not dtype or t.is_nested or t.shape != shape:
            return False
        if not t.is_cpu or t.layout is not torch.strided or t.is_neg():
            return False
    return True


def _padded(x: Tensor, batch_first: bool) -> Batch | None:
    """Return the layout of `x`, or None if it is neither a batch nor a sequence."""
    if x.dim() == 3:
        axes = (0, 1) if batch_first else (1, 0)
        return Batch(axes, x.shape[axes[0]], x.shape[axes[1]])
    return Batch((0, 0), 1, len(x)) if x.dim() == 2 else None


def _packed(input: PackedSequence) -> Batch | None:
    """Return the layout of packed data, or None if its sizes are inconsistent."""
    sizes = input.batch_sizes.tolist()
    if input.data.dim() != 2 or sum(sizes) != len(input.data):
        return None
    if any(now < then for now, then in pairwise([*sizes, 1])):
        return None
    lengths = (input.batch_sizes > torch.arange(sizes[0])[:, None]).sum(1)
    places = torch.tensor([0, *accumulate(sizes)][:-1])
    return Batch((0, 0), sizes[0], len(sizes), lengths, places)


class _Layer(torch.nn.RNNBase):
    """Common base of the three layers."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Compute as torch.nn does; the module's docstring says when torch computes."""
        call = None if torch.compiler.is_compiling() else self._call(input, hx)
        if call is None:
            return super().forward(input, hx)
        between = self.dropout and self.training and self.num_layers > 1
        y, *last = (self._by_layer if between else run)(*call)
        state: Any = tuple(last) if len(last) > 1 else last[0]
        if isinstance(input, PackedSequence):
            state = self.permute_hidden(state, input.unsorted_indices)
            return PackedSequence(y, *input[1:]), state
        return y, state

    def _call(self, input: Any, hx: Any) -> tuple[Plan, list[Any]] | None:
        """Return the plan and the tensors for the kernels, or None if torch must compute."""
        packed = isinstance(input, PackedSequence)
        x, chosen = input.data if packed else input, level()
        if type(x) not in _PLAIN or x.is_nested or chosen is None or _is_intercepted():
            return None
        planned = self._plan(chosen, x, _packed(input)) if packed else self._cached(chosen, x)
        own = self._weights()
        if planned is None or not _fit([x, *own], planned[1], x.dtype):
            return None
        plan = planned[0]
        if hx is None:
            return plan, [x, *[None] * plan.parts, *own]
        several = plan.parts > 1 and isinstance(hx, tuple | list)
        if not _fit([*hx] if several else [hx], [plan.state] * plan.parts, x.dtype):
            return None
        if packed:
            hx = self.permute_hidden(hx, input.sorted_indices)
        return plan, [x, *(hx if several else [hx]), *own]

    def _cached(self, chosen: str, x: Tensor) -> tuple[Plan, list[tuple[int, ...]]] | None:
        """Return the plan of an earlier call with this shape, or a new one."""
        plans: dict[Any, Any] = self.__dict__.setdefault("_call_plans", {})
        key = chosen, x.dtype, x.shape, self.batch_first
        planned: tuple[Plan, list[tuple[int, ...]]] | None = plans.get(key)
        if planned is None:
            if len(plans) >= _PLANS:
                plans.clear()
            planned = plans[key] = self._plan(chosen, x, _padded(x, self.batch_first))
        return planned

    def _plan(
        self, chosen: str, x: Tensor, batch: Batch | None
    ) -> tuple[Plan, list[tuple[int, ...]]] | None:
        """Return a plan and the shapes of x and the weights, or None if torch must compute."""
        if batch is None or x.dtype not in KINDS or self.proj_size or not x.numel():
            return None
        features, H, L = self.input_size, self.hidden_size, self.num_layers
        D = 2 if self.bidirectional else 1
        stack = Stack(x.dtype, chosen, self.mode.lower(), features, H, L, D)
        several = x.dim() == 3 or batch.places is not None
        state = (L * D, batch.rows, H) if several else (L * D, H)
        y = (*x.shape[:-1], D * H)
        plan = Plan(stack, self._spare(stack), batch, y, state, self.bias)
        return plan, [(*x.shape[:-1], features), *stack.shapes(self.bias)]

    def _spare(self, stack: Stack) -> list[Any]:
        """Return the compiled layers not in use; made lazily, because a copy must have none."""
        layers: list[Any] = self.__dict__.setdefault("_spare_layers", {}).setdefault(stack, [])
        return layers

    def _weights(self) -> list[Any]:
        """Return the current weights: they may be parametrized, or replaced for a call."""
        own = self._parameters
        for name, weight in zip(self._flat_weights_names, self._flat_weights, strict=True):
            if own.get(name) is not weight:
                self._update_flat_weights()
                break
        return self._flat_weights

    def _by_layer(self, plan: Plan, tensors: list[Any]) -> list[Tensor]:
        """Run layer by layer with dropout between, which drops the same numbers as torch."""
        x, stack, split = tensors[0], plan.stack, 1 + plan.parts
        D, each, lasts = stack.directions, (len(tensors) - split) // stack.layers, []
        turned = plan.batch.axes == (0, 1)
        if turned:
            x, plan = x.transpose(0, 1), replace(plan, batch=replace(plan.batch, axes=(1, 0)))
        for i in range(stack.layers):
            if i:
                x = dropout(x, self.dropout, True)
            one = stack._replace(inputs=x.shape[-1], layers=1)
            y, state = (*x.shape[:-1], D * stack.hidden), (D, *plan.state[1:])
            part = replace(plan, stack=one, spare=self._spare(one), y=y, state=state)
            begin = [a if a is None else a[i * D : (i + 1) * D] for a in tensors[1:split]]
            x, *last = run(part, [x, *begin, *tensors[split + i * each :][:each]])
            lasts.append(last)
        states = [torch.cat(parts) for parts in zip(*lasts, strict=True)]
        return [x.transpose(0, 1) if turned else x, *states]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the caches, which a copy makes for itself."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]  # torch's
        return {name: state[name] for name in state if name not in ("_call_plans", "_spare_layers")}

    def __prepare_scriptable__(self) -> torch.nn.Module:
        """Return the torch.nn layer with the same parameters, for `torch.jit.script` to compile."""
        if type(self).forward is not _Layer.forward:
            return self
        kind = getattr(torch.nn, self.mode.split("_")[0])
        plain = kind.__new__(kind)
        plain.__setstate__(self.__getstate__())
        made: torch.nn.Module = plain
        return made


class RNN(_Layer, torch.nn.RNN):
    """An Elman network of one or more layers: torch.nn.RNN, computed by the kernels.

    Parameters
    ----------
    *args, **kwargs
        Those of torch.nn.RNN: `input_size`, `hidden_size`, `num_layers=1`, `nonlinearity="tanh"`
        (or "relu"), `bias=True`, `batch_first=False`, `dropout=0.0`, `bidirectional=False`,
        `device`, `dtype`.

    Notes
    -----
    A call takes x and an initial state, default zero. x is (T, B, I), or (B, T, I) with
    `batch_first`, or (T, I) without a batch, or a packed sequence; the state is (L*D, B, H), or
    (L*D, H) without a batch. It returns y, with the layout of x and D*H features, and the last
    state. T is time steps, B batch, I input features, H hidden size, L layers, D directions.
    """


class GRU(_Layer, torch.nn.GRU):
    """Gated recurrent units: torch.nn.GRU, computed by the kernels.

    Parameters
    ----------
    *args, **kwargs
        Those of torch.nn.GRU: as :class:`RNN`, without `nonlinearity`.

    Notes
    -----
    A call takes and returns the same as that of :class:`RNN`.
    """


class LSTM(_Layer, torch.nn.LSTM):
    """Long short-term memory: torch.nn.LSTM, computed by the kernels.

    Parameters
    ----------
    *args, **kwargs
        Those of torch.nn.LSTM: as :class:`RNN`, without `nonlinearity`, and `proj_size=0`; with
        any other `proj_size` torch computes.

    Notes
    -----
    A call takes and returns the same as that of :class:`RNN`, but a state is a pair (h, c).
    """
