"""Arrays are laid out for the job, and large ones stay on disk."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.config import DataConfig, make_config
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare import apply, transform
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers import arrays as reader
from hiddenstate.data.readers import npy as npy_reader
from hiddenstate.data.readers.arrays import is_array_folder, read_arrays
from hiddenstate.data.readers.open import read_dataset
from hiddenstate.data.store import RowStore
from hiddenstate.errors import DataError, HiddenstateError, UntrustedFileError
from tests.conftest import member, mutations, npy, npz, same

Array = np.ndarray[Any, Any]
quick = settings(max_examples=60)
kinds = st.sampled_from(["u1", "i1", "<i2", ">i4", "<i8", "<f2", "<f4", ">f4", "<f8", "?"])
inputs = hnp.arrays(
    kinds, hnp.array_shapes(min_dims=2, max_dims=3, max_side=5), elements={"allow_infinity": False}
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


def read(
    path: Path, job: str = "classify", require_targets: bool = True, **options: Any
) -> SequenceDataset:
    return read_arrays(path, DataConfig(**options), job, require_targets)


def folder_of(folder: Path, **arrays: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def plain(array: Array) -> Array:
    """What numbers of a type become: uint8, float32 or float64 with the same values."""
    if array.dtype == np.uint8:
        return array
    small = array.dtype.itemsize <= 2 or array.dtype.str[1:] == "f4"
    return array.astype(np.float32 if small else np.float64)


# --- what was written is read


@given(inputs, st.sampled_from(["int", "text", "none"]), st.booleans(), st.sampled_from("zf"))
@quick
def test_rows_and_labels_are_read_as_they_were_written(
    place: Path, X: Array, labels: str, halves: bool, kind: str
) -> None:
    arrays: dict[str, Array] = {"X": X}
    if labels != "none":
        arrays["y"] = np.arange(len(X)).astype("U" if labels == "text" else "i4")
    if halves:
        arrays |= {f"{name}_test": array[:1] for name, array in arrays.items()}
    if kind == "z":
        path = npz(place.with_name("a.npz"), **arrays)
    else:
        path = place.with_name("folder")
        for stale in path.glob("*"):
            stale.unlink()
        folder_of(path, **arrays)
    result = read(path, "autoencode")
    same(result.X, plain(X))
    assert (result.y is None) == (labels == "none")
    if result.y is not None:
        same(result.y, arrays["y"])
    assert (result.test is not None) == halves
    if halves:
        same(result.X_test, plain(X[:1]))
    assert result.kind == ("an .npz file" if kind == "z" else "a folder of .npy files")


@given(inputs)
@settings(quick, max_examples=25)
def test_an_npy_file_holds_inputs_only(place: Path, X: Array) -> None:
    path = npy(place.with_name("a.npy"), X)
    same(read(path, require_targets=False).X, plain(X))
    assert read(path, "autoencode").y is None


def test_missing_values_are_kept(path: Path) -> None:
    X = np.array([[np.nan, 1.0]] * 4)
    same(read(npz(path, X=X, y=np.arange(4))).X, X)


@pytest.mark.filterwarnings("error")
def test_values_too_large_for_a_float_become_infinite_without_a_warning(path: Path) -> None:
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        pytest.skip("there is no wider float here")
    wide = np.full((9, 2), np.longdouble(1e308) * 100)
    result = read(npz(path, X=wide, y=np.arange(9) % 2))
    assert np.isinf(result.X).all()


def test_labels_are_read_from_a_file_beside_an_npy_file(tmp_path: Path) -> None:
    X = npy(tmp_path / "X1.npy", np.zeros((3, 2)))
    y = npy(tmp_path / "labels.npy", np.array(["a", "b", "a"]))
    assert read(X, answers=str(y)).y is not None
    same(read(X, answers=str(y)).y, np.array(["a", "b", "a"]))


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("x", "y"),
        ("X_train", "y_train", "X_test", "y_test"),
    ],
)
def test_other_common_names_are_accepted(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays = {name: np.zeros((4, 2)) if name[0] in "xX" else np.arange(4) for name in names}
    folder = folder_of(tmp_path / "folder", **arrays)
    for result in (read(npz(tmp_path / "a.npz", **arrays)), read(folder)):
        assert result.y is not None
        assert len(result.X_test) == (4 if len(names) == 4 else 0)


def test_a_folder_is_recognised_by_its_inputs_and_other_files_give_a_remark(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "folder", X=np.zeros((4, 2)), y=np.arange(4), ids=np.arange(4))
    (folder / "notes.txt").write_text("x")
    assert is_array_folder(folder)
    assert read(folder).remarks == ("not read: ids.npy",)
    (folder / "X.npy").unlink()
    assert not is_array_folder(folder)
    with pytest.raises(DataError, match=r"expected arrays X, y.*found y"):
        read(folder)
    assert not is_array_folder(tmp_path / "absent")


# --- the layout


@pytest.mark.parametrize(
    ("X", "y", "X_expected", "y_expected"),
    [
        ((20,), (20,), (1, 20, 1), (1, 20, 1)),
        ((20, 3), (20,), (1, 20, 3), (1, 20, 1)),
        ((20, 3), (20, 2), (1, 20, 3), (1, 20, 2)),
        ((6, 5, 3), (6, 5, 2), (6, 5, 3), (6, 5, 2)),
        ((6, 5, 3), (6, 2), (6, 5, 3), (6, 2)),
        ((6, 5, 3), (6,), (6, 5, 3), (6, 1)),
        ((6, 5, 3), (6, 5), (6, 5, 3), (6, 5, 1)),
    ],
)
def test_signals_and_targets_get_all_axes(
    path: Path,
    X: tuple[int, ...],
    y: tuple[int, ...],
    X_expected: tuple[int, ...],
    y_expected: tuple[int, ...],
) -> None:
    arrays = {"X": np.random.default_rng(0).normal(size=X), "y": np.arange(np.prod(y)).reshape(y)}
    result = read(npz(path, **arrays, X_test=arrays["X"], y_test=arrays["y"]), "regress")
    for rows in (result.train, result.test):
        assert rows is not None
        same(rows.X, arrays["X"].reshape(X_expected))
        assert rows.y is not None
        same(rows.y, arrays["y"].reshape(y_expected).astype(float))


def test_pixels_stay_in_a_signal_but_targets_become_floats(path: Path) -> None:
    result = read(npz(path, X=np.zeros(9, "u1"), y=np.arange(9, dtype="u1")), "regress")
    assert result.X.dtype == np.uint8
    assert result.y is not None
    assert result.y.dtype == np.float64


@pytest.mark.parametrize(
    "options",
    [
        {"scale": "standard"},
        {"window": 6, "stride": 2},
        {"window": 6, "stride": 1, "output": "last", "stateful": False, "linear": True}
        | {"test_fraction": 0.2},
    ],
)
def test_large_series_are_prepared_without_a_copy_of_their_targets(
    path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path.with_suffix(".npy")
    np.save(path, np.random.default_rng(0).normal(9, 3, (300, 3)).astype(np.float32))
    config = make_config("regress", {"data": str(path), "horizon": 1, **options})
    small = prepare(read_dataset(config), config)
    for module, name in ((reader, "PIECE"), (transform, "PIECE"), (transform, "SCAN_BYTES")):
        monkeypatch.setattr(module, name, 100)
    raw = read_dataset(config)
    assert raw.y is raw.X
    large = prepare(raw, config)
    assert large.fingerprint_as_read == small.fingerprint_as_read
    assert large.fingerprint() == small.fingerprint()
    assert large.train.X.flags.writeable
    assert large.train.y.flags.writeable
    assert not np.shares_memory(large.train.X, raw.X)
    for part in (large.train, large.test):  # in parts: of rows, or of the steps of a long one
        if part is None:
            continue
        outputs = large.transform.undo_targets(part.require_targets(), part.X)
        monkeypatch.setattr(transform, "SCAN_BYTES", 2**24)
        same(outputs, large.transform.undo_targets(part.require_targets(), part.X))
        monkeypatch.setattr(transform, "SCAN_BYTES", 100)


def test_a_large_array_of_an_archive_is_mapped_once_its_checksum_is_verified(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.random.default_rng(0).normal(size=(40, 3, 2)).astype(np.float32)
    monkeypatch.setattr(npy_reader, "PIECE", 500)
    npz(path, X=X, y=np.arange(40) % 2)
    made = read(path, "classify")
    same(made.X, X)
    assert not made.X.flags.writeable
    data = path.read_bytes()
    place = data.index(X[20].tobytes())
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(DataError, match="or damaged"):
        read(path, "classify")
    np.savez_compressed(path, X=X, y=np.arange(40) % 2)
    assert read(path, "classify").X.flags.writeable


def test_a_forecast_reads_the_series_as_their_own_targets(path: Path) -> None:
    npz(path, X=np.arange(18).reshape(9, 2), X_test=np.zeros((4, 2)))
    result = read(path, "regress", horizon=1)
    same(result.y, result.X)
    same(result.y_test, result.X_test)
    assert result.columns == result.targets == ("value_0", "value_1")
    assert "all 2 channels are forecast" in result.remarks[0]
    npz(path, X=np.zeros((9, 2)))
    with pytest.raises(DataError, match=r"no targets; .* or forecast X with --horizon 1"):
        read(path, "regress")


@given(
    hnp.arrays(
        "<f4",
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
        elements={"allow_infinity": False},
    )
)
@settings(quick, max_examples=25)
def test_channels_first_arrays_are_transposed(place: Path, X: Array) -> None:
    path = npz(place.with_name("a.npz"), X=X, y=np.zeros(X.shape))
    turned = read(path, "regress", channels_first=True)
    same(turned.X, np.moveaxis(X, 1, 2))
    assert turned.X.flags.c_contiguous
    assert turned.y is not None
    assert turned.y.shape == turned.X.shape
    same(
        read(npy(place.with_name("a.npy"), X), require_targets=False, channels_first=True).X,
        np.moveaxis(X, 1, 2),
    )


# --- what does not go together


def test_channels_first_of_rows_without_channels_is_refused(path: Path) -> None:
    with pytest.raises(DataError, match=r"--channels-first.*\(4, 2\)"):
        read(npz(path, X=np.zeros((4, 2)), y=np.arange(4)), channels_first=True)


def test_the_answers_option_is_refused_if_there_are_answers(path: Path, tmp_path: Path) -> None:
    y = npy(tmp_path / "y1.npy", np.arange(4))
    npz(path, X=np.zeros((4, 2)), y=np.arange(4))
    with pytest.raises(DataError, match="remove it or leave out --answers"):
        read(path, answers=str(y))


def test_a_missing_answers_file_is_refused_with_the_most_similar_name(tmp_path: Path) -> None:
    X = npy(tmp_path / "X1.npy", np.zeros((4, 2)))
    npy(tmp_path / "labels.npy", np.arange(4))
    with pytest.raises(DataError, match=r"label\.npy: no such file; did you mean labels\.npy"):
        read(X, answers=str(tmp_path / "label.npy"))
    with pytest.raises(DataError, match="not a file"):
        read(X, answers=str(tmp_path))


def test_forbidden_archive_members_are_refused_as_untrusted(path: Path) -> None:
    with pytest.raises(UntrustedFileError, match=r"\.\./X\.npy"):
        read(member(path, "../X.npy"))


def test_an_archive_unpacks_up_to_the_limit(path: Path) -> None:
    npz(path, X=np.zeros((4, 2**15)), y=np.arange(4))
    with pytest.raises(DataError, match=r"--max-unpacked 0\.01"):
        read(path, max_unpacked=2**-12)
    assert read(path, max_unpacked=2**-8).X.shape == (4, 2**15)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("job", ["classify", "regress"])
def test_a_damaged_file_gives_rows_or_an_error_of_the_library(
    place: Path, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "IN_MEMORY", 150)
    stream = io.BytesIO()
    np.savez(stream, X=np.arange(40, dtype="<i2").reshape(8, 5), y=np.arange(8))
    packed, refused = stream.getvalue(), 0
    for suffix, n in ((".npz", 150), (".npy", 150)):
        path = place.with_suffix(suffix)
        if suffix == ".npy":
            stream = io.BytesIO()
            np.save(stream, np.arange(96, dtype="<i2").reshape(8, 12))
            packed = stream.getvalue()
        for hurt in mutations(packed, n):
            path.write_bytes(hurt)
            try:
                result = read(path, job, require_targets=False)
                assert len(result.X[:]) == len(result.train)
            except HiddenstateError:
                refused += 1
    assert refused > 100


# --- what is too large to be read whole


@given(
    hnp.arrays(
        kinds,
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=5),
        elements={"allow_infinity": False},
    ),
    st.sampled_from(["npy", "folder"]),
    st.booleans(),
)
@quick
def test_rows_on_disk_equal_rows_in_memory(
    place: Path, X: Array, kind: str, channels_first: bool
) -> None:
    channels_first &= X.ndim == 3
    folder = folder_of(place.with_name("large"), X=X, y=np.arange(len(X)))
    path = folder / "X.npy" if kind == "npy" else folder
    options: Any = {"require_targets": False, "channels_first": channels_first}
    whole = read(path, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "IN_MEMORY", 0)
        left = read(path, **options)
    assert isinstance(left.X, RowStore)
    assert not isinstance(whole.X, RowStore)
    assert (left.X.shape, left.X.dtype) == (whole.X.shape, whole.X.dtype)
    same(left.X[:], whole.X)


@pytest.mark.parametrize("shape", [(12,), (12, 3), (4, 3, 2)])
def test_a_large_signal_is_left_on_disk(
    tmp_path: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.arange(np.prod(shape), dtype="<i2").reshape(shape)
    path = npy(tmp_path / "X.npy", X)
    whole = read(path, "regress", require_targets=False).X
    monkeypatch.setattr(reader, "IN_MEMORY", 0)
    store = read(path, "regress", require_targets=False).X
    assert isinstance(store, RowStore)
    assert store.shape == whole.shape
    same(store[:], whole)


@pytest.mark.parametrize("shape", [(12,), (12, 3), (4, 3, 2)])
def test_series_that_are_forecast_are_mapped_whatever_their_size(
    tmp_path: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    path = npy(folder / "X.npy", np.arange(np.prod(shape), dtype="<f4").reshape(shape))
    whole = read(path, "regress", horizon=1)
    monkeypatch.setattr(reader, "IN_MEMORY", 0)
    monkeypatch.setattr(reader, "PIECE", 0)
    for place in (path, folder):
        large = read(place, "regress", horizon=1)
        assert not isinstance(large.X, RowStore)
        assert not large.X.flags.writeable
        same(large.X, whole.X)
        assert np.array_equal(large.y, whole.y)
    npy(folder / "y.npy", np.zeros(shape, "<f4"))  # other targets: rows are read one by one
    assert isinstance(read(folder, "regress", horizon=1).X, RowStore)


def test_fortran_order_and_text_are_always_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "IN_MEMORY", 0)
    X = np.arange(12.0).reshape(3, 4)
    same(read(npy(tmp_path / "a.npy", np.asfortranarray(X)), require_targets=False).X, X)
    with pytest.raises(DataError, match="holds text"):
        read(npy(tmp_path / "b.npy", np.array([["a", "b"]])), require_targets=False)


def test_a_large_file_smaller_than_declared_is_refused_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "IN_MEMORY", 0)
    path = npy(tmp_path / "a.npy", np.zeros((4, 3)))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="declares 96 bytes, found 95"):
        read(path, require_targets=False)


def test_names_are_escaped_in_messages(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "evil\n\x1b[31m\u202e", X=np.zeros((4, 2)))
    np.save(folder / "bad\n\x1b.npy", np.zeros(1))
    assert all(line.isprintable() for line in read(folder, "autoencode").remarks)
    with pytest.raises(DataError) as refused:
        read(folder)
    assert str(refused.value).isprintable()


def test_a_forecast_of_bytes_reads_numbers_not_pixels(path: Path) -> None:
    """Fractions of 255 and bytes that wrap around once gave wrong targets and scores."""
    bytes_ = np.array([[250.0], [3], [128], [7], [255]])
    npz(path, X=bytes_.astype(np.uint8))
    result = read(path, "regress", horizon=1)
    assert result.X.dtype == np.float32
    same(result.X.astype(np.float64), result.y)
    same(result.y.reshape(-1, 1), bytes_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_file_is_prepared_as_one_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: Any
) -> None:
    X = np.random.default_rng(0).normal(5, 2, (60, 4, 3)).astype(dtype)
    np.savez(tmp_path / "a.npz", X=X, y=np.arange(60) % 3)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", np.arange(60) % 3)
    monkeypatch.setattr(reader, "PIECE", 64)
    monkeypatch.setattr(apply, "SCAN_BYTES", 100)
    parts = []
    for name in ("a.npz", ""):
        data = {"data": str(tmp_path / name), "test_fraction": 0.2, "valid_fraction": 0.3}
        config = make_config("classify", data)
        dataset = read_dataset(config)
        assert dataset.X.flags.writeable == bool(name)
        prepared = prepare(dataset, config)
        np.testing.assert_array_equal(dataset.X, X)  # not overwritten
        assert prepared.valid is not None
        parts.append([prepared.train.X, prepared.require_test().X, prepared.valid.X])
    for one, other in zip(*parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_rows_do_not_change_with_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = np.arange(60, dtype=np.float32).reshape(5, 4, 3)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", np.arange(5) % 2)
    monkeypatch.setattr(reader, "PIECE", 64)
    config = make_config("classify", {"data": str(tmp_path), "test_fraction": 0, "scale": "none"})
    prepared = prepare(read_dataset(config), config)
    np.save(tmp_path / "X.npy", 0 * X)
    np.testing.assert_array_equal(prepared.train.X, X)


def test_bytes_of_three_colours_are_pictures(path: Path) -> None:
    X = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    np.savez(path, X=X, y=[0, 1])
    dataset = read(path)
    assert dataset.picture == (4, 5, 3)
    np.testing.assert_array_equal(dataset.X, X.reshape(2, 4, 15))
    np.savez(path, X=X / 255, y=[0, 1])
    with pytest.raises(DataError, match="expected X as"):
        read(path)
