"""Runs one abuse of the program in a folder of its own and judges everything it leaves behind.

An abuse is data: the files it starts from, a shell line, the exit codes and the words that may come
out, and what the answer is compared with. The judge looks for a wrong exit code, a traceback,
an error that is not one short line, files left behind or changed, and, above all, a wrong answer
that ends with exit code 0.
"""

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

SECONDS = 30
"""Processor time that a command may take, in seconds."""

HANGS = 120
"""Seconds after which a command counts as hanging, however busy the machine is."""

MEGABYTES = 2048
"""Address space of a command."""

LONGEST = 500
"""Largest number of characters of an error."""

CODES = frozenset({0, 2, 3, 4, 5, 130, 141, 143})
"""Exit codes that documentation allows; 1 is an internal error."""

HUNG = -1000
"""Replaces the exit code of a command that hung."""

MADE = ("__pycache__*",)
"""Files that Python itself may make."""

Files = Mapping[str, bytes | str]
Make = Callable[[Path], None]


@dataclass(frozen=True)
class Done:
    """What a shell line printed, its exit code, and the folder it ran in."""

    code: int
    out: str
    err: str
    folder: Path


Answer = Callable[[Done], str]
"""Returns what is wrong with an answer; empty if it is right."""


@dataclass(frozen=True)
class Abuse:
    """One abuse of the program.

    Parameters
    ----------
    name : str
        Unique; the area comes first: `table: a comment line`.
    line : str
        The shell line; `hiddenstate` and `python` are those under test. Sound files of `Base` that
        it names are copied into the folder first.
    files : mapping, optional
        Contents of the other files that are there before.
    make : callable, optional
        Makes what `files` cannot: links, folders, permissions.
    ends : tuple of int
        Exit codes that are expected.
    says : str
        A regular expression that a failure's error, or stdout and stderr of a success, must match.
    same : (str, mapping), optional
        A shell line and files whose stdout a success must equal: the independent reading.
    answer : callable, optional
        Another check of a success.
    leaves : tuple of str
        Patterns of files that a success may make or change.
    keeps : tuple of str
        Patterns of files that a failure may make or change as well.
    errors : int
        Largest number of errors, for lines with several commands.
    snippet : str
        Python code that the line runs as `snippet.py` from outside of the folder.
    megabytes : int
        Address space.
    """

    name: str
    line: str
    files: Files = field(default_factory=dict)
    make: Make | None = None
    ends: tuple[int, ...] = (0,)
    says: str = ""
    same: tuple[str, Files] | None = None
    answer: Answer | None = None
    leaves: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    errors: int = 1
    snippet: str = ""
    megabytes: int = MEGABYTES

    @property
    def area(self) -> str:
        """The part of the name before the colon."""
        return self.name.partition(":")[0]


Run = Callable[[str, Path, int], Done]
"""Runs a shell line in a folder with an address space in MB."""


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a command in `folder`: no trace of that of the harness."""
    place = folder.parent
    return {
        "PATH": os.pathsep.join([str(place / "bin"), os.defpath, "/usr/local/bin"]),
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "MPLCONFIGDIR": str(place / "matplotlib"),
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def shell(line: str, folder: Path, megabytes: int = MEGABYTES) -> Done:
    """Run a shell line in `folder`, with limits on memory and time."""
    process = subprocess.Popen(
        ["bash", "-c", f"ulimit -c 0; ulimit -t {SECONDS}; ulimit -v {megabytes * 1024}\n{line}"],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=HANGS)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = HUNG
    printed, errors = (part.decode("utf-8", "backslashreplace") for part in (out, err))
    return Done(code, printed, errors, folder)


@dataclass(frozen=True)
class State:
    """What a folder holds: kind, permissions and content of everything in it, by name."""

    entries: Mapping[str, str]

    @classmethod
    def of(cls, folder: Path) -> "State":
        """Look at everything in a folder; links are not followed."""
        entries = {}
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                entries[str(path.relative_to(folder))] = f"link to {os.readlink(path)}"
            elif path.is_file() and os.access(path, os.R_OK):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                entries[str(path.relative_to(folder))] = f"{path.stat().st_mode:o} {digest}"
            else:
                entries[str(path.relative_to(folder))] = f"{path.lstat().st_mode:o}"
        return cls(entries)

    def changes(self, after: "State", allowed: tuple[str, ...]) -> list[str]:
        """Return what appeared, changed or is gone, but for names that match `allowed`."""
        found = []
        for name in sorted({*self.entries, *after.entries}):
            before, now = self.entries.get(name), after.entries.get(name)
            if before != now and not any(fnmatch(name, pattern) for pattern in (*allowed, *MADE)):
                verb = "left behind" if before is None else "gone" if now is None else "changed"
                found.append(f"{verb}: {name}")
        return found


@dataclass
class Base:
    """Sound files that abuses start from, and the answers of sound commands, each computed once.

    Parameters
    ----------
    folder : Path
        Where everything lies; `folder / "sound"` holds the files by name.
    run : callable
    """

    folder: Path
    run: Run = shell
    answers: dict[str, Done] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def new_place(self, name: str) -> Path:
        """Make an empty folder to run in, with its own home and temporary folder beside it."""
        number = hashlib.sha256(name.encode()).hexdigest()[:8]  # names may differ in marks alone
        place = self.folder / f"{re.sub(r'[^0-9A-Za-z]+', '-', name)[:70]}-{number}"
        shutil.rmtree(place, ignore_errors=True)
        for part in ("work", "home", "tmp", "bin"):
            (place / part).mkdir(parents=True)
        (place / "matplotlib").symlink_to(self.folder / "matplotlib")
        entry = "import sys\nfrom hiddenstate.__main__ import run\nsys.exit(run())\n"
        python = f'exec {shlex.quote(sys.executable)} "$@"\n'
        for command, text in (
            ("hiddenstate", f"#!{sys.executable}\n{entry}"),
            ("python", f"#!/bin/sh\n{python}"),
        ):
            (place / "bin" / command).write_text(text)
            (place / "bin" / command).chmod(0o755)
        return place / "work"

    def fill(self, folder: Path, line: str, files: Files, make: Make | None = None) -> None:
        """Copy the sound files that `line` names, then write and make the others."""
        for sound in (self.folder / "sound").glob("*"):
            if re.search(rf"(?<![\w.-]){re.escape(sound.name)}(?![\w.])", line):
                inside = folder / "runs" if sound.is_dir() and "-1" in sound.name else folder
                inside.mkdir(exist_ok=True)
                copy = shutil.copytree if sound.is_dir() else shutil.copy2
                copy(sound, inside / sound.name)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        if make is not None:
            make(folder)

    def answer(self, line: str, files: Files) -> Done:
        """Run a sound line on sound files, once."""
        key = hashlib.sha256(repr((line, sorted(files.items()))).encode()).hexdigest()
        with self.lock:
            if key not in self.answers:
                folder = self.new_place(f"sound {key[:16]}")
                self.fill(folder, line, files)
                self.answers[key] = self.run(line, folder, MEGABYTES)
            return self.answers[key]


def try_abuse(abuse: Abuse, base: Base) -> tuple[int, list[str]]:
    """Run an abuse; return its exit code and its findings."""
    folder = base.new_place(abuse.name)
    base.fill(folder, abuse.line, abuse.files, abuse.make)
    (folder.parent / "snippet.py").write_text(abuse.snippet, encoding="utf-8")
    before = State.of(folder)
    done = base.run(abuse.line, folder, abuse.megabytes)
    faults = judge(abuse, done)
    allowed = abuse.leaves if done.code == 0 else abuse.keeps
    faults += before.changes(State.of(folder), allowed)
    faults += [f"left in TMPDIR: {name}" for name in State.of(folder.parent / "tmp").entries]
    if done.code == 0 and 0 in abuse.ends and abuse.same is not None:
        faults += _differs(done.out, base.answer(*abuse.same))
    return done.code, faults


def judge(abuse: Abuse, done: Done) -> list[str]:
    """Return what is wrong with how an abuse ended, its output and its answer."""
    if done.code == HUNG:
        return [f"hangs: still running after {HANGS} s"]
    faults = []
    printed = done.out + done.err
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    last = (errors or printed.splitlines() or [""])[-1][:300]
    if done.code not in abuse.ends or done.code not in CODES:
        expected = " or ".join(map(str, abuse.ends))
        faults.append(f"ended with {done.code}, expected {expected}: {last}")
    for what in ("Traceback", "internal error", "Segmentation fault", "core dumped"):
        if what in printed:
            faults.append(f"prints {what!r}: {last}")
    if len(errors) > abuse.errors:
        faults.append(f"{len(errors)} errors: {errors[0][:200]}")
    faults += [f"an error of {len(e)} characters: {e[:100]}" for e in errors if len(e) > LONGEST]
    faults += [f"an unprintable error: {e!r}"[:300] for e in errors if not e.isprintable()]
    if done.code in (2, 3, 4, 5) and not errors and not abuse.snippet:
        faults.append(f"no line starts with error: {last}")
    if faults:
        return faults
    text = "\n".join(errors) if done.code else printed
    if abuse.says and (done.code or abuse.ends == (0,)) and not re.search(abuse.says, text):
        faults.append(f"does not say {abuse.says!r}: {last}")
    if done.code and not abuse.says and not _names_something(last, abuse.line):
        faults.append(f"names no file, option or column: {last}")
    if done.code == 0 and abuse.answer is not None and (wrong := abuse.answer(done)):
        faults.append(f"wrong answer: {wrong}"[:400])
    return faults


def _names_something(error: str, line: str) -> bool:
    """Return whether an error names an option, or a word of the line."""
    words = [word for word in re.split(r"[\s;|&'\"]+", line) if len(word) > 2]
    return "--" in error or any(word in error for word in words)


def _differs(out: str, sound: Done) -> list[str]:
    """Return how an answer differs from that to a sound command."""
    if sound.code:
        return [f"the sound command ended with {sound.code}: {sound.err[-200:]}"]
    if out == sound.out:
        return []
    rows, expected = out.splitlines(), sound.out.splitlines()
    if len(rows) != len(expected):
        return [f"wrong answer: {len(rows)} lines, expected {len(expected)}"]
    pairs = zip(rows, expected, strict=True)
    at = next((k for k, (row, right) in enumerate(pairs) if row != right), 0)
    return [f"wrong answer: line {at + 1} is {rows[at][:100]!r}, expected {expected[at][:100]!r}"]
