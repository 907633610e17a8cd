"""Folders around a C header: they are compiled and run, and nothing of a user's is lost."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.errors import MachineError, OptionError
from hiddenstate.export import export_model
from hiddenstate.export.c import run as c_run
from hiddenstate.export.c.folders import FOLDERS
from hiddenstate.export.c.header import build
from hiddenstate.export.target import source_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.system import atomic_file
from tests.contract.integers import integer_case
from tests.export.compiled import build as compile_text
from tests.export.compiled import checked, tool
from tests.export.models import random_model

STREAM: dict[str, Any] = {"cell": "lstm", "bidirectional": False, "stem": False, "members": 1}
MODELS: dict[str, Callable[[], FittedModel]] = {
    "stream": lambda: random_model(5, job="classify", **STREAM),
    "whole series": lambda: random_model(2, job="regress", bidirectional=True, output="steps"),
    "codes": lambda: random_model(4, job="autoencode"),
    "integers": lambda: integer_case("lstm, 16 bits").model,
}


def written(model: FittedModel, layout: str, folder: Path, name: str = "own") -> str:
    """Write a folder of a model; return the answer that its example is to give."""
    source = source_of(model, name, "int8" if model.integer else "float32")
    files = FOLDERS[layout](name, source, build(source))
    for file, content in files.items():
        path = Path(f"{folder}{file}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    texts = b"".join(files.values()).decode()
    (answer,) = re.findall(r"The answer, about\s+([^*]*)\. \*/", texts)
    return str(answer)


def assert_answers(printed: str, answer: str) -> None:
    numbers = [float(word) for word in answer.replace(",", " ").split()]
    found = [float(line) for line in printed.split("\n") if re.fullmatch(r"-?[\d.]+", line)]
    assert found == pytest.approx(numbers, abs=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_sketch_prints_the_answer_of_the_model(name: str, tmp_path: Path) -> None:
    """Compiled here with a stand-in of Arduino, and for an AVR."""
    answer = written(MODELS[name](), "arduino", tmp_path)
    sketch = (tmp_path / "examples" / "own" / "own.ino").read_text()
    arduino = (Path(__file__).parent / "arduino.h").read_text()
    text = f"{arduino}{sketch}\nint main() {{ setup(); loop(); return 0; }}\n".encode()
    headers = {"own.h": (tmp_path / "src" / "own.h").read_bytes()}
    places = ("-I", str(tmp_path / "src"))
    own = ("-x", "c++", "-std=gnu++17", "-Wall", "-Wextra", "-Werror")
    compile_text(tmp_path / "host", [tool("g++"), *own], text, headers, places)
    assert_answers(checked(tmp_path / "host"), answer)
    for level in ("-O0", "-Os"):
        words = [tool("avr-gcc"), *own, "-mmcu=atmega328p", level, "-c"]
        compile_text(tmp_path / "avr.o", words, text, headers, places)


def test_a_library_has_the_fields_of_the_specification(tmp_path: Path) -> None:
    written(MODELS["stream"](), "arduino", tmp_path)
    lines = (tmp_path / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    required = "name version author maintainer sentence paragraph category url architectures"
    assert [*required.split(), "includes"] == list(fields)
    assert all(fields.values())
    assert re.fullmatch(r"[A-Za-z0-9][\w .-]*", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] == "Data Processing"
    assert (tmp_path / "src" / fields["includes"]).is_file()
    header = (tmp_path / "src" / "own.h").read_text()
    for line in (tmp_path / "keywords.txt").read_text().splitlines():
        word, kind = line.split("\t")
        assert word in header
        assert kind in ("KEYWORD1", "KEYWORD2", "LITERAL1")


BOTH = """
#define OWN_IMPLEMENTATION
#include <own.h>
#define OTHER_IMPLEMENTATION
#include <other.h>
int main()
{
    own_state own;
    other_state other;
    own_reset(&own);
    other_reset(&other);
    return 0;
}
"""

USER = """
cmake_minimum_required(VERSION 3.14)
project(user LANGUAGES C CXX)
find_package(hiddenstate_own 1.0 REQUIRED)
add_subdirectory(other)
add_executable(user main.cpp)
target_compile_options(user PRIVATE -std=c++17 -Wall -Wextra -Werror)
target_link_libraries(user hiddenstate::own hiddenstate::other)
"""


def test_a_project_is_built_tested_installed_and_used(tmp_path: Path) -> None:
    """By a program in C++ with two models: one that is installed, and one whose folder it adds."""
    answer = written(MODELS["stream"](), "cmake", tmp_path / "own")
    written(MODELS["integers"](), "cmake", tmp_path / "other", "other")
    cmake, built, user = tool("cmake"), tmp_path / "built", tmp_path / "user"
    checked(cmake, "-S", tmp_path / "own", "-B", built, f"-DCMAKE_INSTALL_PREFIX={tmp_path}")
    checked(cmake, "--build", built, "--target", "install")
    assert_answers(checked(built / "own_example"), answer)
    assert "100% tests passed, 0 tests failed out of 1" in checked("ctest", "--test-dir", built)
    (tmp_path / "CMakeLists.txt").write_text(USER)
    (tmp_path / "main.cpp").write_text(BOTH)
    checked(cmake, "-S", tmp_path, "-B", user, f"-DCMAKE_PREFIX_PATH={tmp_path}")
    checked(cmake, "--build", user)
    checked(user / "user")


@pytest.mark.parametrize(
    ("to", "layout", "name", "words"),
    [
        ("onnx", "cmake", "m", "--layout: --to onnx has none; use --to c"),
        ("c", "arduio", "m", "expected arduino or cmake; did you mean arduino"),
        ("c", "arduino", "my lib", "my lib: a library of Arduino is named with letters"),
        ("c", "cmake", "String", "String.h would hide a header of C"),
        ("c", "cmake", "here", "here already exists; add --force"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(
    to: str, layout: str, name: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    with pytest.raises(OptionError, match=re.escape(words)):
        export_model(MODELS["stream"](), to, tmp_path / name, layout=layout)
    assert [path.name for path in tmp_path.rglob("*")] == ["here"]


def test_only_an_earlier_export_is_replaced_and_never_by_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_run, "find_compiler", lambda: None)
    model, folder, write = MODELS["stream"](), tmp_path / "my-cmake", atomic_file.write_output

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".h":
            raise MachineError("no space")
        write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(atomic_file, "write_output", full)
        with pytest.raises(MachineError, match="no space"):
            export_model(model, "c", folder, layout="cmake")
    assert not list(tmp_path.iterdir())
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text("mine")
    with pytest.raises(OptionError, match="is not an earlier export; name another folder"):
        export_model(model, "c", folder, force=True, layout="cmake")
    (folder / "CMakeLists.txt").unlink()
    folder.rmdir()
    report = export_model(model, "c", folder, layout="cmake")
    assert next(iter(report.files)) == str(folder / "include" / "my.h")
    assert json.loads((folder / "my.json").read_text())["examples"]["float32"]
    (folder / "notes.txt").write_text("mine")
    export_model(model, "c", folder, force=True, layout="cmake")
    assert (folder / "notes.txt").read_text() == "mine"
