"""Bad models are refused in one line, and strange names are escaped in messages."""

import contextlib
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.config import make_config
from hiddenstate.errors import HiddenstateError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.system.array_file import read_arrays, write_arrays
from tests.conftest import EVIL, Refuse, member, npy, npz

# --- models


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_given_as_a_model_is_refused(
    refuse: Refuse, tmp_path: Path, protocol: int
) -> None:
    for name in ("model.pkl", "model.pt", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps({"a": 1}, protocol))
        refuse(4, "predict", tmp_path / name, "absent.npy")
    assert "can run code" in refuse(4, "predict", member(tmp_path / "m.pt", "x.npy"), "absent.npy")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_given_as_weights_is_refused(
    refuse: Refuse, tmp_path: Path, protocol: int
) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(pickle.dumps(os.getcwd, protocol))
    refuse(4, "regress", "--windows", 2, "--weights", path)


def test_a_model_with_one_changed_byte_is_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    model.write_bytes(data)
    assert "SHA-256" in refuse(4, "predict", model, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"out.bias": None}, "out.bias (3,) is missing"),
        ({"spare": np.zeros(2)}, "spare is unknown"),
        ({"out.bias": np.zeros(4, "f4")}, "out.bias is (4,), expected (3,)"),
        ({"out.bias": np.zeros(3, "i4")}, "out.bias is int32, expected float32"),
    ],
    ids=["missing", "extra", "shape", "type"],
)
def test_a_model_with_other_tensors_is_refused_with_their_names(
    refuse: Refuse, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    net = Net("classify", make_config("classify", {"hidden_size": 4}).model, 5, 3)
    kept = FittedModel(net, net.initial(0, "float32"), [1, 2, 3], (7, 5))
    params = {n: a for n, a in (kept.params | change).items() if a is not None}
    path = tmp_path / "m.safetensors"
    write_arrays(path, "model", params, {**kept.facts(), "extra": {}})
    assert message in refuse(4, "predict", path, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


@pytest.mark.parametrize(
    "classes",
    [
        [[1], [2, 3], {}],
        ["a", "b", "\ud800"],
        ["a", "a\0", "b"],
        [1, 10**400, 2],
        [1, 1, 2],
        [1, 2],
    ],
)
def test_a_forged_model_with_invalid_classes_is_refused(
    refuse: Refuse, model: Path, tmp_path: Path, classes: list[Any]
) -> None:
    arrays, facts = read_arrays(model, "model")
    write_arrays(model, "model", arrays, {**facts, "classes": classes})
    refuse(4, "predict", model, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))


def leaves(facts: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of the numbers, texts and truth values in JSON."""
    if isinstance(facts, dict | list):
        inner = facts.items() if isinstance(facts, dict) else enumerate(facts)
        return [leaf for key, value in inner for leaf in leaves(value, (*place, key))]
    return [place]


@pytest.mark.parametrize("value", [10**400, -(10**30), 1e300, "\ud800"], ids=str)
def test_no_number_or_text_in_a_model_file_is_an_internal_error(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "m.safetensors"
    X = np.random.default_rng(0).normal(size=(8, 3, 2))
    options: dict[str, Any] = {"max_steps": 1, "missing": "mask", "scale": "standard"}
    RecurrentRegressor("lstm", hidden_size=2, stateful=True, **options).fit(X, X[:, 0]).save(path)
    arrays, facts = read_arrays(path, "model")
    for place in leaves(facts):
        changed = json.loads(json.dumps(facts))
        inside = changed
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = value
        write_arrays(path, "model", arrays, changed)
        with contextlib.suppress(HiddenstateError):
            load(path).predict(X)


def test_a_newer_model_is_refused_with_the_version(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    data = model.read_bytes()
    model.write_bytes(data.replace(b'\\"format\\":2', b'\\"format\\":7'))
    error = refuse(4, "predict", model, npy(tmp_path / "x.npy", np.ones((1, 7, 5))))
    assert "format 7" in error
    assert "update hiddenstate" in error


def test_a_newer_run_is_refused_with_the_version(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    record = {"format": 7, "config": make_config("regress").to_dict()}
    (tmp_path / "run" / "config.json").write_text(json.dumps(record))
    assert "format 7" in refuse(4, "predict", tmp_path / "run")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 5000, '{"format": 1}', '{"format": 1, "a": 1e999}', "\0"]
)
def test_a_damaged_run_is_refused(refuse: Refuse, tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(text)
    assert "config.json" in refuse(4, "predict", tmp_path / "run")


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
@pytest.mark.parametrize(
    "shape", [(3, 7, 4), (3, 7, 6), (3, 8), (35,), (), (2, 3, 7, 5), (3, 7, 0), (3, 0)]
)
def test_rows_of_another_shape_are_refused(
    refuse: Refuse,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fixture: str,
    shape: tuple[int, ...],
) -> None:
    new = npy(tmp_path / "new.npy", np.ones(shape))
    assert "new.npy" in refuse(2, "predict", request.getfixturevalue(fixture), new)


def test_targets_of_another_number_are_refused(
    refuse: Refuse, follower: Path, tmp_path: Path
) -> None:
    new = npz(tmp_path / "new.npz", X=np.ones((20, 2)), y=np.ones((20, 3)))
    assert "new.npz" in refuse(2, "evaluate", follower, new)


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
def test_new_data_without_rows_are_refused(
    refuse: Refuse, request: pytest.FixtureRequest, tmp_path: Path, fixture: str
) -> None:
    model = request.getfixturevalue(fixture)
    shape = {"model": (0, 7, 5), "coder": (0, 9), "follower": (0, 2)}[fixture]
    refuse(2, "predict", model, npy(tmp_path / "none.npy", np.zeros(shape)))
    answers = npz(tmp_path / "none.npz", X=np.zeros(shape), y=np.zeros(0))
    refuse(2, "evaluate", model, answers)


# --- names


@pytest.mark.parametrize("fixture", ["model", "coder", "follower"])
def test_strange_names_of_new_rows_are_escaped(
    refuse: Refuse, request: pytest.FixtureRequest, tmp_path: Path, fixture: str
) -> None:
    data = npy(tmp_path / f"{EVIL}.npy", np.ones((12, 4)))
    assert "evil\\n" in refuse(2, "predict", request.getfixturevalue(fixture), data)
