"""Runs short commands of the three jobs that save often, and compares their run folders."""

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hiddenstate.errors import HiddenstateError
from hiddenstate.runs import Run, find_run
from hiddenstate.system.interpreter import python_command

JOBS: dict[str, tuple[str, ...]] = {
    "classify": (
        *("--max-steps", "480", "--n-evaluated", "64", "--log-every", "7"),
        *("--checkpoint-every", "3"),
    ),
    "regress": ("--windows", "8000", "--log-every", "25", "--checkpoint-every", "10"),
    "autoencode": (
        *("--max-steps", "300", "--encoder-sizes", "64,12", "--n-scattered", "20"),
        *("--log-every", "10", "--checkpoint-every", "3"),
    ),
}
"""Options of runs that are long enough to be stopped in many places."""

SHORT: dict[str, tuple[str, ...]] = {
    "classify": (
        *("--max-steps", "12", "--n-evaluated", "64", "--hidden-size", "8"),
        *("--log-every", "5", "--checkpoint-every", "4"),
    ),
    "regress": ("--windows", "24", "--log-every", "5", "--checkpoint-every", "7"),
    "autoencode": (
        *("--max-steps", "12", "--encoder-sizes", "16", "--n-scattered", "20"),
        *("--log-every", "5", "--checkpoint-every", "4"),
    ),
}
"""Options of runs of a few steps."""

HANGS = 600
"""Seconds after which a command counts as hanging."""

HUNG = -1000
"""Replaces the exit code of a command that hung."""

COMMAND = tuple(python_command("-m", "hiddenstate"))
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


@dataclass
class Outcome:
    """The results of a check.

    Parameters
    ----------
    done : int
        Number of repetitions.
    counts : Counter
        Figures for the table, by name; those that count broken guarantees should be 0.
    findings : list of str
        Broken guarantees, one line each.
    """

    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def expect(self, kept: object, finding: str) -> None:
        """Add `finding` unless the guarantee was kept."""
        if not kept:
            self.findings.append(finding)

    def add(self, other: "Outcome") -> None:
        """Add the results of a part of the check."""
        self.done += other.done
        self.counts.update(other.counts)
        self.findings += other.findings


@dataclass(frozen=True)
class Ended:
    """The result of a command.

    Parameters
    ----------
    code : int
        Its exit code, negative for a signal.
    out, err : str
        What it printed on stdout and stderr.
    waited : float
        Seconds from the signal to its end; 0 without a signal.
    """

    code: int
    out: str
    err: str
    waited: float = 0.0

    @property
    def last(self) -> str:
        """Return the last line on stderr."""
        return (self.err.splitlines() or [""])[-1]

    @property
    def too_early(self) -> bool:
        """Return whether Ctrl-C ended Python at startup: a traceback without hiddenstate code."""
        return self.last == "KeyboardInterrupt" and "hiddenstate" not in self.err

    def trouble(self) -> str:
        """Return why stderr does not end in a one-line error; empty if it does."""
        if "Traceback" in self.err:
            return f"a traceback, {self.last}"
        if not self.last.startswith("error: ") or not self.last.isprintable():
            return f"no error in one line, {self.last!r}"
        return ""


def arguments(job: str, engine: str = "auto", short: bool = False) -> list[str]:
    """Return the arguments of a job's command, starting with the name of the job."""
    options = (SHORT if short else JOBS)[job]
    return [job, *options, "--engine", engine, "--threads", "1", "--view", "off"]


def start(
    words: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> "subprocess.Popen[str]":
    """Start a process in `folder`; the tests replace this for what Python runs."""
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=folder, text=True, env=environment, stdout=pipe, stderr=pipe)


def begin(args: Sequence[str], folder: Path, before: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """Start `hiddenstate ARGS` in `folder`; `before`, if given, replaces the command itself."""
    return start([*(before or COMMAND), *args], folder, ENVIRONMENT)


def finish(process: "subprocess.Popen[str]", waited: Callable[[], float] = lambda: 0.0) -> Ended:
    """Wait until a command ends; if it hangs, kill it and return the code `HUNG`."""
    try:
        out, err = process.communicate(timeout=HANGS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Ended(HUNG, out, f"{err}\nhangs: still running after {HANGS} s", HANGS)
    return Ended(process.returncode, out, err, waited())


def hiddenstate(args: Sequence[str], folder: Path, before: Sequence[str] = ()) -> Ended:
    """Run `hiddenstate ARGS` in `folder` to its end."""
    return finish(begin(args, folder, before))


def last_run(folder: Path) -> Run | None:
    """Return the last run in `folder`/runs, or None."""
    with contextlib.suppress(HiddenstateError):
        return find_run("last", folder / "runs")
    return None


def whole_run(args: Sequence[str], folder: Path) -> Path:
    """Make an uninterrupted run in the new folder `folder` and return its path."""
    folder.mkdir(parents=True)
    done = hiddenstate(args, folder)
    if done.code:
        raise SystemExit(f"hiddenstate {' '.join(args)} ended with {done.code}: {done.err}")
    return next((folder / "runs").iterdir())


def reproducible_files(run: Path) -> dict[str, bytes]:
    """Return the files that depend on settings and steps alone.

    These are all files except those with clock times and the second-newest checkpoint.
    """
    paths = [run / name for name in ("config.json", "history.jsonl", "model.safetensors")]
    for folder in ("snapshots", "weights"):
        paths += (run / folder).iterdir()
    paths += sorted((run / "checkpoints").glob("[0-9]*"))[-1:]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths if path.exists()}


def differences(run: Path, whole: Path) -> list[str]:
    """Return the names of files in which a run differs from an uninterrupted run."""
    one, two = reproducible_files(run), reproducible_files(whole)
    return sorted(name for name in {*one, *two} if one.get(name) != two.get(name))


def stale(folder: Path, whole: Path) -> list[str]:
    """Return temporary and partial files in `folder`/runs, which no uninterrupted run leaves."""
    expected = {path.relative_to(whole).parts for path in whole.rglob("*")}
    left = []
    for run in (folder / "runs").iterdir():
        if not (run / "config.json").exists():
            left.append(f"{run.name}/")
        for path in run.rglob("*"):
            parts = path.relative_to(run).parts
            # Which checkpoints and figures exist depends on where the run was stopped.
            varies = parts[0] in ("checkpoints", "figures") and path.suffix
            if not (parts in expected or varies) or path.name.startswith("."):
                left.append(str(path.relative_to(folder / "runs")))
    return left
