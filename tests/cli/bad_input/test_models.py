"""What a user gets for bad models, options and places: one line, nothing written."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hiddenstate.cli import main
from hiddenstate.config import make_config
from hiddenstate.errors import DataError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.array_file import write_arrays
from tests.conftest import (
    EVIL,
    QUIET,
    TRAIN_IMAGES,
    Cli,
    Refuse,
    member,
    npy,
    npz,
    rows,
)

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
    model.write_bytes(data.replace(b'\\"format\\":2', b'\\"format\\":7'))
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
        (("classify", "--dropout", "1"), "at least 0 and below 1"),
        (("classify", "--cell", "lst"), "did you mean lstm?"),
        (("classify", "--test-fraction", "1"), "at least 0 and below 1"),
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
    assert "belongs to a regress run" in error


def test_27_steps_that_do_not_cut_a_row_are_refused_by_both_numbers(
    refuse: Refuse, tmp_path: Path
) -> None:
    error = refuse(2, "classify", rows(tmp_path), "--steps", 3)
    assert "rows of 4 numbers cannot be cut into 3 equal steps" in error


# 28. A place that cannot be written in


def test_28_runs_that_cannot_be_made_are_refused_before_training(
    refuse: Refuse, tiny_idx: Path
) -> None:
    inside = tiny_idx / TRAIN_IMAGES
    assert "cannot create the run folder" in refuse(3, "classify", tiny_idx, "--runs-dir", inside)


def test_28_predictions_that_cannot_be_written_are_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    new = npy(tmp_path / "x.npy", np.ones((1, 7, 5)))
    refuse(3, "predict", model, new, "--output", tmp_path / "absent" / "out.csv")
    refuse(3, "predict", model, new, "--output", tmp_path)


# 32. Names


@pytest.mark.parametrize(
    "arguments",
    [
        ("classify",),
        ("regress", "--config"),
        ("regress", "--weights"),
        ("predict",),
        ("compare",),
        ("classify", "--data-dir"),
    ],
    ids=" ".join,
)
def test_32_strange_names_of_missing_files_are_escaped(
    refuse: Refuse, arguments: tuple[str, ...]
) -> None:
    assert "evil\\n\\x1b" in refuse(2, *arguments, EVIL)


def test_32_strange_names_of_data_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    data = npy(tmp_path / f"{EVIL}.npy", -np.ones((12, 4)))
    assert "evil\\n" in refuse(
        2, "autoencode", data, "--output-activation", "sigmoid", "--recipe", "classic"
    )


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
    # A name is never two lines, and so never a line of its own.
    plain = cli("regress", "--windows", 2, "--runs-dir", tmp_path / "plain", *QUIET)
    assert answer.out.count("\n") == plain.out.count("\n")
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
