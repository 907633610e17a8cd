"""What answers beside the nets of a model, and is no step of them.

A companion joins the nets of a classifier at the end of a row: before it, neither has an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from hiddenstate.program.equations import log_probabilities
from hiddenstate.program.rows import Array

KERNELS = tuple(combinations(range(9), 3))
"""The 84 kernels: which three of their nine weights are 2; the others are -1 (MiniRocket; Dempster,
Schmidt and Webb, 2021, section 3.2)."""

LARGEST_INPUT = 1e30
"""Larger numbers are read as this one, or float32 would overflow."""


class Companion(Protocol):
    """What a program reads and calls of a companion."""

    @property
    def share(self) -> float:
        """Share of the nets, and of companions before it, in the probabilities, from 0 to 1."""

    @property
    def size(self) -> int:
        """Number of features that it classifies by."""

    def join(self, net: Array, x: Array, lengths: Array | None) -> Array:
        """Return the logits (N, C) of the answer from those of the nets, for kept rows x."""


@dataclass(frozen=True)
class FixedConvolutions:
    """A linear classifier on shares of positive values of convolutions that are not trained.

    Parameters
    ----------
    dilations : tuple of int
        Distances of the steps that a kernel reads, D of them.
    counts : tuple of int
        How many biases each kernel has with each of them.
    uses : ndarray of bool (D, 84, I)
        The channels whose convolutions a kernel adds up.
    biases : ndarray (P,)
        By dilation, kernel and number.
    weight : ndarray (C, P)
        From the shares above the biases to logits.
    bias : ndarray (C,)
    share : float
        Share of the nets in the probabilities, from 0 to 1.
    scale : float
        Factor of the nets' logarithms of probabilities.
    """

    dilations: tuple[int, ...]
    counts: tuple[int, ...]
    uses: Array
    biases: Array
    weight: Array
    bias: Array
    share: float
    scale: float

    @property
    def size(self) -> int:
        """Number of convolutions, P."""
        return len(self.biases)

    def join(self, net: Array, x: Array, lengths: Array | None) -> Array:
        """Return the logits of the answer; see `Companion`."""
        return combine(net, self.logits(x, lengths), self.share, self.scale)

    def logits(self, x: Array, lengths: Array | None) -> Array:
        """Return the logits (N, C) of the convolutions alone, float64."""
        features = self.features(x, lengths).astype(np.float64)
        return np.asarray(features @ self.weight.astype(np.float64).T + self.bias)

    def features(self, x: Array, lengths: Array | None) -> Array:
        """Return the share of positive values of each convolution, (N, P) float32."""
        ends = np.full(len(x), x.shape[1]) if lengths is None else lengths
        rows = np.clip(x, -LARGEST_INPUT, LARGEST_INPUT).astype(np.float32).transpose(0, 2, 1)
        parts = self.dilations, self.counts, self.uses, self.biases
        return np.stack([proportions(row[:, :end], *parts) for row, end in zip(rows, ends)])


def combine(net: Array, path: Array, share: float, scale: float = 1.0) -> Array:
    """Return the logarithms (N, C) of the mean probability of both, `share` of it the net's, whose
    logarithms are multiplied by `scale`; `net` and `path` are logits."""
    if share == 0:
        return log_probabilities(path.astype(np.float64))
    net = log_probabilities(log_probabilities(net.astype(np.float64)) * scale)
    if share == 1:
        return net
    other = log_probabilities(path.astype(np.float64)) + np.log1p(-share)
    return np.asarray(np.logaddexp(net + np.log(share), other))


def mean_probabilities(logits: Sequence[Array]) -> Array:
    """Return the logarithms (N, C) of the mean probability of nets with the given logits."""
    shares = [log_probabilities(each) for each in logits]
    mean = np.logaddexp.reduce(shares, axis=0) - np.log(len(shares))
    return np.asarray(mean, logits[0].dtype)


def proportions(
    row: Array, dilations: Iterable[int], counts: Iterable[int], uses: Array, biases: Array
) -> Array:
    """Return of one row (I, T), for each convolution, the share (P,) of values above its bias.

    With each dilation, kernels of even number + number of the dilation see zeros outside the
    series; of the others only the steps count whose nine inputs are in it.
    """
    features, T, place = [], row.shape[1], 0
    for d, (dilation, count) in enumerate(zip(dilations, counts)):
        middle = 4 * int(dilation)
        totals = np.stack([row[use].sum(axis=0, dtype=np.float64) for use in uses[d]])
        values = convolved(totals, KERNELS, int(dilation))[:, :, None]
        limits = biases[place : place + len(KERNELS) * count].reshape(len(KERNELS), 1, count)
        shares = (values > limits).mean(axis=1)
        if 2 * middle < T:
            inner = slice(1 - d % 2, None, 2)
            shares[inner] = (values[inner, middle : T - middle] > limits[inner]).mean(axis=1)
        features.append(shares.ravel())
        place += shares.size
    return np.asarray(np.concatenate(features), np.float32)


def convolved(totals: Array, kernels: Sequence[tuple[int, ...]], dilation: int) -> Array:
    """Return the convolution of each series of `totals` (K, T) with its kernel, likewise, with
    zeros outside the series."""
    T = totals.shape[1]
    dilation = min(dilation, T)  # beyond, only the middle weight reads the series
    padded = np.pad(totals, ((0, 0), (4 * dilation, 4 * dilation)))
    weights = np.full((9, len(kernels), 1), -1.0)
    for number, kernel in enumerate(kernels):
        weights[list(kernel), number] = 2.0
    shifted = [w * padded[:, j * dilation : j * dilation + T] for j, w in enumerate(weights)]
    return np.asarray(np.sum(shifted, axis=0))
