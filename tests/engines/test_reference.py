"""Predictions in numpy: states, stores, and large sums."""

import numpy as np
import pytest

from hiddenstate.data.store import RowStore
from hiddenstate.engines import reference as engine
from hiddenstate.engines.interface import Predictor
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.engines.torch import TorchPredictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.cells import CHOICES
from tests.engines.tasks import net_of, small_task


def pair(net, dtype="float64"):
    """The predictor in numpy and torch's, of the same weights."""
    model = FittedModel(net, net.initial(3, dtype), row_shape=(4, 3))
    return ReferencePredictor(model), TorchPredictor(model, "cpu")


def same(one, other, atol=1e-13):
    assert one.dtype == other.dtype
    np.testing.assert_allclose(one, other, rtol=0, atol=atol)


@pytest.mark.parametrize("cell", CHOICES)
def test_a_state_is_taken_and_returned(cell):
    task = small_task(net_of("regress steps", cell, 2))
    ours, theirs = pair(task.net)
    state, their_state = {}, {}
    for _ in range(2):
        outputs, state = ours.forward(task.X, state)
        expected, their_state = theirs.forward(task.X, their_state)
        same(outputs, expected)
        for name in their_state:
            same(state[name], their_state[name])
    outputs, state = ours.follow(task.X, {})
    expected, their_state = theirs.follow(task.X, {})
    same(outputs, expected)
    assert set(state) == set(their_state)


def test_a_store_and_many_pieces_give_the_same(tmp_path, monkeypatch):
    task = small_task(net_of("classify mean", "lstm", 2, True), lengths=True)
    ours, _ = pair(task.net)
    whole = ours.predict(task.X, task.lengths)
    task.X.tofile(tmp_path / "rows")
    store = RowStore(tmp_path / "rows", 0, task.X.shape, task.X.dtype)
    monkeypatch.setattr(engine, "MAX_NUMBERS", 1)  # a row at a time
    same(ours.predict(store, task.lengths), whole)


def test_it_is_a_predictor():
    wanted = {name for name in vars(Predictor) if not name.startswith("_")}
    assert wanted <= set(vars(ReferencePredictor))


def test_extreme_sums_do_not_overflow():
    net = net_of("classify last", "lstm")
    params = {name: 1e4 * array for name, array in net.initial(0, "float64").items()}
    predictor = ReferencePredictor(FittedModel(net, params, row_shape=(4, 3)))
    with np.errstate(all="raise", under="ignore"):
        outputs = predictor.predict(1e3 * np.ones((2, 4, 3)))
    assert np.isfinite(outputs).all()
