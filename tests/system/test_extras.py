"""Optional packages: one list, imported late, and named with their command where missing."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import hiddenstate
from hiddenstate.errors import MissingExtraError
from hiddenstate.system import extras
from hiddenstate.system.extras import EXTRAS, is_installed, require

ROOT = Path(hiddenstate.__file__).parent
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
STATED = PROJECT["project"]["optional-dependencies"]
FOR_TESTS = {"dev", "series", "compare"}

TENSORS = {
    *("engines/distributed.py", "engines/torch.py", "engines/torch_loss.py", "kernels/autograd.py"),
    *("models/torch_cells.py", "models/torch_convolutions.py", "models/torch_modules.py"),
    *("models/torch_stack.py", "nn.py"),
}
"""Modules that are torch's through and through; who imports them has asked for it."""

IMPORTED_AS = {"mlflow-skinny": "mlflow"}
"""Packages whose module has another name."""

REQUIRED_IN = {
    ("studio/answers.py", "starlette"): ROOT / "cli" / "studio.py",
    ("studio/app.py", "starlette"): ROOT / "cli" / "studio.py",
    ("studio/points.py", "starlette"): ROOT / "cli" / "studio.py",
    ("studio/why.py", "starlette"): ROOT / "cli" / "studio.py",
    ("studio/serve.py", "uvicorn"): ROOT / "cli" / "studio.py",
    ("live/widget.py", "anywidget"): ROOT / "live" / "notebook.py",
    ("estimators/in_river.py", "river"): ROOT / "estimators" / "online.py",
}
"""Modules that import a package at once, and the module that required it before."""

SEARCHES = "scale/tune/"
"""Modules of searches, which all begin with an address; `scale/tune/storage.py` required the
package then."""

WITHOUT_REQUIRE = {"cli/doctor.py", "live/widget.py"}
"""What asks `is_installed` first, or is imported after that, and has nothing to refuse."""


def test_the_list_is_that_of_the_project() -> None:
    packages = {
        (extra, IMPORTED_AS.get(name := Requirement(line).name, name.replace("-", "_")))
        for extra, lines in STATED.items()
        if extra not in FOR_TESTS
        for line in lines
    }
    assert packages == {(extra, module) for module, extra in EXTRAS.items()}


NOT_INSTALLED = {"peers", "river"}
"""The package of the first needs an older pandas than the tests take; a stand-in answers for it.
Where river is installed, the tests run its checks."""


def test_the_tests_install_every_extra() -> None:
    for extra, lines in STATED.items():
        assert extra in FOR_TESTS | NOT_INSTALLED or set(lines) <= set(STATED["dev"])


def test_no_extra_is_a_dependency() -> None:
    needed = {Requirement(line).name for line in PROJECT["project"]["dependencies"]}
    assert not needed & {module.replace("_", "-") for module in EXTRAS}


def optional_imports(tree: ast.AST, late: bool = False) -> list[tuple[str, bool]]:
    """Return the optional packages that are imported, and whether in a function."""
    seen = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [str(node.module)]
        packages = {name.split(".")[0] for name in names} & EXTRAS.keys()
        seen += [(package, late) for package in packages]
        inside = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        seen += optional_imports(node, inside)
    return seen


MENTIONED = re.compile(rf"\b(?:import|from)\b.*\b(?:{'|'.join(EXTRAS)})\b")


def test_an_optional_package_is_imported_late_and_with_a_message() -> None:
    for path in sorted(ROOT.rglob("*.py")):
        text, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
        imports = optional_imports(ast.parse(text)) if MENTIONED.search(text) else []
        for package, late in imports:
            asks = REQUIRED_IN.get((name, package)) or text
            if name in TENSORS:
                assert package == "torch"
                continue
            if name.startswith(SEARCHES) and package == "optuna":
                asks = ROOT / SEARCHES / "storage.py"
            if isinstance(asks, Path):
                asks = asks.read_text("utf-8")
            assert late or (name, package) in REQUIRED_IN, f"{name} imports {package} at once"
            asked = f'require("{package}"' in asks or f"load_{package}(" in asks
            assert asked or name in WITHOUT_REQUIRE, name


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(extras, "_source", lambda: None)
    assert not is_installed("pyarrow")
    with pytest.raises(MissingExtraError) as raised:
        require("pyarrow", "reading Parquet")
    assert isinstance(raised.value, ImportError)
    assert str(raised.value) == (
        "reading Parquet requires pyarrow; install it with: pip install 'hiddenstate[tables]'"
    )


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({"dir_info": {"editable": True}}, "pip install -e '{}[film]'"),
        ({"dir_info": {}}, "pip install '{}[film]'"),
        ({"archive_info": {}}, "pip install 'hiddenstate[film]'"),
    ],
)
def test_from_a_folder_the_command_installs_from_there_again(
    about: dict[str, object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone, site = tmp_path / "a clone", tmp_path / "site"
    clone.mkdir()
    (clone / "pyproject.toml").touch()
    facts = site / "hiddenstate-9.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: hiddenstate\nVersion: 9\n")
    (facts / "direct_url.json").write_text(json.dumps({"url": clone.as_uri(), **about}))
    monkeypatch.syspath_prepend(str(site))
    assert extras.command("av") == expected.format(clone)
    (clone / "pyproject.toml").unlink()  # the clone was moved or removed
    assert extras.command("av") == "pip install 'hiddenstate[film]'"


def test_a_package_that_is_there_and_broken_is_not_called_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_extra.py").write_text("import no_such_part\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(extras.EXTRAS, "broken_extra", "tables")
    with pytest.raises(ModuleNotFoundError, match="no_such_part"):
        require("broken_extra", "reading")
