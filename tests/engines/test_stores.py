"""Rows that are read from disk piece by piece: the same steps and outputs as rows in memory."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.data.store import RowStore
from hiddenstate.engines import TrainingState, make_engine, make_predictor
from hiddenstate.models.fitted import FittedModel
from tests.conftest import ENGINES
from tests.engines.tasks import any_net, assert_same_state, net_of, never, small_task, with_engine


class WatchedStore(RowStore):
    """A store that records how many bytes each read has."""

    read: list

    def __getitem__(self, which):
        values = super().__getitem__(which)
        self.read.append(values.nbytes)
        return values


def stored(X, folder):
    X.tofile(folder / "rows")
    store = WatchedStore(folder / "rows", 0, X.shape, X.dtype)
    store.read = []
    return store


def small_pieces(monkeypatch, n_bytes):
    for name in ("pieces", "torch"):
        monkeypatch.setattr(f"hiddenstate.engines.{name}.PIECE", n_bytes)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("kind", "rows_at_once", "held"),
    [
        ("classify mean", 3, np.uint8),
        ("classify mean", 40, np.float64),
        ("regress steps", 17, np.float32),
        ("regress steps", 40, np.uint8),
        ("autoencode", 40, np.uint8),
        ("autoencode", 1000, np.float32),
    ],
)
def test_rows_on_disk_train_as_rows_in_memory(
    kind, rows_at_once, held, name, tmp_path, monkeypatch
):
    task = small_task(
        any_net(kind), n=150, lengths=kind != "autoencode", weights=True, dtype="float32"
    )
    X = (task.X * 100 + 50).clip(0, 200).astype(held) if held == np.uint8 else task.X.astype(held)
    task = with_engine(replace(task, X=X), name)
    store = stored(X, tmp_path)
    small_pieces(monkeypatch, rows_at_once * store.row_bytes)
    start = TrainingState(task.net.initial(0, "float32"))
    memory, disk = make_engine(task, start), make_engine(replace(task, X=store), start)
    for first, last in ((0, 7), (7, 40)):  # beyond the second epoch
        one, two = memory.run(first, last, never), disk.run(first, last, never)
        np.testing.assert_array_equal(one.losses, two.losses)
    assert_same_state(memory.export(), disk.export())
    assert max(store.read) <= max(8, rows_at_once) * store.row_bytes
    store.read.clear()
    expected = memory.predict(X, task.lengths), disk.predict(store, task.lengths)
    exact = name == "native"  # torch's sums depend on the other rows of a batch
    np.testing.assert_allclose(*expected, rtol=0, atol=0 if exact else 1e-6)
    if kind == "autoencode":
        codes = memory.encode(X), disk.encode(store)
        np.testing.assert_allclose(*codes, rtol=0, atol=0 if exact else 1e-6)
    at_least = 63 if exact else 1  # two shards, and a rest shorter than that
    assert max(store.read) <= max(at_least, rows_at_once) * store.row_bytes


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("n", [1, 31, 33, 63, 65, 96, 129])
def test_a_model_predicts_rows_on_disk_as_rows_in_memory(n, name, tmp_path, monkeypatch):
    if name == "torch":
        monkeypatch.setenv(kernels.VARIABLE, "off")
    task = small_task(net_of("classify last", "lstm"), "float32", n=n, lengths=True)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 40 * store.row_bytes)
    params = task.net.initial(0, "float32")
    predictor = make_predictor(FittedModel(task.net, params, list("abcd"), (4, 3)))
    answers = predictor.predict(store, task.lengths)
    expected = predictor.predict(task.X, task.lengths)
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-6 if name == "torch" else 0)
    for one, two in zip(predictor.follow(store, {}), predictor.follow(task.X, {}), strict=True):
        np.testing.assert_equal(one, two)


@pytest.mark.parametrize("name", ENGINES)
def test_the_state_is_carried_from_piece_to_piece(name, tmp_path, monkeypatch):
    net = net_of("regress steps", "lstm", 2)
    batches = Batches(12, 1, shuffle=False)
    task = small_task(net, n=12, stateful=True, batches=batches, weights=True)
    task = with_engine(task, name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 5 * store.row_bytes)
    start = TrainingState(net.initial(0, "float64"))
    memory, disk = make_engine(task, start), make_engine(replace(task, X=store), start)
    one, two = memory.run(0, 30, never), disk.run(0, 30, never)
    np.testing.assert_array_equal(one.losses, two.losses)
    np.testing.assert_array_equal(one.outputs, two.outputs)
    assert_same_state(memory.export(), disk.export())


@pytest.mark.parametrize("name", ENGINES)
def test_a_stop_is_checked_for_between_pieces(name, tmp_path, monkeypatch):
    task = with_engine(small_task(net_of("classify last"), n=80), name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 24 * store.row_bytes)  # three steps
    start = TrainingState(task.net.initial(0, "float64"))
    disk, whole = make_engine(replace(task, X=store), start), make_engine(task, start)
    asked = []

    def stop():
        asked.append(True)
        return len(asked) == 2

    first = disk.run(0, 10, stop).losses
    assert 0 < len(first) < 10
    assert disk.export().step == len(first)
    rest = disk.run(len(first), 10, never).losses
    np.testing.assert_array_equal([*first, *rest], whole.run(0, 10, never).losses)


@pytest.mark.parametrize("name", ENGINES)
def test_a_loss_that_is_not_finite_ends_training_in_any_piece(name, tmp_path, monkeypatch):
    task = small_task(net_of("regress last"), n=80, batches=Batches(80, 8, shuffle=False))
    task.X[50] = np.nan
    task = with_engine(task, name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 24 * store.row_bytes)
    engine = make_engine(replace(task, X=store), TrainingState(task.net.initial(0, "float64")))
    losses = engine.run(0, 10, never).losses
    assert len(losses) == 7
    assert np.isfinite(losses[:6]).all()
    assert not np.isfinite(losses[6])
    assert engine.export().step == 6
