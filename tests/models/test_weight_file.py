"""Weights to start training from, and the files they are read from."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiddenstate.config import make_config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.errors import DataError, HiddenstateError, UntrustedFileError
from hiddenstate.jobs import Job, make_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.models.weight_file import read_weights, refuse_code
from hiddenstate.training.initial_state import starting_state
from tests.conftest import mutations


class ClassicLSTM(torch.nn.Module):
    """The classic script's own class, as users have it on disk."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.LSTM(input_size=5, hidden_size=4, num_layers=1, batch_first=True)
        self.out = torch.nn.Linear(4, 3)


class Trap:
    """Creates a file if it is ever unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def job_of(**values: Any) -> Job:
    """A classifier of three classes with 4 hidden units, for steps of 5 features."""
    rows = Rows(np.zeros((6, 7, 5), np.float32), np.arange(6) % 3)
    data = PreparedDataset("own", rows, classes=["a", "b", "c"])
    return make_job(make_config("classify", {"hidden_size": 4, **values}), data)


@pytest.fixture
def net() -> Net:
    return job_of().net


def start(path: Path, **values: Any) -> dict[str, Any]:
    return starting_state(job_of(weights=str(path), **values)).params


def test_without_a_file_weights_follow_from_the_seed(net: Net) -> None:
    state = starting_state(job_of(seed=9, dtype="float64"))
    assert (state.step, state.moments, state.carried) == (0, {}, {})
    for name, array in net.initial(9, "float64").items():
        np.testing.assert_array_equal(state.params[name], array)


def test_training_starts_from_a_model_file(net: Net, tmp_path: Path) -> None:
    path, params = tmp_path / "m.safetensors", net.initial(5, "float32")
    FittedModel(net, params, ["a", "b", "c"], (7, 5)).save(path)
    started = start(path)
    for name, array in params.items():
        np.testing.assert_array_equal(started[name], array)


def test_training_starts_from_the_state_dict_of_a_classic_script(net: Net, tmp_path: Path) -> None:
    classic, path = ClassicLSTM(), tmp_path / "net.pt"
    torch.save(classic.state_dict(), path)
    started = start(path)
    assert list(started) == list(net.shapes())
    for name, value in classic.state_dict().items():
        np.testing.assert_array_equal(started[name], value.numpy())


def test_weights_take_the_runs_own_float_type(net: Net, tmp_path: Path) -> None:
    torch.save(ClassicLSTM().state_dict(), tmp_path / "net.pt")
    started = start(tmp_path / "net.pt", dtype="float64")
    assert {array.dtype for array in started.values()} == {np.dtype("f8")}


def test_weights_from_a_file_do_not_share_memory_with_torch(net, tmp_path, monkeypatch):
    classic = ClassicLSTM()
    torch.save(classic.state_dict(), tmp_path / "net.pt")
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: classic.state_dict())
    start(tmp_path / "net.pt")["out.bias"][:] = 7
    assert not (classic.state_dict()["out.bias"] == 7).any()


def test_weights_of_another_size_are_refused_by_name(net: Net, tmp_path: Path) -> None:
    weights = ClassicLSTM().state_dict() | {"out.bias": torch.zeros(10)}
    torch.save(weights, tmp_path / "net.pt")
    with pytest.raises(UntrustedFileError, match=r"out\.bias is \(10,\), expected \(3,\)"):
        start(tmp_path / "net.pt")


@pytest.mark.parametrize("kept", ["module", "pickle", "ancient pickle", "inside a state_dict"])
def test_a_file_that_could_run_code_is_refused_and_runs_none(kept: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "net.pt", tmp_path / "mark"
    trap = Trap(mark)
    if kept == "module":
        module: Any = ClassicLSTM()
        module.trap = trap
        torch.save(module, path)
    elif kept == "inside a state_dict":
        torch.save({"out.bias": trap}, path)
    else:
        path.write_bytes(pickle.dumps(trap, 0 if kept == "ancient pickle" else 4))
    with pytest.raises(UntrustedFileError, match=r"net\.pt"):
        read_weights(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(2)],
        torch.zeros(2),
        {"model": {"out.bias": torch.zeros(3)}},
        {1: torch.zeros(3)},
        {"epoch": 3},
        {"out.bias": torch.zeros(3, dtype=torch.bfloat16)},
        {"out.bias": torch.zeros(3).to_sparse()},
        {"out.bias": torch.zeros(3, device="meta")},
    ],
    ids=["list", "tensor", "nested", "number", "count", "bfloat16", "sparse", "meta"],
)
def test_anything_but_a_state_dict_of_plain_tensors_is_refused(content, net, tmp_path):
    torch.save(content, tmp_path / "net.pt")
    with pytest.raises(UntrustedFileError, match=r"net\.pt"):
        start(tmp_path / "net.pt")


@pytest.mark.parametrize("data", [b"hello", b"PK\x03\x04", b"\x80\x02.", b"\x80\x04}.", b"\0" * 64])
def test_a_file_that_torch_cannot_read_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(data)
    with pytest.raises(UntrustedFileError, match=r"net\.pt"):
        read_weights(path)


def test_an_archive_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(UntrustedFileError, match=r"net\.pt"):
        read_weights(path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("archive", [True, False], ids=["archive", "old format"])
def test_a_damaged_state_dict_raises_only_errors_of_the_library(tmp_path, archive):
    stream, path, refused = io.BytesIO(), tmp_path / "net.pt", 0
    torch.save(ClassicLSTM().state_dict(), stream, _use_new_zipfile_serialization=archive)
    for hurt in mutations(stream.getvalue(), 100):
        path.write_bytes(hurt)
        try:
            read_weights(path)
        except HiddenstateError:
            refused += 1
    assert refused > 20


def test_a_folder_of_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a folder"):
        start(tmp_path)


def test_a_missing_weights_file_is_refused_with_the_nearest_name(net: Net, tmp_path: Path) -> None:
    torch.save(ClassicLSTM().state_dict(), tmp_path / "net.pt")
    with pytest.raises(DataError, match=r"did you mean net\.pt"):
        start(tmp_path / "nett.pt")


@pytest.mark.parametrize("start", [b"\x80\x02", b"\x80\x05", b"PK\x03\x04"])
def test_a_pickle_is_recognised_by_its_first_bytes(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(start + b"rest")
    with pytest.raises(UntrustedFileError, match="can run code; convert it where it was made"):
        refuse_code(path)


def test_a_model_file_is_not_taken_for_a_pickle(net: Net, tmp_path: Path) -> None:
    """Also where the length of its header begins with the byte of a pickle's opcode."""
    path, starts = tmp_path / "m.safetensors", set()
    for length in range(1, 300):
        label = "a" * length
        FittedModel(net, net.initial(0, "float32"), [label, "b", "c"], (7, 5)).save(path)
        starts.add(path.read_bytes()[:1])
        refuse_code(path)
    assert b"\x80" in starts


@pytest.mark.parametrize("what", ["contents", "checksum", "size"])
def test_an_archive_with_a_damaged_member_is_refused_with_its_name(tmp_path, what):
    path = tmp_path / "net.pt"
    torch.save(ClassicLSTM().state_dict(), path)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = next(i for i in archive.infolist() if i.filename.endswith("data/0"))
        with archive.open(info) as member:
            start = data.index(member.read())
        directory = archive.start_dir
    entry = data.index(info.filename.encode(), directory) - 46
    place = {"contents": start + 5, "checksum": entry + 16, "size": entry + 20}[what]
    data[place] ^= 4
    path.write_bytes(data)
    with pytest.raises(UntrustedFileError, match="net/data/0" if what != "size" else "net.pt"):
        read_weights(path)
