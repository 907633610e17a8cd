"""Recurrent stacks as torch modules: torch's own, or one of a cell that torch.nn does not have.

Shapes: B batch, T time steps, H hidden size, L layers, D directions.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from hiddenstate.models.net import Net
from hiddenstate.models.torch_cells import BLOCKS, FORMULAS, STACKS, State
from hiddenstate.program.cells import Cell


class CellStack(nn.Module):
    """A recurrent stack of a cell that torch.nn does not have, with the attributes of torch.nn.RNN.

    Its weights are named as in torch and are not drawn: they come from a state_dict.

    Parameters
    ----------
    cell : Cell
    input_size, hidden_size, num_layers : int
    dropout : float, default 0
        Between layers, in training; as in torch.nn.RNN.
    bidirectional : bool, default False
    states : int, default 0
        Complex numbers S of a state; 0 of a cell whose state has H numbers.
    rank : int, default 0
        Of the matrices, where a product of two factors has fewer numbers; 0: they are whole.
    """

    batch_first = True

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float = 0.0,
        bidirectional: bool = False,
        states: int = 0,
        rank: int = 0,
    ) -> None:
        super().__init__()
        self.cell, self.num_layers = cell, num_layers
        self.input_size, self.hidden_size = input_size, hidden_size
        self.dropout, self.bidirectional = dropout, bidirectional
        self.states, self.rank = states, rank
        self._directions = ("", "_reverse") if bidirectional else ("",)
        self._names: list[list[str]] = []
        for layer in range(num_layers):
            width = hidden_size * len(self._directions) if layer else input_size
            sizes = cell.sizes(width, hidden_size, states, rank)
            weights = cell.arrays(sizes, layer == 0 or bidirectional)
            self._names.append([weight.name for weight in weights])
            for direction in self._directions:
                for weight in weights:
                    name = f"{weight.name}_l{layer}{direction}"
                    self.register_parameter(name, nn.Parameter(torch.empty(weight.shape(sizes))))

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        lengths: Tensor | None = None,
        masks: Sequence[Tensor] | None = None,
    ) -> tuple[Tensor, State]:
        """Return what the last layer gives (B, T, D*H), zero after the end of a row, and the state.

        Parameters are those of :meth:`RecurrentNet.forward`.
        """
        T, D = x.shape[1], len(self._directions)
        if state is None:
            size = self.states or self.hidden_size
            zeros = x.new_zeros(self.num_layers * D, len(x), size)
            state = (zeros,) * len(self.cell.state)
        read = None
        if lengths is not None:
            read = torch.arange(T, device=x.device) < lengths.to(x.device)[:, None]
            x = x.masked_fill(~read[:, :, None], 0)
        lasts: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for number, direction in enumerate(self._directions):
                begin = tuple(part[layer * D + number] for part in state)
                y, last = self._sweep(x, begin, read, layer, direction)
                outputs.append(y)
                lasts.append(last)
            x = torch.cat(outputs, dim=2)
            if masks is not None and layer < len(masks):
                x = x * masks[layer]
            elif masks is None and layer < self.num_layers - 1:
                x = nn.functional.dropout(x, self.dropout, self.training)
        return x, tuple(torch.stack(parts) for parts in zip(*lasts, strict=True))

    def _sweep(
        self, x: Tensor, state: State, read: Tensor | None, layer: int, direction: str
    ) -> tuple[Tensor, State]:
        """Run one direction of a layer; `read` (B, T) says which steps belong to a row."""
        cell, T, backward = self.cell, x.shape[1], direction != ""
        arrays = {n: getattr(self, f"{n}_l{layer}{direction}") for n in self._names[layer]}
        own = {name: array for name, array in arrays.items() if name in cell.own}
        inputs, hidden = (
            [array for name, array in arrays.items() if which and cell.product(name) == which]
            for which in (cell.inputs, cell.hidden)
        )
        wx = _multiplied(inputs, x)
        if cell.kind == "block":
            y, state = BLOCKS[cell.name](wx, state, read, backward, **own)
            return y if read is None else y.masked_fill(~read[:, :, None], 0), state
        formula = FORMULAS[cell.name]
        outputs = [state[0]] * T
        for t in reversed(range(T)) if backward else range(T):
            uh = _multiplied(hidden, state[0]) if hidden else None
            after = formula(wx[:, t], uh, state, **own)
            if read is None:
                state = after
                outputs[t] = state[0]
            else:
                here = read[:, t, None]
                state = tuple(torch.where(here, *pair) for pair in zip(after, state, strict=True))
                outputs[t] = state[0].masked_fill(~here, 0)
        return torch.stack(outputs, dim=1), state

    def _get_name(self) -> str:
        return self.cell.title

    def extra_repr(self) -> str:
        """Return what torch.nn.RNN prints of itself."""
        text = f"{self.input_size}, {self.hidden_size}"
        text += f", states={self.states}" if self.states else ""
        text += f", rank={self.rank}" if self.rank else ""
        text += f", num_layers={self.num_layers}" if self.num_layers != 1 else ""
        text += ", batch_first=True"
        text += f", dropout={self.dropout}" if self.dropout else ""
        return text + (", bidirectional=True" if self.bidirectional else "")


class CalledAsTorch(CellStack):
    """A stack that is called as torch.nn.RNN: with any layout, packed, or without a batch."""

    def forward(self, input: Any, hx: Any = None) -> Any:  # type: ignore[override]
        """Compute y and the last state step by step."""
        packed, lengths = isinstance(input, PackedSequence), torch.empty(0)
        if packed:
            hx = hx if hx is None else self.permute_hidden(hx, input.sorted_indices)
            x, lengths = pad_packed_sequence(PackedSequence(*input[:2]), batch_first=True)
        elif input.dim() not in (2, 3):
            raise ValueError(f"input: expected 2 or 3 axes, got {input.dim()}")
        else:
            x = input[None] if input.dim() == 2 else input
            x = x if self.batch_first or input.dim() == 2 else x.transpose(0, 1)
        if x.shape[-1] != self.input_size:
            raise ValueError(f"input: expected {self.input_size} features, got {x.shape[-1]}")
        if not x.shape[1]:
            raise ValueError("input: has no steps")
        alone = not packed and input.dim() == 2
        y, last = super().forward(x, self._begin(hx, len(x), alone), lengths if packed else None)
        state: Any = tuple(part[:, 0] if alone else part for part in last)
        state = state if len(state) > 1 else state[0]
        if packed:
            data = pack_padded_sequence(y, lengths, batch_first=True).data
            return PackedSequence(data, *input[1:]), self.permute_hidden(
                state, input.unsorted_indices
            )
        return y[0] if alone else y if self.batch_first else y.transpose(0, 1), state

    def _begin(self, hx: Any, rows: int, alone: bool) -> tuple[Tensor, ...] | None:
        """Return an initial state with an axis of rows; None for zero."""
        if hx is None:
            return None
        parts = tuple(hx) if len(self.cell.state) > 1 else (hx,)
        size = self.states or self.hidden_size
        shape = (self.num_layers * len(self._directions), *[rows] * (not alone), size)
        found = [tuple(part.shape) for part in parts]
        if found != [shape] * len(self.cell.state):
            expected = " and ".join([str(shape)] * len(self.cell.state))
            raise ValueError(f"hx: expected {expected}, got {' and '.join(map(str, found))}")
        return tuple(part[:, None] for part in parts) if alone else parts

    def permute_hidden(self, hx: Any, permutation: Tensor | None) -> Any:
        """Return a state with its rows in another order."""
        if permutation is None:
            return hx
        if len(self.cell.state) == 1:
            return hx.index_select(1, permutation)
        return tuple(part.index_select(1, permutation) for part in hx)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__.copy()


def _multiplied(factors: Sequence[Tensor], x: Tensor) -> Tensor:
    for factor in reversed(factors):
        x = nn.functional.linear(x, factor)
    return x


def stack_of(net: Net, inputs: int) -> nn.RNNBase | CellStack:
    """Return the recurrent stack of a net, torch's own if torch.nn has the cell."""
    cell, config = net.cell, net.recurrent
    sizes = inputs, config.hidden_size, config.layers
    both, dropout = config.bidirectional, config.dropout
    if cell.name not in STACKS:
        return CellStack(cell, *sizes, dropout, both, net.n_states, config.rank)
    return STACKS[cell.name](*sizes, batch_first=True, dropout=dropout, bidirectional=both)
