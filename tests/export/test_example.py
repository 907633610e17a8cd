"""Every export holds a row with its answers, to check it where hiddenstate is not installed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config.exports import TARGETS
from hiddenstate.export import example
from hiddenstate.export.export import export_model, target_named
from tests.export.models import random_model
from tests.export.scripts import imported, run_file

KINDS: dict[str, dict[str, Any]] = {
    "classify": {"missing": "mask"},
    "regress": {"cell": "lstm", "output": "steps", "linear": True},
    "autoencode": {},
}


@pytest.mark.parametrize("job", KINDS)
def test_the_answers_to_the_example_are_those_of_the_export(job, tmp_path):
    export_model(random_model(1, job=job, **KINDS[job]), "python", tmp_path / "m.py")
    (held,) = json.loads((tmp_path / "m.json").read_text())["examples"].values()
    found = imported(tmp_path / "m.py").predict(np.array([held["x"]], float))
    assert set(found) == set(held["answers"])
    for name, tolerance in held["tolerance"].items():
        np.testing.assert_allclose(found[name][0], held["answers"][name], rtol=0, atol=tolerance)


@pytest.mark.parametrize("to", TARGETS)
def test_every_target_holds_an_example(to, tmp_path):
    seed = next(s for s in range(99) if random_model(s, job="regress").n_features == 1)
    wanted: dict[str, Any] = {"cell": "lstm", "layers": 1, "bidirectional": False, "stem": False}
    wanted |= {"missing": "error", "linear": False, "pixels": False, "change": False, "members": 1}
    model = random_model(seed, job="regress", output="steps", **wanted)
    report = export_model(model, to, tmp_path / "m")
    kept = [Path(file).read_bytes() for file in report.files]
    assert any(b'"examples"' in each for each in kept)
    held = target_named(to).name in ("c", "triton")  # the header tests itself; triton has a folder
    assert held or b"tolerance" in kept[0]


def test_examples_of_other_weights_stand_side_by_side(tmp_path):
    model = random_model(5, job="classify")
    for to, weights in (("python", "float32"), ("c", "int8"), ("onnx", "float32")):
        export_model(model, to, tmp_path / "m", weights)
    assert set(json.loads((tmp_path / "m.json").read_text())["examples"]) == {"float32", "int8"}


@pytest.mark.parametrize(("most", "numbers"), [(1000, 28), (10, 8), (3, 0)])
def test_a_long_row_is_cut_and_a_wide_one_has_no_example(most, numbers, tmp_path, monkeypatch):
    models = (random_model(seed, job="classify", steps=7) for seed in range(99))
    model = next(each for each in models if each.n_features == 4)
    monkeypatch.setattr(example, "MOST", most)
    export_model(model, "python", tmp_path / "m.py")
    examples = json.loads((tmp_path / "m.json").read_text()).get("examples", {})
    assert sum(np.size(each["x"]) for each in examples.values()) == numbers


def test_a_python_file_tests_itself(tmp_path):
    path = tmp_path / "m.py"
    export_model(random_model(1, job="classify"), "python", path)
    done = run_file(path, "--selftest")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("probabilities: difference ")
    assert done.stdout.endswith(": passed\n")
    text = path.read_text()
    path.write_text(text.replace("e = np.exp(x - ", "e = np.exp(0.9 * x - "))
    done = run_file(path, "--selftest")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
