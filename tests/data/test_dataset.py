"""The readers of idx, .npy and .npz files, and the preparation of what they read."""

import contextlib
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.config import make_config
from hiddenstate.data import as_rows, fractions, load_dataset, read_like
from hiddenstate.data.dataset import PreparedDataset, SequenceDataset
from hiddenstate.data.readers import idx
from hiddenstate.data.readers.idx import read_idx
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, HiddenstateError
from tests.conftest import idx_bytes, n_refused, same, write_digits


def read_idx_folder(path: Path) -> SequenceDataset:
    return idx.read_idx_folder(path, make_config("classify").data, "classify")


Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)
shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)


# --- idx


@given(hnp.arrays(st.sampled_from(["u1", "i1", "<i2", "<i4", "<f4", "<f8"]), shapes))
@quick
def test_any_idx_file_is_read_as_it_was_written(place: Path, array: Array) -> None:
    place.write_bytes(idx_bytes(array))
    same(read_idx(place), array)


@given(hnp.arrays(st.sampled_from(["u1", "<i4", "<f8"]), shapes))
@settings(quick, max_examples=20)
def test_a_gzipped_idx_file_is_recognised_by_its_content(place: Path, array: Array) -> None:
    place.write_bytes(gzip.compress(idx_bytes(array)))
    same(read_idx(place), array)


def test_read_pixels_can_be_written_to(place: Path) -> None:
    place.write_bytes(idx_bytes(np.zeros((2, 2), "u1")))
    read_idx(place)[0, 0] = 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "starts with nothing"),
        (b"\0\0", "starts with 0000"),
        (b"\1\0\x08\1\0\0\0\1x", "starts with 01000801"),
        (b"\0\0\x0a\1\0\0\0\1x", "type code 0x0a"),
        (b"\0\0\x08\0", "0 axes"),
        (b"\0\0\x08\xff" + b"\0" * 2000, "255 axes"),
        (b"\0\0\x08\3\0\0\0\1", "within its header"),
        (b"\0\0\x08\1\0\0\0\5abc", "declares 5 bytes, found 3"),
        (b"\0\0\x08\1\0\0\0\2abc", "declares 2 bytes, found more"),
        (b"\0\0\x0e\2\xff\xff\xff\xff\xff\xff\xff\xff" + b"x" * 99, "found 99"),
        (b"\0\0\x0e\x08" + b"\xff" * 32, "found 0"),
    ],
)
def test_an_invalid_idx_file_is_refused_with_both_numbers(
    place: Path, data: bytes, message: str
) -> None:
    place.write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_idx(place)


@pytest.mark.parametrize("n_huge", [1, 3, 7])
def test_an_idx_file_of_no_rows_and_huge_axes_is_refused_or_empty(place: Path, n_huge: int) -> None:
    place.write_bytes(bytes([0, 0, 0x0E, 1 + n_huge]) + b"\0\0\0\0" + b"\xff" * 4 * n_huge)
    with contextlib.suppress(HiddenstateError):
        assert read_idx(place).size == 0


def test_a_truncated_gzip_is_refused_with_the_offset(place: Path) -> None:
    packed = gzip.compress(idx_bytes(np.arange(1000, dtype="<i4")))
    place.write_bytes(packed[:-20])
    with pytest.raises(DataError, match=rf"ends early, at byte {len(packed) - 20}"):
        read_idx(place)


def test_a_gzip_with_a_wrong_checksum_is_refused(place: Path) -> None:
    packed = bytearray(gzip.compress(idx_bytes(np.arange(1000, dtype="<i4"))))
    packed[-8] ^= 1
    place.write_bytes(packed)
    with pytest.raises(DataError, match="damaged gzip"):
        read_idx(place)


def test_a_damaged_idx_file_only_raises_a_data_error(place: Path) -> None:
    plain = idx_bytes(np.arange(60, dtype="<f4").reshape(3, 4, 5))
    files = plain, gzip.compress(plain)
    assert sum(n_refused(place, data, 200, read_idx) for data in files) > 200


def test_a_folder_of_idx_files_gives_both_parts(tiny_idx: Path) -> None:
    dataset = read_idx_folder(tiny_idx)
    assert dataset.X.shape == (120, 8, 8)
    assert dataset.X_test.shape == (30, 8, 8)
    assert dataset.y is not None
    assert dataset.y[:4].tolist() == [0, 1, 2, 0]
    assert dataset.picture == (8, 8)


def test_hidden_files_beside_idx_files_are_ignored(tiny_idx: Path) -> None:
    for path in list(tiny_idx.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"of the file system")
    assert read_idx_folder(tiny_idx).X.shape == (120, 8, 8)
    assert not idx.is_idx_folder(write_hidden(tiny_idx.parent / "hidden"))


def write_hidden(folder: Path) -> Path:
    folder.mkdir()
    (folder / "._train-images-idx3-ubyte").write_bytes(b"")
    return folder


@pytest.mark.parametrize("layout", ["raw", "MNIST/raw"])
def test_the_layout_of_torchvision_is_read(tmp_path: Path, layout: str) -> None:
    write_digits(tmp_path / layout)
    assert read_idx_folder(tmp_path).X.shape == (120, 8, 8)


def test_files_may_be_gzipped_and_the_test_half_called_test(tiny_idx: Path) -> None:
    for path in sorted(tiny_idx.iterdir()):
        named = path.with_name(path.name.replace("t10k", "test") + ".gz")
        named.write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert len(read_idx_folder(tiny_idx).X_test) == 30


def test_one_of_several_data_sets_is_selected_by_its_images(tmp_path: Path) -> None:
    for name, n_train in (("letters", 30), ("digits", 60)):
        for path in write_digits(tmp_path / name, n_train=n_train).iterdir():
            path.rename(tmp_path / f"emnist-{name}-{path.name.replace('t10k', 'test')}")
    with pytest.raises(DataError, match="several data sets"):
        read_idx_folder(tmp_path)
    dataset = read_idx_folder(tmp_path / "emnist-letters-train-images-idx3-ubyte")
    assert len(dataset.X) == 30


@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_a_missing_idx_file_is_refused_by_name(tiny_idx: Path, name: str) -> None:
    (tiny_idx / name).unlink()
    with pytest.raises(DataError, match=f"{name}.* beside the training"):
        read_idx_folder(tiny_idx)


# --- from a file to a dataset


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def dataset(job: str, path: Path, **values: Any) -> PreparedDataset:
    return load_dataset(make_config(job, {"data": str(path), **values}))


def labelled(path: Path, n: int = 40, **more: Any) -> Path:
    X = np.arange(n * 12.0).reshape(n, 12)
    return npz(path, X=X, y=np.array([7, 3] * (n // 2)), **more)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


def test_labels_become_numbers_in_the_order_of_the_labels(path: Path) -> None:
    result = dataset("classify", labelled(path))
    assert result.classes == [3, 7]
    assert result.y is not None
    assert set(result.y.tolist()) == {0, 1}
    originals = np.load(path)
    for row, number in zip(result.X.reshape(len(result.X), 12), result.y, strict=True):
        label = originals["y"][(originals["X"] == row).all(axis=1)][0]
        assert result.classes[number] == label


def test_the_same_fraction_of_each_class_is_held_out(path: Path) -> None:
    result = dataset("classify", labelled(path), test_fraction=0.25)
    assert (len(result.X), len(result.X_test)) == (30, 10)
    assert result.y_test is not None
    assert np.bincount(result.y_test).tolist() == [5, 5]


def test_the_split_follows_from_the_seed(path: Path) -> None:
    one, again = (dataset("classify", labelled(path), seed=1) for _ in range(2))
    np.testing.assert_array_equal(one.X, again.X)
    other = dataset("classify", path, seed=2)
    assert not np.array_equal(one.X, other.X)
    assert one.fingerprint() == other.fingerprint()  # of the file, not of its split


def test_test_rows_of_the_data_are_used(path: Path) -> None:
    labelled(path, X_test=np.ones((5, 12)), y_test=np.array([3, 3, 7, 7, 3]))
    result = dataset("classify", path)
    assert (len(result.X), len(result.X_test)) == (40, 5)
    assert result.y_test is not None
    assert result.y_test.tolist() == [0, 0, 1, 1, 0]


def test_the_names_of_keras_are_accepted(path: Path) -> None:
    X, y = np.zeros((6, 4)), np.array([0, 1] * 3)
    npz(path, x_train=X, y_train=y, x_test=X[:2], y_test=y[:2])
    assert len(dataset("classify", path).X_test) == 2


def test_flat_rows_have_one_feature_a_step_or_are_cut(path: Path) -> None:
    assert dataset("classify", labelled(path)).X.shape[1:] == (12, 1)
    cut = dataset("classify", path, steps=4).X
    assert cut.shape[1:] == (4, 3)
    assert cut[0, :, 0].tolist() == [cut[0, 0, 0] + 3 * step for step in range(4)]


def test_an_autoencoder_takes_rows_of_any_shape_flat(path: Path) -> None:
    npz(path, X=np.zeros((10, 3, 4)))
    assert dataset("autoencode", path).X.shape[1:] == (12,)


@given(st.integers(1, 60), st.integers(1, 20))
@settings(quick, max_examples=30)
def test_windows_are_the_signal_in_order_and_only_a_short_rest_is_dropped(
    place: Path, length: int, window: int
) -> None:
    path = place.with_name("signal.npz")
    X, y = np.arange(2.0 * length).reshape(length, 2), -np.arange(float(length))
    npz(path, X=X, y=y)
    if length < window:
        with pytest.raises(
            DataError, match=f"has {window} steps, but the longest series has {length}"
        ):
            dataset("regress", path, window=window)
        return
    result = dataset("regress", path, window=window)
    n = length // window
    assert result.X.shape == (n, window, 2)
    assert result.y is not None
    np.testing.assert_array_equal(result.X.reshape(-1, 2), X[: n * window])
    np.testing.assert_array_equal(result.y.reshape(-1), y[: n * window])
    assert result.train.times is not None
    assert result.train.times.reshape(-1).tolist() == list(range(n * window))


def test_one_target_per_window_is_that_of_the_last_step(path: Path) -> None:
    npz(path, X=np.zeros(25), y=np.arange(25.0))
    result = dataset("regress", path, window=10, output="last")
    assert result.y is not None
    assert result.y.tolist() == [[9.0], [19.0]]


@pytest.mark.parametrize(
    ("job", "arrays", "message"),
    [
        ("classify", {"y": np.zeros(3)}, "expected arrays X, y"),
        ("classify", {"X": np.zeros((4, 2)), "labels": np.zeros(4)}, "found X, labels"),
        ("classify", {"X": np.zeros((4, 2)), "x": np.zeros((4, 2))}, "found X, x"),
        ("classify", {"X": np.zeros((4, 2))}, "no labels"),
        ("classify", {"X": np.zeros((4, 2)), "y": np.zeros(3)}, r"y is \(3,\) for 4 rows"),
        ("classify", {"X": np.zeros((4, 2)), "y": np.zeros((4, 1))}, r"y is \(4, 1\)"),
        ("classify", {"X": np.zeros((0, 2)), "y": np.zeros(0)}, r"found \(0, 2\)"),
        ("classify", {"X": np.float64(3), "y": np.zeros(1)}, r"found \(\)"),
        ("classify", {"X": np.zeros(4), "y": np.zeros(4)}, r"found \(4,\)"),
        ("classify", {"X": np.zeros((4, 2)), "y": np.ones(4)}, r"all rows have the label 1"),
        (
            "classify",
            {"X": np.array([[np.nan, 1]] * 4), "y": np.arange(4) // 2},
            r"4 values .*row 0, step 0, feature 0",
        ),
        ("classify", {"X": np.zeros((4, 2)), "y": np.array([0, 1, np.inf, 0])}, r"y: 1 value is"),
        ("autoencode", {"X": np.zeros((1, 4))}, "too few"),
        ("autoencode", {"X": np.zeros((4, 2)), "X_test": np.zeros((4, 3))}, "rows of X_test are"),
        ("autoencode", {"X": np.zeros((4, 2)), "X_test": np.zeros(())}, "X_test"),
        ("autoencode", {"X": np.zeros((4, 2)), "y_test": np.zeros(4)}, "y_test"),
        ("regress", {"X": np.zeros(20)}, "no targets"),
        ("regress", {"X": np.zeros(20), "y": np.zeros(19)}, "X has 20 steps, but y has 19"),
        ("regress", {"X": np.zeros((2, 3, 4, 5)), "y": np.zeros(2)}, r"found \(2, 3, 4, 5\)"),
        ("regress", {"X": np.float64(3), "y": np.float64(3)}, r"found \(\)"),
        ("regress", {"X": np.zeros((20, 0)), "y": np.zeros(20)}, r"\(20, 0\)"),
        ("regress", {"X": np.zeros(20), "y": np.zeros((20, 0))}, r"\(20, 0\)"),
    ],
)
def test_arrays_that_do_not_fit_the_job_are_refused(
    path: Path, job: str, arrays: dict[str, Array], message: str
) -> None:
    with pytest.raises(DataError, match=rf"own\.npz.*{message}"):
        dataset(job, npz(path, **arrays))


def test_a_test_label_that_no_training_row_has_is_refused_with_its_row(path: Path) -> None:
    labelled(path, X_test=np.ones((2, 12)), y_test=np.array([3, 5]))
    with pytest.raises(DataError, match="test row 1 has label 5"):
        dataset("classify", path)


def test_the_fingerprint_depends_on_values_types_and_shapes() -> None:
    arrays = [
        np.zeros((2, 6), "f4"),
        np.zeros((2, 6), "i4"),
        np.zeros((4, 3), "f4"),
        np.ones((2, 6), "f4"),
    ]
    prints = {SequenceDataset("x", Rows(X)).fingerprint() for X in arrays}
    assert len(prints) == 4


def new_rows(path: Path, job: str = "classify") -> Rows:
    return read_like(str(path), job, {}, {}, require_targets=False).train


def test_new_rows_are_read_from_every_kind_of_file(tmp_path: Path, tiny_idx: Path) -> None:
    X, y = np.arange(8.0).reshape(4, 2), np.arange(4)
    np.save(tmp_path / "a.npy", X)
    npz(tmp_path / "a.npz", X=X, y=y)
    assert new_rows(tmp_path / "a.npy").y is None
    np.testing.assert_array_equal(new_rows(tmp_path / "a.npz").y, y)
    assert new_rows(tiny_idx).X.shape == (30, 8, 8)
    assert new_rows(tiny_idx / "t10k-images-idx3-ubyte").X.shape == (30, 8, 8)


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": np.float64(1), "y": np.zeros(3)},
        {"X": np.zeros((3, 2)), "y": np.float64(1)},
        {"X": np.zeros((3, 2)), "y": np.zeros(2)},
    ],
)
def test_new_rows_that_do_not_match_are_refused(path: Path, arrays: dict[str, Array]) -> None:
    with pytest.raises(DataError, match=r"own\.npz"):
        new_rows(npz(path, **arrays))


def test_pixels_are_fractions_of_255_and_floats_stay() -> None:
    assert fractions(np.array([0, 51, 255], "u1"), "float64").tolist() == [0.0, 0.2, 1.0]
    assert fractions(np.array([0, 51, 255], "u1"), "float32").dtype == np.float32
    assert fractions(np.array([0.0, 51.0]), "float32").tolist() == [0.0, 51.0]


def test_rows_that_cannot_be_cut_are_refused_with_both_numbers() -> None:
    with pytest.raises(
        DataError, match="here: rows of 12 numbers cannot be cut into 5 equal steps"
    ):
        as_rows(np.zeros((3, 12)), 5, "here")
