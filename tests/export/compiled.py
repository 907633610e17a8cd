"""C and C++ programs that use an exported header, compiled and run."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

STRICT = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def tool(name: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def checked(*command: object, given: str = "") -> str:
    """What a command prints; the test fails with its messages if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def compiled(folder: Path, text: str, *options: str, compiler: str = "gcc") -> Path:
    """A program (or with -c an object) made of C text in `folder`, where its headers lie."""
    (folder / "main.c").write_text(text)
    program = folder / ("main.o" if "-c" in options else "main")
    language = ("-x", "c", "-std=c99") if compiler != "g++" else ("-x", "c++", "-std=c++11")
    words = (*language, *STRICT, "-Werror", *options, str(folder / "main.c"))
    checked(tool(compiler), *words, "-I", folder, "-o", program, "-lm")
    return program


@cache
def sanitized() -> tuple[str, ...]:
    """Options of the sanitizers; without them where gcc has no libraries for them."""
    words = [tool("gcc"), "-x", "c", "-", "-o", os.devnull, *SANITIZED]
    done = subprocess.run(words, input=b"int main(void) { return 0; }", capture_output=True)
    return SANITIZED if done.returncode == 0 else ("-O1",)
