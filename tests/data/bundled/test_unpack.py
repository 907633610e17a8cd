"""The bundled data: MNIST and waves."""

import _thread
import gzip
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import make_config
from hiddenstate.data import load_dataset
from hiddenstate.data.bundled import unpack
from hiddenstate.data.dataset import Dataset, SequenceDataset
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.errors import DataError


@pytest.fixture(scope="module")
def digits() -> SequenceDataset:
    return load_mnist()


def test_all_of_mnist_is_there(digits: SequenceDataset) -> None:
    assert digits.X.shape == (60_000, 28, 28)
    assert digits.X_test.shape == (10_000, 28, 28)
    assert digits.X.dtype == np.uint8
    assert (digits.X.min(), digits.X.max()) == (0, 255)


def test_the_labels_of_mnist_are_the_published_ones(digits: SequenceDataset) -> None:
    assert digits.y is not None
    assert digits.y_test is not None
    assert digits.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    expected = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(digits.y).tolist() == expected
    assert digits.classes == list(range(10))


def test_the_mean_pixel_of_mnist_is_the_published_one(digits: SequenceDataset) -> None:
    assert digits.X.mean() / 255 == pytest.approx(0.1307, abs=1e-4)


def test_an_autoencoder_gets_the_digits_flat(digits: SequenceDataset) -> None:
    flat = load_dataset(make_config("autoencode"))
    assert flat.X.shape == (60_000, 784)
    np.testing.assert_array_equal(flat.X[7].reshape(28, 28), digits.X[7])


def test_a_damaged_bundled_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "t10k-labels-idx1-ubyte"
    data = bytearray(gzip.decompress((unpack.FOLDER / f"{name}.gz").read_bytes()))
    data[100] ^= 1
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
    for other in set(unpack.FILES) - {name}:
        shutil.copy(unpack.FOLDER / f"{other}.gz", tmp_path)
    monkeypatch.setattr(unpack, "FOLDER", tmp_path)
    with pytest.raises(DataError, match=f"{name}.* damaged; reinstall hiddenstate"):
        load_mnist()


@pytest.mark.parametrize("ahead", [False, True])
def test_a_missing_bundled_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: bool
) -> None:
    monkeypatch.setattr(unpack, "FOLDER", tmp_path)
    if ahead:
        unpack.unpack_ahead()
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.*reinstall"):
        load_mnist()


@pytest.mark.parametrize("flat", [False, True])
def test_the_known_fingerprint_of_the_digits_is_that_of_their_arrays(flat: bool) -> None:
    digits = load_mnist(flat=flat)
    assert digits.known_fingerprint == Dataset.fingerprint(digits)
    changed = digits.map(lambda rows: rows.take(slice(0, 5)))
    assert changed.fingerprint() == Dataset.fingerprint(changed) != digits.fingerprint()


def test_digits_unpacked_ahead_are_the_same_and_belong_to_the_caller(
    digits: SequenceDataset,
) -> None:
    unpack.unpack_ahead()
    unpack.unpack_ahead()  # once is enough
    first, second = load_mnist(), load_mnist()
    first.X[0] = 0
    np.testing.assert_array_equal(second.X, digits.X)
    assert not first.X[0].any()


def test_the_first_window_equals_that_of_the_classic_script() -> None:
    waves = load_waves(3, 10)
    # The script: np.linspace(step * pi, (step + 1) * pi, 10, endpoint=False), float32.
    steps = np.linspace(2 * np.pi, 3 * np.pi, 10, endpoint=False)
    assert waves.y is not None
    np.testing.assert_allclose(waves.X[2, :, 0], np.sin(steps), atol=1e-6)
    np.testing.assert_allclose(waves.y[2, :, 0], np.cos(steps), atol=1e-6)
    assert waves.X.dtype == np.float32


@given(st.integers(1, 30), st.integers(1, 15), st.integers(0, 50))
@settings(max_examples=40)
def test_windows_join_without_gap_or_overlap(n: int, window: int, first: int) -> None:
    waves = load_waves(n, window, "float64", first)
    assert waves.y is not None
    assert waves.train.times is not None
    times = np.arange(first * window, (first + n) * window) * np.pi / window
    np.testing.assert_allclose(waves.train.times.reshape(-1), times, rtol=1e-14)
    np.testing.assert_allclose(waves.X.reshape(-1), np.sin(times), atol=1e-11)
    np.testing.assert_allclose(waves.y.reshape(-1), np.cos(times), atol=1e-11)
    assert waves.X.shape == waves.y.shape == (n, window, 1)


def test_the_test_rows_are_the_windows_that_follow() -> None:
    waves, longer = load_waves(4, 10), load_waves(8, 10)
    np.testing.assert_array_equal(waves.X_test, longer.X[4:])


def test_a_longer_wave_begins_like_a_shorter_one() -> None:
    np.testing.assert_array_equal(load_waves(20).X[:5], load_waves(5).X)


def test_window_ten_thousand_is_as_accurate_as_the_first() -> None:
    far, near = load_waves(1, 10, first=10_000), load_waves(1, 10, first=0)
    np.testing.assert_allclose(far.X, near.X, atol=1e-6)


def test_regress_without_data_uses_the_waves_of_its_options() -> None:
    result = load_dataset(make_config("regress", {"windows": 7, "window": 5, "dtype": "float64"}))
    assert result.X.shape == (7, 5, 1)
    assert result.X.dtype == np.float64


def test_several_threads_load_the_digits_at_once(digits: SequenceDataset) -> None:
    unpack.unpack_ahead()
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: load_mnist(), range(4)))
    assert len({each.X.ctypes.data for each in loaded}) == 4
    assert all(np.array_equal(each.X, digits.X) for each in loaded)


@pytest.mark.parametrize("why", ["no thread can start", "memory is limited", "none has begun"])
def test_digits_are_unpacked_where_no_thread_does_it(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def start(function: object, arguments: tuple[()]) -> int:
        started.append(function)
        if why == "no thread can start":
            raise RuntimeError("can't start new thread")
        return 0

    if why == "memory is limited":
        monkeypatch.setattr(resource, "getrlimit", lambda _: (400_000_000, 400_000_000))
    monkeypatch.setattr(_thread, "start_new_thread", start)
    unpack.unpack_ahead()
    sizes = [len(content) for content in unpack.unpacked()]
    assert sizes == [16 + 47_040_000, 8 + 60_000, 16 + 7_840_000, 8 + 10_000]
    assert len(started) == (0 if why == "memory is limited" else 4)
