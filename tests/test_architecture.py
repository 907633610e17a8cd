"""The rooms of the source, as docs/architecture.md lists them, and the rules between them."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import hiddenstate
from hiddenstate.config.option import JOBS
from hiddenstate.models.companions import KINDS
from hiddenstate.program.words import COMPANIONS
from tests.conftest import needs_kernels

ROOT = Path(hiddenstate.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
SOURCE = PAGE.parents[1] / "src" / "hiddenstate"
"""With the files in C++, which an installed package does not have."""

FILES = sorted(ROOT.rglob("*.py"))
FRONT = {"hiddenstate", "hiddenstate.__main__"}
"""What stands before the rooms: it imports any of them."""


def module_name(path: Path) -> str:
    parts = ["hiddenstate", *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


@cache
def syntax(module: str) -> ast.Module:
    """The syntax of a module by its full name, read when a test looks at it."""
    return ast.parse(MODULES[module].read_text("utf-8"))


PACKAGES = {module_name(path) for path in FILES if path.name == "__init__.py"}


class Room(NamedTuple):
    """A row of the table: the rooms it may import, and its modules by full name."""

    imports: frozenset[str]
    modules: frozenset[str]


def listed_modules(room: str, cell: str) -> Iterator[str]:
    """Full names in a cell such as "`dataset`, `store`; `readers/`: `idx`"."""
    if f"hiddenstate.{room}" not in PACKAGES:
        yield f"hiddenstate.{room}"
        return
    for group in cell.split(";"):
        folder, _, rest = group.rpartition(":")
        prefix = ".".join([room, *re.findall(r"`(\w+)/`", folder)])
        for name in re.findall(r"`(\w+)`", rest):
            yield f"hiddenstate.{prefix}.{name}"


def read_table() -> dict[str, Room]:
    """The rooms of the page, by name."""
    rooms: dict[str, Room] = {}
    for line in PAGE.read_text("utf-8").split("\n## Rooms\n")[1].split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            room = cells[0].strip("`")
            named = set(rooms) if cells[2] == "all" else set(re.findall(r"`(\w+)`", cells[2]))
            rooms[room] = Room(frozenset(named), frozenset(listed_modules(room, cells[3])))
    return rooms


ROOMS = read_table()


@cache
def reachable(room: str) -> set[str]:
    """The rooms that `room` may import: those of its row, and whatever those may import."""
    rooms: set[str] = set()
    for name in ROOMS[room].imports:
        rooms |= {name, *reachable(name)}
    return rooms


def room_of(module: str) -> str:
    """`data` of `hiddenstate.data.readers.idx`, "" of the package itself; the compiled module is
    the kernels' own."""
    return module.partition(".")[2].partition(".")[0]


def at_once(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run on import: none in functions, none for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from at_once(node)


@cache
def imports(module: str, lazy: bool = False) -> set[str]:
    """Full names of the modules that `module` imports; with `lazy`, in functions too."""
    names: set[str] = set()
    for node in ast.walk(syntax(module)) if lazy else at_once(syntax(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (inner & set(MODULES)) or {str(node.module)}
    return names


@cache
def named(module: str) -> set[str]:
    """Modules whose full name stands in `module` as a string, to be imported or run later."""
    texts = {n.value for n in ast.walk(syntax(module)) if isinstance(n, ast.Constant)}
    return {text for text in texts if isinstance(text, str)} & set(MODULES)


def ours(module: str, lazy: bool = False) -> set[str]:
    return {name for name in imports(module, lazy) if name.split(".")[0] == "hiddenstate"}


def importing_at_once(package: str) -> set[str]:
    """Modules that import `package` as soon as they are imported themselves."""
    return {m for m in MODULES if package in {name.split(".")[0] for name in imports(m)}}


def test_every_module_is_seen() -> None:
    assert {"hiddenstate", "hiddenstate.config", "hiddenstate.cli.train"} <= set(MODULES)
    assert "torch" in imports("hiddenstate.models.torch_modules")
    assert "hiddenstate.models.torch_modules" in ours("hiddenstate.estimators.artifacts", lazy=True)
    assert "hiddenstate.models.torch_modules" not in ours("hiddenstate.estimators")


def test_the_table_lists_every_room() -> None:
    assert set(ROOMS) == {room_of(module) for module in set(MODULES) - FRONT}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_the_modules_and_imports_of_its_row(room: str) -> None:
    modules = {m for m in set(MODULES) - FRONT if room_of(m) == room}
    assert ROOMS[room].modules == modules - PACKAGES, f"correct the row {room} of {PAGE.name}"
    assert room not in reachable(room)
    for module in modules:
        for name in ours(module, lazy=True) | (named(module) - FRONT):
            assert room_of(name) in {room, *reachable(room)}, f"{module} imports {name}"


def test_only_main_imports_the_command_line() -> None:
    assert not {room for room in ROOMS if "cli" in reachable(room)}
    for module in FRONT:
        commands = {n for n in ours(module, lazy=True) | named(module) if "cli" in n.split(".")}
        assert not commands or module == "hiddenstate.__main__"


def test_a_model_card_is_written_without_views() -> None:
    seen: set[str] = set()
    waiting = {"hiddenstate.report.model_card"}
    while waiting:
        module = waiting.pop()
        seen.add(module)
        # Of a folder's `__init__` only what runs on import: its functions are not called.
        waiting |= (ours(module, lazy=module not in PACKAGES) & set(MODULES)) - seen
    assert not {name for name in seen - FRONT if room_of(name) == "views"}


def test_torch_is_imported_at_once_only_where_tensors_are_made() -> None:
    modules = ("torch_cells", "torch_convolutions", "torch_modules", "torch_stack")
    engines = ("torch", "torch_loss", "distributed")
    tensors = (*(f"models.{name}" for name in modules), *(f"engines.{name}" for name in engines))
    tensors = (*tensors, "kernels.autograd", "nn")
    assert importing_at_once("torch") <= {f"hiddenstate.{name}" for name in tensors}


def test_matplotlib_is_imported_at_once_only_where_figures_are_drawn() -> None:
    rooms = ("hiddenstate.views.", "hiddenstate.live.", "hiddenstate.report.")
    views = {name for name in MODULES if name.startswith(rooms)}
    assert importing_at_once("matplotlib") <= views
    assert importing_at_once("mpl_toolkits") <= views


def test_sklearn_is_imported_at_once_only_by_the_estimators() -> None:
    importing = importing_at_once("sklearn")
    assert all(name.startswith("hiddenstate.estimators") for name in importing)
    assert importing


@pytest.mark.parametrize("room", ["config", "errors", "version"])
def test_the_first_rooms_need_no_library(room: str) -> None:
    for module in {m for m in set(MODULES) - FRONT if room_of(m) == room}:
        packages = {name.split(".")[0] for name in imports(module, lazy=True)} - {"hiddenstate"}
        assert packages <= set(sys.stdlib_module_names), module


def test_no_arrow_turns_round() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module in done:
            return
        # In functions, and for the type checker alone, too: a reader follows those as well.
        for name in sorted(ours(module, lazy=True)):
            # A package's own modules are imported by its front page, not the reverse.
            if name in MODULES and not f"{module}.".startswith(f"{name}."):
                visit(name, (*path, module))
        done.add(module)

    for module in MODULES:
        visit(module, ())


WRITING = {"write_text", "write_bytes", "mkdir", "touch", "unlink", "rename", "rmtree", "fdopen"}
"""Functions that change a file or folder, whoever has them."""


def writes(call: ast.Call) -> bool:
    """Whether a call may make or change a file: by its name, or opened to write to it."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != "open":
        return name in WRITING
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if any("os.devnull" in ast.unparse(argument) for argument in arguments):
        return False
    modes = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    flags = " ".join(ast.unparse(argument) for argument in arguments)
    opened = [mode for mode in modes if re.fullmatch("[rwaxbt+]+", mode)]
    return any(set(mode) & set("wax+") for mode in opened) or "O_WRONLY" in flags


def test_files_are_written_by_the_run_writer_and_atomic_files_alone() -> None:
    allowed = {
        "runs.writer",
        "system.atomic_file",
        "views.terminal.screen",  # the terminal, which is opened to write on
        "live.launch",  # removes its own temporary folder
        "views.film",  # a temporary film, by PyAV
        "cli.stdin",  # in a temporary folder
        "system.lock",  # the stand-in of a lock
    }
    writing = {
        module
        for module, tree in zip(MODULES, map(syntax, MODULES), strict=True)
        if any(isinstance(node, ast.Call) and writes(node) for node in ast.walk(tree))
    }
    assert writing == {f"hiddenstate.{name}" for name in allowed}


def test_engines_write_nothing() -> None:
    files = {"hiddenstate.system.atomic_file", "hiddenstate.system.array_file"}
    for module in MODULES:
        if module.startswith("hiddenstate.engines"):
            assert not ours(module, lazy=True) & files


def test_temporary_files_are_made_only_for_what_no_run_keeps() -> None:
    making = {m for m in MODULES if "tempfile" in imports(m, lazy=True)}
    allowed = {
        "cli.output",  # the trace of an internal error
        "cli.stdin",  # what stdin holds
        "cli.verify",  # a run, resumed to be compared
        "data.readers.parquet",  # a table larger than memory
        "export.c.run",  # the program that a header is compiled to
        "studio.processes",  # what a command prints, in a file without a name
        "live.launch",  # a run that `fit(view=...)` shows
        "scale.tune.search",  # the runs of a search that nobody keeps
        "views.film",
    }
    assert making == {f"hiddenstate.{name}" for name in allowed}


def test_folders_are_removed_only_where_they_were_made_to_be() -> None:
    removing = {module_name(path) for path in FILES if "rmtree" in path.read_text("utf-8")}
    made = ("live.launch", "runs.writer", "system.atomic_file")
    assert removing == {f"hiddenstate.{name}" for name in made}


def test_python_is_started_by_one_module_alone() -> None:
    """Python puts the current folder before the standard library, unless it is told not to."""
    texts = {module_name(path): path.read_text("utf-8") for path in FILES}
    naming = {m for m, text in texts.items() if re.search(r"\bexecutable\b", text)}
    naming = {m for m in naming if "'executable'" in ast.dump(syntax(m))}
    assert naming == {"hiddenstate.system.interpreter"}
    spawning = {m for m in MODULES if "multiprocessing" in imports(m, lazy=True)}
    assert spawning == {"hiddenstate.system.processes"}
    for module in {m for m, text in texts.items() if "python_command(" in text} - naming:
        source = ast.unparse(syntax(module))
        assert "env=python_environment(" in source.replace("'env': ", "env="), module
    assert all("with safe_children(" in texts[module] for module in spawning)
    for folder in ("tools", "benchmarks"):
        for path in (PAGE.parents[1] / folder).rglob("*.py"):
            assert not re.search(r"""executable,\s*["']-[mc]""", path.read_text("utf-8")), path


DOOR = {"_thread", "_posixsubprocess", "_socket", "concurrent", "ctypes", "fcntl", "pty"}
DOOR |= {"multiprocessing", "resource", "select", "selectors", "signal", "socket", "socketserver"}
DOOR |= {"subprocess", "termios", "threading", "tty"}
"""Modules of Python for what not every platform has."""


def test_only_system_uses_what_not_every_platform_has() -> None:
    using = {m for m in MODULES if {name.split(".")[0] for name in imports(m, lazy=True)} & DOOR}
    assert {m for m in using if room_of(m) != "system"} == set()
    assert len(using) >= 7


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call, with the dotted name of what is called, or the end of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            names, function = list[str](), node.func
            while isinstance(function, ast.Attribute):
                names, function = [function.attr, *names], function.value
            yield ".".join([getattr(function, "id", "?"), *names]), node


def test_nothing_is_unpickled_or_evaluated() -> None:
    serializers = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy"}
    naming = {m for m in MODULES if imports(m, lazy=True) & serializers}
    assert naming == {"hiddenstate.models.weight_file"}  # the name of an error of torch's reader
    for module, tree in zip(MODULES, map(syntax, MODULES), strict=True):
        for name, call in calls(tree):
            assert name not in ("eval", "exec", "compile", "__import__", "np.load"), module
            assert not name.startswith(("pickle.", "numpy.load")), module
            options = {keyword.arg: keyword.value for keyword in call.keywords}
            assert "allow_pickle" not in options, module
            if name == "torch.load":
                assert ast.unparse(options["weights_only"]) == "True", module


def test_companions_are_named_only_where_they_are_made_and_translated() -> None:
    names = "|".join(kind.__name__ for kind in (*COMPANIONS, *KINDS))
    naming = {module_name(path) for path in FILES if re.search(names, path.read_text("utf-8"))}
    made = {"program.companions", "program.words", "models.companions", "training.recipes"}
    translations = {"models.torch_modules", "models.torch_convolutions", "export.python.model"}
    translations |= {"export.onnx.models", "export.onnx.convolutions", "export.html.page"}
    translations |= {"export.c.layout", "export.c.comment"}
    naming = {name for name in naming if not name.startswith("hiddenstate.models.companions.")}
    assert naming == {f"hiddenstate.{name}" for name in made | translations}


OF_JOBS = {
    "program.jobs",  # declares them
    *(f"cli.{job}" for job in JOBS),
    *(f"estimators.{name}" for name in ("classifier", "regressor", "autoencoder")),
    "estimators.online_learners",
    "data.readers.open",  # the default of `read_data`
}
"""Modules that name a job: all that may."""


def names_a_job(node: ast.AST) -> bool:
    """Whether code names a job: by a string that is its name, or by a keyword that is not a flag;
    a job in a sentence or a docstring is an example."""
    if isinstance(node, ast.keyword):
        return node.arg in JOBS and isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Constant) and node.value in JOBS


def test_a_job_is_named_only_where_it_is_declared_and_offered() -> None:
    naming = {
        module
        for module, tree in zip(MODULES, map(syntax, MODULES), strict=True)
        if any(map(names_a_job, ast.walk(tree)))
    }
    assert naming == {f"hiddenstate.{name}" for name in OF_JOBS}


def test_durations_are_measured_on_a_clock_that_never_jumps() -> None:
    """The time of day is only written down for people, or compared with what was written."""
    telling = {
        module
        for module, tree in zip(MODULES, map(syntax, MODULES), strict=True)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in ("time", "time_ns", "now", "utcnow", "today", "localtime")
        and ast.unparse(node).endswith(
            ("time.time", "time.time_ns", "datetime.now", "utcnow", "date.today", "localtime")
        )
    }
    assert telling == {
        "hiddenstate.runs.writer",  # the journal
        "hiddenstate.scale.tune.ledger",  # when a trial began and ended
        "hiddenstate.system.lock",  # since when a process holds it
        "hiddenstate.scale.track.follower",  # when lines of a run in progress were written
        "hiddenstate.scale.track.tensorboard",  # the names of its files
        "hiddenstate.scale.track.wandb",  # how old a file is
        "hiddenstate.studio.processes",  # when a command was started
        "hiddenstate.views.terminal.progress",  # how long a run has been training
    }


def test_the_formatter_skips_few_lines() -> None:
    project = Path(__file__).parents[1]
    folders = ("src", "tests", "tools", "benchmarks", "examples", "docs")
    files = [path for folder in folders for path in (project / folder).rglob("*.py")]
    assert len(files) > 700
    skip = "# fmt: " + "skip"
    assert sum(path.read_text("utf-8").count(skip) for path in files) <= 40


def test_no_module_is_over_500_lines() -> None:
    assert [p for p in FILES if len(p.read_text("utf-8").splitlines()) > 500] == []


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


def test_importing_the_package_and_help_load_no_library(tmp_path: Path) -> None:
    commands = ("--help", "classify --help", "--version")
    assert not loaded_after("import hiddenstate\n" + run_of(*commands), tmp_path) & HEAVY


def run_of(*commands: str) -> str:
    """Code that runs commands, which end well."""
    calls = "".join(
        f"try: main({command.split()})\nexcept SystemExit as e: assert not e.code\n"
        for command in commands
    )
    return f"from hiddenstate.cli import main\n{calls}"


@needs_kernels
def test_a_native_run_and_what_follows_load_no_torch_sklearn_or_matplotlib(tmp_path, tiny_idx):
    commands = (
        "regress --windows 4 --view off",
        "autoencode digits --recipe classic --max-steps 2 --view off",
        "classify digits --recipe classic --max-steps 2 --view off",
        "resume runs/regress-1 --windows +2 --view off",
        "evaluate runs/classify-1",
    )
    assert not loaded_after(run_of(*commands), tmp_path) & {"torch", "matplotlib", "sklearn"}


def test_every_public_name_is_there() -> None:
    for name in hiddenstate.__all__:
        assert getattr(hiddenstate, name) is not None


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Transformer"):
        hiddenstate.Transformer  # type: ignore[attr-defined]  # noqa: B018


def files_of_an_addition() -> dict[str, set[str]]:
    """The files that each addition touches, by the page."""
    section = PAGE.read_text("utf-8").split("## What an addition touches\n")[1].split("\n## ")[0]
    rows = [line.split(" | ", 1) for line in section.splitlines() if line.startswith("| ")][2:]
    return {new.strip("| "): set(re.findall(r"`([\w/]+\.\w+)`", files)) for new, files in rows}


def test_the_files_that_an_addition_touches_are_there() -> None:
    files = files_of_an_addition()
    kinds = {"cell", "step", "option", "job", "companion", "picture", "format of data"}
    assert set(files) == {*kinds, "target of exports"}
    missing = [name for own in files.values() for name in own if not (SOURCE / name).exists()]
    assert missing == ["kernels/csrc/cells/NAME.h"]


def test_a_cell_is_named_in_no_other_file() -> None:
    listed = {name.replace("NAME", "fastgrnn") for name in files_of_an_addition()["cell"]}
    sources = [p for p in SOURCE.rglob("*") if p.suffix in {".py", ".h", ".cpp", ".c", ".js"}]
    named = [path for path in sources if "fastgrnn" in path.read_text("utf-8").lower()]
    assert {path.relative_to(SOURCE).as_posix() for path in named} == listed
