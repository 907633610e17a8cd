"""Everything that can go wrong with a run or a file, tried many times at random, in one table.

    nice -n 15 python -m tools.stress [--seed 0]            # all of it, about half an hour
    nice -n 15 python -m tools.stress kill --n 200 --seed 1 # one check, its count and seed

Each check prints what broke a promise as it finds it, and ends with its row; the exit code is 1 if
there was any. What was found is kept in a folder. Some checks need more than an ordinary user has:
a small disk the right to mount one, the order of writing strace; where it is missing, the row says
so. The promises are written down in docs/reliability.md; a small share of each check, at places
counted instead of moments drawn, is in tests/faults.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools.stress import (
    data_files,
    machine,
    model_files,
    processes,
    resuming,
    run_files,
    stopping,
    strange_names,
)
from tools.stress.processes import Outcome
from tools.stress.tables import markdown

BOTH = ("auto", "torch")


@dataclass(frozen=True)
class Asked:
    """What a check is to do: how often, from which seed, in which empty folder."""

    n: int
    seed: int
    folder: Path


@dataclass(frozen=True)
class Check:
    """A row of the table.

    Parameters
    ----------
    what : str
        What is done `n` times.
    run : callable
    n : int
        How often, unless asked otherwise; 0 where a check does all there is.
    """

    what: str
    run: Callable[[Asked], Outcome]
    n: int = 0


def stops(asked: Asked, number: signal.Signals, twice: bool = False) -> Outcome:
    """Runs of the three jobs stopped at random moments.

    Of those killed one in four is on the torch engine; of those asked to end one draws figures.
    """
    plans = stopping.make_plans(asked.folder)
    if number == signal.SIGKILL:
        args = [
            *processes.arguments("regress", "torch")[:1],
            "--windows",
            "1500",
            *processes.arguments("regress", "torch")[3:],
        ]
        plans.append(stopping.make_plan(args, asked.folder / "whole-torch"))
    elif not twice:
        plans.append(stopping.draws_figures(plans[0], asked.folder))
    return stopping.stopped(plans, asked.folder, asked.n, asked.seed, number, twice)


def events(asked: Asked) -> Outcome:
    """Killed before every file event of a short run of each job."""
    outcome = Outcome()
    for job in processes.JOBS:
        args = processes.arguments(job, short=True)
        plan = stopping.make_plan(args, asked.folder / f"whole-{job}")
        outcome.add(stopping.at_each_event(plan, asked.folder / job))
    return outcome


def pipes(asked: Asked) -> Outcome:
    """Readers that leave at another line each time."""
    plan = stopping.make_plans(asked.folder)[1]
    return stopping.left_alone(plan, asked.folder, range(1, 1 + asked.n))


def resumes(asked: Asked) -> Outcome:
    """Every batch of three epochs of each case on each engine, and chains of five."""
    return resuming.every_batch(asked.folder / "runs", asked.seed, say=print)


def damage(asked: Asked) -> Outcome:
    """Bits flipped, and three ends cut off for every ten of them."""
    samples = run_files.make_samples(asked.folder / "samples")
    cuts = round(0.3 * asked.n)
    outcome, verdicts = run_files.damage(samples, asked.folder, asked.n, cuts, asked.seed)
    print(run_files.table(verdicts))
    return outcome


def disk(asked: Asked) -> Outcome:
    """A small disk filled while a run saves, then one that cannot be written at all."""
    plans = stopping.make_plans(asked.folder)
    outcome = machine.full_disk(plans, asked.folder, asked.n, asked.seed)
    outcome.add(machine.read_only(plans, asked.folder))
    return outcome


def races(asked: Asked) -> Outcome:
    """Two that go on with one run."""
    plan = stopping.make_plans(asked.folder)[1]
    return stopping.races(plan, asked.folder, asked.n, asked.seed)


def memory(asked: Asked) -> Outcome:
    """Little memory, on both engines."""
    return machine.limited_memory(asked.folder, engines=BOTH)


def models(asked: Asked) -> Outcome:
    """Damaged model files through `load`."""
    return _fuzz(asked, model_files.MODELS, model_files.Place, model_files.KINDS)


def readers(asked: Asked) -> Outcome:
    """Damaged files of data through every reader."""
    return _fuzz(asked, data_files.READERS, data_files.Place, data_files.KINDS)


def _fuzz(
    asked: Asked,
    names: Iterable[str],
    open_place: Callable[[str, Path], Any],
    kinds: Sequence[str],
) -> Outcome:
    asked_so = argparse.Namespace(
        n=asked.n, seed=asked.seed, reader=None, processes=2, keep=asked.folder / "findings"
    )
    fuzz = data_files.Fuzz(asked_so, tuple(names), open_place)
    fuzz.run()
    print(data_files.table(fuzz.sums, kinds))
    outcome = Outcome()
    for name, found in fuzz.sums.items():
        outcome.done += found.files
        outcome.counts.update({kind: found.ends[kind] for kind in kinds})
        for what, largest in (("slowest, ms", 1000 * found.seconds), ("most MB", found.megabytes)):
            outcome.counts[what] = max(outcome.counts[what], round(largest))
        outcome.findings += [f"{name}: {found.findings} findings"] * bool(found.findings)
    return outcome


CHECKS = {
    "kill": Check("kill -9 at a random moment", partial(stops, number=signal.SIGKILL), 200),
    "term": Check("SIGTERM at a random moment", partial(stops, number=signal.SIGTERM), 50),
    "twice": Check("Ctrl-C twice at once", partial(stops, number=signal.SIGINT, twice=True), 30),
    "events": Check("kill -9 before each file event, twice", events),
    "pipes": Check("a reader that leaves", pipes, 20),
    "resumes": Check("stopped after a batch and gone on with", resumes),
    "damage": Check("a bit flipped, or an end cut off", damage, 1000),
    "disk": Check("a 4 MB disk filled, and a read-only one", disk, 30),
    "races": Check("two writers at once", races, 50),
    "memory": Check("a limit on memory", memory),
    "diverge": Check("a rate far too large", lambda a: machine.divergence(a.folder)),
    "order": Check("file calls seen by strace", lambda a: machine.write_order(a.folder)),
    "names": Check("a command with a strange name", lambda a: strange_names.names(a.folder)),
    "models": Check("a damaged model through load", models, 100_000),
    "readers": Check("a damaged file of data", readers, 10_000),
}


def run_check(name: str, n: int | None, seed: int, keep: Path) -> tuple[tuple[str, ...], int]:
    """Run a check; its row, and how many findings it has."""
    check, folder = CHECKS[name], keep / f"{name}-{seed}"
    print(f"## {name}: {check.what}, seed {seed}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    outcome = check.run(Asked(check.n if n is None else n, seed, folder.resolve()))
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
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("check", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, help="how often; only with one check")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "faults")
    return parser


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for; ends the program where that makes no sense."""
    parser = arguments()
    asked = parser.parse_args(words)
    wrong = [name for name in asked.check if name not in CHECKS]
    if wrong or (asked.n is not None and len(asked.check) != 1):
        parser.error(f"no check {wrong[0]}" if wrong else "--n goes with one check")
    return asked


def main(words: Sequence[str] | None = None) -> None:
    """Run the checks that are asked for."""
    asked = parse(words)
    rows, found = [], 0
    for name in asked.check or CHECKS:
        row, findings = run_check(name, asked.n, asked.seed, asked.keep)
        rows.append(row)
        found += findings
    print()
    print(markdown(("check", "what", "times", "of these", "findings", "seconds", "seed"), rows))
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
