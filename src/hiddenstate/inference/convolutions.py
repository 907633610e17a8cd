"""A classifier of series without a network: shares of positive values of fixed convolutions.

The features are those of MiniRocket: Dempster, Schmidt and Webb, "MiniRocket: a very fast (almost)
deterministic transform for time series classification", 2021, section 3; on them, a linear
classifier. It is the baseline that people would otherwise use for labelled series.
"""

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.prepare.batches import generator
from hiddenstate.kernels import default_threads, level, native
from hiddenstate.system.typing import Array

KERNELS = tuple(combinations(range(9), 3))
"""The 84 kernels: which three of their nine weights are 2; the others are -1 (section 3.2)."""

FEATURES, MOST_DILATIONS = 9996, 32
"""Number of features, and most dilations of a kernel (sections 3.2 and 3.4)."""

ALPHAS = tuple(np.logspace(-3, 3, 10))
"""Penalties that the linear classifier chooses from by leave-one-out (section 4)."""

GOLDEN_RATIO = (np.sqrt(5) + 1) / 2
"""Its multiples are spread evenly over [0, 1): the quantiles that are biases (section 3.3)."""

MOST_CHANNELS = 9
"""Most channels whose convolutions are added up, as in the authors' program."""

LEAST_STEPS, MOST_ROWS, MOST_NUMBERS = 9, 5000, 3_000_000
"""What is read as a series, and what takes a few seconds."""


def applies_to(train: Rows, test: Rows) -> bool:
    """Return whether rows are series of nine steps or more, few enough to be quick with kernels."""
    n_rows, shape = len(train) + len(test), train.X.shape
    steps = shape[1] if train.lengths is None else int(np.median(train.lengths))
    enough = train.y is not None and len(np.unique(train.y)) > 1
    small = n_rows <= MOST_ROWS and n_rows * shape[1] * shape[2] <= MOST_NUMBERS
    return level() is not None and enough and small and steps >= LEAST_STEPS


@dataclass
class ConvolutionClassifier:
    """Classifies series by :data:`FEATURES` convolutions that are not trained.

    Parameters
    ----------
    seed : int, default 0
        Of the series that biases are computed from, and of the channels of each kernel.
    threads : int, default 0
        0 leaves the choice to the kernels.
    """

    seed: int = 0
    threads: int = 0
    _dilations: Array = field(init=False, repr=False)
    _counts: Array = field(init=False, repr=False)
    _uses: Array = field(init=False, repr=False)
    _biases: Array = field(init=False, repr=False)
    _linear: Any = field(init=False, repr=False)

    def fit(self, X: Array, y: Array, lengths: Array | None = None) -> "ConvolutionClassifier":
        """Compute the biases and train the linear classifier.

        Parameters
        ----------
        X : ndarray (N, T, I)
            Transformed rows.
        y : ndarray (N,)
            Class numbers.
        lengths : ndarray (N,), optional
        """
        from sklearn.linear_model import RidgeClassifierCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from threadpoolctl import threadpool_limits

        ends = _ends(X, lengths)
        random = generator(self.seed, "convolutions")
        self._dilations, self._counts = _dilations(int(np.median(ends)))
        self._uses = _channels(len(self._dilations), X.shape[2], random)
        self._biases = self._quantiles(X, ends, random)
        features = self.transform(X, lengths)
        linear = make_pipeline(StandardScaler(with_mean=False), RidgeClassifierCV(alphas=ALPHAS))
        with threadpool_limits(1):  # sums of several threads round differently
            self._linear = linear.fit(features, y)
        return self

    def predict(self, X: Array, lengths: Array | None = None) -> Array:
        """Return the class number of each row."""
        return np.asarray(self._linear.predict(self.transform(X, lengths)))

    def transform(self, X: Array, lengths: Array | None = None) -> Array:
        """Return the share of positive values of each convolution, (N, features) float32."""
        ends = _ends(X, lengths)
        rows = np.ascontiguousarray(X.transpose(0, 2, 1), np.float32)
        parts = self._dilations, self._counts, self._uses, self._biases
        if native() is None or level() is None:
            own = (row[:, :end] for row, end in zip(rows, ends, strict=True))
            return np.stack([proportions(row, *parts) for row in own])
        out = np.empty((len(X), len(self._biases)), np.float32)
        threads = self.threads or default_threads()
        native().proportions(level(), rows, ends, *parts, out, threads)
        return out

    def _quantiles(self, X: Array, ends: Array, random: np.random.Generator) -> Array:
        """Return the biases: for each dilation and kernel, quantiles of its values on one row."""
        biases, number = [], 0
        for d, (dilation, count) in enumerate(zip(self._dilations, self._counts, strict=True)):
            for kernel in range(len(KERNELS)):
                row = random.integers(len(X))
                own = X[row, : ends[row], self._uses[d, kernel]]
                values = _convolved(own, KERNELS[kernel], int(dilation))
                shares = (np.arange(number + 1, number + count + 1) * GOLDEN_RATIO) % 1
                biases.append(np.quantile(values, shares))
                number += count
        return np.concatenate(biases, dtype=np.float32)


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
    T = channels.shape[1]
    total = channels.sum(axis=0, dtype=np.float64)
    padded = np.pad(total, 4 * dilation)
    weights = np.where(np.isin(np.arange(9), kernel), 2.0, -1.0)
    shifted = [w * padded[j * dilation : j * dilation + T] for j, w in enumerate(weights)]
    return np.asarray(np.sum(shifted, axis=0))


def proportions(row: Array, dilations: Array, counts: Array, uses: Array, biases: Array) -> Array:
    """Return the features of one row (C, T): the specification of the compiled function.

    With each dilation, kernels of even number + number of the dilation see zeros outside the
    series; of the others only the steps count whose nine inputs are in it.
    """
    features, T, place = [], row.shape[1], 0
    for d, (dilation, count) in enumerate(zip(dilations, counts, strict=True)):
        middle = 4 * int(dilation)
        for number, kernel in enumerate(KERNELS):
            values = _convolved(row[uses[d, number]], kernel, int(dilation))
            if (number + d) % 2 and 2 * middle < T:
                values = values[middle : T - middle]
            above = values[:, None] > biases[place : place + count]
            features.append(above.mean(axis=0))
            place += count
    return np.concatenate(features, dtype=np.float32)
