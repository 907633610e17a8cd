"""Recurrent layers for torch, computed by the kernels on the cpu.

`RNN`, `GRU` and `LSTM` have the constructor, parameters, `state_dict` and results of the torch.nn
layer of the same name; only the implementation differs. `FastGRNN`, `MinGRU` and `LRU`, which
torch.nn does not have, are called alike. The kernels compute in float32 and float64 on the cpu. In
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

import math
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
from hiddenstate.models.torch_stack import CalledAsTorch
from hiddenstate.program.cells import CELLS, FACTORS

__all__ = ["GRU", "LRU", "LSTM", "RNN", "FastGRNN", "MinGRU"]

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


class _Computed(torch.nn.Module):
    """What all layers share: the kernels compute where they can, else the next base class."""

    input_size: int
    hidden_size: int
    num_layers: int
    dropout: float
    bidirectional: bool
    batch_first: bool
    bias = True
    proj_size = 0

    def _stack(self, dtype: torch.dtype, chosen: str) -> Stack:
        """Return the dimensions of the layers, for the kernels of the level `chosen`."""
        raise NotImplementedError

    def _weights(self) -> list[Any]:
        """Return the current weights, as the kernels read them."""
        raise NotImplementedError

    def _of_layer(self, stack: Stack, weights: list[Any], number: int) -> list[Any]:
        """Return the weights of a layer alone."""
        each = len(weights) // stack.layers
        return weights[number * each :][:each]

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return a state with its rows in another order, as the next base class does."""
        return super().permute_hidden(hx, permutation)  # type: ignore[misc]

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
        stack = self._stack(x.dtype, chosen)
        D, size = stack.directions, stack.state_size
        several = x.dim() == 3 or batch.places is not None
        state = (stack.layers * D, *([batch.rows] if several else []), size)
        y = (*x.shape[:-1], D * stack.hidden)
        plan = Plan(stack, self._spare(stack), batch, y, state, self.bias)
        return plan, [(*x.shape[:-1], stack.inputs), *stack.shapes(self.bias)]

    def _spare(self, stack: Stack) -> list[Any]:
        """Return the compiled layers not in use; made lazily, because a copy must have none."""
        layers: list[Any] = self.__dict__.setdefault("_spare_layers", {}).setdefault(stack, [])
        return layers

    def _by_layer(self, plan: Plan, tensors: list[Any]) -> list[Tensor]:
        """Run layer by layer with dropout between, which drops the same numbers as torch."""
        x, stack, split = tensors[0], plan.stack, 1 + plan.parts
        D, weights, lasts = stack.directions, tensors[split:], []
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
            x, *last = run(part, [x, *begin, *self._of_layer(stack, weights, i)])
            lasts.append(last)
        states = [torch.cat(parts) for parts in zip(*lasts, strict=True)]
        return [x.transpose(0, 1) if turned else x, *states]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the caches, which a copy makes for itself."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]  # torch's
        return {name: state[name] for name in state if name not in ("_call_plans", "_spare_layers")}


class _Layer(_Computed, torch.nn.RNNBase):
    """Common base of the layers that torch.nn has, too."""

    def _stack(self, dtype: torch.dtype, chosen: str) -> Stack:
        D = 2 if self.bidirectional else 1
        sizes = self.input_size, self.hidden_size, self.num_layers, D
        return Stack(dtype, chosen, self.mode.lower(), *sizes)

    def _weights(self) -> list[Any]:
        """Return the current weights: they may be parametrized, or replaced for a call."""
        own = self._parameters
        for name, weight in zip(self._flat_weights_names, self._flat_weights, strict=True):
            if own.get(name) is not weight:
                self._update_flat_weights()
                break
        return self._flat_weights

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


class _CellLayer(_Computed, CalledAsTorch):  # type: ignore[misc]
    """Common base of the layers that torch.nn does not have."""

    _name: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: torch.dtype | None = None,
        _states: int = 0,
        _rank: int = 0,
    ) -> None:
        for name, value, least in (
            ("input_size", input_size, 1),
            ("hidden_size", hidden_size, 1),
            ("num_layers", num_layers, 1),
            ("states", _states, 0),
            ("rank", _rank, 0),
        ):
            if not hasattr(value, "__index__"):
                raise ValueError(f"{name}: expected a whole number, got {value!r}")
            if value < least:
                raise ValueError(f"{name}: expected at least {least}, got {value}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout: expected 0 to 1, got {dropout}")
        sizes = input_size, hidden_size, num_layers
        super().__init__(CELLS[self._name], *sizes, dropout, bidirectional, _states, _rank)
        self.batch_first = batch_first
        self.to(device=device, dtype=dtype)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw initial weights, of the distribution that `docs/cells.md` lists."""
        for layer in range(self.num_layers):
            width = self.hidden_size * len(self._directions) if layer else self.input_size
            sizes = self.cell.sizes(width, self.hidden_size, self.states, self.rank)
            for direction in self._directions:
                for weight in self.cell.arrays(sizes, layer == 0 or self.bidirectional):
                    array = getattr(self, f"{weight.name}_l{layer}{direction}")
                    bound = 1 / math.sqrt(sizes[weight.fan])
                    if isinstance(weight.initial, float):
                        array.fill_(weight.initial)
                    elif weight.spread is not None:
                        array.normal_(0, weight.spread * bound)
                    elif weight.initial is None:
                        array.uniform_(-bound, bound)

    def _stack(self, dtype: torch.dtype, chosen: str) -> Stack:
        sizes = self.input_size, self.hidden_size, self.num_layers, len(self._directions)
        return Stack(dtype, chosen, self._name, *sizes, self.states)

    def _weights(self) -> list[Any]:
        """Return the current weights: of two factors the product, through which gradients flow."""
        weights: list[Any] = []
        for layer, names in enumerate(self._names):
            for direction in self._directions:
                own = {name: getattr(self, f"{name}_l{layer}{direction}") for name in names}
                for name in (weight.name for weight in self.cell.weights):
                    factors = [own[name + end] for end in FACTORS if name + end in own]
                    if name in own:
                        weights.append(own[name])
                    elif factors:
                        weights.append(factors[0] @ factors[1])
        return weights

    def extra_repr(self) -> str:
        """Return what torch.nn.RNN prints of itself."""
        text = super().extra_repr()
        return text if self.batch_first else text.replace(", batch_first=True", "")


class MinGRU(_CellLayer):
    """Minimal gated recurrent units: gates and candidates read the input alone.

    h' = (1 - z) h + z n, where z = sigmoid(W_z x + b_z) and n = g(W_n x + b_n), with g(v) = v + 1/2
    or, if v < 0, sigmoid(v): Feng et al., 2024, "Were RNNs All We Needed?".

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int, default 1
        All others are given by name.
    batch_first : bool, default False
    dropout : float, default 0.0
        Between layers, in training.
    bidirectional : bool, default False
    device, dtype : optional
        As of torch.nn.RNN.

    Notes
    -----
    A call takes and returns the same as that of :class:`RNN`. Parameters have the names and shapes
    of `docs/cells.md`, as in the models of this program.
    """

    _name = "mingru"


class FastGRNN(_CellLayer):
    """Fast gated recurrent network: one product for the gate and the candidate.

    Kusupati et al., 2018, "FastGRNN: A Fast, Accurate, Stable and Tiny Kilobyte Sized Gated
    Recurrent Neural Network".

    Parameters
    ----------
    input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, device, dtype
        As of :class:`MinGRU`.
    rank : int, default 0
        Each matrix is the product of two factors, `NAME_out` and `NAME_in`, of this rank where they
        have fewer numbers than it; 0 for whole matrices.

    Notes
    -----
    A call takes and returns the same as that of :class:`RNN`.
    """

    _name = "fastgrnn"

    def __init__(self, *args: Any, rank: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, _rank=rank, **kwargs)


class LRU(_CellLayer):
    """Blocks of linear recurrent units with complex states, for long memory.

    Each layer is u + GLU(gelu(LRU(norm u))), where the state s' = lambda s + gamma B norm(u) has an
    eigenvalue lambda for each of its complex numbers: Orvieto et al., 2023, "Resurrecting Recurrent
    Neural Networks for Long Sequences". The first layer, or each of a bidirectional stack, first
    maps its input to `hidden_size` channels.

    Parameters
    ----------
    input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, device, dtype
        As of :class:`MinGRU`.
    states : int, default 0
        Complex numbers of a state; 0 for half of `hidden_size`, at least 1.
    ring : tuple of float, default (0.9, 0.999)
        The smallest and the largest absolute value of initial eigenvalues.
    ring_angle : float, default 6.283
        The largest initial angle, in radians a step.

    Notes
    -----
    A call takes and returns the same as that of :class:`RNN`, but a state is a pair of the real and
    the imaginary parts, each (L*D, B, S), S the states.
    """

    _name = "lru"
    ring: tuple[float, float]
    ring_angle: float

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *args: Any,
        states: int = 0,
        ring: tuple[float, float] = (0.9, 0.999),
        ring_angle: float = 6.283,
        **kwargs: Any,
    ) -> None:
        if not 0 <= ring[0] < ring[1] < 1:
            raise ValueError(f"ring: expected 0 <= smallest < largest < 1, got {ring}")
        if not ring_angle > 0:
            raise ValueError(f"ring_angle: expected more than 0, got {ring_angle}")
        self.__dict__["ring"], self.__dict__["ring_angle"] = tuple(ring), ring_angle
        if hidden_size == 1:
            raise ValueError("hidden_size: expected at least 2, as the norm of 1 is 0, got 1")
        states = states or max(1, hidden_size // 2)
        super().__init__(input_size, hidden_size, *args, _states=states, **kwargs)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw initial weights, and eigenvalues that are uniform on the ring."""
        super().reset_parameters()
        low, high = self.ring
        for name in (f"l{k}{end}" for k in range(self.num_layers) for end in self._directions):
            nu, theta, gamma = (getattr(self, f"{n}_{name}") for n in self.cell.eigenvalues)
            wide = torch.float32 if nu.device.type == "mps" else torch.float64  # 0.999 is not 1
            area, turn = 1 - torch.rand(2, *nu.shape, dtype=wide, device=nu.device)  # above 0
            square = area * (high**2 - low**2) + low**2
            square = square.clamp_min(torch.finfo(wide).tiny)
            nu.copy_(torch.log(-0.5 * torch.log(square)))
            theta.copy_(torch.log(turn * self.ring_angle))
            gamma.copy_(0.5 * torch.log1p(-square))

    def _of_layer(self, stack: Stack, weights: list[Any], number: int) -> list[Any]:
        """Return the weights of a layer alone, whose map is the identity where it has none."""
        if self.bidirectional:
            return super()._of_layer(stack, weights, number)
        if number == 0:
            return weights[: len(self._names[0])]
        first, each = (len(names) for names in self._names[:2])
        own = weights[first + (number - 1) * each :][:each]
        like: dict[str, Any] = {"dtype": stack.dtype, "device": own[0].device}
        return [torch.eye(stack.hidden, **like), torch.zeros(stack.hidden, **like), *own]
