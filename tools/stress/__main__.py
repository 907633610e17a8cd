"""Runs long random tests of the reliability guarantees and prints a table of results.

    nice -n 15 python -m tools.stress [--seed 0]            # all checks, about an hour
    nice -n 15 python -m tools.stress kill --n 200 --seed 1 # one check, with its count and seed

Each check prints its findings (broken guarantees), then its table row. The exit code is 1 if there
is any finding. The files of a finding are kept in a folder. Four checks have requirements: `disk`
the right to mount a file system, `order` the program strace, `threads` cmake and nanobind, and
`strikes` PostgreSQL and the right to make network namespaces. If one is missing, the row reports
this. docs/reliability.md lists the guarantees. tests/faults runs a small part of each check, at
fixed instead of random places.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.stress import (
    chips,
    data_files,
    distributed,
    machine,
    model_files,
    processes,
    resuming,
    run_files,
    stopping,
    strange_names,
    studio,
    sweep,
    threads,
    track,
    tune,
)
from tools.stress.abuses import abuses
from tools.stress.processes import Outcome
from tools.stress.tables import markdown

BOTH = ("auto", "torch")


@dataclass(frozen=True)
class Request:
    """The arguments of a check: number of repetitions, random seed, empty folder to use."""

    n: int
    seed: int
    folder: Path


@dataclass(frozen=True)
class Check:
    """A check, which fills one row of the table.

    Parameters
    ----------
    what : str
        Description of one repetition.
    run : callable
        Runs the check for a request.
    n : int
        Default number of repetitions; 0 for a check that covers all of its cases.
    """

    what: str
    run: Callable[[Request], Outcome]
    n: int = 0


def stops(request: Request, number: signal.Signals, twice: bool = False) -> Outcome:
    """Stop runs of the three jobs at random moments.

    With SIGKILL, one run in four uses the torch engine. With SIGTERM, one in four draws figures.
    """
    plans = stopping.make_plans(request.folder)
    if number == signal.SIGKILL:
        args = [
            *processes.arguments("regress", "torch")[:1],
            "--windows",
            "1500",
            *processes.arguments("regress", "torch")[3:],
        ]
        plans.append(stopping.make_plan(args, request.folder / "whole-torch"))
    elif not twice:
        plans.append(stopping.draws_figures(plans[0], request.folder))
    return stopping.stopped(plans, request.folder, request.n, request.seed, number, twice)


def events(request: Request) -> Outcome:
    """Kill a short run of each job before every file event."""
    outcome = Outcome()
    for job in processes.JOBS:
        args = processes.arguments(job, short=True)
        plan = stopping.make_plan(args, request.folder / f"whole-{job}")
        outcome.add(stopping.at_each_event(plan, request.folder / job))
    return outcome


def pipes(request: Request) -> Outcome:
    """Close the output of a run after 1, 2, 3 ... lines."""
    plan = stopping.make_plans(request.folder)[1]
    return stopping.left_alone(plan, request.folder, range(1, 1 + request.n))


def resumes(request: Request) -> Outcome:
    """Stop each case on each engine after every batch of three epochs, and five times in a row."""
    return resuming.every_batch(request.folder / "runs", request.seed, say=print)


def damage(request: Request) -> Outcome:
    """Flip `n` bits and cut off 0.3 `n` file ends."""
    samples = run_files.make_samples(request.folder / "samples")
    cuts = round(0.3 * request.n)
    outcome, verdicts = run_files.damage(samples, request.folder, request.n, cuts, request.seed)
    print(run_files.table(verdicts))
    return outcome


def disk(request: Request) -> Outcome:
    """Fill a small disk while a run saves, then use a read-only disk."""
    plans = stopping.make_plans(request.folder)
    outcome = machine.full_disk(plans, request.folder, request.n, request.seed)
    outcome.add(machine.read_only(plans, request.folder))
    return outcome


def emulated(request: Request) -> Outcome:
    """Stream `n` steps of nets in integers on every processor."""
    request.folder.mkdir(parents=True, exist_ok=True)
    return chips.every_chip(request.folder, request.n, lambda line: print(line) if line else None)


def races(request: Request) -> Outcome:
    """Resume one run with two commands at the same time."""
    plan = stopping.make_plans(request.folder)[1]
    return stopping.races(plan, request.folder, request.n, request.seed)


def memory(request: Request) -> Outcome:
    """Limit the memory of runs on both engines."""
    return machine.limited_memory(request.folder, engines=BOTH)


def kernels(request: Request) -> Outcome:
    """Run the kernels on `n` random cases of each kind under each sanitizer."""
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [root / ".ci/sanitize", str(request.n)], capture_output=True, text=True, check=False
    )
    print(ended.stdout)
    outcome = Outcome(request.n)
    outcome.expect(ended.returncode == 0, f"kernels: {(ended.stdout + ended.stderr)[-2000:]}")
    return outcome


def models(request: Request) -> Outcome:
    """Load damaged model files."""
    return _fuzz(request, model_files.MODELS, model_files.Place, model_files.KINDS)


def readers(request: Request) -> Outcome:
    """Read damaged data files with every reader."""
    return _fuzz(request, data_files.READERS, data_files.Place, data_files.KINDS)


def _fuzz(
    request: Request,
    names: Iterable[str],
    open_place: Callable[[str, Path], Any],
    kinds: Sequence[str],
) -> Outcome:
    args = argparse.Namespace(
        n=request.n, seed=request.seed, reader=None, processes=2, keep=request.folder / "findings"
    )
    fuzz = data_files.Fuzz(args, tuple(names), open_place)
    fuzz.run()
    print(data_files.table(fuzz.sums, kinds))
    outcome = Outcome()
    for name, total in fuzz.sums.items():
        outcome.done += total.files
        outcome.counts.update({kind: total.ends[kind] for kind in kinds})
        for what, largest in (("slowest, ms", 1000 * total.seconds), ("most MB", total.megabytes)):
            outcome.counts[what] = max(outcome.counts[what], round(largest))
        outcome.findings += [f"{name}: {total.findings} findings"] * bool(total.findings)
    return outcome


CHECKS = {
    "chips": Check("a step of a net in integers on each processor", emulated, 20_000),
    "kill": Check("kill -9 at a random moment", partial(stops, number=signal.SIGKILL), 200),
    "term": Check("SIGTERM at a random moment", partial(stops, number=signal.SIGTERM), 50),
    "twice": Check(
        "Ctrl-C twice in quick succession", partial(stops, number=signal.SIGINT, twice=True), 30
    ),
    "events": Check("kill -9 before each file event, twice", events),
    "pipes": Check("the reader closes the output", pipes, 20),
    "resumes": Check("stopped after a batch and resumed", resumes),
    "damage": Check("a bit flipped, or the end cut off", damage, 1000),
    "disk": Check("a 4 MB disk filled, and a read-only one", disk, 30),
    "races": Check("two writers at once", races, 50),
    "memory": Check("a limit on memory", memory),
    "diverge": Check("a learning rate far too large", lambda a: machine.divergence(a.folder)),
    "order": Check("file calls recorded by strace", lambda a: machine.write_order(a.folder)),
    "names": Check("a command with an unusual name", lambda a: strange_names.names(a.folder)),
    "abuses": Check("a command or a line of Python abused", lambda a: abuses(a.folder)),
    "sweep": Check(
        "a sweep of 2,000 groups and its workers killed",
        lambda a: sweep.kills(a.folder, a.n, a.seed),
        20,
    ),
    "dask": Check(
        "workers of a Dask cluster killed under a sweep of 2,000 groups",
        lambda a: sweep.dask_kills(a.folder, a.n, a.seed),
        5,
    ),
    "watchers": Check(
        "the studio killed while it is watched",
        lambda a: studio.kills(a.folder, a.n, a.seed),
        50,
    ),
    "rude": Check(
        "the studio flooded by so many connections", lambda a: studio.rude(a.folder, a.n), 1000
    ),
    "soak": Check(
        "a page of the studio opened, for so many minutes", lambda a: studio.soak(a.folder, a.n), 60
    ),
    "strikes": Check(
        "a search on four hosts struck: worker, cable, database",
        lambda a: tune.strikes(a.folder, a.n, a.seed),
        100,
    ),
    "trackers": Check(
        "a follower of a run killed, its server away for a minute",
        lambda a: track.followed(a.folder, a.n, a.seed),
        20,
    ),
    "ranks": Check(
        "a rank of data parallel training killed",
        lambda a: distributed.lost(a.folder, a.n, a.seed),
        50,
    ),
    "suspended": Check(
        "a rank suspended", lambda a: distributed.lost(a.folder, a.n, a.seed, "stop"), 10
    ),
    "cut": Check("a rank cut off", lambda a: distributed.lost(a.folder, a.n, a.seed, "cut"), 10),
    "restarts": Check(
        "a rank killed that torchrun starts again",
        lambda a: distributed.restarts(a.folder, a.n, a.seed),
        5,
    ),
    "kernels": Check("the kernels on a random shape, under each sanitizer", kernels, 300),
    "threads": Check(
        "a model asked and trained from eight threads of Python, under the thread sanitizer",
        lambda a: threads.threads(a.folder, a.n),
        20,
    ),
    "models": Check("a damaged model file loaded", models, 100_000),
    "readers": Check("a damaged data file read", readers, 10_000),
}


def run_check(name: str, n: int | None, seed: int, keep: Path) -> tuple[tuple[str, ...], int]:
    """Run a check and return its table row and its number of findings."""
    check, folder = CHECKS[name], keep / f"{name}-{seed}"
    print(f"## {name}: {check.what}, seed {seed}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    outcome = check.run(Request(check.n if n is None else n, seed, folder.resolve()))
    took = time.monotonic() - began
    print(*outcome.findings, sep="\n", flush=True)
    figures = ", ".join(f"{what} {count:,}" for what, count in outcome.counts.items())
    row = (
        name,
        check.what,
        f"{outcome.done:,}",
        figures,
        str(len(outcome.findings)),
        f"{took:.0f}",
        str(seed),
    )
    print("| " + " | ".join(row) + " |", flush=True)
    if not outcome.findings:
        shutil.rmtree(folder)
    return row, len(outcome.findings)


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("check", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, help="number of repetitions; only with one check")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "faults")
    return parser


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; exit with an error if it is not valid."""
    parser = arguments()
    args = parser.parse_args(words)
    wrong = [name for name in args.check if name not in CHECKS]
    if wrong or (args.n is not None and len(args.check) != 1):
        parser.error(f"unknown check {wrong[0]}" if wrong else "--n requires exactly one check")
    return args


def main(words: Sequence[str] | None = None) -> None:
    """Run the selected checks, or all."""
    args = parse(words)
    rows, findings = [], 0
    for name in args.check or CHECKS:
        row, n = run_check(name, args.n, args.seed, args.keep)
        rows.append(row)
        findings += n
    print()
    print(markdown(("check", "what", "times", "of these", "findings", "seconds", "seed"), rows))
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
