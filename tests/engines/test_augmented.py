"""Augmented rows in both engines: the same rows, whatever is computed at once."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.config.augment_kinds import parse_kinds
from hiddenstate.data.prepare.augment import augmentation
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.data.store import RowStore
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.interface import without_fold
from tests.conftest import ENGINES, needs_kernels
from tests.engines.tasks import any_net, assert_same_state, net_of, never, small_task, with_engine

KINDS = parse_kinds(["mix,warp,crop,shift,scale,jitter"])


def augmented_task(net=None, dtype="float64", n=21, strengths=KINDS, **facts):
    """Three batches an epoch, of rows of twelve steps and other lengths."""
    task = small_task(net or net_of("classify mean"), dtype=dtype, n=n)
    random = generator(3, "augmented")
    X = task.X
    if X.ndim == 3:
        X = random.normal(size=(n, 12, X.shape[2])).astype(dtype)
        facts.setdefault("lengths", random.integers(1, 13, n))
    y = task.y if task.net.job == "classify" else None
    augment = augmentation(X, strengths, y, facts.get("lengths"), facts.get("weights"))
    return replace(task, X=X, augment=augment, **facts)


def trained(task, engine, *ends):
    task = with_engine(task, engine)
    made = make_engine(task, TrainingState(task.net.initial(0, task.training.dtype)))
    first = 0
    losses = []
    for last in ends:
        losses.append(made.run(first, last, never).losses)
        first = last
    return made, np.concatenate(losses)


@needs_kernels
@pytest.mark.parametrize("kind", ["classify mean", "autoencode"])
def test_engines_train_on_the_same_rows(kind):
    strengths = KINDS if kind != "autoencode" else {"jitter": 0.5}
    task = augmented_task(any_net(kind), strengths=strengths)
    (native, losses), (torch, expected) = (trained(task, name, 7) for name in ENGINES)
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    plain = trained(replace(task, augment=None), "native", 7)[1]
    assert np.abs(losses - plain).min() > 1e-6
    for name, array in native.export().params.items():
        np.testing.assert_allclose(array, torch.export().params[name], atol=1e-8)


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_computed_at_once_changes_no_bit(name, monkeypatch):
    task = augmented_task(dtype="float32", batches=Batches(21, 8, seed=4))
    whole, losses = trained(task, name, 9)
    monkeypatch.setattr("hiddenstate.engines.native.AUGMENTED", 1)
    parts, others = trained(task, name, 2, 3, 7, 9)
    np.testing.assert_array_equal(losses, others)
    assert_same_state(whole.export(), parts.export())


@pytest.mark.parametrize("name", ENGINES)
def test_rows_on_disk_are_augmented_as_rows_in_memory(name, tmp_path):
    task = augmented_task(dtype="float32", lengths=None, weights=np.tile([0.0, 1.5, 1.5], 7))
    task.X.tofile(tmp_path / "rows")
    store = RowStore(tmp_path / "rows", 0, task.X.shape, task.X.dtype)
    (one, losses), (two, others) = (trained(replace(task, X=X), name, 7) for X in (task.X, store))
    np.testing.assert_array_equal(losses, others)
    assert_same_state(one.export(), two.export())


def test_a_member_mixes_no_row_that_it_leaves_out():
    task = augmented_task(folds=np.arange(21) % 3, lengths=None, strengths={"mix": 1.0})
    X, folds = task.X, task.folds
    marked = np.where((folds == 1)[:, None, None], np.nan, X)
    task = without_fold(replace(task, X=marked), 1)
    assert np.isfinite(task.inputs(np.arange(14), np.zeros(14, int))).all()


def test_rows_of_an_epoch_are_those_of_another_with_other_numbers():
    task = augmented_task(lengths=None)
    batches = task.batches
    np.testing.assert_array_equal(batches.epochs(1, 5), [0] * 13 + [1] * 16)
    later = replace(batches, first_step=6)
    np.testing.assert_array_equal(later.epochs(6, 8), [0] * 16)
