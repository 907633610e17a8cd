"""What an inspection of data finds: values, labels, shapes, and the jobs that fit."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.config import DataConfig, make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.description import class_sizes, like_numbers
from hiddenstate.data.inspect import inspect_dataset, looks_swapped, roughness
from hiddenstate.data.job_fit import hardly_repeat
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.store import RowStore
from hiddenstate.datasets import load_mnist

RANDOM = np.random.default_rng(0)


def found_in(X, y=None, job="classify", reading=None, test=None, **facts):
    data = SequenceDataset("own", Rows(X, y), test, kind="an .npz file", source="file", **facts)
    config = make_config(job, together=False)
    return inspect_dataset(data, replace(config, data=reading or DataConfig(data="own.npz")))


def fit(result, job):
    return next(one for one in result.fits if one.job == job)


def smooth(n=40, T=100, width=6):
    """Smooth signals (n, T, width), each with its own phase, frequency and amplitude."""
    t = np.arange(T)[None, :, None] / T
    phase, speed = RANDOM.uniform(0, 6, (n, 1, width)), RANDOM.uniform(6, 25, (1, 1, width))
    return np.sin(t * speed + phase) * (1 + np.arange(width)) + RANDOM.normal(0, 3, width)


# --- time and features


def test_noise_differs_as_much_along_both_axes():
    steps, features = roughness(RANDOM.standard_normal((200, 20, 50)))
    assert steps == pytest.approx(2 / np.sqrt(np.pi), rel=0.02)
    assert features == pytest.approx(2 / np.sqrt(np.pi), rel=0.02)


def test_swapped_smooth_signals_are_recognised():
    X = smooth()
    assert not looks_swapped(X)
    assert looks_swapped(X.swapaxes(1, 2))
    assert looks_swapped(X.swapaxes(1, 2) + RANDOM.normal(0, 0.05, (40, 6, 100)))


@pytest.mark.parametrize("shape", [(50, 5, 100), (50, 2, 100), (3, 20, 40), (50, 100, 5)])
def test_noise_does_not_look_swapped(shape):
    assert not looks_swapped(RANDOM.standard_normal(shape))
    assert not looks_swapped(np.cumsum(np.ones(shape), axis=0))  # rows are constant


def test_rows_of_mnist_are_not_swapped():
    X = load_mnist().X[:200]
    assert not looks_swapped(X)
    assert not looks_swapped(X / 255)
    assert not looks_swapped(X.reshape(200, 14, 56) / 255)


def test_missing_values_neither_hide_nor_fake_swapped_axes():
    X = smooth().swapaxes(1, 2).copy()
    X[::3, 2, 50] = np.nan
    assert looks_swapped(X)
    assert not looks_swapped(X.swapaxes(1, 2))


def test_swapped_rows_give_a_warning_with_a_hint():
    X = smooth().swapaxes(1, 2)
    (warning,) = found_in(X, np.arange(40) % 2).warnings
    assert "look swapped: 6 steps of 100 features" in warning
    assert warning.endswith("add --channels-first")
    reading = DataConfig(data="own.npz", channels_first=True)
    assert (
        found_in(X, np.arange(40) % 2, reading=reading)
        .warnings[0]
        .endswith("leave out --channels-first")
    )


@pytest.mark.parametrize(
    ("width", "hint"),
    [
        (784, "--steps 28"),
        (144, "--steps 12"),
        (84, "--steps 28"),
        (72, "--steps 24"),
        (25, None),
        (150, None),
        (251, None),
    ],
)
def test_flat_rows_that_may_be_pictures_or_series_give_a_warning(width, hint):
    X = RANDOM.random((9, width)).cumsum(axis=1)
    warnings = found_in(X, np.arange(9) % 3).warnings
    assert [warning.split(", add ")[1] for warning in warnings] == ([hint] if hint else [])
    reading = DataConfig(data="own.npz", steps=width)
    assert not found_in(X, np.arange(9) % 3, reading=reading).warnings
    noise = RANDOM.random((9, width))  # read as features
    assert not found_in(noise, np.arange(9) % 3).warnings


def test_series_of_one_step_and_very_long_series_give_warnings():
    y = np.arange(6) % 2
    assert "nothing to remember" in found_in(RANDOM.random((6, 1, 3)), y).warnings[0]
    ids = {"read_as": {"layout": "long", "id": "who"}}
    assert "add --layout features" in found_in(RANDOM.random((6, 1, 3)), y, **ids).warnings[0]
    assert "2,001 steps" in found_in(RANDOM.random((6, 2001, 1)), y).warnings[0]
    signal = found_in(RANDOM.random((1, 5000, 1)), RANDOM.random((1, 5000, 1)), "regress")
    assert not signal.warnings  # it is read in windows


# --- values


def test_test_rows_that_are_training_rows_are_counted():
    X = RANDOM.random((20, 5, 2))
    test = Rows(np.concatenate([X[[3, 3, 7]], RANDOM.random((4, 5, 2))]), np.arange(7) % 2)
    result = found_in(X, np.arange(20) % 2, test=test)
    assert result.duplicates == 3
    assert result.warnings == (
        "3 test rows are training rows too, so test scores are too optimistic",
    )
    assert found_in(X, np.arange(20) % 2).duplicates is None


def test_only_the_first_rows_on_disk_are_read(tmp_path, monkeypatch):
    X = RANDOM.random((1000, 4, 3)).astype("f4")
    X[900:] = np.nan
    X.tofile(tmp_path / "x.bin")
    store = RowStore(tmp_path / "x.bin", 0, X.shape, "f4")
    monkeypatch.setattr(RowStore.pieces, "__defaults__", (48 * 100,))
    result = found_in(store, np.arange(1000) % 2)
    assert result.on_disk
    assert (result.looked_at, result.missing, result.n_train) == (100, 0, 1000)


def test_only_the_first_steps_of_a_signal_on_disk_are_read(tmp_path, monkeypatch):
    X = RANDOM.random((1000, 2)).astype("f4")
    X.tofile(tmp_path / "x.bin")
    store = RowStore(tmp_path / "x.bin", 0, X.shape, "f4").joined()
    monkeypatch.setattr("hiddenstate.data.description.PIECE", 800)
    result = found_in(store, RANDOM.random((1, 1000, 1)), "regress")
    assert (result.n_values, result.steps) == (200, (1000, 1000, 1000))
    changed = store.mapped(lambda rows: rows * 2, store.shape[1:], "f4")
    assert found_in(changed, RANDOM.random((1, 1000, 1)), "regress").looked_at == 0


# --- labels


def test_labels_that_look_like_numbers_or_ids_are_recognised():
    assert like_numbers(RANDOM.random(30))
    assert like_numbers(RANDOM.random(4))
    assert like_numbers(np.arange(100))
    assert not like_numbers(np.arange(100) % 10)
    assert not like_numbers(np.array([0.5, 1.5] * 50))
    assert not like_numbers(np.array(["a", "b"]))
    assert hardly_repeat(np.array(["2020-01", "2020-02", "2020-03"]))
    assert not hardly_repeat(np.array(["a", "b", "a", "b"]))
    assert not hardly_repeat(np.array([0, 1]))


def test_a_class_of_one_row_and_an_unknown_test_label_give_warnings():
    y = np.array(["a"] * 5 + ["b"] * 4 + ["c"])
    result = found_in(RANDOM.random((10, 3, 2)), y)
    assert result.classes == {"a": 5, "b": 4, "c": 1}
    assert result.warnings == ("fewer than 2 rows in class c: add rows, or drop such classes",)
    assert fit(result, "classify").why_not == "a class has only 1 row"
    test = Rows(RANDOM.random((2, 3, 2)), np.array(["a", "z"]))
    result = found_in(RANDOM.random((9, 3, 2)), y[:9], test=test)
    assert "label z" in result.warnings[0]
    assert "no training row" in fit(result, "classify").why_not


def test_an_inspection_does_not_change_the_data():
    X, y = RANDOM.random((12, 5, 2)), np.arange(12) % 3
    X[0, 0] = np.nan
    before = X.copy()
    found_in(X, y, test=Rows(X[:3], y[:3]))
    np.testing.assert_array_equal(X, before)


def test_prepared_data_has_the_same_class_sizes():
    raw = SequenceDataset("own", Rows(RANDOM.random((12, 5, 2)), np.array(["a", "b"] * 6)))
    config = make_config("classify", {"test_fraction": 0.0})
    done = prepare(raw, config)
    assert class_sizes(done) == {"a": 6, "b": 6}
    assert inspect_dataset(replace(raw), config).classes == {"a": 6, "b": 6}
