"""What a user gets for bad input: one line, the right exit code, and nothing written."""

import gzip
import json
import os
import pickle
import stat
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hiddenstate.cli import main
from hiddenstate.config import make_config
from hiddenstate.errors import DataError
from hiddenstate.models import FittedModel, Net
from hiddenstate.storage import write_arrays
from tests.conftest import Answer, idx_bytes

Cli = Callable[..., Answer]
Refuse = Callable[..., str]

QUIET = ("--view", "off", "--threads", 1)
TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
EVIL = "evil\n\x1b[31m\u202e<b>"


@pytest.fixture
def refuse(cli: Cli, tmp_path: Path) -> Refuse:
    """Run a command that must end with `code`, one line on stderr and nothing written."""

    def run(code: int, *arguments: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        answer = cli(*arguments)
        assert "Traceback" not in answer.err
        assert answer.code == code, answer
        assert answer.out == ""
        assert answer.err.startswith("error: ")
        assert answer.err.endswith("\n")
        assert answer.err.removesuffix("\n").isprintable(), answer.err
        assert sorted(tmp_path.rglob("*")) == before
        return answer.err

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A classifier's file: sequences of any length, 5 features a step, 3 classes."""
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    path = tmp_path / "model.safetensors"
    FittedModel(net, net.initial(0, "float32"), ["a", "b", "c"], (7, 5)).save(path)
    return path


@pytest.fixture
def coder(tmp_path: Path) -> Path:
    """An autoencoder's file: rows of 9 numbers."""
    values = {"encoder_sizes": (6,), "code_size": 2, "output_activation": "sigmoid"}
    net = Net("autoencode", make_config("autoencode", values).model, 9, 9)
    path = tmp_path / "coder.safetensors"
    FittedModel(net, net.initial(0, "float32"), None, (9,)).save(path)
    return path


@pytest.fixture
def follower(tmp_path: Path) -> Path:
    """A regressor's file: 2 features in and 1 target out at every step, state carried."""
    net = Net("regress", make_config("regress", {"hidden_size": 4}).model, 2, 1, "steps")
    path = tmp_path / "follower.safetensors"
    FittedModel(net, net.initial(0, "float32"), None, (10, 2), stateful=True).save(path)
    return path


def npy(path: Path, array: Any) -> Path:
    np.save(path, array, allow_pickle=True)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def rows(tmp_path: Path, n: int = 12, **changes: Any) -> Path:
    """Rows and labels fit for `classify`, but for `changes`."""
    arrays = {"X": np.ones((n, 4)), "y": np.arange(n) % 2}
    return npz(tmp_path / "own.npz", **arrays | changes)


# 1. Missing path


def test_01_missing_data_names_the_nearest(refuse: Refuse, tiny_idx: Path) -> None:
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
def test_01_missing_paths_are_refused(refuse: Refuse, arguments: tuple[str, ...]) -> None:
    refuse(2, *arguments)


def test_01_missing_rows_for_a_model_are_refused(refuse: Refuse, model: Path) -> None:
    refuse(2, "predict", model, "absent.npy")
    assert "name some data" in refuse(2, "predict", model)


# 2. Folder, device or FIFO


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_02_a_device_or_fifo_as_data_is_refused_at_once(
    refuse: Refuse, job: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo.npz")
    assert "neither a file nor a folder" in refuse(2, job, tmp_path / "fifo.npz")
    assert "neither a file nor a folder" in refuse(2, job, "/dev/zero")


def test_02_a_fifo_among_idx_files_is_refused_at_once(refuse: Refuse, tiny_idx: Path) -> None:
    (tiny_idx / TRAIN_LABELS).unlink()
    os.mkfifo(tiny_idx / TRAIN_LABELS)
    refuse(2, "classify", tiny_idx)


def test_02_a_fifo_as_weights_or_rows_is_refused_at_once(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo.npy"
    os.mkfifo(fifo)
    refuse(2, "regress", "--weights", fifo)
    refuse(2, "predict", model, fifo)
    refuse(2, "predict", fifo, model)


def test_02_a_fifo_as_settings_is_refused_unread(refuse: Refuse, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.toml"
    os.mkfifo(fifo)

    def feed() -> None:
        with fifo.open("wb") as stream:
            stream.write(b"wrong = ")

    writer = threading.Thread(target=feed, daemon=True)
    writer.start()
    try:
        refuse(2, "regress", "--config", fifo)
        assert writer.is_alive()
    finally:
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))


def test_02_a_folder_where_a_file_belongs_is_refused(
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


# 3. Empty


@pytest.mark.parametrize("name", ["a.npz", "a.npy", TRAIN_IMAGES])
def test_03_an_empty_file_has_no_rows(refuse: Refuse, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "no rows" in refuse(2, "autoencode", tmp_path / name)


@pytest.mark.parametrize("shape", [(0, 9), (9, 0), (0, 3, 3), (0,)])
def test_03_arrays_without_rows_are_refused(
    refuse: Refuse, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    empty = np.zeros(shape)
    refuse(2, "classify", npz(tmp_path / "none.npz", X=empty, y=np.zeros(len(empty))), *QUIET)
    refuse(2, "autoencode", npy(tmp_path / "none.npy", empty), *QUIET)


def test_03_a_signal_without_steps_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    signal = npz(tmp_path / "none.npz", X=np.zeros(0), y=np.zeros(0))
    refuse(2, "regress", signal, *QUIET)


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
def test_03_new_data_without_rows_are_refused(
    refuse: Refuse, request: pytest.FixtureRequest, tmp_path: Path, fixture: str
) -> None:
    model = request.getfixturevalue(fixture)
    shape = {"model": (0, 7, 5), "coder": (0, 9), "follower": (0, 2)}[fixture]
    refuse(2, "predict", model, npy(tmp_path / "none.npy", np.zeros(shape)))
    answers = npz(tmp_path / "none.npz", X=np.zeros(shape), y=np.zeros(0))
    refuse(2, "evaluate", model, answers)


def test_03_an_empty_idx_set_is_refused(refuse: Refuse, tiny_idx: Path) -> None:
    (tiny_idx / TRAIN_IMAGES).write_bytes(idx_bytes(np.zeros((0, 8, 8), "u1")))
    (tiny_idx / TRAIN_LABELS).write_bytes(idx_bytes(np.zeros(0, "u1")))
    refuse(2, "classify", tiny_idx)


# 10. Not finite


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_10_values_that_are_not_finite_are_counted(
    refuse: Refuse, model: Path, tmp_path: Path, value: float
) -> None:
    X = np.ones((12, 4))
    X[3, 1] = X[5, 2] = value
    error = refuse(2, "classify", rows(tmp_path, X=X))
    assert "2 values" in error
    assert "(3, 1)" in error
    signal = npz(tmp_path / "signal.npz", X=np.full(20, value), y=np.zeros(20))
    assert "20 values" in refuse(2, "regress", signal)
    new = npy(tmp_path / "new.npy", np.full((2, 7, 5), value))
    assert "70 values" in refuse(2, "predict", model, new)


# 11 and 12. Labels


def test_11_missing_labels_are_refused(refuse: Refuse, tmp_path: Path) -> None:
    assert "labels" in refuse(2, "classify", npz(tmp_path / "x.npz", X=np.ones((12, 4))))
    assert "labels" in refuse(2, "classify", npy(tmp_path / "x.npy", np.ones((12, 4))))


def test_11_a_constant_label_is_named(refuse: Refuse, tmp_path: Path) -> None:
    assert "every label is 7" in refuse(2, "classify", rows(tmp_path, y=np.full(12, 7)))


def test_11_a_class_with_one_row_is_named(refuse: Refuse, tmp_path: Path) -> None:
    error = refuse(2, "classify", rows(tmp_path, y=np.array([5] * 11 + [8])), *QUIET)
    assert "8" in error.partition("own.npz")[2]


def test_12_a_test_label_absent_from_training_is_named_by_row(
    refuse: Refuse, tmp_path: Path, tiny_idx: Path
) -> None:
    more = {"X_test": np.ones((2, 4)), "y_test": np.array([0, 9])}
    assert "test row 1 has label 9" in refuse(2, "classify", rows(tmp_path, **more))
    labels = np.arange(30, dtype="u1") % 4
    (tiny_idx / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    assert "test row 3 has label 3" in refuse(2, "classify", tiny_idx)


def test_12_a_label_the_model_never_met_is_named_by_row(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    answers = npz(tmp_path / "new.npz", X=np.ones((3, 7, 5)), y=np.arange(3))
    assert "row 0 has label 0" in refuse(2, "evaluate", model, answers)


# 13. Few rows


def test_13_fewer_rows_than_a_batch_run_with_one_warning(cli: Cli, tmp_path: Path) -> None:
    answer = cli("classify", rows(tmp_path), "--hidden-size", 4, *QUIET)
    assert answer.code == 0
    warnings = [line for line in answer.err.splitlines() if "batch" in line]
    assert len(warnings) == 1


def test_13_a_signal_shorter_than_a_window_is_refused_with_both_lengths(
    refuse: Refuse, tmp_path: Path
) -> None:
    signal = npz(tmp_path / "signal.npz", X=np.zeros(7), y=np.zeros(7))
    error = refuse(2, "regress", signal, "--window", 8)
    assert "8 steps" in error
    assert "only 7" in error


# 15 to 18. npy and npz


def test_15_pickled_objects_are_refused_and_never_offered(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    path = npy(tmp_path / "objects.npy", np.array([{}], dtype=object))
    said = "contains pickled objects; re-save as float"
    assert said in refuse(2, "autoencode", path)
    assert said in refuse(2, "predict", model, path)
    objects = np.array([None] * 12, dtype=object)
    assert said in refuse(2, "classify", rows(tmp_path, X=objects))


def test_16_a_npy_declaring_more_than_it_holds_is_refused_with_both_numbers(
    refuse: Refuse, tmp_path: Path
) -> None:
    path = npy(tmp_path / "x.npy", np.zeros((10, 9)))
    text = path.read_bytes().replace(b"(10, 9), }        ", b"(10, 9000000000), ")
    text = text.replace(b"9000000000), ", b"9000000000)} ")
    path.write_bytes(text)
    error = refuse(2, "autoencode", path)
    assert str(10 * 9_000_000_000 * 8) in error
    assert str(len(text)) in error


def test_17_a_bomb_is_refused_with_the_limits(refuse: Refuse, tmp_path: Path) -> None:
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


def member(path: Path, *names: str, mode: int = 0) -> Path:
    data = npy(path.with_name("x.npy"), np.ones((12, 4))).read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "names", [("../X.npy",), ("/X.npy",), ("X.npy", "X.npy"), ("a/X.npy",), ("C:\\X.npy",)]
)
def test_18_an_archive_member_out_of_place_is_refused_by_name(
    refuse: Refuse, tmp_path: Path, names: tuple[str, ...]
) -> None:
    error = refuse(4, "autoencode", member(tmp_path / "x.npz", *names))
    assert names[0].rpartition("\\")[2] in error


def test_18_a_symlink_in_an_archive_is_refused_by_name(refuse: Refuse, tmp_path: Path) -> None:
    path = member(tmp_path / "x.npz", "X.npy", mode=stat.S_IFLNK | 0o777)
    assert "X.npy" in refuse(4, "autoencode", path, *QUIET)


def test_18_a_damaged_archive_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, X=np.arange(48.0).reshape(12, 4))
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    path.write_bytes(data)
    refuse(2, "autoencode", path)
    path.write_bytes(data[:100])
    refuse(2, "autoencode", path)


# 19 and 20. idx


def test_19_a_truncated_gz_is_refused_with_the_offset(refuse: Refuse, tiny_idx: Path) -> None:
    path = tiny_idx / TRAIN_IMAGES
    packed = gzip.compress(path.read_bytes())[:-30]
    path.unlink()
    path.with_name(f"{TRAIN_IMAGES}.gz").write_bytes(packed)
    assert f"byte {len(packed)}" in refuse(2, "classify", tiny_idx)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x89PNG", "starts with 89504e47"),
        (b"\0\0\x0a\3" + b"\0\0\0\1" * 3 + b"x", "0x0a"),
        (b"\0\0\x08\3" + b"\xff" * 12, "promises 79228162458924105385300197375 bytes, only 0"),
        (b"\0\0\x0e\x04\0\0\0\0" + b"\xff" * 12, ""),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 7, "promises 8 bytes, only 7 follow"),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 9, "promises 8 bytes, more follow"),
        (b"\0\0\x08\3\0\0\0\2\0\0\0\2\0\0\0\2" + b"x" * 8, "120 labels for 2 images"),
        (idx_bytes(np.zeros((120, 64), "u1")), "(120, 64)"),
        (idx_bytes(np.zeros((120, 8, 8), "f4")), "float32"),
    ],
    ids=["magic", "type", "overflow", "no rows", "short", "trailing", "counts", "axes", "floats"],
)  # fmt: skip
def test_20_a_wrong_idx_file_is_refused_with_both_numbers(
    refuse: Refuse, tiny_idx: Path, data: bytes, said: str
) -> None:
    (tiny_idx / TRAIN_IMAGES).write_bytes(data)
    assert said in refuse(2, "classify", tiny_idx)


# 23 to 26. Models


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_23_a_pickle_given_as_a_model_is_refused(
    refuse: Refuse, tmp_path: Path, protocol: int
) -> None:
    for name in ("model.pkl", "model.pt", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps({"a": 1}, protocol))
        refuse(4, "predict", tmp_path / name, "absent.npy")
    assert "can run code" in refuse(4, "predict", member(tmp_path / "m.pt", "x.npy"), "absent.npy")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_23_a_pickle_given_as_weights_is_refused(
    refuse: Refuse, tmp_path: Path, protocol: int
) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps(os.getcwd, protocol))
    refuse(4, "regress", "--windows", 2, "--weights", path)


def test_23_a_pickle_given_as_data_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    for name in ("x.pkl", "x.npy", "x.npz"):
        (tmp_path / name).write_bytes(pickle.dumps([1.0, 2.0]))
        refuse(2, "autoencode", tmp_path / name)


def test_24_a_model_changed_in_one_byte_is_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    assert "SHA-256" in refuse(4, "predict", model, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"out.bias": None}, "out.bias (3,) is missing"),
        ({"spare": np.zeros(2)}, "spare is unknown"),
        ({"out.bias": np.zeros(4, "f4")}, "out.bias is (4,), expected (3,)"),
        ({"out.bias": np.zeros(3, "i4")}, "out.bias is int32, expected float32"),
    ],
    ids=["missing", "extra", "shape", "type"],
)
def test_24_a_model_of_other_tensors_is_refused_by_name(
    refuse: Refuse, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    kept = FittedModel(net, net.initial(0, "float32"), [1, 2, 3], (7, 5))
    params = {n: a for n, a in (kept.params | change).items() if a is not None}
    path = tmp_path / "m.safetensors"
    write_arrays(path, "model", params, {**kept.facts(), "extra": {}})
    assert said in refuse(4, "predict", path, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


def test_24_a_crafted_model_with_nonsense_for_classes_is_refused(
    refuse: Refuse, tmp_path: Path
) -> None:
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    path = tmp_path / "m.safetensors"
    FittedModel(net, net.initial(0, "float32"), [[1], [2, 3], {}], (7, 5)).save(path)
    refuse(4, "predict", path, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


def test_25_a_newer_model_is_refused_with_the_version(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    data = model.read_bytes()
    model.write_bytes(data.replace(b'\\"format\\":1', b'\\"format\\":7'))
    error = refuse(4, "predict", model, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))
    assert "format 7" in error
    assert "update hiddenstate" in error


def test_25_a_newer_run_is_refused_with_the_version(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record = {"format": 7, "config": make_config("regress").to_dict()}
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    assert "format 7" in refuse(4, "predict", tmp_path / "run")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 5000, '{"format": 1}', '{"format": 1, "a": 1e999}', "\0"]
)
def test_25_a_damaged_run_is_refused(refuse: Refuse, tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(text)
    assert "config.json" in refuse(4, "predict", tmp_path / "run")


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
@pytest.mark.parametrize(
    "shape", [(3, 7, 4), (3, 7, 6), (3, 8), (35,), (), (2, 3, 7, 5), (3, 7, 0), (3, 0)]
)
def test_26_rows_of_another_shape_are_refused(
    refuse: Refuse,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fixture: str,
    shape: tuple[int, ...],
) -> None:
    new = npy(tmp_path / "new.npy", np.ones(shape))
    assert "new.npy" in refuse(2, "predict", request.getfixturevalue(fixture), new)


def test_26_answers_of_another_number_are_refused(
    refuse: Refuse, follower: Path, tmp_path: Path
) -> None:
    new = npz(tmp_path / "new.npz", X=np.ones((20, 2)), y=np.ones((20, 3)))
    assert "new.npz" in refuse(2, "evaluate", follower, new)


# 27. Options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("clasify",), "did you mean classify?"),
        (("classify", "--hiden-size", "3"), "--hidden-size"),
        (("classify", "--code-size", "3"), "--code-size"),
        (("classify", "--epochs", "0"), "from 1 to 1000000000, got 0"),
        (("classify", "--epochs", "-1"), "got -1"),
        (("classify", "--epochs", "many"), "a whole number from 1 to 1000000000, got 'many'"),
        (("classify", "--epochs", "++5"), "got '++5'"),
        (("classify", "--epochs", "1.5"), "got '1.5'"),
        (("classify", "--epochs", "9" * 30), "a whole number"),
        (("classify", "--epochs"), "--epochs"),
        (("classify", "--lr", "nan"), "a number above 0, got nan"),
        (("classify", "--lr", "1e999"), "got inf"),
        (("classify", "--dropout", "1"), "from 0 below 1"),
        (("classify", "--cell", "lst"), "did you mean lstm?"),
        (("classify", "--test-fraction", "1"), "above 0 below 1"),
        (("classify", "--seeds", "0"), "--seeds"),
        (("classify", "--view", "no"), "--view"),
        (("classify", "a", "b"), "b"),
        (("classify", "a", "--data-dir", "b"), "give one of the two"),
        (("autoencode", "--encoder-sizes", "9,,3"), "--encoder-sizes"),
        (("autoencode", "--encoder-sizes", ""), "--encoder-sizes"),
        (("autoencode", "--encoder-sizes", "3,+-4"), "--encoder-sizes"),
        (("regress", "--shuffle"), "--no-stateful"),
        (("regress", "--momentum", "0.5"), "--optimizer sgd"),
        (("predict",), "predict --help"),
        (("predict", "m", "--device", "tpu"), "--device"),
        (("compare",), "compare --help"),
        (("--nonsense",), "--nonsense"),
        (("classify", "--\x1b[31m"), "31m"),
        (("classify", "--cell", EVIL), "--cell"),
        (("classify", "--view", EVIL), "--view"),
        ((EVIL,), "evil"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_27_a_wrong_option_is_refused_with_what_is_right(
    refuse: Refuse, arguments: tuple[str, ...], said: str
) -> None:
    assert said in refuse(2, *arguments)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs = 0", "--epochs"),
        ("epochs = true", "--epochs"),
        (f"epochs = {'9' * 400}", "--epochs"),
        (f"lr = {'9' * 400}", "--lr"),
        ("lr = nan", "--lr"),
        ("hiden_size = 3", "hiden_size"),
        ("code_size = 3", "code_size"),
        ("[training]\nepoch = 3", "epoch"),
        ("[nonsense]\nepochs = 3", "nonsense"),
        ("epochs = ", "settings.toml"),
        ("epochs = 3\nepochs = 3", "settings.toml"),
        ("\0", "settings.toml"),
        (f"epochs = {'[' * 3000}", "settings.toml"),
    ],
)
def test_27_wrong_settings_in_a_file_are_refused(
    refuse: Refuse, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "settings.toml").write_text(text)
    assert said in refuse(2, "classify", "absent", "--config", tmp_path / "settings.toml")


def test_27_a_nul_in_a_name_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('data = "a\\u0000b"')
    assert "--data" in refuse(2, "classify", "--config", tmp_path / "settings.toml")


def test_27_a_config_of_another_job_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    record = {"config": make_config("regress").to_dict()}
    (tmp_path / "config.json").write_text(json.dumps(record))
    error = refuse(2, "classify", "--config", tmp_path / "config.json")
    assert "is of a regress run" in error


def test_27_steps_that_do_not_cut_a_row_are_refused_by_both_numbers(
    refuse: Refuse, tmp_path: Path
) -> None:
    error = refuse(2, "classify", rows(tmp_path), "--steps", 3)
    assert "rows of 4 numbers do not make 3 equal steps" in error


# 28. A place that cannot be written in


def test_28_runs_that_cannot_be_made_are_refused_before_training(
    refuse: Refuse, tiny_idx: Path
) -> None:
    inside = tiny_idx / TRAIN_IMAGES
    assert "no run folder can be made" in refuse(3, "classify", tiny_idx, "--runs-dir", inside)


def test_28_predictions_that_cannot_be_written_are_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    new = npy(tmp_path / "x.npy", np.ones((1, 7, 5)))
    refuse(3, "predict", model, new, "--output", tmp_path / "absent" / "out.csv")
    refuse(3, "predict", model, new, "--output", tmp_path)


# 32. Names


@pytest.mark.parametrize(
    "arguments",
    [("classify",), ("regress", "--config"), ("regress", "--weights"), ("predict",),
     ("compare",), ("classify", "--data-dir")],
    ids=" ".join,
)  # fmt: skip
def test_32_strange_names_of_missing_files_are_escaped(
    refuse: Refuse, arguments: tuple[str, ...]
) -> None:
    assert "evil\\n\\x1b" in refuse(2, *arguments, EVIL)


def test_32_strange_names_of_data_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    data = npy(tmp_path / f"{EVIL}.npy", -np.ones((12, 4)))
    assert "evil\\n" in refuse(2, "autoencode", data, "--output-activation", "sigmoid")


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
def test_32_strange_names_of_new_rows_are_escaped(
    refuse: Refuse, request: pytest.FixtureRequest, tmp_path: Path, fixture: str
) -> None:
    data = npy(tmp_path / f"{EVIL}.npy", np.ones((12, 4)))
    assert "evil\\n" in refuse(2, "predict", request.getfixturevalue(fixture), data)


def test_32_strange_names_of_models_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    data = npy(tmp_path / f"{EVIL}.npy", np.ones((12, 4)))
    assert "evil\\n" in refuse(4, "predict", data, data)


def test_32_strange_names_in_a_config_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(json.dumps(EVIL) + " = 1")
    refuse(2, "regress", "--config", tmp_path / "s.toml")


def test_32_a_run_in_a_strange_place_is_escaped_in_what_is_said(cli: Cli, tmp_path: Path) -> None:
    answer = cli("regress", "--windows", 2, "--runs-dir", tmp_path / EVIL, *QUIET)
    assert answer.code == 0
    assert all(line.isprintable() for line in (answer.out + answer.err).split("\n"))
    assert "evil\\n" in answer.err
    listed = cli("runs", "--runs-dir", tmp_path / EVIL / "none")
    assert len(listed.err.splitlines()) == 1
    assert listed.err.removesuffix("\n").isprintable()


# 33 and 34. Too much


def test_33_a_rate_that_is_too_large_stops_by_name_and_saves_nothing_broken(
    cli: Cli, tmp_path: Path
) -> None:
    answer = cli("regress", "--windows", 20, "--optimizer", "sgd", "--lr", "1e30", *QUIET)
    assert answer.code == 5
    error = answer.err.splitlines()[-1]
    assert error.startswith("error: training diverged in epoch 0, batch ")
    assert "--lr" in error
    assert "Traceback" not in answer.err
    for path in (tmp_path / "runs").rglob("*.safetensors"):
        assert all(np.isfinite(array).all() for array in load_file(path).values())
    assert not list((tmp_path / "runs").rglob("model.safetensors"))


def test_34_a_net_larger_than_the_memory_is_refused_before_it_is_made(
    refuse: Refuse, tiny_idx: Path
) -> None:
    error = refuse(3, "classify", tiny_idx, "--hidden-size", 65536, "--layers", 64)
    assert error.count("GiB") == 2
    assert "free" in error


def test_34_more_waves_than_the_memory_holds_are_refused(refuse: Refuse) -> None:
    assert "GiB" in refuse(3, "regress", "--windows", 10**15, "--view", "off")


def test_a_trace_is_shown_only_when_asked_for() -> None:
    with pytest.raises(DataError, match="absent"):
        main(["classify", "absent", "--debug"])
