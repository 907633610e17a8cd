"""Predictions in numpy: states, stores, and large sums."""

import numpy as np

from hiddenstate.data.store import RowStore
from hiddenstate.engines import reference as engine
from hiddenstate.engines.interface import Predictor
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.models.fitted import FittedModel
from tests.engines.tasks import net_of, small_task


def same(one, other, atol=1e-13):
    assert one.dtype == other.dtype
    np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def test_a_store_and_many_pieces_give_the_same(tmp_path, monkeypatch):
    task = small_task(net_of("classify mean", "lstm", 2, True), lengths=True)
    params = task.net.initial(3, "float64")
    ours = ReferencePredictor(FittedModel(task.net, params, row_shape=(4, 3)))
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
