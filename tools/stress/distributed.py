"""Loses a rank of data parallel training in every way, and checks how the others end."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hiddenstate.runs import Run
from tools.stress import processes
from tools.stress.processes import Outcome
from tools.stress.rank_hosts import Hosts, can_make_hosts, free_port, hosts, start_ranks

MOST_SECONDS = 10.0
"""Longest time from the loss of a rank to the end of the others."""

ARGS = [
    *("regress", "--no-stateful", "--windows", "300", "--epochs", "4", "--batch-size", "8"),
    *("--hidden-size", "12", "--log-every", "7", "--checkpoint-every", "3", "--threads", "1"),
    *("--view", "off"),
]
"""A run that saves often."""

CODE = 3

Lose = Callable[[int, "subprocess.Popen[bytes]"], None]
"""Loses a rank, whose number and process it gets."""


@dataclass(frozen=True)
class Whole:
    """A run that lost no rank: its folder, and the lines of its history."""

    path: Path
    n_lines: int


def whole_run(folder: Path, n: int) -> Whole:
    """Make a run on `n` ranks that loses none."""
    folder.mkdir(parents=True)
    codes = [rank.wait() for rank in start_ranks(ARGS, folder, n)]
    if any(codes):
        raise SystemExit(f"{n} ranks ended with {codes}: {(folder / 'rank0.out').read_text()}")
    path = next((folder / "runs").iterdir())
    return Whole(path, len(Run(path).history()))


def kill(rank: int, process: "subprocess.Popen[bytes]") -> None:
    """End a rank at once."""
    process.kill()


def suspend(rank: int, process: "subprocess.Popen[bytes]") -> None:
    """Stop a rank, which keeps its connections."""
    process.send_signal(signal.SIGSTOP)


def lost(folder: Path, n: int, seed: int, how: str = "kill", most_ranks: int = 3) -> Outcome:
    """Lose a random rank of 2 to `most_ranks` at a random event, `n` times, then resume the run.

    All others end within `MOST_SECONDS` with code 3 and one line, and the resumed run ends like one
    that lost no rank.
    """
    outcome, drawn = Outcome(), random.Random(seed)
    if how == "cut" and not can_make_hosts():
        outcome.counts["skipped: no right to make network namespaces"] = 1
        return outcome
    wholes = {k: whole_run(folder / f"whole-{k}", k) for k in range(2, most_ranks + 1)}
    for number in range(n):
        n_ranks = drawn.randint(2, most_ranks)
        victim, line = drawn.randrange(n_ranks), drawn.randrange(wholes[n_ranks].n_lines)
        own = folder / f"{how}-{number}"
        own.mkdir()
        with hosts(n_ranks) if how == "cut" else contextlib.nullcontext(Hosts()) as where:
            lose = {"kill": kill, "stop": suspend, "cut": lambda rank, _: where.cut(rank)}[how]
            result = _lose_one(own, where, n_ranks, victim, line, lose)
        _judge(outcome, result, own, f"{how} {number}, rank {victim} of {n_ranks}, line {line}")
        if result is not None:
            _resume(outcome, own, wholes[n_ranks], n_ranks)
    return outcome


@dataclass(frozen=True)
class Loss:
    """How the ranks ended after a loss: codes and seconds of those that were not lost."""

    codes: list[int]
    seconds: float
    said: str


def _lose_one(
    folder: Path, where: Hosts, n_ranks: int, victim: int, line: int, lose: Lose
) -> Loss | None:
    """Lose a rank once the history has `line` lines; None if the run ended before."""
    ranks = start_ranks(ARGS, folder, n_ranks, where)
    try:
        while _lines(folder) < line:
            if ranks[0].poll() is not None:
                return None
            time.sleep(0.002)
        begun = time.monotonic()
        lose(victim, ranks[victim])
        others = [process for rank, process in enumerate(ranks) if rank != victim]
        if lose not in (kill, suspend):
            others = ranks  # one that is cut off ends too
        codes = []
        for process in others:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, begun + 60 - time.monotonic()))
            codes.append(processes.HUNG if process.returncode is None else process.returncode)
        seconds = time.monotonic() - begun
    finally:
        for process in ranks:
            process.kill()
            process.wait()
    if not any(codes):
        return None  # it was over
    said = [(folder / f"rank{rank}.out").read_text() for rank in range(n_ranks)]
    return Loss(codes, seconds, "\n".join(said))


def _lines(folder: Path) -> int:
    """Lines of the history of the run in `folder`; -1 before the ranks have made its folder."""
    if not list((folder / "runs").glob("*/config.json")):
        return -1
    with contextlib.suppress(OSError, StopIteration):
        return len(next((folder / "runs").glob("*/history.jsonl")).read_bytes().splitlines())
    return 0


def _judge(outcome: Outcome, loss: Loss | None, folder: Path, what: str) -> None:
    """Expect code 3 in time, and one line about it."""
    if loss is None:
        outcome.counts["after its end"] += 1
        return
    outcome.done += 1
    slowest = outcome.counts["slowest, ms"]
    outcome.counts["slowest, ms"] = max(slowest, round(1000 * loss.seconds))
    outcome.expect(set(loss.codes) == {CODE}, f"{what}: codes {loss.codes}")
    outcome.expect(loss.seconds <= MOST_SECONDS, f"{what}: took {loss.seconds:.1f} s")
    outcome.expect("Traceback" not in loss.said, f"{what}: a traceback in {folder}")
    errors = [line for line in loss.said.splitlines() if line.startswith("error: ")]
    outcome.expect(errors, f"{what}: no line about it in {folder}")
    outcome.counts["lines"] += len(errors)


def _resume(outcome: Outcome, folder: Path, whole: Whole, n_ranks: int) -> None:
    """Resume the run on as many ranks, and compare it with the whole one."""
    runs = sorted((folder / "runs").glob("*/config.json")) if (folder / "runs").exists() else []
    args = ["resume", "last", "--view", "off"] if runs else ARGS
    codes = [rank.wait() for rank in start_ranks(args, folder, n_ranks)]
    said = (folder / "rank0.out").read_text()
    outcome.expect(not any(codes), f"{folder}: could not resume, {codes}: {said[-300:]}")
    run = processes.last_run(folder)
    if run is None or any(codes):
        outcome.counts["runs lost"] += 1
        return
    differing = processes.differences(run.path, whole.path)
    outcome.counts["not identical"] += bool(differing)
    outcome.expect(not differing, f"{folder}: not identical: {', '.join(differing[:4])}")


def restarts(folder: Path, n: int, seed: int) -> Outcome:
    """Kill a rank that torchrun started, `n` times: it starts all again, which resume the run."""
    outcome, drawn = Outcome(), random.Random(seed)
    whole = whole_run(folder / "whole", 2)
    for number in range(n):
        own = folder / f"restart-{number}"
        own.mkdir()
        torchrun = Path(sys.executable).with_name("torchrun")
        options = ["--nproc-per-node", "2", "--max-restarts", "2", "--master-port"]
        with open(own / "torchrun.out", "wb") as out:
            agent = subprocess.Popen(
                [torchrun, *options, str(free_port()), "-m", "hiddenstate", *ARGS],
                cwd=own,
                env=processes.ENVIRONMENT,
                stdout=out,
                stderr=out,
            )
        line, victim = drawn.randrange(whole.n_lines), drawn.randrange(2)
        while _lines(own) < line and agent.poll() is None:
            time.sleep(0.002)
        for child in _children(agent.pid):
            if _rank_of(child) == victim:
                os.kill(child, signal.SIGKILL)
        code = agent.wait()
        what = f"restart {number}, rank {victim}, line {line}"
        outcome.done += 1
        outcome.expect(code == 0, f"{what}: torchrun ended with {code}, see {own}")
        made = list((own / "runs").iterdir())
        outcome.expect(len(made) == 1, f"{what}: {len(made)} runs")
        differing = processes.differences(made[0], whole.path)
        outcome.expect(not differing, f"{what}: not identical: {', '.join(differing[:4])}")
    return outcome


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in _words(task / "children")]


def _words(path: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return path.read_text().split()
    return []


def _rank_of(pid: int) -> int | None:
    with contextlib.suppress(OSError, ValueError, StopIteration):
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return int(next(word for word in words if word.startswith(b"RANK="))[5:])
    return None
