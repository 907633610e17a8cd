"""The exported Python file runs on versions of Python older than those of the program."""

import ast
import shutil
import subprocess
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.export import export_model
from hiddenstate.export.target import source_of
from hiddenstate.models.fitted import FittedModel
from tests.contract.integers import in_integers
from tests.export.models import random_model

OLDEST = (3, 8)

ALIASES = {"Callable", "NDArray", "dict", "frozenset", "list", "set", "tuple", "type"}
"""What Python 3.8 cannot subscript."""

WORDS = {"removeprefix", "removesuffix", "is_relative_to", "pairwise", "bit_count"}
"""Methods and functions that came after it."""

MODELS: tuple[dict[str, Any], ...] = (
    {"job": "classify", "cell": "lstm", "stem": False, "missing": "forward", "members": 1},
    {"job": "classify", "steps": 12, "convolutions": 0.5, "stem": True},
    {"job": "regress", "cell": "gru", "linear": True, "stateful": True},
    {"job": "autoencode"},
    {"job": "classify", "cell": "lstm", "stem": True, "members": 1, "integer": True},
)


def own_model(seed: int, integer: bool = False, **wanted: Any) -> FittedModel:
    model = random_model(seed, **wanted)
    return in_integers(model) if integer else model


def file_of(seed: int, folder: Path, **wanted: Any) -> Path:
    path = folder / f"own{seed}.py"
    export_model(own_model(seed, **wanted), "python", path)
    return path


class Newer(ast.NodeVisitor):
    """Finds what Python 3.8 would not run; annotations are text that it does not evaluate."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit(self, node: ast.AST) -> None:
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, None)
        super().visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        for each in ast.iter_child_nodes(node):
            self.visit(each)
        new_alias = isinstance(node, ast.Subscript) and ast.unparse(node.value) in ALIASES
        new_word = isinstance(node, ast.Attribute) and node.attr in WORDS
        strict = isinstance(node, ast.keyword) and node.arg == "strict"
        merged = (
            isinstance(node, (ast.BinOp, ast.AugAssign))
            and isinstance(node.op, ast.BitOr)
            and any(
                isinstance(each, (ast.Dict, ast.DictComp))
                or (isinstance(each, ast.Constant) and each.value is None)
                for each in ast.iter_child_nodes(node)
            )
        )
        if new_alias or new_word or strict or merged:
            self.found.append(ast.unparse(node))


@pytest.mark.parametrize("seed", range(len(MODELS)))
def test_nothing_in_the_file_is_newer_than_python_3_8(seed, tmp_path):
    text = file_of(seed, tmp_path, **MODELS[seed]).read_text("utf-8")
    tree = ast.parse(text, feature_version=OLDEST)
    first = next(each for each in tree.body if isinstance(each, ast.ImportFrom))
    assert ast.unparse(first) == "from __future__ import annotations"
    newer = Newer()
    newer.visit(tree)
    assert newer.found == []
    names = Counter(name for node in tree.body for name in defined(node))
    assert [name for name, times in names.items() if times > 1] == []
    assert "COMPANIONS" not in names  # what lines and reports call them, the file does not read


def defined(node: ast.stmt) -> list[str]:
    """The names that a statement of the module defines; the file is several modules, joined."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def older() -> list[str]:
    """An interpreter of each version before 3.10 that has numpy, where there is one."""
    found = []
    for version in ("3.8", "3.9"):
        installed = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
        paths = filter(None, [shutil.which(f"python{version}"), *map(str, installed)])
        found += [path for path in paths if not code_of(path, "-c", "import numpy")][:1]
    return found


def code_of(*words: str) -> int:
    return subprocess.run(words, capture_output=True).returncode


CHECK = """
    import sys
    import numpy as np

    def check(found, kind):
        names = [name for name in held if name.startswith(kind)]
        for name in names:
            assert np.abs(found[name[2:]] - held[name]).max() < 1e-12
        return names

    for number in map(int, sys.argv[1:]):
        model = __import__("own%d" % number).model
        held = np.load("own%d.npz" % number)
        assert check(model.predict(held["X"]), "y_")
        if "streams" in held:
            stream = model.stream(len(held["X"]))
            each = [stream.step(held["X"][:, t]) for t in range(held["X"].shape[1])]
            assert check({n: np.stack([e[n] for e in each], 1) for n in each[0]}, "s_")
"""


def test_it_answers_as_the_model_on_older_versions(tmp_path):
    interpreters = older()
    if not interpreters:
        pytest.skip("no Python 3.8 or 3.9 with numpy is installed")
    for seed, wanted in enumerate(MODELS):
        file_of(seed, tmp_path, **wanted)
        trial = source_of(own_model(seed, **wanted), "m", "float32").trials[0]
        answers = {f"y_{n}": a for n, a in trial.answers.items() if n != "class"}
        for name, answer in (trial.stream or {}).items():
            answers |= {f"s_{name}": answer, "streams": np.ones(1)}
        np.savez(tmp_path / f"own{seed}.npz", X=trial.X, **answers)  # type: ignore[arg-type]
    (tmp_path / "check.py").write_text(textwrap.dedent(CHECK))
    for path in interpreters:
        words = [path, "check.py", *map(str, range(len(MODELS)))]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        done = subprocess.run([path, "own2.py", "-h"], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("usage:")
