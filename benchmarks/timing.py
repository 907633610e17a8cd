"""What every measurement here shares: interleaved rounds, spreads, tables, the machine's facts.

Contenders take turns in short pieces, in a fresh order each round, so that a machine that grows
slower meanwhile slows all of them alike. Ratios are taken within a round, then their median.
"""

import contextlib
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import hiddenstate

K = TypeVar("K")
T = TypeVar("T")

LIBRARIES = ("torch", "numpy", "jax", "jaxlib", "keras")
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Spread:
    """The middle of some measurements and how far apart they lie."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """`median (lowest .. highest)`, each by `spec`."""
        return f"{self.median:{spec}} ({self.low:{spec}} .. {self.high:{spec}})"


def spread(values: Sequence[float]) -> Spread:
    """The median, smallest and largest of `values`."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(values: Sequence[float], base: Sequence[float]) -> Spread:
    """How many times `base` took what `values` took, round by round: above 1 is faster."""
    return spread([there / here for here, there in zip(values, base, strict=True)])


def ratio_cell(times: dict[str, list[float]], name: str) -> str:
    """`name`'s ratio to the script for a table, or a dash where the script took no part."""
    return f"{ratios(times[name], times['script']):.1f}" if "script" in times else "-"


def interleave(tasks: Mapping[K, Callable[[], T]], rounds: int, seed: int = 0) -> dict[K, list[T]]:
    """Call every task once a round, in a fresh order each round.

    Returns
    -------
    dict
        What each task gave, in the order of the rounds.
    """
    order, shuffle = list(tasks), random.Random(seed).shuffle
    gave: dict[K, list[T]] = {name: [] for name in tasks}
    for number in range(rounds):
        shuffle(order)
        for name in order:
            note(f"round {number + 1} of {rounds}: {name}")
            gave[name].append(tasks[name]())
    note("")
    return gave


def note(text: str) -> None:
    """Say `text` in place of the last note, where somebody sits at a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@dataclass
class Clock:
    """Wall seconds of the blocks timed, and whose processor seconds went by meanwhile.

    `cpu` counts every thread of this process, `machine` everything that ran (Linux only, to a
    hundredth of a second; nan elsewhere).
    """

    wall: float = 0.0
    cpu: float = 0.0
    machine: float = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Add what happens inside."""
        machine, cpu, wall = busy_seconds(), time.process_time(), time.perf_counter()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        self.machine += busy_seconds() - machine

    @property
    def others(self) -> float:
        """Cores that something else kept busy, on average."""
        return max(self.machine - self.cpu, 0.0) / self.wall


def busy_seconds() -> float:
    """Seconds all cores together have been busy, since the machine started."""
    try:
        with open("/proc/stat", encoding="utf-8") as stream:
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = [int(number) for number in stream.readline().split()[1:9]]
    except OSError:
        return float("nan")
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while, for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def thread_limits(threads: int) -> dict[str, str]:
    """Variables that hold a fresh process to `threads` threads; 0 leaves each library its choice.

    OMP and MKL are read by torch, NPROC and XLA_FLAGS by jax.
    """
    if not threads:
        return {}
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")}
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        limits["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return limits


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def machine(threads: int) -> dict[str, Any]:
    """What a figure means nothing without: processor, load, versions, commit, date."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads or "each library's own choice",
        "load at start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "hiddenstate": hiddenstate.__version__,
        **{name: _version(name) for name in LIBRARIES},
    }


def print_machine(facts: dict[str, Any]) -> None:
    """Print what :func:`machine` found, and a warning if something else is running."""
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    if facts["load at start"] > 1:
        print(
            f"warning: load {facts['load at start']} at start; these figures are of a busy machine"
        )
    print(flush=True)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """The short commit of the working tree, with + if files known to git were changed."""
    asked = ["git", "-C", str(REPOSITORY)]
    try:
        name = subprocess.run(
            [*asked, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run([*asked, "diff", "--quiet", "HEAD"], check=False)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + ("+" if changed.returncode else "")


def _processor() -> str:
    """The processor's model name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
