"""Convolutions of series that are not trained, whose shares of positive values are features.

They are those of MiniRocket: Dempster, Schmidt and Webb, "MiniRocket: a very fast (almost)
deterministic transform for time series classification", 2021, section 3.
"""

from dataclasses import dataclass

import numpy as np

from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import fractions
from hiddenstate.kernels import default_threads, level, native
from hiddenstate.program.companions import KERNELS, LARGEST_INPUT, convolved, proportions
from hiddenstate.system.typing import Array

FEATURES, MOST_DILATIONS = 9996, 32
"""Number of features, and most dilations of a kernel (sections 3.2 and 3.4)."""

GOLDEN_RATIO = (np.sqrt(5) + 1) / 2
"""Its multiples are spread evenly over [0, 1): the quantiles that are biases (section 3.3)."""

MOST_CHANNELS = 9
"""Most channels whose convolutions are added up, as in the authors' program."""


@dataclass(frozen=True)
class Convolutions:
    """Convolutions that are not trained, and the biases that their values are compared with.

    Parameters
    ----------
    dilations : ndarray of int64 (D,)
        Distances of the steps that a kernel reads.
    counts : ndarray of int64 (D,)
        How many biases each kernel has with each of them.
    uses : ndarray of bool (D, 84, I)
        The channels whose convolutions a kernel adds up.
    biases : ndarray of float32 (P,)
        By dilation, kernel and number.
    """

    dilations: Array
    counts: Array
    uses: Array
    biases: Array

    def features(
        self,
        X: Array,
        lengths: Array | None = None,
        threads: int = 0,
        reference: bool = False,
    ) -> Array:
        """Return the share of positive values of each convolution, (N, P) float32.

        The kernels add up in float32. A row with a channel whose mean exceeds 1,000 of its
        deviations is added up in float64: the mean cancels out, and its rounding would be left.

        Parameters
        ----------
        X : ndarray (N, T, I)
            Transformed rows.
        lengths : ndarray (N,), optional
            Steps of each row; later ones are not read.
        threads : int, default 0
            0 leaves the choice to the kernels.
        reference : bool, default False
            Compute in numpy, whose sums are float64.
        """
        ends = _ends(X, lengths)
        rows = np.ascontiguousarray(_float32(X).transpose(0, 2, 1))
        parts = self.dilations, self.counts, self.uses, self.biases
        if reference or native() is None or level() is None:
            own = (row[:, :end] for row, end in zip(rows, ends, strict=True))
            return np.stack([proportions(row, *parts) for row in own])
        out = np.empty((len(X), len(self.biases)), np.float32)
        native().proportions(level(), rows, ends, *parts, out, threads or default_threads())
        return out


def choose_convolutions(X: Array, lengths: Array | None = None, seed: int = 0) -> Convolutions:
    """Return convolutions whose biases are quantiles of their values on rows X (N, T, I)."""
    X, ends = _float32(X), _ends(X, lengths)
    random = generator(seed, "convolutions")
    dilations, counts = _dilations(int(np.median(ends)))
    uses = _channels(len(dilations), X.shape[2], random)
    biases, number = [], 0
    for d, (dilation, count) in enumerate(zip(dilations, counts, strict=True)):
        for kernel in range(len(KERNELS)):
            row = random.integers(len(X))
            own = X[row, : ends[row], uses[d, kernel]]
            values = _convolved(own, KERNELS[kernel], int(dilation))
            shares = (np.arange(number + 1, number + count + 1) * GOLDEN_RATIO) % 1
            biases.append(np.quantile(values, shares))
            number += count
    return Convolutions(dilations, counts, uses, np.concatenate(biases, dtype=np.float32))


def _float32(X: Array) -> Array:
    """Return rows as float32, whose sums are finite."""
    if X.dtype == np.uint8:
        return fractions(X, np.float32)
    return np.clip(X, -LARGEST_INPUT, LARGEST_INPUT).astype(np.float32)


def _ends(X: Array, lengths: Array | None) -> Array:
    ends = np.full(len(X), X.shape[1]) if lengths is None else lengths
    return np.ascontiguousarray(ends, np.int64)


def _dilations(n_steps: int) -> tuple[Array, Array]:
    """Return dilations, which grow exponentially until a kernel spans the series, and how many
    biases each kernel has with each of them (section 3.2)."""
    per_kernel = FEATURES // len(KERNELS)
    most = np.log2(max(1, n_steps - 1) / 8)
    spread = np.logspace(0, max(0, most), min(per_kernel, MOST_DILATIONS), base=2)
    dilations, times = np.unique(spread.astype(np.int64), return_counts=True)
    counts = times * per_kernel // times.sum()
    counts[: per_kernel - counts.sum()] += 1
    return dilations, counts.astype(np.int64)


def _channels(n_dilations: int, n_channels: int, random: np.random.Generator) -> Array:
    """Return the channels whose convolutions a kernel adds up, bool (dilations, 84, channels)."""
    uses = np.zeros((n_dilations, len(KERNELS), n_channels), bool)
    most = np.log2(min(n_channels, MOST_CHANNELS) + 1)
    for use in uses.reshape(-1, n_channels):
        use[random.choice(n_channels, int(2 ** random.uniform(0, most)), replace=False)] = True
    return uses


def _convolved(channels: Array, kernel: tuple[int, ...], dilation: int) -> Array:
    """Return the sum of the convolutions of `channels` (C, T), with zeros outside the series."""
    total = channels.sum(axis=0, dtype=np.float64)
    return np.asarray(convolved(total[None], [kernel], dilation)[0])
