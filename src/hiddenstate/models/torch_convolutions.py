"""Fixed convolutions beside a net, as a torch module."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.program.companions import KERNELS, LARGEST_INPUT
from hiddenstate.system.typing import Array


class PathNet(nn.Module):
    """A net and the fixed convolutions beside it, whose probabilities are averaged.

    Parameters
    ----------
    net : RecurrentNet or MembersNet
        A classifier.
    path : ConvolutionPath
    scaling : tuple of ndarray (I,), optional
        Offset and factor of the inputs of the convolutions.
    """

    def __init__(
        self, net: nn.Module, path: ConvolutionPath, scaling: tuple[Array, Array] | None
    ) -> None:
        super().__init__()
        self.net, self.net_share, self.net_scale = net, path.net_share, path.net_scale
        own = path.convolutions
        self._dilations = [int(dilation) for dilation in own.dilations]
        self._counts = [int(count) for count in own.counts]
        arrays: dict[str, Any] = {
            "kernels": np.where([[j in k for j in range(9)] for k in KERNELS], 2.0, -1.0),
            "uses": own.uses.astype(np.float64),
            "biases": own.biases,
            "weights": path.weights.astype(np.float64),
            "bias": path.bias.astype(np.float64),
        }
        if scaling is not None:
            arrays |= {"offset": scaling[0], "factor": scaling[1]}
        for name, array in arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)))

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the logarithms (B, C) of the mean probabilities for `x` (B, T, I)."""
        path: Tensor = self._logits(x, lengths).log_softmax(dim=-1)
        if self.net_share == 0:
            return path.to(x.dtype)
        outputs = self.net(x, lengths=lengths)
        net: Tensor = (outputs[0] if isinstance(outputs, tuple) else outputs).double()
        net = (net.log_softmax(dim=-1) * self.net_scale).log_softmax(dim=-1)
        if self.net_share == 1:
            return net.to(x.dtype)
        parts = net + np.log(self.net_share), path + np.log1p(-self.net_share)
        combined: Tensor = torch.logaddexp(*parts)
        return combined.to(x.dtype)

    def _logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the logits (B, C) of the convolutions; steps after a row ends are not read."""
        x, T, buffers = x.double(), x.shape[1], dict(self.named_buffers(recurse=False))
        if "offset" in buffers:
            x = (x - buffers["offset"]) * buffers["factor"]
        x = x.clamp(-LARGEST_INPUT, LARGEST_INPUT).float().double()
        ends = (
            torch.full((len(x),), T, device=x.device) if lengths is None else lengths.to(x.device)
        )
        time = torch.arange(T, device=x.device)
        read = time < ends[:, None]
        x = (x * read[:, :, None]).transpose(1, 2)
        features, place = [], 0
        numbers = torch.arange(len(KERNELS), device=x.device)
        biases = buffers["biases"].double()
        for d, (dilation, count) in enumerate(zip(self._dilations, self._counts, strict=True)):
            weights = buffers["uses"][d][:, :, None] * buffers["kernels"][:, None]
            values = nn.functional.conv1d(x, weights, padding=4 * dilation, dilation=dilation)
            middle = 4 * dilation
            inner = (time >= middle) & (time < ends[:, None] - middle)
            cut = (numbers + d) % 2 == 1
            counted = torch.where(
                cut[:, None] & (2 * middle < ends)[:, None, None], inner[:, None], read[:, None]
            )
            own = biases[place : place + len(KERNELS) * count].reshape(len(KERNELS), count)
            above = (values[:, :, None] > own[:, :, None]) & counted[:, :, None]
            shares = above.sum(dim=-1).double() / counted.sum(dim=-1)[:, :, None]
            features.append(shares.reshape(len(x), -1))
            place += len(KERNELS) * count
        rows = torch.cat(features, dim=1).float().double()
        return rows @ buffers["weights"].T + buffers["bias"]
