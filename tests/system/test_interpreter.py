"""No file of the current folder is imported, whichever part of the project starts Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate.system.interpreter import import_path, python_environment, safe_children
from tests.conftest import needs_kernels

NAMES = (
    *("json", "types", "random", "string", "token", "numpy", "click", "multiprocessing"),
    *("hiddenstate", "tempfile", "runpy"),
)
"""Modules that the program imports, as files of somebody's data folder may be named."""

MARK = "open(__file__ + '.imported', 'w').close()\n"

COMMAND = """
import sys
from hiddenstate.__main__ import run
sys.argv[1:] = {}
run()
"""

STUDIO = """
import asyncio
from pathlib import Path
from hiddenstate.studio.processes import Processes

async def main():
    processes = Processes(Path.cwd(), "hiddenstate.cli.waiting")
    for is_ready in (False, True):
        if is_ready:
            processes.make_ready()
        process = processes.start(["inspect", "t.csv"])
        code = await processes.finished(process, 120)
        print(process.output(), process.errors())
        assert code == 0

asyncio.run(main())
"""

OFFSCREEN = """
from pathlib import Path
from hiddenstate.views.offscreen import PictureReader

pictures = PictureReader(Path("nothing"))
pictures.last(120)
print(pictures.failure)
assert "nothing" in pictures.failure
"""

VIEW = """
from pathlib import Path
from hiddenstate.live.launch import Viewer

viewer = Viewer(Path("nothing"), "terminal")
viewer.on_start(None)
viewer.finish(120)
"""

SWEEP = """
from hiddenstate import sweep

if __name__ == "__main__":
    done = sweep("groups.csv", "shop", "regress", "swept", target=("y",), horizon=1, epochs=1,
                 hidden_size=2, n_jobs=1, recipe="classic")
    assert len(done) == 2
"""

SEARCH = """
from pathlib import Path
from types import SimpleNamespace
from hiddenstate.scale.tune.pool import Order, Pool
from hiddenstate.scale.tune.storage import Address

order = Order(Path("nothing"), Address("", ""), 60, 1)
pool = Pool(None, order, 1, SimpleNamespace(say=print), lambda: False)
pool._watch()
assert "nothing" in pool._errors[0]
"""

TRAIN = ["classify", "t.csv", "--epochs", "1", "--view", "off", "--recipe", "classic"]

PROGRAMS = {
    "the command classify": COMMAND.format(TRAIN),
    "commands of the studio, of which one waits": STUDIO,
    "pictures in a process": OFFSCREEN,
    "a view in a process": VIEW,
    "the workers of a sweep": SWEEP,
    "the workers of a search": SEARCH,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data that also holds modules, each of which marks that it was imported."""
    made = tmp_path / "data"
    made.mkdir()
    for name in NAMES:
        (made / f"{name}.py").write_text(MARK)
    rows = "".join(f"{n % 7},{n % 5},{'ab'[n % 2]}\n" for n in range(40))
    (made / "t.csv").write_text("temp,press,kind\n" + rows)
    rows = "".join(f"{'ab'[n % 2]},{n % 7}\n" for n in range(200))
    (made / "groups.csv").write_text("shop,y\n" + rows)
    return made


@needs_kernels
@pytest.mark.parametrize("program", PROGRAMS)
def test_no_file_of_the_current_folder_is_imported(program: str, folder: Path) -> None:
    script = folder.parent / "program.py"
    script.write_text(PROGRAMS[program])
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert not [path.name for path in folder.rglob("*.imported")]
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    if program == "a view in a process":
        assert "nothing" in done.stderr


def test_the_path_of_a_process_has_no_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "lib", str(tmp_path), "/opt"]))
    environment = python_environment({"NAME": "value"})
    assert environment["PYTHONPATH"] == os.pathsep.join([str(tmp_path / "lib"), "/opt"])
    assert environment["NAME"] == "value"
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    assert "PYTHONPATH" not in python_environment()
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/opt"])
    assert import_path() == ["/opt"]


def test_the_package_is_imported_from_where_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a checkout that is not installed, with the current folder in the path."""
    package = Path(hiddenstate.__file__).parents[1]
    monkeypatch.chdir(package)
    monkeypatch.setenv("PYTHONPATH", ".")
    monkeypatch.setattr(sys, "path", ["", "/opt"])
    assert python_environment()["PYTHONPATH"] == str(package)
    assert import_path() == ["", "/opt"]


def test_a_folder_that_is_gone_starts_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["lib", "/opt"]))
    assert python_environment()["PYTHONPATH"] == "/opt"


def test_children_of_a_library_are_safe_and_the_environment_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep + "/opt")
    with safe_children():
        assert os.environ["PYTHONSAFEPATH"] == "1"
        assert os.environ["PYTHONPATH"] == "/opt"
    assert "PYTHONSAFEPATH" not in os.environ
    assert os.environ["PYTHONPATH"] == os.pathsep + "/opt"
