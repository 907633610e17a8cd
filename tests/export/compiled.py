"""C and C++ programs that use an exported header, compiled and run."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

STRICT = ("-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wdouble-promotion")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "hiddenstate", "compiled")
"""What compilers made of the same text with the same options, until a month after its last use."""

MONTH = 30 * 24 * 3600


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
    program = folder / ("main.o" if "-c" in options else "main")
    language = ("-x", "c", "-std=c99") if compiler != "g++" else ("-x", "c++", "-std=c++11")
    words = [tool(compiler), *language, *STRICT, "-Werror", *options]
    headers = {path.name: path.read_bytes() for path in sorted(folder.glob("*.h"))}
    build(program, words, text.encode(), headers, ["-I", str(folder)])
    return program


def build(
    program: Path,
    words: Sequence[str],
    text: bytes,
    headers: dict[str, bytes] | None = None,
    places: Sequence[str] = (),
) -> None:
    """Compile `text`, or copy what the same compiler made of the same text and headers."""
    what = repr((_version(words[0]), list(words), text, headers))
    kept = CACHE / hashlib.sha256(what.encode()).hexdigest()
    if kept.exists():
        os.utime(kept)
        shutil.copy(kept, program)
        return
    command = [*words, *places, "-", "-o", str(program), "-lm"]
    done = subprocess.run(command, input=text, capture_output=True, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr.decode()[:2000]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    for path in CACHE.iterdir():
        with suppress(FileNotFoundError):  # another worker may replace or remove it
            if path.stat().st_mtime < time.time() - MONTH:
                path.unlink()
    own = kept.with_suffix(f".{os.getpid()}")
    shutil.copy(program, own)
    own.replace(kept)


@cache
def _version(compiler: str) -> str:
    """The compiler and the release of it and of the system."""
    return checked(compiler, "--version") + compiler + " ".join(os.uname())


@cache
def sanitized() -> tuple[str, ...]:
    """Options of the sanitizers; without them where gcc has no libraries for them."""
    words = [tool("gcc"), "-x", "c", "-", "-o", os.devnull, *SANITIZED]
    done = subprocess.run(words, input=b"int main(void) { return 0; }", capture_output=True)
    return SANITIZED if done.returncode == 0 else ("-O1",)
