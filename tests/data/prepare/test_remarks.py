"""Remarks on series that are too short for a window or a target."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.remarks import short_remarks

OPTIONS = {"horizon": 3, "window": 6, "linear": True, "stateful": False, "output": "last"}


def panel(lengths: list[int]) -> Rows:
    """Random walks, padded with 0."""
    random, X = np.random.default_rng(0), np.zeros((len(lengths), max(lengths), 1))
    for row, n in zip(X, lengths, strict=True):
        row[:n, 0] = 50 + random.normal(size=n).cumsum()
    return Rows(X, X.copy(), lengths=np.array(lengths))


@pytest.mark.parametrize(("season", "what"), [((), "read whole"), (None, "not trained on")])
def test_short_series_are_named(season: object, what: str) -> None:
    config = make_config("regress", {**OPTIONS, "season": season})
    assert short_remarks(panel([20, 9, 8, 3]), config, "s") == [
        "s: 1 of 4 series are too short to have a value 3 steps ahead, and are not trained on",
        f"s: 1 of 4 series are shorter than a window of 6 steps and a target, and are {what}",
    ]


def test_every_series_with_a_target_has_a_window() -> None:
    rows = panel([30] * 6 + [5])
    dataset = SequenceDataset("s", rows, columns=("a",), targets=("a",))
    given = {**OPTIONS, "season": (), "stride": 1, "split": "time", "scale": "window"}
    made = prepare(dataset, make_config("regress", {**given, "test_fraction": 0.0}))
    assert made.train.lengths is not None
    assert made.train.lengths.min() == 2
    assert np.isfinite(made.train.require_targets()).all()
    assert any("1 of 7 series are shorter than a window" in remark for remark in made.remarks)
