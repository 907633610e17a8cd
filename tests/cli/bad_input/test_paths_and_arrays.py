"""Bad paths and arrays are refused in one line with the right exit code; nothing is written."""

import contextlib
import gzip
import os
import stat
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import (
    QUIET,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    Cli,
    Refuse,
    idx_bytes,
    member,
    npy,
    npz,
    rows,
)

# --- missing paths


def test_missing_data_is_refused_with_the_most_similar_name(refuse: Refuse, tiny_idx: Path) -> None:
    assert "did you mean digits?" in refuse(2, "classify", tiny_idx.with_name("digts"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("classify", "absent"),
        ("regress", "absent.npz"),
        ("autoencode", "no/such/folder"),
        ("regress", "--config", "absent.toml"),
        ("regress", "--weights", "absent.pt"),
        ("predict", "absent"),
        ("evaluate", "absent"),
        ("resume", "absent"),
        ("watch", "absent"),
        ("figures", "absent"),
        ("compare", "absent"),
        ("predict", "last"),
    ],
    ids=" ".join,
)
def test_missing_paths_are_refused(refuse: Refuse, arguments: tuple[str, ...]) -> None:
    refuse(2, *arguments)


def test_a_model_without_data_to_predict_is_refused(refuse: Refuse, model: Path) -> None:
    refuse(2, "predict", model, "absent.npy")
    assert "pass DATA after it" in refuse(2, "predict", model)


# --- folders, devices and FIFOs


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_a_device_or_fifo_as_data_is_refused_at_once(
    refuse: Refuse, job: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    assert "neither a file nor a folder" in refuse(2, job, tmp_path / "fifo.npz")
    assert "neither a file nor a folder" in refuse(2, job, "/dev/zero")


def test_a_fifo_among_idx_files_is_refused_at_once(refuse: Refuse, tiny_idx: Path) -> None:
    (tiny_idx / TRAIN_LABELS).unlink()
    os.mkfifo(tiny_idx / TRAIN_LABELS)
    refuse(2, "classify", tiny_idx)


def test_a_fifo_as_weights_or_rows_is_refused_at_once(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo.npy"
    os.mkfifo(fifo)
    refuse(2, "regress", "--weights", fifo)
    refuse(2, "predict", model, fifo)
    refuse(2, "predict", fifo, model)


def test_a_fifo_as_settings_is_refused_unread(refuse: Refuse, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.toml"
    os.mkfifo(fifo)

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError), fifo.open("wb") as stream:
            stream.write(b"wrong = ")

    writer = threading.Thread(target=feed, daemon=True)
    writer.start()
    try:
        refuse(2, "regress", "--config", fifo)
        assert writer.is_alive()
    finally:
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))


def test_a_folder_where_a_file_belongs_is_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder.npz"
    folder.mkdir()
    for job in ("classify", "regress", "autoencode"):
        refuse(2, job, folder)
    refuse(2, "regress", "--config", folder)
    refuse(2, "regress", "--weights", folder)
    refuse(2, "predict", model, folder)
    refuse(2, "predict", folder, model)


# --- no rows


@pytest.mark.parametrize("name", ["a.npz", "a.npy", TRAIN_IMAGES])
def test_an_empty_file_is_refused(refuse: Refuse, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "no rows" in refuse(2, "autoencode", tmp_path / name)


@pytest.mark.parametrize("shape", [(0, 9), (9, 0), (0, 3, 3), (0,)])
def test_arrays_without_rows_are_refused(
    refuse: Refuse, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    empty = np.zeros(shape)
    refuse(2, "classify", npz(tmp_path / "none.npz", X=empty, y=np.zeros(len(empty))), *QUIET)
    refuse(2, "autoencode", npy(tmp_path / "none.npy", empty), *QUIET)


def test_a_signal_without_steps_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    signal = npz(tmp_path / "none.npz", X=np.zeros(0), y=np.zeros(0))
    refuse(2, "regress", signal, *QUIET)


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
def test_new_data_without_rows_are_refused(
    refuse: Refuse, request: pytest.FixtureRequest, tmp_path: Path, fixture: str
) -> None:
    model = request.getfixturevalue(fixture)
    shape = {"model": (0, 7, 5), "coder": (0, 9), "follower": (0, 2)}[fixture]
    refuse(2, "predict", model, npy(tmp_path / "none.npy", np.zeros(shape)))
    answers = npz(tmp_path / "none.npz", X=np.zeros(shape), y=np.zeros(0))
    refuse(2, "evaluate", model, answers)


def test_an_empty_idx_set_is_refused(refuse: Refuse, tiny_idx: Path) -> None:
    (tiny_idx / TRAIN_IMAGES).write_bytes(idx_bytes(np.zeros((0, 8, 8), "u1")))
    (tiny_idx / TRAIN_LABELS).write_bytes(idx_bytes(np.zeros(0, "u1")))
    refuse(2, "classify", tiny_idx)


# --- values that are not finite


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_with_their_number(
    refuse: Refuse, model: Path, tmp_path: Path, value: float
) -> None:
    X = np.ones((12, 4))
    X[3, 1] = X[5, 2] = value
    error = refuse(2, "classify", rows(tmp_path, X=X))
    assert "2 values" in error
    assert "the first in row 3, feature 1" in error
    assert "--missing mean" in error
    signal = npz(tmp_path / "signal.npz", X=np.full(20, value), y=np.zeros(20))
    assert "20 values" in refuse(2, "regress", signal)
    new = npy(tmp_path / "new.npy", np.full((2, 7, 5), value))
    assert "70 values" in refuse(2, "predict", model, new)


# --- labels


def test_missing_labels_are_refused(refuse: Refuse, tmp_path: Path) -> None:
    assert "labels" in refuse(2, "classify", npz(tmp_path / "x.npz", X=np.ones((12, 4))))
    assert "labels" in refuse(2, "classify", npy(tmp_path / "x.npy", np.ones((12, 4))))


def test_a_constant_label_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    assert "all rows have the label 7" in refuse(2, "classify", rows(tmp_path, y=np.full(12, 7)))


def test_a_class_with_one_row_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    error = refuse(2, "classify", rows(tmp_path, y=np.array([5] * 11 + [8])), *QUIET)
    assert "8" in error.partition("own.npz")[2]


def test_a_test_label_that_no_training_row_has_is_refused_with_its_row(
    refuse: Refuse, tmp_path: Path, tiny_idx: Path
) -> None:
    more: Any = {"X_test": np.ones((2, 4)), "y_test": np.array([0, 9])}
    assert "test row 1 has label 9" in refuse(2, "classify", rows(tmp_path, **more))
    labels = np.arange(30, dtype="u1") % 4
    (tiny_idx / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    assert "test row 3 has label 3" in refuse(2, "classify", tiny_idx)


def test_a_label_unknown_to_the_model_is_refused_with_its_row(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    answers = npz(tmp_path / "new.npz", X=np.ones((3, 7, 5)), y=np.arange(3))
    assert "row 0 has label 0" in refuse(2, "evaluate", model, answers)


# --- few rows


def test_fewer_rows_than_a_batch_train_with_one_warning(cli: Cli, tmp_path: Path) -> None:
    answer = cli("classify", rows(tmp_path), "--hidden-size", 4, "--batch-size", 64, *QUIET)
    assert answer.code == 0
    warnings = [line for line in answer.err.splitlines() if "batch" in line]
    assert len(warnings) == 1


def test_a_signal_shorter_than_a_window_is_refused_with_both_lengths(
    refuse: Refuse, tmp_path: Path
) -> None:
    signal = npz(tmp_path / "signal.npz", X=np.zeros(7), y=np.zeros(7))
    error = refuse(2, "regress", signal, "--window", 8, "--test-fraction", 0)
    assert "8 steps" in error
    assert "has 7" in error
    assert "windows of 8" in refuse(2, "regress", signal, "--window", 8)


# --- npy and npz


def test_pickled_objects_are_refused(refuse: Refuse, model: Path, tmp_path: Path) -> None:
    path = npy(tmp_path / "objects.npy", np.array([{}], dtype=object))
    message = "contains pickled objects; save it again as numbers"
    assert message in refuse(2, "autoencode", path)
    assert message in refuse(2, "predict", model, path)
    objects = np.array([None] * 12, dtype=object)
    assert message in refuse(2, "classify", rows(tmp_path, X=objects))


def test_an_npy_file_smaller_than_declared_is_refused_with_both_sizes(
    refuse: Refuse, tmp_path: Path
) -> None:
    path = npy(tmp_path / "x.npy", np.zeros((10, 9)))
    text = path.read_bytes().replace(b"(10, 9), }        ", b"(10, 9000000000), ")
    text = text.replace(b"9000000000), ", b"9000000000)} ")
    path.write_bytes(text)
    error = refuse(2, "autoencode", path)
    assert str(10 * 9_000_000_000 * 8) in error
    assert str(len(text)) in error


def test_a_zip_bomb_is_refused_with_the_limits(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive,
        archive.open("X.npy", "w") as member,
    ):
        for _ in range(32):
            member.write(b"\0" * 2**20)
    error = refuse(2, "autoencode", path)
    assert str(32 * 2**20) in error
    assert "1000 times" in error


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("../X.npy",), ("/X.npy",), ("X.npy", "X.npy"), ("a/X.npy",), ("C:\\X.npy",)]
)
def test_an_archive_member_with_a_path_or_duplicate_name_is_refused(
    refuse: Refuse, tmp_path: Path, names: tuple[str, ...]
) -> None:
    error = refuse(4, "autoencode", member(tmp_path / "x.npz", *names))
    assert names[0].rpartition("\\")[2] in error


def test_a_symlink_in_an_archive_is_refused_by_name(refuse: Refuse, tmp_path: Path) -> None:
    path = member(tmp_path / "x.npz", "X.npy", mode=stat.S_IFLNK | 0o777)
    assert "X.npy" in refuse(4, "autoencode", path, *QUIET)


def test_a_damaged_archive_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, X=np.arange(48.0).reshape(12, 4))
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    path.write_bytes(data)
    refuse(2, "autoencode", path)
    path.write_bytes(data[:100])
    refuse(2, "autoencode", path)


# --- idx


def test_a_truncated_gzip_file_is_refused_with_the_offset(refuse: Refuse, tiny_idx: Path) -> None:
    path = tiny_idx / TRAIN_IMAGES
    packed = gzip.compress(path.read_bytes())[:-30]
    path.unlink()
    path.with_name(f"{TRAIN_IMAGES}.gz").write_bytes(packed)
    assert f"byte {len(packed)}" in refuse(2, "classify", tiny_idx)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG", "starts with 89504e47"),
        (b"\0\0\x0a\3" + b"\0\0\0\1" * 3 + b"x", "0x0a"),
        (b"\0\0\x08\3" + b"\xff" * 12, "declares 79228162458924105385300197375 bytes, found 0"),
        (b"\0\0\x0e\x04\0\0\0\0" + b"\xff" * 12, ""),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 7, "declares 8 bytes, found 7"),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 9, "declares 8 bytes, found more"),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 8, "120 labels for 2 images"),
        (idx_bytes(np.zeros((120, 64), "u1")), "(120, 64)"),
        (idx_bytes(np.zeros((120, 8, 8), "f4")), "float32"),
    ],
    ids=["magic", "type", "overflow", "no rows", "short", "trailing", "counts", "axes", "floats"],
)
def test_a_damaged_idx_file_is_refused_with_both_numbers(
    refuse: Refuse, tiny_idx: Path, data: bytes, message: str
) -> None:
    (tiny_idx / TRAIN_IMAGES).write_bytes(data)
    assert message in refuse(2, "classify", tiny_idx)
