"""The page of exports: what it shows with ONNX runs where the packages are installed."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
NEEDED = {
    "ONNX": ("onnx", "onnxruntime"),
    "FastAPI": ("onnx", "onnxruntime", "fastapi", "httpx"),
    "MLflow": ("onnx", "onnxruntime", "mlflow", "mlflow.onnx"),
}
"""What a section imports; a section that lacks some is skipped, and says which."""


def blocks_of(section: str) -> list[str]:
    text = PAGE.read_text("utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(section: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run the blocks of a section after those of others, and return their names."""
    for module in NEEDED[section]:
        pytest.importorskip(module)
    for block in blocks_of(section):
        exec(compile(block, f"{PAGE.name}, {section}", "exec"), names)
    return names


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The names of the section on ONNX, and a folder with what it wrote."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield run("ONNX", {"__name__": "page"}), folder


@pytest.fixture
def exported(made, monkeypatch):
    """The names of the section on ONNX, in its folder."""
    names, folder = made
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (folder / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return dict(names)


def test_every_section_with_such_code_is_run_here():
    heads = re.findall(r"^## (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {head for head in heads if blocks_of(head)} == set(NEEDED)


def test_graphs_run_in_onnxruntime(exported):
    names = exported
    expected = names["clf"].predict(names["digits"].X_test[:5])
    assert [names["names"][i] for i in names["number"]] == expected.tolist()


def test_the_service_classifies_and_refuses(exported):
    names = run("FastAPI", exported)
    from fastapi.testclient import TestClient

    client, X = TestClient(names["app"]), names["digits"].X_test[:2]
    done = client.post("/classify", json=X.tolist())
    assert done.status_code == 200
    found = [list(row.values()) for row in done.json()]
    np.testing.assert_allclose(found, names["clf"].predict_proba(X), atol=1e-5)
    assert list(done.json()[0]) == [str(label) for label in range(10)]
    wrong = [
        X[:, :, :5].tolist(),
        [[[300.0] * 28]],
        [[[1] * 28], [[1] * 28] * 2],
        [[["a"] * 28]],
        [],
    ]
    for rows in wrong:
        assert client.post("/classify", json=rows).status_code == 422


def test_the_service_takes_25_lines():
    (block,) = blocks_of("FastAPI")
    assert len([line for line in block.splitlines() if line.strip()]) <= 25


def test_a_model_is_logged_with_its_signature(exported):
    names = run("MLflow", exported)
    expected = names["clf"].predict(names["digits"].X_test[:5])
    assert names["answers"]["class"].tolist() == expected.tolist()
    with pytest.raises(Exception, match=r"signature|schema"):
        names["served"].predict({"x": names["digits"].X_test[:5].astype(str)})
