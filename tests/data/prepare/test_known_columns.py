"""The inputs that a linear path may read."""

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.known_columns import past_inputs, with_moved


def test_columns_known_ahead_are_not_read_as_other_inputs() -> None:
    X = np.random.default_rng(0).normal(size=(1, 50, 4))
    X[..., 3] = 1  # never changes
    dataset = SequenceDataset(
        "X", Rows(X, X[..., :1]), columns=("y", "u", "price", "region"), targets=("y",)
    )
    config = make_config(
        "regress", {"target": ("y",), "horizon": 2, "future": ("price",), "stateful": False}
    )
    moved = with_moved(dataset, config)
    assert moved.columns == ("y", "u", "price", "region", "price +2")
    assert past_inputs(moved, config, (0,)) == [1]
