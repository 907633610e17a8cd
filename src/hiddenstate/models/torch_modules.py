"""The networks as torch modules, with the attribute names of the classic scripts.

`RecurrentNet` has `rnn` and `out`, `AutoencoderNet` has `encoder` and `decoder`, so their
state_dicts and those of the scripts are interchangeable. Shapes: B batch, T time steps, I input
features, H hidden size, L layers, D directions, C outputs, F numbers in a row, Z code size.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hiddenstate.config import AutoencoderConfig
from hiddenstate.errors import DataError
from hiddenstate.models.net import Net, Params

State = tuple[Tensor, ...]
"""(h,), or (h, c) for lstm; each (L*D, B, H)."""

_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class RecurrentNet(nn.Module):
    """A recurrent stack and a linear head.

    Parameters
    ----------
    net : Net
        Its architecture. If `net.output` is "steps", the head computes an output at every step. If
        it is "last", it computes one output, from what `net.config.readout` selects: the state
        after the last step read (the first step for the backward direction), or the mean of the
        top layer's outputs over the steps.
    """

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net, c = net, net.recurrent
        extra = {"nonlinearity": c.nonlinearity} if c.cell == "rnn" else {}
        kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[c.cell]
        self.rnn = kind(
            net.n_features,
            c.hidden_size,
            c.layers,
            batch_first=True,
            dropout=c.dropout,
            bidirectional=c.bidirectional,
            **extra,
        )
        width = c.hidden_size * (2 if c.bidirectional else 1)
        self.out = nn.Linear(width, net.n_outputs)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        masks: Sequence[Tensor] | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Compute the outputs of whole sequences.

        Parameters
        ----------
        x : Tensor of shape (B, T, I)
        state : tuple of Tensor (L*D, B, H), optional
            The initial state; default zeros.
        masks : sequence of Tensor (B, T, D*H), optional
            Factors for the output of each layer but the last: dropout with given masks. Without
            them torch applies dropout, which does nothing in `eval` mode.
        lengths : Tensor of int64 (B,), optional
            Steps of each row; after them y is zero and the state does not change.

        Returns
        -------
        y : Tensor of shape (B, T, C), or (B, C) where `net.output` is "last"
        state : tuple of Tensor (L*D, B, H)

        Raises
        ------
        DataError
            If `state` has another number of sequences than `x`.
        """
        if state is not None and state[0].shape[1] != x.shape[0]:
            raise DataError(
                f"state: carries {state[0].shape[1]} sequences, x has {x.shape[0]}; "
                "reset the state, or pass as many sequences"
            )
        if masks is None:
            steps, last = self._whole(x, state, lengths)
        else:
            steps, last = self._masked(x, state, masks, lengths)
        if self.net.output == "steps":
            y = self.out(steps)
            if lengths is not None:
                ended = torch.arange(y.shape[1]) >= lengths.cpu()[:, None]
                y = y.masked_fill(ended[..., None].to(y.device), 0)
            return y, last
        return self.out(self._summary(steps, last, lengths)), last

    def _summary(self, steps: Tensor, last: State, lengths: Tensor | None) -> Tensor:
        """Return what a head with one output reads (B, D*H); `steps` is zero after a row ends."""
        if self.net.recurrent.readout == "mean":
            if lengths is None:
                return steps.mean(dim=1)
            return steps.sum(dim=1) / lengths.to(steps)[:, None]
        ends = list(last[0][-2:] if self.rnn.bidirectional else last[0][-1:])
        return torch.cat(ends, dim=1)

    def _whole(
        self, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Run the stack in one call."""
        begin = None if state is None else (state if len(state) == 2 else state[0])
        if lengths is None:
            steps, last = self.rnn(x, begin)
        else:
            packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
            packed, last = self.rnn(packed, begin)
            steps, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
        return steps, last if isinstance(last, tuple) else (last,)

    def _masked(
        self, x: Tensor, state: State | None, masks: Sequence[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Run the stack layer by layer, with a mask where torch would apply dropout."""
        rnn, T, D = self.rnn, x.shape[1], 2 if self.rnn.bidirectional else 1
        run: Any = {
            "LSTM": torch.lstm,
            "GRU": torch.gru,
            "RNN_TANH": torch.rnn_tanh,
            "RNN_RELU": torch.rnn_relu,
        }[rnn.mode]
        if state is None:
            zeros = x.new_zeros(rnn.num_layers * D, x.shape[0], rnn.hidden_size)
            state = (zeros, zeros) if rnn.mode == "LSTM" else (zeros,)
        packed, batch_first = None, [True]
        if lengths is not None:
            packed, *others = [
                pack_padded_sequence(rows, lengths.cpu(), batch_first=True, enforce_sorted=False)
                for rows in (x, *masks)
            ]
            x, masks, batch_first = packed.data, [mask.data for mask in others], []
            state = tuple(part[:, packed.sorted_indices] for part in state)
        lasts: list[tuple[Tensor, ...]] = []
        for layer in range(rnn.num_layers):
            each = rnn.all_weights[layer * D : (layer + 1) * D]
            flat = [weight for weights in each for weight in weights]
            begin = tuple(part[layer * D : (layer + 1) * D].contiguous() for part in state)
            rows = (x,) if packed is None else (x, packed.batch_sizes)
            own = begin if rnn.mode == "LSTM" else begin[0]
            x, *last = run(*rows, own, flat, True, 1, 0.0, False, rnn.bidirectional, *batch_first)
            lasts.append(tuple(last))
            if layer < len(masks):
                x = x * masks[layer]
        ends = tuple(torch.cat(parts) for parts in zip(*lasts, strict=True))
        if packed is None:
            return x, ends
        steps, _ = pad_packed_sequence(packed._replace(data=x), True, total_length=T)
        return steps, tuple(part[:, packed.unsorted_indices] for part in ends)


class AutoencoderNet(nn.Module):
    """Dense layers down to a code, and the same widths in reverse back to the row.

    Parameters
    ----------
    net : Net
        Its architecture.
    """

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net, config = net, net.autoencoder
        widths = net.widths()
        between = _ACTIVATIONS[config.activation]
        self.encoder = _stack(widths, between, None)
        end = _ACTIVATIONS.get(config.output_activation)
        self.decoder = _stack(widths[::-1], between, end)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the codes (B, Z) and the reconstructions (B, F) of rows `x` (B, F)."""
        code = self.encoder(x)
        return code, self.decoder(code)


def _stack(
    widths: list[int], between: type[nn.Module], end: type[nn.Module] | None
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Linear(inside, outside), between()]
    layers[-1:] = [end()] if end else []
    return nn.Sequential(*layers)


def make_module(net: Net, params: Params) -> RecurrentNet | AutoencoderNet:
    """Return the torch module of `net` with a copy of `params`, in evaluation mode."""
    kind = AutoencoderNet if isinstance(net.config, AutoencoderConfig) else RecurrentNet
    # On "meta" no weights are drawn or allocated; `params` replace them below.
    with torch.device("meta"):
        module = kind(net)
    # Copied by torch: in memory aligned as torch does it, products always round alike.
    tensors = {name: torch.from_numpy(array.copy()).clone() for name, array in params.items()}
    module.load_state_dict(tensors, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    return module.eval()
