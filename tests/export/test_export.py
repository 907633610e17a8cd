"""Exporting: the check before anything is kept, what is refused, and the Python file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor
from hiddenstate.config.exports import TARGETS
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import MachineError, OptionError, UntrustedFileError
from hiddenstate.export import export_model
from hiddenstate.export.export import target_named
from tests.conftest import QUIET
from tests.export.models import random_model
from tests.export.scripts import imported


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = random_model(5, job="classify")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export_model(model, "python", tmp_path / name / "m.py")
    for name in ("m.py", "m.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_belongs_to_a_model_lies_beside_it(tmp_path):
    model = random_model(5, job="classify", missing="mask")
    report = export_model(model, "python", tmp_path / "m")
    assert [Path(name).name for name in report.files] == ["m.py", "m.json"]
    facts = json.loads((tmp_path / "m.json").read_text())
    assert facts["classes"] == model.classes
    assert facts["columns"] == list(model.transform.columns)
    assert facts["preparation"]["missing"] == "mask"
    assert len(facts["model_sha256"]) == 64
    assert facts["model_sha256"] in (tmp_path / "m.py").read_text()


def test_files_that_exist_are_replaced_only_if_forced(tmp_path):
    model, earlier = random_model(5, job="classify"), json.dumps({"model_sha256": "another"})
    (tmp_path / "m.json").write_text(earlier)
    with pytest.raises(OptionError, match=r"m\.json already exists; add --force"):
        export_model(model, "python", tmp_path / "m.py")
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]
    export_model(model, "python", tmp_path / "m.py", force=True)
    assert json.loads((tmp_path / "m.json").read_text())["job"] == "classify"


def test_a_file_that_is_no_export_is_never_replaced_by_what_lies_beside(tmp_path):
    model = random_model(5, job="classify")
    (tmp_path / "m.json").write_text("mine")
    with pytest.raises(OptionError, match="exists, and is not of an earlier export"):
        export_model(model, "python", tmp_path / "m.py", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_files_of_a_run_are_never_replaced(refuse, cli, tmp_path):
    assert cli("regress", "--windows", 5, *QUIET).code == 0
    before = (tmp_path / "runs" / "regress-1" / "config.json").read_bytes()
    words = ("export", "last", "--to", "python", "--force", "--output")
    assert "name another file" in refuse(2, *words, "runs/regress-1/config.py")
    assert (tmp_path / "runs" / "regress-1" / "config.json").read_bytes() == before


def test_exports_of_one_model_share_the_facts_beside_them(tmp_path):
    model = random_model(5, job="classify")
    export_model(model, "python", tmp_path / "m.py")
    facts = json.loads((tmp_path / "m.json").read_text())
    (tmp_path / "m.json").write_text(json.dumps(facts | {"graphs": 1}))
    (tmp_path / "m.py").unlink()
    export_model(model, "python", tmp_path / "m.py")
    assert json.loads((tmp_path / "m.json").read_text()) == facts | {"graphs": 1}


def test_a_file_that_cannot_be_written_leaves_all_as_it_was(tmp_path, full_for):
    model = random_model(5, job="classify")
    (tmp_path / "m.json").write_text('{"model_sha256": 1}')
    full_for(".py")
    with pytest.raises(MachineError, match="no space"):
        export_model(model, "python", tmp_path / "m.py", force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("m.json", '{"model_sha256": 1}')
    ]


@pytest.mark.parametrize("to", ["triton"])
def test_fixed_convolutions_are_refused_by_name(refuse, tmp_path, to):
    random_model(3, job="classify", steps=12, convolutions=0.5).save(tmp_path / "m.safetensors")
    message = refuse(2, "export", "m.safetensors", "--to", to)
    assert f"--to {to}: " in message
    assert "use --to onnx" in message
    assert "--no-convolutions (it " in message
    assert "has fixed convolutions, which read whole series)" in message


@pytest.mark.parametrize("lengths", [[5], [0, 1], [-4, 1], [1], [1.5, 9]])
def test_lengths_are_checked(tmp_path, lengths):
    model = random_model(5, job="classify", missing="error")
    export_model(model, "python", tmp_path / "m.py")
    own = imported(tmp_path / "m.py")
    with pytest.raises(ValueError, match="lengths: expected 2 numbers from 1 to 4"):
        own.predict(np.ones((2, 4, model.n_features)), lengths)


def test_pixels_are_numbers_of_any_type(tmp_path):
    model = random_model(5, job="autoencode", pixels=True)
    export_model(model, "python", tmp_path / "m.py")
    own = imported(tmp_path / "m.py")
    X = np.random.default_rng(0).integers(0, 256, (3, model.n_features))
    expected = own.predict(X.astype(np.uint8))["code"]
    for given in (X, X.tolist(), X.astype(float)):
        np.testing.assert_array_equal(own.predict(given)["code"], expected)


def test_a_stream_takes_a_step_of_each_series(tmp_path):
    model = random_model(
        9, job="regress", missing="error", members=1, stem=False, bidirectional=False
    )
    export_model(model, "python", tmp_path / "m.py")
    stream = imported(tmp_path / "m.py").stream(2)
    with pytest.raises(ValueError, match="expected 2 rows of a step"):
        stream.step(np.ones((1, model.n_features)))


@pytest.mark.parametrize("to", TARGETS)
def test_inputs_that_float32_cannot_tell_apart_are_refused(to, tmp_path):
    model = random_model(3, job="regress", cell="lstm", missing="error", pixels=False)
    factor = np.full(model.n_features, 1e3)
    scaling = (np.full(len(factor), 1e6), factor)
    model = replace(model, transform=replace(model.transform, scaling=scaling))
    if target_named(to).wide_inputs:
        assert export_model(model, to, tmp_path / "m").difference < 1e-9
    else:
        with pytest.raises(OptionError, match=r"feature .* apart: .* use --to python or html"):
            export_model(model, to, tmp_path / "m")
        assert not list(tmp_path.iterdir())


def test_a_damaged_model_is_refused(refuse, tmp_path):
    random_model(5, job="classify").save(tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    (tmp_path / "m.safetensors").write_bytes(content[:-7])
    refuse(4, "export", "m.safetensors", "--to", "python")


def test_an_estimator_exports_itself(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 6, 2))
    estimator = RecurrentRegressor(hidden_size=4, max_steps=5, threads=1, random_state=0)
    estimator.fit(X, X.sum(axis=2))
    report = estimator.export("python", tmp_path / "m.py")
    assert report.difference <= report.limit
    np.testing.assert_allclose(
        imported(tmp_path / "m.py").predict(X)["y"], estimator.predict(X), atol=1e-5
    )
    with pytest.raises(OptionError, match="already exists; add force"):
        estimator.export("python", tmp_path / "m.py")
    with pytest.raises(OptionError, match="layout: to='python' has none; use to='c'"):
        estimator.export("python", tmp_path / "n", layout="cmake")


@pytest.mark.parametrize("weight", ["out.weight", "rnn.weight_ih_l0"])
@pytest.mark.parametrize("to", TARGETS)
def test_a_model_whose_predictions_overflow_is_refused(to, weight, tmp_path):
    wanted: dict[str, Any] = {"missing": "error", "stem": False, "members": 1, "cell": "lstm"}
    wanted |= {"linear": False, "pixels": False, "change": False, "bidirectional": False}
    net = random_model(3, job="regress", output="steps", scaling=False, layers=1, **wanted)
    signal = replace(net.net, n_features=1, n_outputs=1)
    params = signal.initial(0, "float32")
    params[weight] = np.full_like(params[weight], 3e38)
    model = replace(net, net=signal, params=params, transform=Transform())
    with pytest.raises(UntrustedFileError, match="train the model again, at a lower learning rate"):
        export_model(model, to, tmp_path / f"m_{to}")
    assert list(tmp_path.iterdir()) == []
