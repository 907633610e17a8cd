"""The kernels augment rows as numpy does."""

import numpy as np
import pytest

from tests.conftest import needs_kernels
from tests.data.prepare.test_augment import PICTURES, SERIES, applied, series, what_of


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", ["ragged", "standard", "picture", "flat"])
def test_kernels_round_as_numpy_does(monkeypatch, form, dtype):
    X, y, lengths = series(dtype, n=60, ragged=form == "ragged")
    kinds, facts = SERIES, {}
    if form == "standard":
        X[..., :2] -= X[..., :2].mean(axis=1, keepdims=True)
        X[..., :2] /= X[..., :2].std(axis=1, keepdims=True)
    elif form != "ragged":
        X = X.reshape(60, -1)
        kinds = PICTURES if form == "picture" else {"jitter": 0.1}
        facts = {"picture": (15, 12)} if form == "picture" else {}
    lengths = lengths if form == "ragged" else None
    what = what_of(X, y, lengths, kinds, masked=form == "ragged", **facts)
    assert what.standard.any() == (form == "standard")
    rows, draws = np.tile(np.arange(60), 2), np.repeat([0, 3], 60)
    compiled = applied(what, X, lengths, rows, draws, dtype)
    monkeypatch.setattr("hiddenstate.data.prepare.augment_kernels._kernels", lambda: None)
    np.testing.assert_array_equal(applied(what, X, lengths, rows, draws, dtype), compiled)
