"""Short runs of the three jobs that save often, as commands, and what they leave."""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hiddenstate.errors import HiddenstateError
from hiddenstate.runs import Run, find_run

JOBS: dict[str, tuple[str, ...]] = {
    "classify": ("--max-steps", "480", "--n-evaluated", "64", "--log-every", "7",
                 "--checkpoint-every", "3"),
    "regress": ("--windows", "8000", "--log-every", "25", "--checkpoint-every", "10"),
    "autoencode": ("--max-steps", "300", "--encoder-sizes", "64,12", "--n-scattered", "20",
                   "--log-every", "10", "--checkpoint-every", "3"),
}  # fmt: skip
"""Runs long enough to be stopped in many places."""

SHORT: dict[str, tuple[str, ...]] = {
    "classify": ("--max-steps", "12", "--n-evaluated", "64", "--hidden-size", "8",
                 "--log-every", "5", "--checkpoint-every", "4"),
    "regress": ("--windows", "24", "--log-every", "5", "--checkpoint-every", "7"),
    "autoencode": ("--max-steps", "12", "--encoder-sizes", "16", "--n-scattered", "20",
                   "--log-every", "5", "--checkpoint-every", "4"),
}  # fmt: skip
"""The same in a few steps."""

HANGS = 600
"""Seconds after which a command is taken to hang."""

HUNG = -1000
"""In place of the exit code of one that did."""

COMMAND = (sys.executable, "-m", "hiddenstate")
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}


@dataclass
class Outcome:
    """What a check did and found.

    Parameters
    ----------
    done : int
        How many times it did what its row says.
    counts : Counter
        Figures for the table, by name; those that count a broken promise are 0.
    findings : list of str
        What broke a promise, a line each.
    """

    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def expect(self, kept: object, finding: str) -> None:
        """Note `finding` unless the promise was kept."""
        if not kept:
            self.findings.append(finding)

    def add(self, other: "Outcome") -> None:
        """Take in what a part of the check found."""
        self.done += other.done
        self.counts.update(other.counts)
        self.findings += other.findings


@dataclass(frozen=True)
class Ended:
    """A command that ended.

    Parameters
    ----------
    code : int
        Its exit code, negative for a signal.
    out, err : str
        What it said.
    waited : float
        Seconds from a signal sent to it until it ended; 0 where none was sent.
    """

    code: int
    out: str
    err: str
    waited: float = 0.0

    @property
    def last(self) -> str:
        """The last line on stderr."""
        return (self.err.splitlines() or [""])[-1]

    @property
    def too_early(self) -> bool:
        """Whether Ctrl-C ended Python while it started: nothing of ours is in its trace."""
        return self.last == "KeyboardInterrupt" and "hiddenstate" not in self.err

    def trouble(self) -> str:
        """Why a refusal is not one line of ours; empty if it is."""
        if "Traceback" in self.err:
            return f"a traceback, {self.last}"
        if not self.last.startswith("error: ") or not self.last.isprintable():
            return f"no error in one line, {self.last!r}"
        return ""


def arguments(job: str, engine: str = "auto", short: bool = False) -> list[str]:
    """The command's arguments, from the job's name on."""
    options = (SHORT if short else JOBS)[job]
    return [job, *options, "--engine", engine, "--threads", "1", "--view", "off"]


def begin(args: Sequence[str], folder: Path, before: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """`hiddenstate ARGS` started in `folder`; `before`, if given, in the command's own place."""
    return subprocess.Popen(
        [*(before or COMMAND), *args],
        cwd=folder,
        text=True,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(process: "subprocess.Popen[str]", waited: Callable[[], float] = lambda: 0.0) -> Ended:
    """Wait until a command ends; one that never does is killed, and told of."""
    try:
        out, err = process.communicate(timeout=HANGS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Ended(HUNG, out, f"{err}\nhangs: not ended after {HANGS} s", HANGS)
    return Ended(process.returncode, out, err, waited())


def hiddenstate(args: Sequence[str], folder: Path, before: Sequence[str] = ()) -> Ended:
    """Run `hiddenstate ARGS` in `folder` to its end."""
    return finish(begin(args, folder, before))


def last_run(folder: Path) -> Run | None:
    """The run in `folder`/runs that can be gone on with."""
    with contextlib.suppress(HiddenstateError):
        return find_run("last", folder / "runs")
    return None


def whole_run(args: Sequence[str], folder: Path) -> Path:
    """The path of a run never stopped, made in the new folder `folder`."""
    folder.mkdir(parents=True)
    done = hiddenstate(args, folder)
    if done.code:
        raise SystemExit(f"hiddenstate {' '.join(args)} ended with {done.code}: {done.err}")
    return next((folder / "runs").iterdir())


def leavings(run: Path) -> dict[str, bytes]:
    """What follows from settings and steps alone: all but clocks and the checkpoint before last."""
    paths = [run / name for name in ("config.json", "history.jsonl", "model.safetensors")]
    paths += (run / "snapshots").iterdir()
    paths += sorted((run / "checkpoints").glob("[0-9]*"))[-1:]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths if path.exists()}


def differences(run: Path, whole: Path) -> list[str]:
    """Names of files in which a run differs from one never stopped."""
    one, two = leavings(run), leavings(whole)
    return sorted(name for name in {*one, *two} if one.get(name) != two.get(name))


def stale(folder: Path, whole: Path) -> list[str]:
    """What lies in `folder`/runs that no whole run leaves: temporary files, half-made folders."""
    known = {path.relative_to(whole).parts for path in whole.rglob("*")}
    left = []
    for run in (folder / "runs").iterdir():
        if not (run / "config.json").exists():
            left.append(f"{run.name}/")
        for path in run.rglob("*"):
            parts = path.relative_to(run).parts
            # Which checkpoints and figures there are depends on where it stopped.
            ours = parts in known or (parts[0] in ("checkpoints", "figures") and path.suffix)
            if not ours or path.name.startswith("."):
                left.append(str(path.relative_to(folder / "runs")))
    return left
