"""Everything works without torch but what is made of it, and that names its extra.

Each test runs in a Python of its own in which importing torch raises, in its child processes too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hiddenstate.system.extras import command
from tests import conftest
from tests.conftest import QUIET, Answer, Cli, needs_kernels

ROOT = Path(__file__).parents[1]
HINT = command("torch")

BLOCK = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTorch())
"""

COMMANDS = """
import contextlib, io, json, sys
from hiddenstate.cli import main

answers = []
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
    answers.append((code or 0, out.getvalue(), err.getvalue()))
assert "torch" not in sys.modules
print(json.dumps(answers))
"""

BLANK = """
from matplotlib.figure import Figure
from hiddenstate.report.html import pictures

Figure.draw = lambda figure, renderer: None
pictures.DOTS, pictures.VARIANTS = 24, (("light", "wide"),)
"""
"""Lets figures have no marks, and reports few pictures."""

Python = Callable[..., str]
Commands = Callable[..., list[Answer]]


@pytest.fixture
def python(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Python:
    """Run code in `tmp_path` without torch and return what it printed."""
    folder = tmp_path_factory.mktemp("block")
    (folder / "sitecustomize.py").write_text(BLOCK)

    def run(code: str, *arguments: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])} | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def commands(python: Python) -> Commands:
    """Run commands, each a list of arguments, in one process without torch."""

    def run(*lines: list[object], **variables: str) -> list[Answer]:
        lists = [[str(argument) for argument in line] for line in lines]
        code = BLANK + COMMANDS if ["report"] in [line[:1] for line in lists] else COMMANDS
        answers = json.loads(python(code, json.dumps(lists), **variables))
        return [Answer(*answer) for answer in answers]

    return run


SMALL: dict[str, list[object]] = {
    "classify": ["--hidden-size", 6, "--layers", 2, "--dropout", 0.3, "--max-steps", 2],
    "regress": ["--windows", 12],
    "autoencode": ["--encoder-sizes", 8, "--max-steps", 2],
}


@needs_kernels
def test_every_job_works_and_what_is_made_of_torch_names_its_extra(commands, tiny_idx, tmp_path):
    lines: list[list[Any]] = [["inspect", tiny_idx]]
    for job, options in SMALL.items():
        data = [] if job == "regress" else [tiny_idx]
        more = ["--windows", "+5"] if job == "regress" else ["--max-steps", "+2"]
        run = f"{job}-1"
        lines += [
            [job, *data, *options, *QUIET],
            ["resume", run, *more, *QUIET[:2]],
            *([] if job == "regress" else [["predict", run]]),
            *(["evaluate", run], ["figures", run], ["report", run]),
            *(["watch", run, "--view", "lines"], ["verify", run, "--steps", 2]),
        ]
    (tmp_path / "classic.pt").write_bytes(b"PK\x03\x04")
    of_torch = {
        "--engine torch": ("--engine", "torch"),
        "--device cuda": ("--device", "cuda"),
        "reading a state_dict": ("--weights", tmp_path / "classic.pt"),
    }
    refused = [["classify", tiny_idx, *options, *QUIET] for options in of_torch.values()]
    answers = commands(*lines, *refused)
    for line, answer in zip(lines, answers, strict=False):
        assert answer.code == 0, (line, answer)
    for answer, purpose in zip(answers[len(lines) :], of_torch, strict=True):
        assert (answer.code, answer.out) == (3, ""), answer
        assert answer.err == (f"error: {purpose} requires torch; install it with: {HINT}\n")
    assert len(list((tmp_path / "runs").iterdir())) == len(SMALL)
    for job in SMALL:
        folder = tmp_path / "runs" / f"{job}-1"
        assert (folder / "report.html").exists()
        assert list((folder / "figures").glob("*.png"))


@needs_kernels
def test_estimators_fit_predict_and_are_saved_and_layers_name_the_extra(python: Python) -> None:
    printed = python("""
import numpy as np
from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load
from hiddenstate.errors import MissingExtraError

random = np.random.default_rng(0)
X = random.random((24, 5, 2), np.float32)
y = (np.arange(24) % 2, random.random(24), None)
small = dict(hidden_size=4, layers=2, dropout=0.2)
models = (
    RecurrentClassifier(max_steps=3, **small),
    RecurrentRegressor(max_steps=3, **small),
    Autoencoder(encoder_sizes=(4, 2), max_steps=3),
)
for model, targets in zip(models, y):
    rows = X.reshape(24, -1) if targets is None else X
    model.fit(rows, targets)
    model.save("model.safetensors")
    method = "transform" if targets is None else "predict"
    before, after = (getattr(m, method)(rows) for m in (model, load("model.safetensors")))
    np.testing.assert_array_equal(before, after)
    try:
        model.to_torch()
    except MissingExtraError as error:
        assert "to_torch requires torch; install it with: pip install" in str(error)
    else:
        raise AssertionError
try:
    import hiddenstate.nn
except ImportError as error:
    print(type(error).__name__, error)
""")
    expected = f"hiddenstate.nn requires torch; install it with: {HINT}"
    assert printed.strip() == f"MissingExtraError {expected}"


def test_without_kernels_predictions_are_the_same_and_training_is_refused(
    commands: Commands, cli: Cli, tiny_idx: Path, tmp_path: Path
) -> None:
    assert cli("classify", tiny_idx, *SMALL["classify"], "--dtype", "float64", *QUIET).code == 0
    asked: list[list[object]] = [
        ["predict", "classify-1", "--proba", "--format", "json"],
        ["evaluate", "classify-1", "--json"],
    ]
    with_kernels = [json.loads(cli(*line).out) for line in asked]
    *plain, refused, doctor = commands(
        *asked, ["classify", tiny_idx, *QUIET], ["doctor", "--json"], HIDDENSTATE_LEVEL="off"
    )
    for answer, expected in zip(plain, with_kernels, strict=True):
        assert answer.code == 0, answer
        same_numbers(json.loads(answer.out), expected)
    assert refused.code == 3
    assert refused.err.count("\n") == 1
    assert refused.err.startswith("error: training requires the native kernels or torch")
    assert refused.err.endswith(f"; unset HIDDENSTATE_LEVEL, or add torch: {HINT}\n")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["classify-1"]
    facts = json.loads(doctor.out)
    assert facts["torch"] == f"not installed; {HINT}"
    assert facts["engine"].startswith("none for training; numpy")
    assert facts["devices"] == "cpu"


def same_numbers(one: object, other: object) -> None:
    """Compare two trees of JSON, numbers to 1e-9."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            same_numbers(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        for a, b in zip(one, other, strict=True):
            same_numbers(a, b)
    elif isinstance(one, float) and isinstance(other, float):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    else:
        assert one == other


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("E  ModuleNotFoundError: No module named 'torch.nn'", "requires torch"),
        (f"error: --engine torch requires torch; install it with: {HINT}", "requires torch"),
        ("E  ModuleNotFoundError: No module named 'numpy'", None),
        ("E  assert 1 == 2", None),
    ],
)
def test_tests_without_a_package_are_skipped(monkeypatch, text, reason):
    monkeypatch.setattr(conftest, "ABSENT", {"torch"})
    failed = SimpleNamespace(failed=True, outcome="failed", longrepr=text)
    report = conftest.skip_if_absent(failed, "test_it.py")
    assert (report.outcome == "skipped") == bool(reason)
    assert report.longrepr == (("test_it.py", 1, f"Skipped: {reason}") if reason else text)
