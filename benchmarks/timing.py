"""Times interleaved rounds, and formats spreads, tables and facts about the machine.

Contenders alternate in short pieces, in a new random order each round, so that a machine that
becomes slower affects all of them equally. A ratio is the median of the ratios of the rounds.
"""

import contextlib
import multiprocessing
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
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

import hiddenstate

K = TypeVar("K")
T = TypeVar("T")

LIBRARIES = ("torch", "numpy", "jax", "jaxlib", "keras")
REPOSITORY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Spread:
    """The median and the range of some measurements."""

    median: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        """Format as `median (lowest .. highest)`, each with `spec`."""
        return f"{self.median:{spec}} ({self.low:{spec}} .. {self.high:{spec}})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median, smallest and largest of `values`."""
    return Spread(statistics.median(values), min(values), max(values))


def ratios(values: Sequence[float], base: Sequence[float]) -> Spread:
    """Return the speed-up of `values` over `base`, from the ratios of the rounds; 1 is as fast."""
    return spread([there / here for here, there in zip(values, base, strict=True)])


def ratio_cell(times: dict[str, list[float]], name: str) -> str:
    """Return the speed-up of `name` over the script for a table, or a dash without the script."""
    return f"{ratios(times[name], times['script']):.1f}" if "script" in times else "-"


def interleave(tasks: Mapping[K, Callable[[], T]], rounds: int, seed: int = 0) -> dict[K, list[T]]:
    """Call every task once per round, in a new random order each round.

    Returns
    -------
    dict
        The results of each task, in the order of the rounds.
    """
    order, shuffle = list(tasks), random.Random(seed).shuffle
    results: dict[K, list[T]] = {name: [] for name in tasks}
    for number in range(rounds):
        shuffle(order)
        for name in order:
            note(f"round {number + 1} of {rounds}: {name}")
            results[name].append(tasks[name]())
    note("")
    return results


def note(text: str) -> None:
    """Replace the last progress note by `text`, if stderr is a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@dataclass
class Clock:
    """Measures wall time and processor time of blocks, in seconds.

    `cpu` is the processor time of all threads of this process. `machine` is that of all processes
    (on Linux, with a resolution of 0.01 s; nan on other systems).
    """

    wall: float = 0.0
    cpu: float = 0.0
    machine: float = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Add the time of the block."""
        machine, cpu, wall = busy_seconds(), time.process_time(), time.perf_counter()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        self.machine += busy_seconds() - machine

    @property
    def others(self) -> float:
        """Return the average number of cores that other processes kept busy."""
        return max(self.machine - self.cpu, 0.0) / self.wall


def busy_seconds() -> float:
    """Return the busy time of all cores together since the machine started, in seconds."""
    try:
        with open("/proc/stat", encoding="utf-8") as stream:
            # user, nice, system, idle, iowait, irq, softirq, steal
            ticks = [int(number) for number in stream.readline().split()[1:9]]
    except OSError:
        return float("nan")
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for processes started in the block."""
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


_start = "spawn"


def fork_workers() -> None:
    """Fork workers from now on, as for `--toy`: they import nothing again, and may disturb others.

    Limits of threads have no effect on libraries that are imported before.
    """
    global _start
    _start = "fork"


def context() -> BaseContext:
    """Return how worker processes are started."""
    return multiprocessing.get_context(_start)


def thread_limits(threads: int) -> dict[str, str]:
    """Return variables that limit a new process to `threads` threads; 0 sets no limit.

    torch reads OMP and MKL; jax reads NPROC and XLA_FLAGS.
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
    """Return the conditions of a measurement: processor, load, versions, commit, date."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads or "default of each library",
        "load at start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "hiddenstate": hiddenstate.__version__,
        **{name: _version(name) for name in LIBRARIES},
    }


def print_machine(facts: dict[str, Any]) -> None:
    """Print the result of :func:`machine`, and a warning if the machine is busy."""
    for name, fact in facts.items():
        print(f"{name}: {fact}")
    if facts["load at start"] > 1:
        print(f"warning: load {facts['load at start']} at start; these figures are unreliable")
    print(flush=True)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Return the short commit of the working tree, with + if tracked files were changed."""
    git = ["git", "-C", str(REPOSITORY)]
    try:
        name = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], check=False)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + ("+" if changed.returncode else "")


def _processor() -> str:
    """Return the model name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
