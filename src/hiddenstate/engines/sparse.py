"""Gradual magnitude pruning: which weights become 0 before which updates.

Zhu and Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression",
2017, arXiv 1710.01878, equation 1: the share of zeros rises from 0, fast at first. Weights that are
0 stay 0, so that they are all that a checkpoint needs.
"""

import numpy as np

from hiddenstate.models.net import Params
from hiddenstate.system.typing import Array

LEAST_UPDATES = 8
"""Fewest updates of a training that prunes."""

PRUNINGS = 100
"""Most times that weights are pruned."""


def pruning_span(total: int) -> tuple[int, int]:
    """Return the update before which weights that are 0 begin to stay 0, a quarter of all, and the
    number of updates to the last pruning."""
    return total // 4, total // 2


def prunings(total: int) -> Array:
    """Return the updates before which weights are pruned, the one from which zeros stay included,
    for a training of `total` updates."""
    first, n = pruning_span(total)
    times = min(n, PRUNINGS)
    return first + np.arange(times + 1) * n // times


def share_at(step: int, sparsity: float, total: int) -> float:
    """Return the share of zeros in each matrix from update `step` on."""
    first, n = pruning_span(total)
    left = 1 - min(max(step - first, 0) / n, 1)
    return sparsity * (1 - left**3)


def pruned(params: Params, share: float) -> dict[str, Array]:
    """Return which weights of each matrix are pruned: of those of a size, the first."""
    gone = {}
    for name, array in params.items():
        if array.ndim > 1 and (count := int(share * array.size + 0.5)):
            sizes = np.abs(array).ravel()
            limit = np.partition(sizes, count - 1)[count - 1]
            own = sizes < limit
            own[np.flatnonzero(sizes == limit)[: count - np.count_nonzero(own)]] = True
            gone[name] = own.reshape(array.shape)
    return gone
