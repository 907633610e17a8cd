"""The ONNX export: two graphs give the answers of the model, in two runtimes."""

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.export import export_model
from hiddenstate.export.int8 import quantised, stored
from hiddenstate.export.onnx.file import BATCH, STREAM, build, zero_state
from hiddenstate.export.target import source_of
from hiddenstate.system.extras import command
from tests.conftest import QUIET
from tests.export.models import random_model

onnx = pytest.importorskip("onnx")


def session_of(model, ending, start):
    return start(build(source_of(model, "m", "float32"))[ending])[0]


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_a_row_that_the_model_cannot_read_has_no_answer(job, start):
    model = random_model(3, job=job, missing="error", pixels=False, stem=False, linear=False)
    compute = session_of(model, BATCH, start)
    shape = (3, model.n_features) if job == "autoencode" else (3, 5, model.n_features)
    X = np.zeros(shape, np.float32)
    X[1].flat[-1] = np.nan
    X[2].flat[0] = np.inf
    sound = compute({"x": np.where(np.isfinite(X), X, 0)})  # as many rows, so equal to the bit
    for name, answer in compute({"x": X}).items():
        assert (answer[0] == sound[name][0]).all()
        assert (answer[1:] == -1).all() if name == "class" else np.isnan(answer[1:]).all()


@pytest.mark.parametrize("length", [0, 7])
def test_a_length_that_is_none_of_the_row_has_no_answer(length, start):
    model = random_model(3, job="classify", missing="mean")
    X = np.zeros((2, 6, model.n_features), np.float32)
    X = X.astype(np.uint8) if model.transform.pixels else X
    answers = session_of(model, BATCH, start)({"x": X, "lengths": np.array([6, length])})
    assert answers["class"][0] >= 0
    assert answers["class"][1] == -1
    assert np.isnan(answers["probabilities"][1]).all()


def test_a_logarithm_of_zero_is_refused(start):
    seed = next(
        seed
        for seed in range(99)
        if random_model(
            seed, job="regress", linear=True, missing="forward"
        ).transform.takes_logarithms
    )
    model = random_model(seed, job="regress", linear=True, missing="forward")
    X = np.ones((2, 6, model.n_features), np.float32)
    X[1, 2] = 0
    y = session_of(model, BATCH, start)({"x": X})["y"]
    assert np.isfinite(y[0]).all()
    assert np.isnan(y[1]).all()


WITH_STATE: dict[str, Any] = {"members": 1, "stem": False, "bidirectional": False}


def test_steps_that_cannot_be_read_leave_the_state_of_a_stream_as_it_was(start):
    model = random_model(3, job="classify", missing="error", pixels=False, **WITH_STATE)
    source = source_of(model, "m", "float32")
    compute = session_of(model, STREAM, start)
    X = np.random.default_rng(0).normal(size=(2, 3, model.n_features)).astype(np.float32)
    before = compute({"x": X, **zero_state(source.program, 2)})
    state = {name[:-5]: array for name, array in before.items() if name.endswith("_next")}
    X[1, 1, 0] = np.nan
    after = compute({"x": X, **state})
    assert (after["class"][1] == -1).all()
    assert np.isnan(after["probabilities"][1]).all()
    for name, array in state.items():
        assert (after[f"{name}_next"][1] == array[1]).all()
        assert not (after[f"{name}_next"][0] == array[0]).all()


@pytest.mark.parametrize("missing", ["error", "forward"])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_reset_begins_a_series_in_its_row_alone(missing, readout, start):
    model = random_model(
        3, job="classify", missing=missing, pixels=False, readout=readout, **WITH_STATE
    )
    program = source_of(model, "m", "float32").program
    compute = session_of(model, STREAM, start)
    X = np.random.default_rng(0).normal(size=(2, 4, model.n_features)).astype(np.float32)
    X[:, 0, 0] = np.nan if missing == "forward" else 0
    before = compute({"x": X, **zero_state(program, 2)})
    state = {name[:-5]: array for name, array in before.items() if name.endswith("_next")}
    reset = np.array([[True], [False]])
    after = compute({"x": X, "reset": reset, **state})["probabilities"]
    on = compute({"x": X, **state})["probabilities"]
    assert np.abs(after[0] - before["probabilities"][0]).max() < 1e-6
    assert np.abs(after[1] - on[1]).max() < 1e-6
    assert np.abs(after[1] - before["probabilities"][1]).max() > 1e-4


def test_a_graph_says_what_it_is(tmp_path):
    model = random_model(5, job="classify", missing="mask")
    report = export_model(model, "onnx", tmp_path / "m.onnx")
    assert "onnx" in report.computed_by
    facts = json.loads((tmp_path / "m.json").read_text())
    graph = onnx.load(tmp_path / "m.onnx")
    carried = json.loads({each.key: each.value for each in graph.metadata_props}["hiddenstate"])
    assert carried["model_sha256"] == facts["model_sha256"]
    assert carried["classes"] == facts["classes"] == model.classes
    assert carried["columns"] == facts["columns"]
    batch = facts["graphs"]["batch"]
    assert batch["inputs"]["lengths"] == {"dtype": "int64", "shape": ["N"], "optional": True}
    assert [each.name for each in graph.graph.input] == list(batch["inputs"])
    assert [each.name for each in graph.graph.output] == list(batch["outputs"])
    assert (graph.ir_version, graph.opset_import[0].version) == (7, 14)
    assert not {node.domain for node in graph.graph.node} - {""}


def test_the_same_model_gives_the_same_graph():
    model = random_model(5, job="classify")
    source = source_of(model, "m", "float32")
    assert build(source) == build(source)


def test_weights_of_int8_take_a_quarter_of_the_bytes(tmp_path):
    model = random_model(
        7, job="classify", cell="lstm", layers=1, hidden_size=64, stem=False, members=1
    )
    for weights in ("float32", "int8"):
        export_model(model, "onnx", tmp_path / f"{weights}.onnx", weights)
    sizes = [(tmp_path / f"{weights}.onnx").stat().st_size for weights in ("int8", "float32")]
    assert sizes[0] <= 0.3 * sizes[1]


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1, 1e6])
def test_stored_weights_are_those_of_the_file(scale):
    random = np.random.default_rng(0)
    model = random_model(7, job="classify", stem=False, members=1)
    weight = (random.normal(size=(6, 9)) * scale).astype(np.float32)
    weight[2] = 0
    own = stored(replace(model, params={"out.weight": weight}), "int8").params["out.weight"]
    q, scales = quantised(own)
    assert (q * scales[:, None].astype(np.float32) == own).all()
    assert np.abs(own - weight).max() <= np.abs(weight).max() / 250


def test_the_command_says_what_int8_costs(cli, tiny_idx, tmp_path):
    options = ("--max-steps", "30", "--hidden-size", "8")
    assert cli("classify", tiny_idx, *options, *QUIET).code == 0
    done = cli("export", "classify-1", "--to", "onnx", "--weights", "int8", "--json")
    assert done.code == 0, done.err
    cost = json.loads(done.out)["rounding"]
    scores = json.loads(cli("evaluate", "classify-1", "--json").out)
    assert (cost["score"], cost["before"]) == ("accuracy", scores["accuracy"])
    again = cli("export", "classify-1", "--to", "onnx", "--weights", "int8", "--force")
    assert (
        f"accuracy on the test rows {cost['before']:.2%} before, {cost['after']:.2%}" in again.err
    )
    plain = cli("export", "classify-1", "--to", "onnx", "--output", "plain", "--json")
    assert json.loads(plain.out)["rounding"] is None


def test_without_the_package_one_line_names_the_command(refuse, tmp_path, monkeypatch):
    random_model(5, job="classify").save(tmp_path / "m.safetensors")
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = refuse(3, "export", "m.safetensors", "--to", "onnx")
    assert command("onnx") in message
