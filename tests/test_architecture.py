"""The import arrows between the modules, and the size of each."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate import kernels

ROOT = Path(hiddenstate.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = ["hiddenstate", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text("utf-8")) for path in FILES}


def statements(tree: ast.AST, lazy: bool) -> Iterator[ast.stmt]:
    """Statements that run on import; with `lazy`, those in functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not lazy:
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not lazy:
            continue
        if isinstance(node, ast.stmt):
            yield node
        yield from statements(node, lazy)


def imports(module: str, lazy: bool = False) -> set[str]:
    """Full names of the modules that `module` imports."""
    found: set[str] = set()
    for node in statements(MODULES[module], lazy):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & set(MODULES)) or {str(node.module)}
    return found


def ours(module: str, lazy: bool = False) -> set[str]:
    return {name for name in imports(module, lazy) if name.split(".")[0] == "hiddenstate"}


def importing_at_once(package: str) -> set[str]:
    """Modules that import `package` as soon as they are imported themselves."""
    return {m for m in MODULES if package in {name.split(".")[0] for name in imports(m)}}


def test_every_module_is_seen() -> None:
    assert {"hiddenstate", "hiddenstate.config", "hiddenstate.cli.train"} <= set(MODULES)
    assert "torch" in imports("hiddenstate.models.torch_modules")
    assert "hiddenstate.models.torch_modules" in ours("hiddenstate.estimators.base", lazy=True)
    assert "hiddenstate.models.torch_modules" not in ours("hiddenstate.estimators")


def test_errors_imports_nothing_of_ours() -> None:
    assert ours("hiddenstate.errors", lazy=True) == set()


def test_config_imports_only_errors() -> None:
    for module in MODULES:
        if module.startswith("hiddenstate.config"):
            others = {n for n in ours(module, lazy=True) if not n.startswith("hiddenstate.config")}
            assert others <= {"hiddenstate.errors"}, module


def test_nothing_imports_the_command_line() -> None:
    allowed = ("hiddenstate.cli", "hiddenstate.__main__")
    guilty = {
        module
        for module in MODULES
        if not module.startswith(allowed)
        and any(name.startswith("hiddenstate.cli") for name in ours(module, lazy=True))
    }
    assert guilty == set()


def test_torch_is_imported_at_once_only_where_tensors_are_made() -> None:
    tensors = (
        "models.torch_modules",
        "nn",
        "engines.torch",
        "kernels.autograd",
        "kernels.reference",
    )
    assert importing_at_once("torch") <= {f"hiddenstate.{name}" for name in tensors}


def test_matplotlib_is_imported_at_once_only_where_figures_are_drawn() -> None:
    rooms = ("hiddenstate.views.", "hiddenstate.live.", "hiddenstate.report.")
    views = {name for name in MODULES if name.startswith(rooms)}
    assert importing_at_once("matplotlib") <= views
    assert importing_at_once("mpl_toolkits") <= views


def test_sklearn_is_imported_at_once_only_by_the_estimators() -> None:
    at_once = importing_at_once("sklearn")
    assert all(name.startswith("hiddenstate.estimators") for name in at_once)
    assert at_once


@pytest.mark.parametrize("module", ["hiddenstate.config", "hiddenstate.errors"])
def test_config_and_errors_need_no_library(module: str) -> None:
    packages = {name.split(".")[0] for name in imports(module, lazy=True)} - {"hiddenstate"}
    assert packages <= set(sys.stdlib_module_names)


def test_readers_know_nothing_of_nets_training_or_runs() -> None:
    below = {"errors", "config", "system", "data"}
    for module in MODULES:
        if module.startswith("hiddenstate.data"):
            assert {name.split(".")[1] for name in ours(module, lazy=True)} <= below, module


def test_training_does_not_know_who_watches() -> None:
    edges = (
        "hiddenstate.views",
        "hiddenstate.report",
        "hiddenstate.live",
        "hiddenstate.cli",
        "hiddenstate.estimators",
    )
    for module in MODULES:
        lazy = not module.startswith(edges)  # the public edges may, when a view is asked for
        if lazy or module.startswith(edges[-1]):
            assert not {n for n in ours(module, lazy) if n.startswith("hiddenstate.views")}


def test_engines_write_nothing() -> None:
    for module in MODULES:
        if module.startswith("hiddenstate.engines"):
            assert not ours(module, lazy=True) & {
                "hiddenstate.runs.writer",
                "hiddenstate.training.recorder",
            }


def test_no_arrow_turns_round() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        for name in sorted(ours(module)):
            # A package's own modules are imported by its front page, not the reverse.
            if name in MODULES and not module.startswith(f"{name}."):
                visit(name, (*path, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


def test_only_the_run_folder_and_storage_open_files_to_write() -> None:
    allowed = {"hiddenstate.runs.writer", "hiddenstate.system.array_file", "hiddenstate.cli.output"}
    for module, tree in MODULES.items():
        calls = {
            node.func.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        writing = calls & {"write_text", "write_bytes", "mkdir", "touch", "rmtree"}
        assert not writing or module in allowed, (module, writing)


def test_folders_are_removed_only_where_they_were_made_to_be() -> None:
    removing = {m for m in MODULES if "shutil.rmtree" in imports(m, lazy=True)}
    removing |= {m for m, tree in MODULES.items() if "rmtree" in ast.dump(tree)}
    made = ("live.launch", "runs.writer", "system.array_file")
    assert removing == {f"hiddenstate.{name}" for name in made}


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_module_is_over_500_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 500


def loaded_after(code: str, tmp_path: Path) -> set[str]:
    """Top-level packages in `sys.modules` of a fresh Python that ran `code`."""
    tail = "\nimport json, sys; print('\\n' + json.dumps([n for n in sys.modules if '.' not in n]))"
    done = subprocess.run(
        [sys.executable, "-c", code + tail],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"torch", "sklearn", "matplotlib", "numpy", "scipy", "safetensors"}


def test_importing_the_package_loads_no_library(tmp_path: Path) -> None:
    assert not loaded_after("import hiddenstate", tmp_path) & HEAVY


@pytest.mark.parametrize("command", ["--help", "classify --help", "--version"])
def test_help_loads_no_library(tmp_path: Path, command: str) -> None:
    code = (
        "from hiddenstate.cli import main\n"
        f"try: main({command.split()})\nexcept SystemExit as e: assert not e.code"
    )
    assert not loaded_after(code, tmp_path) & HEAVY


@pytest.mark.skipif(not kernels.levels(), reason="no kernels were built")
def test_a_native_run_and_what_follows_load_no_torch_sklearn_or_matplotlib(tmp_path: Path) -> None:
    commands = [
        "regress --windows 4 --view off",
        "autoencode --max-steps 2 --view off",
        "classify --max-steps 2 --n-evaluated 8 --view off",
        "resume runs/regress-1 --windows +2 --view off",
        "evaluate runs/classify-1",
    ]
    code = "from hiddenstate.cli import main\n" + "\n".join(
        f"try: main({command.split()})\nexcept SystemExit as e: assert not e.code"
        for command in commands
    )
    assert not loaded_after(code, tmp_path) & {"torch", "matplotlib", "sklearn"}


def test_every_public_name_is_there() -> None:
    for name in hiddenstate.__all__:
        assert getattr(hiddenstate, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Transformer"):
        hiddenstate.Transformer  # noqa: B018
