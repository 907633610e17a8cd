"""Dropout masks between recurrent layers, which follow from (seed, step) alone.

Every engine uses these masks, so a run trains the same on each of them. The kernels compute them
from the key of a step (`csrc/dropout.h`).
"""

import numpy as np

from hiddenstate.config import RecurrentConfig
from hiddenstate.data.prepare.batches import generator, generator_key
from hiddenstate.models.net import Net
from hiddenstate.system.typing import Array

PURPOSE = "dropout"
"""What the random numbers are for; see :func:`~hiddenstate.data.prepare.batches.generator`."""


def rate_of(net: Net) -> float:
    """Return the share of outputs that `net` drops between its layers, 0 for none."""
    config = net.config
    return config.dropout if isinstance(config, RecurrentConfig) and config.layers > 1 else 0.0


def mask_keys(net: Net, seed: int, first: int, last: int) -> Array | None:
    """Return the keys of the masks of steps `first` to `last` - 1, or None without dropout.

    Returns
    -------
    ndarray of uint64, shape (last - first, 2)
    """
    if not rate_of(net):
        return None
    return np.stack([generator_key(seed, PURPOSE, step) for step in range(first, last)])


def masks(net: Net, seed: int, step: int, n_rows: int, n_steps: int, dtype: str) -> Array | None:
    """Return the masks of a step, or None without dropout.

    An output is kept with probability 1 - p and multiplied by 1 / (1 - p), as in torch.nn.LSTM.

    Returns
    -------
    ndarray of `dtype`, shape (L-1, n_rows, n_steps, D*H)
        0 or 1 / (1 - p), for the output of each layer but the last.
    """
    config, rate = net.config, rate_of(net)
    if not isinstance(config, RecurrentConfig) or not rate:
        return None
    width = config.hidden_size * (2 if config.bidirectional else 1)
    shape = (config.layers - 1, n_rows, n_steps, width)
    kept = generator(seed, PURPOSE, step).random(shape, np.float32) >= rate
    values: Array = kept.astype(dtype) / np.asarray(1 - rate, dtype)
    return values
