"""The networks as torch modules, with the attribute names of the classic scripts.

`RecurrentNet` has `rnn` and `out`, `AutoencoderNet` has `encoder` and `decoder`, so their
state_dicts and those of the scripts are interchangeable. Shapes: B batch, T time steps, I input
features, H hidden size, L layers, D directions, C outputs, F numbers in a row, Z code size.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from hiddenstate.config import AutoencoderConfig, RecurrentConfig
from hiddenstate.errors import DataError
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net, Params
from hiddenstate.models.torch_cells import LAYER_FUNCTIONS, State
from hiddenstate.models.torch_convolutions import PathNet
from hiddenstate.models.torch_stack import CellStack, stack_of
from hiddenstate.system.typing import Array

_ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


_MOMENTUM = 0.1
"""The weight of the last batch in the running moments, torch's default."""


class RowNorm(nn.Module):
    """Batch normalisation of rows (N, C), with torch.nn.BatchNorm1d's defaults and names."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, rows: Tensor) -> Tensor:
        """Return normalised rows: by the moments of these rows in training, else the running."""
        training = self.training
        if training and len(rows) == 1:  # its variance is 0, which torch refuses
            self.running_mean.lerp_(rows[0].detach(), _MOMENTUM)
            self.running_var.mul_(1 - _MOMENTUM)
            return (rows - rows) + self.bias
        return nn.functional.batch_norm(
            rows,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training and len(rows) > 0,
            _MOMENTUM,
        )


class StemLayer(nn.Module):
    """A convolution over time, normalisation and relu."""

    def __init__(self, inputs: int, channels: int, size: int, causal: bool) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv1d(inputs, channels, size), RowNorm(channels)
        before = size - 1 if causal else (size - 1) // 2
        self.margins = (before, size - 1 - before)

    def forward(self, x: Tensor, read: Tensor | None) -> Tensor:
        """Return (B, T, C) of `x` (B, T, I), zero where `read` (B, T) is false."""
        if read is not None:
            x = x.masked_fill(~read[:, :, None], 0)
        z = self.conv(nn.functional.pad(x.transpose(1, 2), self.margins)).transpose(1, 2)
        if read is None:
            return torch.relu(self.norm(z.reshape(-1, z.shape[2])).reshape(z.shape))
        y = torch.zeros_like(z)
        y[read] = torch.relu(self.norm(z[read]))
        return y


def _as_weights(x: Tensor, weight: Tensor) -> Tensor:
    """Return numbers in the type of the weights: float32, say, for a net trained on float64."""
    return x.to(weight.dtype) if x.is_floating_point() else x


class RecurrentNet(nn.Module):
    """A recurrent stack and a linear head, with convolutional layers before if it has a stem.

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
        inputs = net.n_features
        if c.stem:
            widths = pairwise((inputs, *c.stem_channels))
            self.stem = nn.ModuleList(
                StemLayer(inside, outside, size, c.stem_causal)
                for (inside, outside), size in zip(widths, c.stem_kernels, strict=True)
            )
            inputs = c.stem_channels[-1]
        self.rnn = stack_of(net, inputs)
        self.out = nn.Linear(sum(net.head_widths()), net.n_outputs)
        self.scaling: tuple[Tensor, Tensor] | None = None
        """Offset and factor (I,) of inputs, where the first layer cannot contain them."""

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        masks: Sequence[Tensor] | None = None,
        lengths: Tensor | None = None,
        ignored: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Compute the outputs of whole sequences.

        Parameters
        ----------
        x : Tensor of shape (B, T, I)
        state : tuple of Tensor (L*D, B, H), or (L*D, B, S) of complex states, optional
            The initial state; default zeros.
        masks : sequence of Tensor (B, T, D*H), optional
            Factors for the output of each layer but the last: dropout with given masks. Without
            them torch applies dropout, which does nothing in `eval` mode.
        lengths : Tensor of int64 (B,), optional
            Steps of each row; after them y is zero and the state does not change.
        ignored : Tensor of bool (B,), optional
            Rows that do not count in the moments of a stem.

        Returns
        -------
        y : Tensor of shape (B, T, C), or (B, C) where `net.output` is "last"
            With a stem that averages steps, T is `net.pooled(T)`.
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
        x = _as_weights(x, self.out.weight)
        if self.scaling is not None:
            offset, factor = (part.to(x) for part in self.scaling)
            x = (x - offset) * factor
        if self.net.recurrent.stem:
            x, lengths = self._through_stem(x, lengths, ignored)
        if isinstance(self.rnn, CellStack):
            steps, last = self.rnn(x, state, lengths, masks)
        elif masks is None:
            steps, last = self._whole(x, state, lengths)
        else:
            steps, last = self._masked(x, state, masks, lengths)
        if self.net.output == "steps":
            y = self.out(steps)
            if lengths is not None:
                ended = torch.arange(y.shape[1]) >= lengths.cpu()[:, None]
                y = y.masked_fill(ended[..., None].to(y.device), 0)
            return y, last
        return self.out(self._summary(x, steps, last, lengths)), last

    def _through_stem(
        self, x: Tensor, lengths: Tensor | None, ignored: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Return what the recurrent layers read, and its lengths."""
        pool, T = self.net.recurrent.stem_pool, x.shape[1]
        ends = torch.full((len(x),), T) if lengths is None else lengths
        read = None
        if lengths is not None or ignored is not None:
            ends = ends.to(x.device)
            counted = ends if ignored is None else ends.masked_fill(ignored, 0)
            read = torch.arange(T, device=x.device) < counted[:, None]
        for number, layer in enumerate(self.stem):
            x = layer(x, read)
            if number == 0 and pool > 1:
                x = _averaged(x, ends.to(x.device), pool)
                read = None if read is None else read[:, ::pool]
        return x, None if lengths is None else -(-lengths // pool)

    def _summary(self, x: Tensor, steps: Tensor, last: State, lengths: Tensor | None) -> Tensor:
        """Return what a head with one output reads; `steps` and `x` are zero after a row ends."""
        if self.net.recurrent.readout == "mean":
            rows = torch.cat([steps, x], dim=2) if self.net.recurrent.stem else steps
            if lengths is None:
                return rows.mean(dim=1)
            return rows.sum(dim=1) / lengths.to(steps)[:, None]
        if self.net.cell.carries_output:
            ends = list(last[0][-2:] if self.rnn.bidirectional else last[0][-1:])
            return torch.cat(ends, dim=1)
        final = torch.full((len(steps),), steps.shape[1]) if lengths is None else lengths
        final, H = final.to(steps.device) - 1, self.rnn.hidden_size
        return torch.cat([steps[torch.arange(len(steps)), final, :H], steps[:, 0, H:]], dim=1)

    def _whole(
        self, x: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Run the stack in one call."""
        several = len(self.net.cell.state) > 1
        begin = state if state is None or several else state[0]
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
        assert isinstance(rnn, nn.RNNBase)
        run: Any = LAYER_FUNCTIONS[self.net.cell.name]
        several = len(self.net.cell.state) > 1
        if state is None:
            zeros = x.new_zeros(rnn.num_layers * D, x.shape[0], rnn.hidden_size)
            state = (zeros,) * len(self.net.cell.state)
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
            own = begin if several else begin[0]
            x, *last = run(*rows, own, flat, True, 1, 0.0, False, rnn.bidirectional, *batch_first)
            lasts.append(tuple(last))
            if layer < len(masks):
                x = x * masks[layer]
        ends = tuple(torch.cat(parts) for parts in zip(*lasts, strict=True))
        if packed is None:
            return x, ends
        steps, _ = pad_packed_sequence(packed._replace(data=x), True, total_length=T)
        return steps, tuple(part[:, packed.unsorted_indices] for part in ends)


def _averaged(x: Tensor, ends: Tensor, pool: int) -> Tensor:
    """Return means over `pool` steps of `x` (B, T, C), which is zero after the end of a row."""
    n = -(-x.shape[1] // pool)
    padded = nn.functional.pad(x, (0, 0, 0, n * pool - x.shape[1]))
    sums = padded.reshape(len(x), n, pool, x.shape[2]).sum(dim=2)
    counts = (ends[:, None] - torch.arange(n, device=x.device) * pool).clamp(1, pool)
    return sums / counts.to(x)[:, :, None]


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
        code = self.encoder(_as_weights(x, next(self.encoder.parameters())))
        return code, self.decoder(code)


class MembersNet(nn.Module):
    """Nets of one architecture whose answers are averaged.

    Parameters
    ----------
    members : sequence of RecurrentNet
    """

    def __init__(self, members: Sequence["RecurrentNet"]) -> None:
        super().__init__()
        self.members, self.net = nn.ModuleList(members), members[0].net

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the mean of the members' outputs for `x` (B, T, I).

        Of a classifier it is the logarithm of the mean probability of each class.
        """
        outputs = torch.stack([member(x, lengths=lengths)[0] for member in self.members])
        if not self.net.kind.has_classes:
            return outputs.mean(dim=0)
        return outputs.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(self.members))


def _stack(
    widths: list[int], between: type[nn.Module], end: type[nn.Module] | None
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inside, outside in pairwise(widths):
        layers += [nn.Linear(inside, outside), between()]
    layers[-1:] = [end()] if end else []
    return nn.Sequential(*layers)


def make_module(
    net: Net, params: Params, scaling: tuple[Array, Array] | None = None
) -> RecurrentNet | AutoencoderNet:
    """Return the torch module of `net` with a copy of `params`, in evaluation mode.

    `scaling` is the offset and factor (I,) of inputs that a stem applies.
    """
    kind = AutoencoderNet if isinstance(net.config, AutoencoderConfig) else RecurrentNet
    # On "meta" no weights are drawn or allocated; `params` replace them below.
    with torch.device("meta"):
        module = kind(net)
    # Copied by torch: in memory aligned as torch does it, products always round alike.
    tensors = {name: torch.from_numpy(array.copy()).clone() for name, array in params.items()}
    module.load_state_dict(tensors, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    if isinstance(module, RecurrentNet) and scaling is not None:
        offset, factor = (torch.from_numpy(np.array(part)) for part in scaling)
        module.scaling = (offset, factor)
    return module.eval()


def module_of(model: FittedModel) -> nn.Module:
    """Return the torch module of a model, in evaluation mode, which takes X as the data has it.

    Its weights have the type of the model; X may be float32 or float64.

    Raises
    ------
    DataError
        If the model has a transform that cannot be folded into weights, or answers in integers.
    """
    if model.integer is not None:
        raise DataError(
            "an integer model has no torch module, which computes in floats; use the model in "
            "floats that it was made of"
        )
    stem = isinstance(model.net.config, RecurrentConfig) and model.net.config.stem
    scaling = model.transform.scaling if stem else None
    members = model.members()
    modules: list[Any] = [make_module(m.net, m.folded(), scaling) for m in members]
    net: nn.Module = modules[0] if len(modules) == 1 else MembersNet(modules).eval()
    for companion in model.companions:
        if type(companion) not in COMPANIONS:
            words = companion.words
            raise DataError(f"{words.title}: have no torch module; train with --no-{words.name}")
        net = COMPANIONS[type(companion)](net, companion, model.transform.scaling).eval()
    return net


COMPANIONS: dict[type, Callable[..., nn.Module]] = {ConvolutionPath: PathNet}
"""Makes the module of a net with a companion: (net, companion, offset and factor of inputs)."""
